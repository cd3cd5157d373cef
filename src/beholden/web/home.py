"""The front door: what this is, and where to go."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.web import pages
from beholden.web.session import current, page


def routes() -> list[BaseRoute]:
    """The front page."""
    return [page("/", home)]


def home(request: Request) -> Response:
    """Whoever is signed in goes to their own face; everybody else reads what this is."""
    session = current(request)
    if session is not None and session.kind in pages.FACES:
        return pages.redirect(pages.FACES[session.kind].path)
    return pages.render(request, "home.html")
