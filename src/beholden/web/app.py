"""The server: every surface in one ASGI application.

Each surface is a module with `routes()`; a page is declared with `session.page`. The engines and settings are on
`request.app.state`. An error of the tree in `model/errors.py` becomes one clear sentence with the id
of the request: a page for a browser, JSON for everything else.
"""

import logging
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beholden.journeys.ports import Engines
from beholden.model.act import ActorKind
from beholden.model.errors import (
    BadInput,
    BeholdenError,
    Conflict,
    Damaged,
    NotAllowed,
    NotFound,
    TooOften,
    Unavailable,
)
from beholden.web import (
    console,
    developer_portal,
    gate_api,
    gateway,
    home,
    log,
    oauth,
    pages,
    privacy_centre,
    sign_in,
    signals,
)
from beholden.web.configuration import Configuration
from beholden.web.session import SignInNeeded

MAX_BODY_BYTES = 64 * 1024
"""A route that takes more says so itself (`Route(..., max_body_size=...)`)."""
_LOG = logging.getLogger("beholden.web")
_STATUS = (
    (BadInput, 400),
    (NotFound, 404),
    (NotAllowed, 403),
    (Conflict, 409),
    (TooOften, 429),
    (Unavailable, 503),
    (Damaged, 500),
)
_TITLES = {
    400: "That was not understood",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "That has changed in the meantime",
    413: "Too much at once",
    503: "Not available just now",
}
_SENTENCES = {
    404: "There is no such page.",
    405: "This address cannot be used in this way.",
    413: "What was sent is larger than this address takes.",
}


def create(engines: Engines, settings: Configuration) -> ASGIApp:
    """The application on these engines. It opens nothing itself; `bootstrap` wires and closes the engines."""
    application = Starlette(
        routes=_routes(engines, settings),
        middleware=[Middleware(Envelope, engines=engines)],
        exception_handlers={
            BeholdenError: _on_error,
            HTTPException: _on_http_error,
            Exception: _on_crash,
        },
        max_body_size=MAX_BODY_BYTES,
    )
    application.state.engines = engines
    application.state.settings = settings
    return application


def _routes(engines: Engines, settings: Configuration) -> list[BaseRoute]:
    return [
        Route("/healthz", _healthz, name="health"),
        Mount("/static", StaticFiles(packages=[("beholden.web", "static")]), name="static"),
        *gate_api.routes(engines),
        *gateway.routes(engines),
        *oauth.routes(),
        *log.routes(),
        *signals.routes(),
        *home.routes(),
        *sign_in.routes(settings),
        *privacy_centre.routes(),
        *developer_portal.routes(),
        *console.routes(),
    ]


class Envelope:
    """What every answer carries: an id that is also in an error page and in our log, and "https only" where that holds.

    An id that the caller sends is not taken over: it would let them forge our log.
    """

    def __init__(self, app: ASGIApp, engines: Engines) -> None:
        self._app = app
        self._engines = engines
        self._fixed = [(b"strict-transport-security", b"max-age=31536000")] if engines.url.startswith("https:") else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id_ = self._engines.ids.new("req")
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = id_

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                # The gate's doors give the caller its own id back (AuthZEN 1.0); the log still has ours.
                ours = [] if any(name == b"x-request-id" for name, _ in given) else [(b"x-request-id", id_.encode())]
                message["headers"] = [*given, *ours, *self._fixed]
            await send(message)

        await self._app(scope, receive, tagged)


async def _healthz(request: Request) -> Response:
    """200 when the store answers and the ledger can be read, 503 otherwise."""
    engines: Engines = request.app.state.engines

    def look() -> int:
        with engines.store.read() as unit:
            unit.directory.policy()
        return engines.ledger.size()

    try:
        size = await run_in_threadpool(look)
    except BeholdenError as error:
        return JSONResponse({"status": "unavailable", "reason": error.message}, 503, {"cache-control": "no-store"})
    return JSONResponse({"status": "ok", "ledger_size": size}, 200, {"cache-control": "no-store"})


def status_of(error: BeholdenError) -> int:
    """The HTTP status that says what kind of no it was."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BeholdenError)
    if isinstance(error, SignInNeeded):  # only pages raise it
        return _to_sign_in(error)
    status = status_of(error)
    if status >= 500:
        _LOG.error("%s %s: %s", _id(request), request.url.path, error)
    return _answer(request, status, error.message, error.remedy)


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = _SENTENCES.get(error.status_code, str(error.detail))
    response = _answer(request, error.status_code, sentence, "")
    response.headers.update(error.headers or {})
    return response


def _on_crash(request: Request, error: Exception) -> Response:
    """A fault of ours: the log gets the trace (from the server, after this answer), the visitor the id."""
    _LOG.error("%s %s: %s", _id(request), request.url.path, type(error).__name__)
    return _answer(request, 500, "Something went wrong on our side.", "It is in our log under the number below.")


def _answer(request: Request, status: int, sentence: str, remedy: str) -> Response:
    id_ = _id(request)
    if not _wants_page(request):
        body = {"error": {"status": status, "message": sentence, "remedy": remedy, "request_id": id_}}
        return JSONResponse(body, status, {"cache-control": "no-store", "x-content-type-options": "nosniff"})
    title = _TITLES.get(status, "Something went wrong")
    return pages.render(request, "error.html", status, title=title, sentence=sentence, remedy=remedy, request_id=id_)


def _to_sign_in(error: SignInNeeded) -> Response:
    """People go straight on to the platform's sign-in; operators and developers have a link of their own."""
    path = "/sign-in/platform" if error.kind is ActorKind.PERSON else "/sign-in"
    return pages.redirect(f"{path}?next={quote(error.path, safe='')}" if error.path else path)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _id(request: Request) -> str:
    return str(getattr(request.state, "request_id", "none"))
