"""Findings, each with its numbers, its runbook and its exact ledger rows."""

from itertools import islice

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import audit, detect
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of, form

ROWS = 50


def routes() -> list[BaseRoute]:
    """The list, one finding, what is said of it, and the case that it opens."""
    return [
        desk.view("/findings", list_),
        desk.view("/findings/{id}", one),
        desk.act("/findings/{id}/verdict", verdict),
        desk.act("/findings/{id}/case", open_case),
    ]


def list_(request: Request) -> Response:
    """All findings, and the apps by risk."""
    engines = engines_of(request)
    return pages.render(request, "console/findings.html", findings=detect.list_findings(engines))


def one(request: Request) -> Response:
    """One finding, a page of its rows."""
    engines = engines_of(request)
    view = detect.show(engines, desk.place(request))
    start = desk.number(request, "from")
    rows = list(islice(detect.rows_of(engines, view.finding), start, start + ROWS + 1))
    return pages.render(
        request,
        "console/finding.html",
        view=view,
        rows=rows[:ROWS],
        start=start,
        later=start + ROWS if len(rows) > ROWS else None,
        earlier=max(start - ROWS, 0) if start else None,
    )


def verdict(request: Request) -> Response:
    """Say what it was."""
    word = form(request).one("verdict", default="")
    reason = desk.text(request, "reason", "The reason")
    detect.give_verdict(engines_of(request), desk.operator(request), desk.place(request), word, reason)
    return pages.redirect(f"/console/findings/{desk.place(request)}")


def open_case(request: Request) -> Response:
    """Open a case on the developer, from this finding."""
    engines = engines_of(request)
    view = detect.show(engines, desk.place(request))
    reason = desk.text(request, "reason", "The reason")
    opened = audit.open_case(
        engines, desk.operator(request), view.finding.developer, [view.client_id], [view.finding.id], reason
    )
    return pages.redirect(f"/console/cases/{opened.case.id}")
