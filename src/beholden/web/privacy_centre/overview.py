"""The first page: the one big switch, and what there is to know."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import account
from beholden.model.act import ActorKind
from beholden.web import chart, pages
from beholden.web.session import engines_of, page, require


def routes() -> list[BaseRoute]:
    """The first page."""
    return [page("/privacy", overview, kinds={ActorKind.PERSON})]


def overview(request: Request) -> Response:
    """Sharing on or off, apps that end soon, what was shared by month."""
    session = require(request, ActorKind.PERSON)
    found = account.overview(engines_of(request), session.person)
    picture = chart.stacked([chart.Column(f"{m.first_day:%b}", m.direct, m.indirect) for m in found.months])
    done = request.query_params.get("done", "")
    return pages.render(request, "privacy_centre/overview.html", overview=found, picture=picture, done=done)
