"""What waits for somebody."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import detect, docket, enforce, notify, review
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of


def routes() -> list[BaseRoute]:
    """The console's first page."""
    return [desk.view("", overview)]


def overview(request: Request) -> Response:
    """Open findings, running cases, what needs a second operator, reviews, campaigns that are not done."""
    engines = engines_of(request)
    operator = desk.operator(request)
    waiting = [s for s in enforce.list_sanctions(engines) if s.sanction.state in {"proposed", "lift_proposed"}]
    return pages.render(
        request,
        "console/overview.html",
        operator=operator.id,
        findings=[f for f in detect.list_findings(engines) if f.verdict is None],
        cases=docket.list_cases(engines, open_only=True),
        waiting=waiting,
        appeals=[a for a in enforce.list_appeals(engines) if a.appeal.state == "filed"],
        reviews=review.reviews(engines, state="requested"),
        campaigns=[c for c in notify.campaigns(engines) if c.state != "done"],
        size=engines.ledger.size(),
    )
