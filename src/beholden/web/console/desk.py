"""What all pages of the console share: who acts, and how their page is declared."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.web import session as sessions


def view(path: str, handler: Callable[[Request], Response]) -> Route:
    """A page that operators read."""
    return sessions.page(f"/console{path}", handler, kinds={ActorKind.OPERATOR})


def act(path: str, handler: Callable[[Request], Response]) -> Route:
    """A form that operators send."""
    return sessions.page(f"/console{path}", handler, methods=("POST",), kinds={ActorKind.OPERATOR})


def operator(request: Request) -> Actor:
    """The operator who is signed in."""
    session = sessions.require(request, ActorKind.OPERATOR)
    return Actor(ActorKind.OPERATOR, session.id)


def text(request: Request, name: str, what: str) -> str:
    """A text that the form must have; raises BadInput naming it."""
    value = sessions.form(request).one(name, default="").strip()
    if not value:
        raise BadInput(f"{what} is missing.", "Go back and write it.")
    return value


def lines(request: Request, name: str, what: str) -> list[str]:
    """One entry a line; raises BadInput when there is none."""
    return [line.strip() for line in text(request, name, what).splitlines() if line.strip()]


def place(request: Request, name: str = "id") -> str:
    """The part of the address that names the thing."""
    return str(request.path_params[name])


def number(request: Request, name: str, default: int = 0) -> int:
    """A whole number in the address's query; the default where it is none."""
    value = request.query_params.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else default
