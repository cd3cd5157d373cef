"""What all pages of the console share: who acts, and how their page is declared."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.web import session as sessions

MAX_REASON = 5_000
MAX_LINES = 110_000
"""Characters of the longest RFI: 50 questions of 2,000, and their line ends."""
LARGEST_PLACE = 10**15


def view(path: str, handler: Callable[[Request], Response]) -> Route:
    """A page that operators read."""
    return sessions.page(f"/console{path}", handler, kinds={ActorKind.OPERATOR})


def act(path: str, handler: Callable[[Request], Response], *, long: bool = False) -> Route:
    """A form that operators send; a `long` one has room for whole letters."""
    size = sessions.LONG_FORM_BYTES if long else sessions.MAX_FORM_BYTES
    kinds = {ActorKind.OPERATOR}
    return sessions.page(f"/console{path}", handler, methods=("POST",), kinds=kinds, form_bytes=size)


def operator(request: Request) -> Actor:
    """The operator who is signed in."""
    session = sessions.require(request, ActorKind.OPERATOR)
    return Actor(ActorKind.OPERATOR, session.id)


def text(request: Request, name: str, what: str, *, longest: int = MAX_REASON) -> str:
    """A text that the form must have; raises BadInput naming it."""
    value = sessions.form(request).one(name, longest=longest, default="").strip()
    if not value:
        raise BadInput(f"{what} is missing.", "Go back and write it.")
    return value


def lines(request: Request, name: str, what: str) -> list[str]:
    """One entry a line; raises BadInput when there is none."""
    entries = text(request, name, what, longest=MAX_LINES).splitlines()
    return [line.strip() for line in entries if line.strip()]


def choice(request: Request, name: str, yes: str, no: str) -> bool:
    """Which of two answers was chosen. Raises BadInput for neither: what an operator did not say is not decided."""
    word = sessions.form(request).one(name, default="")
    if word not in {yes, no}:
        raise BadInput("It is not said what was decided.", f"Go back and choose {yes} or {no}.")
    return word == yes


def place(request: Request, name: str = "id") -> str:
    """The part of the address that names the thing."""
    return str(request.path_params[name])


def number(request: Request, name: str, default: int = 0) -> int:
    """A place, a whole number, in the address's query; the default where it is none."""
    value = request.query_params.get(name, "")
    good = value.isascii() and value.isdecimal() and len(value) < len(str(LARGEST_PLACE))
    return int(value) if good else default
