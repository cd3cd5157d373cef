"""Sanctions and appeals: what one operator proposes, another confirms (law 10)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import enforce
from beholden.journeys.ports import Engines
from beholden.model.act import Actor
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of


def routes() -> list[BaseRoute]:
    """The list of both, and a form for each step."""
    return [
        desk.view("/sanctions", list_),
        desk.act("/sanctions/{id}/confirm", _step(enforce.confirm)),
        desk.act("/sanctions/{id}/withdraw", _step(enforce.withdraw)),
        desk.act("/sanctions/{id}/propose-lift", _step(enforce.propose_lift)),
        desk.act("/sanctions/{id}/lift", _step(enforce.lift)),
        desk.act("/appeals/{id}/decide", decide),
    ]


def list_(request: Request) -> Response:
    """All sanctions and appeals, newest first."""
    engines = engines_of(request)
    return pages.render(
        request,
        "console/sanctions.html",
        sanctions=enforce.list_sanctions(engines),
        appeals=enforce.list_appeals(engines),
        operator=desk.operator(request).id,
    )


def _step(journey: Callable[[Engines, Actor, str, str], object]) -> Callable[[Request], Response]:
    def handler(request: Request) -> Response:
        reason = desk.text(request, "reason", "The reason")
        journey(engines_of(request), desk.operator(request), desk.place(request), reason)
        return pages.redirect("/console/sanctions")

    return handler


def decide(request: Request) -> Response:
    """Decide an appeal."""
    granted = desk.choice(request, "decision", "grant", "dismiss")
    reason = desk.text(request, "reason", "The reason")
    enforce.decide_appeal(engines_of(request), desk.operator(request), desk.place(request), reason, granted_=granted)
    return pages.redirect("/console/sanctions")
