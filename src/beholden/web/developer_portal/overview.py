"""What the developer must do, then their apps."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import portal
from beholden.web import pages
from beholden.web.developer_portal import counter
from beholden.web.session import engines_of


def routes() -> list[BaseRoute]:
    """The portal's first page."""
    return [counter.view("", overview)]


def overview(request: Request) -> Response:
    """Requests that wait with their deadlines, sanctions in force, apps and where they stand."""
    desk = portal.desk(engines_of(request), counter.developer(request))
    return pages.render(request, "developer_portal/overview.html", desk=desk)
