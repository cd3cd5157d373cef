"""Signals as an operator sees them: the streams, and what does not get through to receivers and apps."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import callbacks, streams
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of


def routes() -> list[BaseRoute]:
    """One page."""
    return [desk.view("/signals", signals)]


def signals(request: Request) -> Response:
    """All streams, then the troubles."""
    engines = engines_of(request)
    return pages.render(
        request, "console/signals.html", streams=streams.overview(engines), troubles=callbacks.troubles(engines)
    )
