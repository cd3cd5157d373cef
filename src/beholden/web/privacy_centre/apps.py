"""The person's apps: active, expired, removed, and those that only ever got data through others."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import account
from beholden.journeys.account import Tab
from beholden.model.act import ActorKind
from beholden.web import pages
from beholden.web.session import engines_of, form, page, require

THROUGH_OTHERS = "others"
TABS = {
    Tab.ACTIVE: "Active",
    Tab.EXPIRED: "Expired",
    Tab.REMOVED: "Removed",
    THROUGH_OTHERS: "Through others",
}


def routes() -> list[BaseRoute]:
    """The list, one app, and what can be done with it."""
    person = {ActorKind.PERSON}
    return [
        page("/privacy/apps", list_, kinds=person),
        page("/privacy/apps/{client_id}", one, kinds=person),
        page("/privacy/apps/{client_id}/keep", keep, methods=("POST",), kinds=person),
        page("/privacy/apps/{client_id}/remove", remove, methods=("GET", "POST"), kinds=person),
    ]


def list_(request: Request) -> Response:
    """All apps of one tab; an unknown tab is the first."""
    session = require(request, ActorKind.PERSON)
    found = account.apps(engines_of(request), session.person)
    tab = request.query_params.get("tab", "")
    tab = tab if tab in set(TABS) else Tab.ACTIVE
    by_tab = {key: [c for c in found if _tab_of(c) == key] for key in TABS}
    tabs = [(key, label, len(by_tab[key])) for key, label in TABS.items()]
    return pages.render(request, "privacy_centre/apps.html", tab=tab, tabs=tabs, connected=by_tab[tab])


def one(request: Request) -> Response:
    """One app: what it may have, what it got, and when that ends."""
    session = require(request, ActorKind.PERSON)
    detail = account.app(engines_of(request), session.person, request.path_params["client_id"])
    return pages.render(request, "privacy_centre/app.html", detail=detail, done=request.query_params.get("done", ""))


def keep(request: Request) -> Response:
    """The person uses the app's access on, by their own word."""
    session = require(request, ActorKind.PERSON)
    client_id = request.path_params["client_id"]
    account.keep(engines_of(request), session.person, client_id)
    return pages.redirect(f"/privacy/apps/{quote(client_id, safe='')}?done=kept")


def remove(request: Request) -> Response:
    """Ask, then remove. That the app deletes what it has is a box of its own, not ticked beforehand."""
    session = require(request, ActorKind.PERSON)
    client_id = request.path_params["client_id"]
    if request.method == "GET":
        detail = account.app(engines_of(request), session.person, client_id)
        return pages.render(request, "privacy_centre/remove.html", detail=detail)
    account.remove(engines_of(request), session.person, client_id, ask_deletion=form(request).ticked("ask_deletion"))
    return pages.redirect(f"/privacy/apps/{quote(client_id, safe='')}?done=removed")


def _tab_of(connected: account.Connected) -> str:
    return connected.grant.tab if connected.grant else THROUGH_OTHERS
