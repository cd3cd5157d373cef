"""What all pages of the portal share: who it is, and how their page is declared."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from beholden.model.act import Actor, ActorKind
from beholden.model.ids import DeveloperNumber
from beholden.web import session as sessions


def view(path: str, handler: Callable[[Request], Response]) -> Route:
    """A page that developers read."""
    return sessions.page(f"/developer{path}", handler, kinds={ActorKind.DEVELOPER})


def act(path: str, handler: Callable[[Request], Response], *, long: bool = False) -> Route:
    """A form that developers send; a `long` one has room for whole letters."""
    size = sessions.LONG_FORM_BYTES if long else sessions.MAX_FORM_BYTES
    kinds = {ActorKind.DEVELOPER}
    return sessions.page(f"/developer{path}", handler, methods=("POST",), kinds=kinds, form_bytes=size)


def developer(request: Request) -> DeveloperNumber:
    """The number of the developer who is signed in."""
    return sessions.require(request, ActorKind.DEVELOPER).developer


def actor(request: Request) -> Actor:
    """The same, as the ledger names them."""
    return sessions.require(request, ActorKind.DEVELOPER).actor


def place(request: Request, name: str = "id") -> str:
    """The part of the address that names the thing."""
    return str(request.path_params[name])
