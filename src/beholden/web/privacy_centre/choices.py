"""The four switches: everything, one app, one kind of data, what friends' apps may see (R7)."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import gpc, opt_out
from beholden.journeys import switches as journey
from beholden.model.act import ActorKind
from beholden.model.errors import BadInput
from beholden.model.person import Scope
from beholden.web import pages
from beholden.web.session import engines_of, form, page, require

_PAGES = re.compile(r"/privacy(/choices|/apps/[A-Za-z0-9._-]+)?")
_SHARING = {"on": True, "off": False}


def routes() -> list[BaseRoute]:
    """One page, and the form that every switch is."""
    return [page("/privacy/choices", choices, methods=("GET", "POST"), kinds={ActorKind.PERSON})]


def choices(request: Request) -> Response:
    """Show the switches; turn one. Each is a form of its own, so that none is turned by accident."""
    session = require(request, ActorKind.PERSON)
    engines = engines_of(request)
    if request.method == "POST":
        sent = form(request)
        scope, sharing = sent.one("scope"), sent.one("sharing")
        if scope not in list(Scope) or sharing not in _SHARING:
            raise BadInput("There is no such switch.", "Use the switches on the page.")
        opt_out.choose(engines, session.person, Scope(scope), sent.one("target"), sharing=_SHARING[sharing])
        return pages.redirect(_back(sent.one("back", default="/privacy/choices", longest=400)))
    return pages.render(
        request,
        "privacy_centre/choices.html",
        switches=journey.switches(engines, session.person),
        past=journey.past_choices(engines, session.person),
        heard=gpc.was_heard(engines, session.person),
        done=request.query_params.get("done", ""),
    )


def _back(path: str) -> str:
    """The page on which the switch was, to be shown again; any other address is not followed."""
    return f"{path if _PAGES.fullmatch(path) else '/privacy/choices'}?done=chosen"
