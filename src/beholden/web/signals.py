"""Shared Signals over HTTP: the transmitter's metadata and keys, a receiver's streams, and polling (SSF 1.0, RFC 8936).

Receivers show a platform key (Bearer) or their app's id and secret (Basic). Nothing here is for a browser.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from beholden.journeys import gpc, streams
from beholden.journeys.ports import Engines
from beholden.journeys.streams import Receiver
from beholden.model.errors import BadInput, BeholdenError, Conflict, NotAllowed, NotFound, Unavailable
from beholden.web import strict_json
from beholden.web.session import engines_of

MAX_BODY_BYTES = 256 * 1024
POLL_SECONDS = 20.0
"""The longest that a poll waits for something to come (RFC 8936, 2.2)."""
LOOK_SECONDS = 0.5
WAITING_POLLS = 100
"""Polls that wait at once; one more is answered at once, with what there is."""
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_PUBLIC = {"cache-control": "max-age=300", "x-content-type-options": "nosniff", "access-control-allow-origin": "*"}
_STATUS = ((BadInput, 400), (NotFound, 404), (NotAllowed, 403), (Conflict, 409), (Unavailable, 503))
_LOG = logging.getLogger("beholden.web.signals")

Work = Callable[[Engines, Receiver, Request, Mapping[str, Any]], Response]


def routes() -> list[BaseRoute]:
    """Everything that a receiver of signals calls, and what anyone may read."""
    return [
        Route("/.well-known/ssf-configuration", _metadata, methods=["GET"]),
        Route("/.well-known/gpc.json", _gpc, methods=["GET"]),
        Route("/signals/v1/jwks", _jwks, methods=["GET"]),
        _endpoint("/signals/v1/stream", {"GET": _show, "POST": _create, "PATCH": _patch, "PUT": _put, "DELETE": _end}),
        _endpoint("/signals/v1/status", {"GET": _status, "POST": _set_status}),
        _endpoint("/signals/v1/verify", {"POST": _verify}),
        Route("/signals/v1/poll/{id}", _Poll().endpoint, methods=["POST"], max_body_size=MAX_BODY_BYTES),
    ]


def _metadata(request: Request) -> Response:
    """SSF 1.0, 7.2."""
    return JSONResponse(dict(streams.metadata(engines_of(request))), 200, _PUBLIC)


def _gpc(_: Request) -> Response:
    """GPC, section 4."""
    return JSONResponse(dict(gpc.support()), 200, _PUBLIC)


def _jwks(request: Request) -> Response:
    return JSONResponse(dict(engines_of(request).signer.jwks()), 200, _PUBLIC)


def _create(engines: Engines, caller: Receiver, _: Request, body: Mapping[str, Any]) -> Response:
    return _answer(streams.create(engines, caller, body), 201)


def _show(engines: Engines, caller: Receiver, request: Request, _: Mapping[str, Any]) -> Response:
    return _answer(streams.show(engines, caller, request.query_params.get("stream_id")))


def _patch(engines: Engines, caller: Receiver, _: Request, body: Mapping[str, Any]) -> Response:
    return _answer(streams.change(engines, caller, body, whole=False))


def _put(engines: Engines, caller: Receiver, _: Request, body: Mapping[str, Any]) -> Response:
    return _answer(streams.change(engines, caller, body, whole=True))


def _end(engines: Engines, caller: Receiver, request: Request, _: Mapping[str, Any]) -> Response:
    streams.delete(engines, caller, _named(request))
    return Response(status_code=204, headers=_HEADERS)


def _status(engines: Engines, caller: Receiver, request: Request, _: Mapping[str, Any]) -> Response:
    return _answer(streams.status(engines, caller, _named(request)))


def _set_status(engines: Engines, caller: Receiver, _: Request, body: Mapping[str, Any]) -> Response:
    return _answer(streams.set_status(engines, caller, body))


def _verify(engines: Engines, caller: Receiver, _: Request, body: Mapping[str, Any]) -> Response:
    streams.verify(engines, caller, body)
    return Response(status_code=204, headers=_HEADERS)


class _Poll:
    """`POST /signals/v1/poll/{id}`: first the acknowledgements are taken, then what waits is given or waited for."""

    def __init__(self) -> None:
        self._waiting = 0

    async def endpoint(self, request: Request) -> Response:
        """See the class."""
        return await _guarded(request, self._answer)

    async def _answer(self, engines: Engines, caller: Receiver, request: Request) -> Response:
        id_ = str(request.path_params["id"])
        asked = streams.read_poll(await _body(request))
        await run_in_threadpool(streams.settle, engines, caller, id_, asked)
        loop = asyncio.get_running_loop()
        end = loop.time() + POLL_SECONDS
        found = await run_in_threadpool(streams.fetch, engines, caller, id_, asked)
        waits = not asked.at_once and asked.most > 0 and self._waiting < WAITING_POLLS
        if waits and not found["sets"]:
            self._waiting += 1
            try:
                while not found["sets"] and loop.time() < end and not await request.is_disconnected():
                    await asyncio.sleep(LOOK_SECONDS)
                    found = await run_in_threadpool(streams.fetch, engines, caller, id_, asked)
            finally:
                self._waiting -= 1
        return _answer(found)


def _endpoint(path: str, works: Mapping[str, Work]) -> Route:
    """One address with a plain function for each method."""

    async def endpoint(request: Request) -> Response:
        work = works["GET" if request.method == "HEAD" else request.method]

        async def answer(engines: Engines, caller: Receiver, request: Request) -> Response:
            body = {} if request.method in {"GET", "HEAD", "DELETE"} else await _body(request)
            return await run_in_threadpool(work, engines, caller, request, body)

        return await _guarded(request, answer)

    return Route(path, endpoint, methods=list(works), max_body_size=MAX_BODY_BYTES)


async def _guarded(request: Request, answer: Callable[[Engines, Receiver, Request], Awaitable[Response]]) -> Response:
    """Who calls is known before anything that they sent is read; errors are JSON with one sentence."""
    engines = engines_of(request)
    try:
        given = request.headers.getlist("authorization")
        caller = await run_in_threadpool(streams.receiver, engines, given[0] if len(given) == 1 else None)
        if caller is None:
            headers = _HEADERS | {"www-authenticate": 'Bearer realm="beholden", Basic realm="beholden"'}
            return JSONResponse(_error("Show a platform key, or your app's id and secret."), 401, headers)
        return await answer(engines, caller, request)
    except BeholdenError as error:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        if status >= 500:
            _LOG.error("%s: %s", request.url.path, error)
        return JSONResponse(_error(str(error)), status, _HEADERS)


async def _body(request: Request) -> dict[str, Any]:
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != "application/json":
        raise BadInput("The body must be application/json.", "Set the content type and send JSON.")
    return strict_json.read_object(await request.body(), largest=MAX_BODY_BYTES)


def _named(request: Request) -> str:
    id_ = request.query_params.get("stream_id")
    if not id_:
        raise BadInput("'stream_id' is missing.", "Say it in the address: ?stream_id=…")
    return id_


def _error(sentence: str) -> dict[str, str]:
    """The form of RFC 8935, 2.3, which SSF's other endpoints leave open."""
    return {"err": "invalid_request", "description": sentence}


def _answer(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, _HEADERS)
