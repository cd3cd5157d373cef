"""Examinations that were done. They run on the command line, beside the evidence."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import enrol, examine
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of


def routes() -> list[BaseRoute]:
    """The list and one of them."""
    return [desk.view("/examinations", list_), desk.view("/examinations/{id}", one)]


def list_(request: Request) -> Response:
    """All examinations, newest first."""
    engines = engines_of(request)
    names = {view.app.number: view.app for view in enrol.apps(engines)}
    done = sorted(examine.examinations(engines), key=lambda e: e.ended_at, reverse=True)
    return pages.render(request, "console/examinations.html", examinations=[(e, names[e.app]) for e in done])


def one(request: Request) -> Response:
    """One examination: what was read, what was found, what its report must hash to."""
    engines = engines_of(request)
    found = examine.examination(engines, desk.place(request))
    names = {view.app.number: view.app for view in enrol.apps(engines)}
    return pages.render(request, "console/examination.html", examination=found, app=names[found.app])
