"""Wishes of deletion: what became of each, with the app's own link and code where it answered."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import callbacks
from beholden.model.act import ActorKind
from beholden.web import pages
from beholden.web.session import engines_of, page, require


def routes() -> list[BaseRoute]:
    """One page."""
    return [page("/privacy/deletions", deletions, kinds={ActorKind.PERSON})]


def deletions(request: Request) -> Response:
    """All wishes of the person, newest first."""
    person = require(request, ActorKind.PERSON).person
    found = callbacks.wishes(engines_of(request), person)
    return pages.render(request, "privacy_centre/deletions.html", wishes=found)
