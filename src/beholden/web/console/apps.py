"""Apps and who is behind them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import docket, enforce, enrol, review, trace
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of, form


def routes() -> list[BaseRoute]:
    """The list, one app, and whether it is verified."""
    return [
        desk.view("/apps", list_),
        desk.view("/apps/{id}", one),
        desk.act("/apps/{id}/verified", verified),
        desk.act("/apps/{id}/sanction", sanction),
    ]


def list_(request: Request) -> Response:
    """All apps by developer."""
    return pages.render(request, "console/apps.html", apps=enrol.apps(engines_of(request)))


def one(request: Request) -> Response:
    """One app: what it asks for, what it may have, whom the ledger says it received."""
    engines = engines_of(request)
    view = enrol.show_app(engines, desk.place(request))
    exposures = trace.impacted(engines, view.app.client_id)
    return pages.render(
        request,
        "console/app.html",
        view=view,
        exposed=len(exposures),
        direct=sum(1 for e in exposures if e.direct),
        indirect=sum(1 for e in exposures if e.indirect),
        disclosures=sum(e.disclosures for e in exposures),
        cases=docket.list_cases(engines, app=view.app.number),
        catalogue=engines.catalogue,
    )


def verified(request: Request) -> Response:
    """Lift or restore the limit on how many people may connect it."""
    wanted = desk.choice(request, "verified", "yes", "no")
    review.set_verified(engines_of(request), desk.operator(request), desk.place(request), verified=wanted)
    return pages.redirect(f"/console/apps/{desk.place(request)}")


def sanction(request: Request) -> Response:
    """Propose a sanction on this app alone."""
    kind = form(request).one("kind", default="")
    reason = desk.text(request, "reason", "The reason")
    enforce.propose(engines_of(request), desk.operator(request), kind, reason, app=desk.place(request))
    return pages.redirect("/console/sanctions")
