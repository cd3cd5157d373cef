"""Campaigns of notices: who is told, and how far it has come. Sending is the worker's (`beholden notice send`)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import docket, notify
from beholden.model.ids import CaseId
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of, form

SHOWN = 100


def routes() -> list[BaseRoute]:
    """The list, one campaign, drafting from a case, freezing."""
    return [
        desk.view("/notices", list_),
        desk.view("/notices/{id}", one),
        desk.act("/notices", draft),
        desk.act("/notices/{id}/freeze", freeze),
    ]


def list_(request: Request) -> Response:
    """All campaigns, and the cases from which one can be drafted."""
    engines = engines_of(request)
    return pages.render(
        request,
        "console/notices.html",
        campaigns=notify.campaigns(engines),
        cases=docket.list_cases(engines),
        chosen=request.query_params.get("case", ""),
    )


def one(request: Request) -> Response:
    """One campaign: due, delivered, and everyone for whom something is not simply delivered."""
    status = notify.status(engines_of(request), desk.place(request))
    return pages.render(request, "console/notice.html", letters=status, campaign=status.campaign, shown=SHOWN)


def draft(request: Request) -> Response:
    """Draft a campaign about all apps of a case's developer."""
    engines = engines_of(request)
    case = docket.case_view(engines, desk.text(request, "case", "The case"))
    happened = desk.text(request, "happened", "What happened")
    measures = form(request).one("measures", longest=desk.MAX_REASON, default="")
    numbers = notify.apps_named(engines, [], case.developer.number)
    drafted = notify.draft(
        engines, desk.operator(request), numbers, happened, measures=measures, case=CaseId(case.case.id)
    )
    return pages.redirect(f"/console/notices/{drafted.id}")


def freeze(request: Request) -> Response:
    """Fix who is told."""
    notify.freeze(engines_of(request), desk.place(request), actor=desk.operator(request))
    return pages.redirect(f"/console/notices/{desk.place(request)}")
