"""Doors for gateways that stand before the platform's API: Envoy's HTTP ext_authz and nginx's auth_request.

    /gate/v1/ext_authz/…     the request's own method and path, after this prefix (Envoy's `path_prefix`)
    /gate/v1/auth_request    the request in X-Original-Method and X-Original-URI

Both want the app's token in `Authorization`, as the app sent it, and the gateway's own key in `X-Beholden-Key`, or its
client certificate. A yes is 200 with what the server behind needs in `X-Beholden-…` headers. A no is 401 or 403, and
never a 5xx, also where the fault is ours: nginx makes an error of it, and Envoy lets it pass where it is told to fail
open. What a no says is the same whoever was asked about (law 3); a gateway that keeps the answer's headers to itself
may send `X-Beholden-Explain: yes` and is told the reason.
"""

import logging
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from beholden.journeys.gateway import Answer, Asked, Passage, Refusal, Verdict, pass_on
from beholden.journeys.ports import Engines
from beholden.model.errors import BeholdenError
from beholden.web.caller import caller_of

EXT_AUTHZ = "/gate/v1/ext_authz"
AUTH_REQUEST = "/gate/v1/auth_request"
_ANY_SIZE = 1 << 62
_LOG = logging.getLogger("beholden.web.gateway")
STATUS = {Verdict.NO_TOKEN: 401, Verdict.RATE_LIMITED: 429}
BODIES = {
    200: b"",
    401: b'{"error":"invalid_token"}',
    403: b'{"error":"access_denied"}',
    429: b'{"error":"too_many_requests"}',
}
_GATEWAY_UNKNOWN = "gateway_unknown"
_FAULT = "fault"


class ExtAuthz:
    """`ANY /gate/v1/ext_authz/…` (envoy.extensions.filters.http.ext_authz.v3.HttpService)."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        raw = scope.get("raw_path") or b""
        path, query = raw.removeprefix(EXT_AUTHZ.encode()), scope.get("query_string", b"")
        # Where the prefix is not there as we write it, an escape hides it: nobody's gateway does that.
        target = (path + (b"?" + query if query else b"")).decode("latin-1") if path != raw else ""
        await _answer(self._engines, scope, scope["method"], target, STATUS, send)


class AuthRequest:
    """`ANY /gate/v1/auth_request` (ngx_http_auth_request_module): 2xx, 401 and 403 are all that nginx understands."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        headers = Headers(scope=scope)
        method, target = _only(headers, "x-original-method") or "", _only(headers, "x-original-uri") or ""
        await _answer(self._engines, scope, method, target, {Verdict.NO_TOKEN: 401}, send)


def routes(engines: Engines) -> list[BaseRoute]:
    """Both doors, to be mounted at the root."""
    return [
        Route(AUTH_REQUEST, AuthRequest(engines), max_body_size=_ANY_SIZE),
        Route(EXT_AUTHZ, ExtAuthz(engines), max_body_size=_ANY_SIZE),  # or it would be redirected to the next
        Mount(EXT_AUTHZ, app=ExtAuthz(engines)),
    ]


def write_headers(passage: Passage) -> list[tuple[str, str]]:
    """What the server behind is told. Every name every time, so that a gateway overwrites what an app made up."""
    return [
        ("x-beholden-fields", ",".join(passage.fields)),
        ("x-beholden-app", quote(passage.app, safe="")),
        ("x-beholden-person", quote(passage.person, safe="")),
        ("x-beholden-scoped-person", passage.scoped),
        ("x-beholden-grant", passage.grant),
        ("x-beholden-purpose", quote(passage.purpose, safe=" ")),
    ]


def app_headers(refusal: Refusal, *, shown: bool) -> list[tuple[str, str]]:
    """What of a no is for the app; `shown` says whether it showed any token (RFC 6750, 3)."""
    told = []
    if refusal.verdict is Verdict.NO_TOKEN:
        error = ', error="invalid_token"' if shown else ""
        told.append(("www-authenticate", f'Bearer realm="api"{error}'))
    if refusal.seconds:
        told.append(("retry-after", str(refusal.seconds)))
    return told


def status_of(refusal: Refusal, statuses: dict[Verdict, int]) -> int:
    """The HTTP status of a no, 403 where nothing else is agreed."""
    return statuses.get(refusal.verdict, 403)


def decide(engines: Engines, scope: Any, key: str | None, asked: Asked) -> Answer:
    """The answer to a gateway that shows this key or certificate. Raises nothing."""
    try:
        if caller_of(engines, scope, key) is None:
            return Refusal(Verdict.UNAVAILABLE, _GATEWAY_UNKNOWN)
        return pass_on(engines, asked)
    except BeholdenError as error:
        _LOG.error("%s", error)
        return Refusal(Verdict.UNAVAILABLE, "gate_stale")
    except Exception:  # noqa: BLE001 - the last line: a fault of ours allows nothing, and is no 500 that a gateway passes
        _LOG.exception("a gateway's door failed")
        return Refusal(Verdict.UNAVAILABLE, _FAULT)


async def _answer(
    engines: Engines, scope: Scope, method: str, target: str, statuses: dict[Verdict, int], send: Send
) -> None:
    headers = Headers(scope=scope)
    keys = headers.getlist("x-beholden-key")
    key = None if not keys else (keys[0] if len(keys) == 1 else "")
    asked = Asked(method, target, _only(headers, "authorization"))
    answer = await run_in_threadpool(decide, engines, scope, key, asked)
    if isinstance(answer, Passage):
        await _send(200, write_headers(answer), send)
        return
    if answer.reason in {_GATEWAY_UNKNOWN, _FAULT} or answer.verdict is Verdict.UNAVAILABLE:
        _LOG.warning("a gateway was refused: %s", answer.reason)
    explained = _only(headers, "x-beholden-explain") == "yes"
    reason = ("x-beholden-reason", answer.reason if explained else answer.verdict.value)
    told = app_headers(answer, shown="authorization" in headers)
    await _send(status_of(answer, statuses), [reason, *told], send)


def _only(headers: Headers, name: str) -> str | None:
    """The value of a header that is there exactly once; of two, one may be the app's own."""
    given = headers.getlist(name)
    return given[0] if len(given) == 1 else None


async def _send(status: int, told: list[tuple[str, str]], send: Send) -> None:
    body = BODIES[status]
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *((name.encode(), value.encode("latin-1")) for name, value in told),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
