"""The gate around a platform's own data API: what its routes answer is filtered before it leaves, or it does not leave.

    app = Guarded(app, InProcess(engines), [Guard("/v1/friends", "/friends", resolve)], open_paths=["/healthz"])

A guarded route must answer 200 with JSON that holds the records where the guard says, in one place or, by a `Shape`, in
several and within each other; or, if `lines`, with newline-delimited JSON of any length, a record a line. The app gets
those of them that the gate releases, and of the rest of the document only what the guard names in `keep`: a count, a
cursor or a header can tell of people whose record was withheld. An unknown person (404) gets the answer of one of whom
nothing may leave (law 3). Everything unexpected is a 502 in our words, a gate that does not answer a 503; nothing is
passed through because it was not understood. A path that no guard and no open path covers is refused as well, so that
a route added later is not a hole. Lines that are under way when something fails break off without an end, as HTTP
shows it.

Taken from the inner application: conditional and range requests (a 304 would let the app go on with data that it may
no longer have), compression, HEAD (405), and every header. Compression and CORS belong outside of this.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beholden.journeys.disclose import DocumentRequest, PersonRef, filter_document
from beholden.journeys.filter import RecordSet, Shape, empty, lacks, pointer
from beholden.journeys.ports import Engines
from beholden.model.errors import BadInput, BeholdenError, NotAllowed, TooOften, Unavailable
from beholden.web import strict_json
from beholden.web.door import Gone
from beholden.web.lines import NDJSON, PATIENCE, Lines, chunk_of, read_records, write_line
from beholden.web.records import write_request
from beholden.web.relay import relayed

_LOG = logging.getLogger("beholden.web")
_LARGEST = 16 * strict_json.MEBIBYTE
_HIDDEN_FROM_INNER = frozenset(
    {
        b"accept-encoding",
        b"if-none-match",
        b"if-modified-since",
        b"if-match",
        b"if-unmodified-since",
        b"if-range",
        b"range",
    }
)
_OF_EVERY_ANSWER = ((b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff"))
_KEPT_OF_A_REFUSAL = frozenset({b"www-authenticate", b"retry-after"})
_STATUS_WITH_HEADERS = frozenset({401, 429, 503})
_SENTENCES = {
    400: "The request was not understood.",
    401: "Show who you are.",
    403: "Not allowed.",
    404: "There is nothing here for you.",
    405: "Use another method.",
    429: "Too many requests.",
    502: "The answer could not be checked, so it was not given.",
    503: "Not available just now.",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, on whose word, and why: what the platform knows of the request, usually from its token."""

    app: str
    through: PersonRef
    purpose: str


Resolve = Callable[[Scope], Awaitable[Caller | None] | Caller | None]


@dataclass(frozen=True, slots=True)
class Guard:
    """What is guarded: every path that is `prefix` or lies below it.

    `records` is the JSON pointer (RFC 6901) to the list of records in the answer, or, if `single`, to the one record;
    or it is the whole shape of the answer, and then says all that the members after it would say. `keep` points to
    what else of the answer may leave; that it tells nothing of those withheld is the platform's to answer for. Each
    record names its person under `person`, a member or a pointer. If `lines`, each line of the answer is a record.
    `resolve` says who asks; None is answered 401.
    """

    prefix: str
    records: str | Shape
    resolve: Resolve
    person: str = "id"
    fields: tuple[str, ...] | None = None
    keep: tuple[str, ...] = ()
    single: bool = False
    lines: bool = False

    @property
    def shape(self) -> Shape:
        """Where everything stands in the answer; of one in lines, in the list of them. Raises BadInput."""
        if isinstance(self.records, Shape):
            shape = self.records
        else:
            person = self.person if self.person.startswith("/") else pointer(self.person)
            fields = None if self.fields is None else {f: pointer(f) for f in self.fields if pointer(f) != person}
            whole = RecordSet(self.records, (person,), fields, single=self.single)
            shape = Shape((whole,), self.keep)
        if self.lines and (shape.keep or [(one.records, one.single) for one in shape.sets] != [("", False)]):
            raise BadInput("Lines are one set of records with nothing above or beside it.", "Point to ''.")
        return shape


class RecordFilter(Protocol):
    """What may leave of a document. Raises BadInput or Unavailable; then nothing may."""

    async def released(self, request: DocumentRequest) -> Any:
        """The document for the app, and nothing for anybody else's eyes."""
        ...


class InProcess:
    """The gate in this process."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def released(self, request: DocumentRequest) -> Any:
        """See RecordFilter."""
        return (await run_in_threadpool(filter_document, self._engines, request)).document


class OverHttp:
    """The gate of another process, at `url`, with one of the platform's keys. `client` is the caller's to close."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/gate/v1/filter"
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    async def released(self, request: DocumentRequest) -> Any:
        """See RecordFilter."""
        try:
            answer = await self._client.post(
                self._url, content=strict_json.write(write_request(request)), headers=self._headers
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"The gate did not answer ({type(error).__name__}).", "Try again.") from error
        if answer.status_code == 429:
            later = answer.headers.get("retry-after", "")
            raise TooOften(int(later) if later.isascii() and later.isdecimal() and len(later) < 6 else 1)
        if answer.status_code != 200:
            raise Unavailable(f"The gate answered {answer.status_code}.", "See its log.")
        told = strict_json.read_object(answer.content, largest=2 * _LARGEST)
        if not {"document", "report"} <= set(told):
            raise Unavailable("What answered in the gate's place is no gate.", "Check its address.")
        return told["document"]


class Truncated(Exception):
    """Lines that had begun to leave cannot go on. Raised to the server, which then ends the connection without an end
    of the answer."""


class _Refused(Exception):
    """Nothing leaves; `headers` are the few of the inner answer that a caller needs to go on."""

    def __init__(self, status: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class Guarded:
    """The ASGI application around the platform's own. Of several prefixes that fit, the longest counts."""

    def __init__(
        self,
        app: ASGIApp,
        gate: RecordFilter,
        guards: Sequence[Guard],
        *,
        open_paths: Sequence[str] = (),
        largest: int = _LARGEST,
    ) -> None:
        self._app = app
        self._gate = gate
        self._largest = largest
        self._shapes: dict[str, Shape] = {}
        paths: dict[str, Guard | None] = dict.fromkeys(open_paths)
        for guard in guards:
            self._shapes[guard.prefix] = guard.shape
            if guard.prefix in paths:
                raise BadInput(f"The path {guard.prefix!r} is named twice.", "Guard it or open it, once.")
            paths[guard.prefix] = guard
        self._paths = sorted(paths.items(), key=lambda item: len(item[0]), reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            guard = self._guard_of(scope["path"])
            if guard is None:
                await self._app(scope, receive, send)
                return
            if scope["type"] != "http":
                raise _Refused(403)
            if guard.lines:
                await self._pass_lines(guard, scope, receive, send)
                return
            headers, body = await self._answer(guard, scope, receive)
        except _Refused as refused:
            await _refuse(scope, receive, send, refused)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _guard_of(self, path: str) -> Guard | None:
        """The guard of a path, None where it is open."""
        # An inner application may read `//x`, `/./x` or `\\x` as `/x`; we do not guess which.
        if "\\" in path or any(part in {"", ".", ".."} for part in path.removesuffix("/").split("/")[1:]):
            raise _Refused(400)
        for prefix, guard in self._paths:
            if path == prefix or path.startswith(prefix.removesuffix("/") + "/"):
                return guard
        raise _Refused(404)

    async def _answer(self, guard: Guard, scope: Scope, receive: Receive) -> tuple[list[tuple[bytes, bytes]], bytes]:
        if scope["method"] == "HEAD":
            raise _Refused(405)
        caller = await _caller(guard, scope)
        start, body = await self._inner(scope, receive)
        shape = self._shapes[guard.prefix]
        if start["status"] == 404 and not lacks(empty(shape), shape):
            nobody = strict_json.write(empty(shape))
            return _own_headers(nobody), nobody
        _refuse_unexpected(start, _is_json)
        released = await self._filtered(guard, caller, body)
        return _own_headers(released), released

    async def _pass_lines(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what may leave, chunk by chunk: the next is not asked for before the last was taken."""
        if scope["method"] == "HEAD":
            raise _Refused(405)
        caller, shape = await _caller(guard, scope), self._shapes[guard.prefix]
        begun = False
        async with relayed(self._app, _inner_scope(scope), receive) as inner:
            try:
                start = await inner.start()
                if start["status"] != 404:  # of which nothing is read: it gets the answer in which nobody is left
                    _refuse_unexpected(start, _is_ndjson)
                    lines = Lines(inner.body)
                    while some := await lines.some(chunk_of(shape)):
                        records = await run_in_threadpool(read_records, some)
                        request = DocumentRequest(caller.app, caller.through, caller.purpose, records, shape)
                        chunk = b"".join(map(write_line, await self._gate.released(request)))
                        await _hand_on(chunk, send, begun=begun)
                        begun = True
                await _hand_on(b"", send, begun=begun, more=False)
            except Gone:
                return
            except (BeholdenError, TimeoutError) as error:
                _LOG.error("the guarded lines at %s end early: %s", guard.prefix, error)
                if begun:  # the server breaks the connection off, and so the app can tell
                    raise Truncated(guard.prefix) from error
                raise _Refused(503 if isinstance(error, Unavailable) else 502) from error

    async def _inner(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The inner application's whole answer; a 502 when it breaks, breaks off, or answers more than is bearable."""
        answer = _Captured(self._largest)
        try:
            await self._app(_inner_scope(scope), receive, answer.take)
        except Exception:  # noqa: BLE001 - whatever it was, nothing of it leaves
            _LOG.exception("the guarded application failed at %s", scope["path"])
        if not answer.whole or answer.start is None:
            raise _Refused(502)
        return answer.start, bytes(answer.body)

    async def _filtered(self, guard: Guard, caller: Caller, body: bytes) -> bytes:
        try:
            document = strict_json.read(body, largest=self._largest)
            shape = self._shapes[guard.prefix]
            request = DocumentRequest(caller.app, caller.through, caller.purpose, document, shape)
            released = await self._gate.released(request)
            if lacks(released, shape):
                raise _Refused(404)  # the same as for a person who does not exist (law 3)
            return strict_json.write(released)
        except TooOften as error:
            raise _Refused(429, ((b"retry-after", str(error.seconds).encode()),)) from error
        except Unavailable as error:
            _LOG.error("the gate did not answer: %s", error)
            raise _Refused(503) from error
        except BeholdenError as error:
            _LOG.error("the guarded answer at %s cannot be filtered: %s", guard.prefix, error)
            raise _Refused(502) from error


def _inner_scope(scope: Scope) -> Scope:
    hidden = [header for header in scope["headers"] if header[0].lower() not in _HIDDEN_FROM_INNER]
    return {**scope, "headers": hidden, "extensions": {}}  # no way to send but the two messages that we know


async def _hand_on(chunk: bytes, send: Send, *, begun: bool, more: bool = True) -> None:
    async with asyncio.timeout(PATIENCE):
        if not begun:
            headers = [(b"content-type", NDJSON.encode()), *_OF_EVERY_ANSWER]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


class _Captured:
    """What the inner application sends, up to a size."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self.start: Message | None = None
        self.body = bytearray()
        self.whole = False
        self._broken = False

    async def take(self, message: Message) -> None:
        """See ASGI's `send`."""
        if message["type"] == "http.response.start" and self.start is None:
            self.start = message
        elif message["type"] == "http.response.body" and self.start is not None and not self.whole:
            self.body += message.get("body", b"")
            self._broken = self._broken or len(self.body) > self._largest
            self.whole = not message.get("more_body", False) and not self._broken
        else:
            self._broken, self.whole = True, False
        if self._broken:
            self.body.clear()
            raise BadInput("The answer is too large or not in order.", "Page it.")


async def _caller(guard: Guard, scope: Scope) -> Caller:
    try:
        found = guard.resolve(scope)
        caller = await found if inspect.isawaitable(found) else found
    except NotAllowed as error:
        raise _Refused(403) from error
    except Exception as error:  # whatever it was, nobody is known to ask
        _LOG.exception("nobody could say who asks at %s", guard.prefix)
        raise _Refused(503) from error
    if caller is None:
        raise _Refused(401, ((b"www-authenticate", b"Bearer"),))
    return caller


def _is_json(media: str) -> bool:
    return media == "application/json" or media.endswith("+json")


def _is_ndjson(media: str) -> bool:
    return media == NDJSON


def _refuse_unexpected(start: Message, expected: Callable[[str], bool]) -> None:
    """Only a plain 200 of the expected media type goes on.

    A refusal keeps its status, never its words: they may name a person.
    """
    headers = Headers(raw=list(start["headers"]))
    status = start["status"]
    if 400 <= status < 600:
        told = start["headers"] if status in _STATUS_WITH_HEADERS else []
        kept = tuple(h for h in told if h[0].lower() in _KEPT_OF_A_REFUSAL)
        raise _Refused(status if status in _SENTENCES else (400 if status < 500 else 502), kept)
    plain = headers.get("content-encoding", "identity").lower() == "identity"
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if status != 200 or not plain or not expected(media):
        raise _Refused(502)


def _own_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *_OF_EVERY_ANSWER,
    ]


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: _Refused) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    body = strict_json.write({"error": _SENTENCES[refused.status]})
    headers = [*refused.headers, *_own_headers(body)]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
