"""Reviews: apps that wish for more than basic data."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import review
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of


def routes() -> list[BaseRoute]:
    """The list, and the answer to one."""
    return [desk.view("/reviews", list_), desk.act("/reviews/{id}", decide)]


def list_(request: Request) -> Response:
    """All reviews, those that wait first."""
    engines = engines_of(request)
    found = sorted(review.reviews(engines), key=lambda r: r.review.state != "requested")
    return pages.render(request, "console/reviews.html", reviews=found, catalogue=engines.catalogue)


def decide(request: Request) -> Response:
    """Approve or refuse."""
    approve = desk.choice(request, "decision", "approve", "refuse")
    reason = desk.text(request, "reason", "The reason")
    review.decide(engines_of(request), desk.operator(request), desk.place(request), approve=approve, reason=reason)
    return pages.redirect("/console/reviews")
