"""A door for machines: one endpoint that takes JSON from a platform that shows its key, and answers JSON.

Raw ASGI, since a framework's share of a decision would be larger than the decision. Cheap refusals come first: method,
headers, key, and only then the body, of which never more is read than the door takes. Every answer, whatever it says,
is uncacheable: a cached yes outlives a ban.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from beholden.journeys.ports import Engines
from beholden.model.errors import BadInput, BeholdenError, Conflict, NotAllowed, NotFound, TooOften, Unavailable
from beholden.web import strict_json
from beholden.web.caller import LONGEST_KEY, caller_of

_LOG = logging.getLogger("beholden.web")
MAX_REQUEST_ID = 256
Answer = Callable[[Engines, str, bytes], Any]
"""Turns the bytes of a body, sent by a caller of this name, into a JSON value, or raises from the error tree."""
_STATUS = ((BadInput, 400), (NotFound, 404), (NotAllowed, 403), (Conflict, 409), (TooOften, 429), (Unavailable, 503))


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. A refusal's body is one JSON string, as AuthZEN 1.0 (section 10.1.2) has it."""

    status: int
    value: Any
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Gone(Exception):
    """The caller hung up; nobody is there to be told anything."""


@dataclass(frozen=True)
class Door:
    """One POST endpoint.

    `closed`, where given, answers when the store cannot even say whose key it is; otherwise that is a 503.
    """

    engines: Engines
    answer: Answer
    largest: int = strict_json.MEBIBYTE
    media: tuple[str, ...] = ("application/json",)
    closed: Answer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        headers = Headers(scope=scope)
        try:
            reply = await self._reply(scope, headers, receive)
        except Gone:
            return
        await reply_with(reply, headers.get("x-request-id", ""), send)

    async def _reply(self, scope: Scope, headers: Headers, receive: Receive) -> Reply:
        try:
            admitted = await self.admit(scope, headers)
            if isinstance(admitted, Reply):
                return admitted
            caller, answer = admitted
            body = await _read(receive, self.largest)
            if body is None:
                return _too_large(self.largest)
            return Reply(200, await run_in_threadpool(answer, self.engines, caller, body))
        except BeholdenError as error:
            return refusal(error)
        except Gone:
            raise
        except Exception:  # noqa: BLE001 - the last line: a fault of ours allows nothing and is told in our own words
            _LOG.exception("a gate endpoint failed")
            return Reply(500, "Something went wrong on our side. Nothing was allowed.")

    async def admit(self, scope: Scope, headers: Headers) -> tuple[str, Answer] | Reply:
        """Who calls and what answers them, before any of the body is read; or the refusal. Raises Unavailable."""
        refused = _refuse_method(scope["method"], "POST") or _refuse_headers(headers, self.media, self.largest)
        if refused is not None:
            return refused
        caller, answer = await run_in_threadpool(self._admit, scope, _key(headers))
        return _unauthenticated(headers) if caller is None else (caller, answer)

    def _admit(self, scope: Scope, key: str | None) -> tuple[str | None, Answer]:
        """Who calls, None when it is nobody we know, and what answers them."""
        try:
            return caller_of(self.engines, scope, key), self.answer
        except Unavailable:
            if self.closed is None:
                raise
            return "", self.closed


def refusal(error: BeholdenError) -> Reply:
    """An error of the tree, as one sentence."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status >= 500:
        _LOG.error("%s", error)
    later = ((b"retry-after", str(error.seconds).encode()),) if isinstance(error, TooOften) else ()
    return Reply(status, str(error), later)


async def reply_to_get(reply: Callable[[], Any], scope: Scope, send: Send) -> None:
    """Answer a GET of something public; anything but GET and HEAD is refused."""
    answer = _refuse_method(scope["method"], "GET", "HEAD") or reply()
    found = answer if isinstance(answer, Reply) else Reply(200, answer)
    await reply_with(found, Headers(scope=scope).get("x-request-id", ""), send)


def _refuse_method(method: str, *allowed: str) -> Reply | None:
    if method in allowed:
        return None
    return Reply(405, f"Use {allowed[0]}.", ((b"allow", ", ".join(allowed).encode()),))


def _refuse_headers(headers: Headers, media: tuple[str, ...], largest: int) -> Reply | None:
    given, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = [p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")]
    if given not in media or any(charset not in {"utf-8", "utf8"} for charset in charsets):
        return Reply(400, f"Send Content-Type: {media[0]}, in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        return Reply(415, "Send the body without Content-Encoding.")
    length = headers.get("content-length", "0")
    return _too_large(largest) if not length.isdecimal() or int(length[:20]) > largest else None


def _key(headers: Headers) -> str | None:
    """The key of `Authorization: Bearer KEY` (RFC 6750, 2.1). Empty where what is shown is no single key; None where
    nothing is shown, and a client certificate may speak instead."""
    given = headers.getlist("authorization")
    if not given:
        return None
    scheme, _, key = (given[0] if len(given) == 1 else "").partition(" ")
    key = key.strip()
    usable = scheme.lower() == "bearer" and key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY
    return key if usable else ""


def _unauthenticated(headers: Headers) -> Reply:
    challenge = b'Bearer realm="beholden"'
    if "authorization" in headers:
        challenge += b', error="invalid_token"'
    return Reply(401, "Show a platform key: Authorization: Bearer KEY.", ((b"www-authenticate", challenge),))


def _too_large(largest: int) -> Reply:
    # The rest of the body is not read; the connection cannot be used again.
    return Reply(413, f"The body is larger than {largest} bytes. Send it in parts.", ((b"connection", b"close"),))


async def _read(receive: Receive, largest: int) -> bytes | None:
    """The body; None as soon as it is larger than the door takes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > largest:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def own_headers(media: bytes, request_id: str) -> list[tuple[bytes, bytes]]:
    """What every answer says of itself."""
    headers = [(b"content-type", media), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if 0 < len(request_id) <= MAX_REQUEST_ID:  # AuthZEN 1.0: the caller's id comes back as it was
        headers.append((b"x-request-id", request_id.encode("latin-1")))
    return headers


async def reply_with(reply: Reply, request_id: str, send: Send) -> None:
    """Send the whole of an answer."""
    body = strict_json.write(reply.value)
    length = (b"content-length", str(len(body)).encode())
    headers = [*own_headers(b"application/json", request_id), length, *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
