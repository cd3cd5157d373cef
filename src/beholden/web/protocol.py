"""HTTP/1.1 as uvicorn speaks it, with bounds that it does not have: on the head of a request, and on slowness.

uvicorn's parser takes a head of any size and waits for its end for ever; a few thousand connections that each send a
byte a minute then cost nothing to whoever opens them. Here a head has a size, a number of lines and a time, and a body
has a time. A request that comes in one piece, as nearly all do, pays for none of it: no timer is set.

A server may have a quick path (`hot`): a request for it is collected here and answered without an ASGI cycle. It takes
the place of one all the same, so that pipelined requests are answered in their order and a shutdown waits for it.

A client certificate that the TLS handshake has verified is put into the scope (ASGI TLS extension).
"""

import asyncio
import ssl
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from beholden.web.gather import GatheringTransport
from beholden.web.strict_json import MEBIBYTE

if TYPE_CHECKING:
    from beholden.web.hot import HotPath

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_OVERHEAD = 1 << 20
"""Bytes of a body that are no content: the sizes of its chunks, and trailers, which the parser would collect."""
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
_PHRASES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class _Phase(IntEnum):
    """What of a request is being read."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class _Refused(Exception):
    """The parser is to stop."""


class _Turn:
    """A request for the quick path: what came of it, and what uvicorn expects where it keeps the cycle in hand."""

    __slots__ = (
        "answered",
        "body",
        "disconnected",
        "headers",
        "keep_alive",
        "path",
        "response_complete",
        "response_started",
        "size",
    )

    def __init__(self, path: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.path, self.headers = path, headers
        self.body: list[bytes] = []
        self.size = 0
        self.response_started = self.response_complete = self.disconnected = False
        self.keep_alive = True
        self.answered = False

    @property
    def message_event(self) -> "_Turn":
        """As a cycle's: set when the connection is lost."""
        return self

    def set(self) -> None:
        """As asyncio.Event.set: nobody waits here."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `quick` is set by a class of a server's own, see `with_quick_path`."""

    quick: "HotPath | None" = None
    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._timed = _Phase.NOTHING
        self._phase = _Phase.NOTHING
        self._began = False
        self._bytes = 0  # of this head, or of this body less its content
        self._tls: dict[str, Any] | None = None
        self._status = 400
        self._held: _Turn | None = None
        self._head: tuple[object, bytes] = (None, b"")
        self._idle: asyncio.TimerHandle | None = None
        self._answered_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        self._gathering = GatheringTransport(transport, self.loop)
        super().connection_made(self._gathering)  # type: ignore[arg-type]
        self._tls = _tls_of(transport)
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._disarm()
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._phase is _Phase.NOTHING:
            if self._timer is not None and self._began:
                self._disarm()
        elif self._overfull():
            self._close(431)
        elif self._phase is not self._timed:
            self._time()

    def on_message_begin(self) -> None:
        """See httptools."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._began = True
        self._phase = _Phase.HEAD
        if self._timer is not None:
            self._disarm()

    def on_headers_complete(self) -> None:
        """See httptools. The parts are counted only where the bytes leave any doubt."""
        if len(self.headers) > MAX_HEADERS or (self._bytes > MAX_HEAD_BYTES and self._size() > MAX_HEAD_BYTES):
            self._status = 431
            raise _Refused
        if b"#" in self.url:  # a fragment is no part of a request (RFC 9112, 3.2), and only some servers drop it
            raise _Refused
        self._phase = _Phase.BODY
        self._bytes = 0
        if self.quick is not None and self.url in self.quick.paths and self._is_free():
            self._held = _Turn(self.url, self.headers)
        else:
            self.scope = self._scope_of(self.url, self.headers)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._bytes -= len(body)
        held = self._held
        if held is None:
            super().on_body(body)
            return
        held.body.append(body)
        held.size += len(body)
        if held.size > MEBIBYTE:  # more than the quick path takes: as if it had never been held
            self._held = None
            self.scope = self._scope_of(self.url, self.headers)
            super().on_headers_complete()
            super().on_body(b"".join(held.body))

    def on_message_complete(self) -> None:
        """See httptools."""
        self._phase = _Phase.NOTHING
        self._bytes = 0
        held, self._held = self._held, None
        if held is None or self.quick is None:
            super().on_message_complete()
            return
        self.cycle = held  # type: ignore[assignment]
        body = held.body[0] if len(held.body) == 1 else b"".join(held.body)
        self.quick.take(held.path, held.headers, body, partial(self._reply, held))

    def _is_free(self) -> bool:
        """Whether the request whose head came is a plain one that is next to be answered."""
        before, parser = self.cycle, self.parser
        return (
            (before is None or before.response_complete)
            and not self.expect_100_continue
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.flow.write_paused
        )

    def _scope_of(self, path: bytes, headers: list[tuple[bytes, bytes]]) -> Any:
        """The scope that uvicorn fills in when a head is complete; made there and not before, since few need it."""
        expects = self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = path, headers, expects
        scope: Any = {**self.scope, "headers": headers}
        if self._tls is not None:
            scope["extensions"] = {"tls": self._tls}
        return scope

    def _reply(self, turn: _Turn, found: bytes | None) -> None:
        """Send what the quick path has found, or have the request answered as every other one is."""
        if turn.answered or turn.disconnected or self.transport.is_closing():
            return
        turn.answered = True
        if found is None:
            self._behind(turn)
            return
        turn.response_complete = True
        self.server_state.total_requests += 1
        ours, head = self._head
        if ours is not self.server_state.default_headers:  # another list each second
            ours = self.server_state.default_headers
            head = b"HTTP/1.1 200 OK\r\n" + b"".join([b"%b: %b\r\n" % pair for pair in ours])
            self._head = (ours, head)
        self._gathering.write_now(head + found if turn.keep_alive else b"%bconnection: close\r\n%b" % (head, found))
        if not turn.keep_alive:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            self._answered_at = self.loop.time()
            if self._idle is None:
                self._idle = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def _behind(self, turn: _Turn) -> None:
        """Start the ASGI cycle that uvicorn would have started at the head's end."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue  # by now of the next request, maybe
        scope = self._scope_of(turn.path, turn.headers)
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        path = turn.path.decode("ascii")
        scope.update(method="POST", path=self.root_path + path, raw_path=turn.path, query_string=b"")
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=turn.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body += b"".join(turn.body)
        cycle.more_body = False
        cycle.message_event.set()
        current: object = self.cycle
        if current is turn:  # and no pipelined one came behind it
            self.cycle = cycle
        self._start_asgi_task(cycle, self.app)

    def _end_if_idle(self) -> None:
        """End a connection on which nothing came since its last quick answer; one timer for very many answers."""
        self._idle = None
        if self.transport.is_closing() or self.timeout_keep_alive_task is not None:
            return
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        busy = self._phase is not _Phase.NOTHING or not self.cycle.response_complete
        if left <= 0 and not busy:
            self.timeout_keep_alive_handler()
        else:
            self._idle = self.loop.call_later(max(left, 1.0), self._end_if_idle)

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says when the parser stopped, in the status that fits."""
        self._close(self._status)

    def _overfull(self) -> bool:
        if self._phase is _Phase.HEAD:
            return self._bytes > MAX_HEAD_BYTES
        return self._bytes > MAX_OVERHEAD or len(self.headers) > MAX_HEADERS

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _time(self) -> None:
        """Set the time for what is still to come; each part of a request has its own, and no byte prolongs it."""
        self._disarm()
        self._timed = self._phase
        self._arm(self.head_seconds if self._phase is _Phase.HEAD else self.body_seconds)

    def _arm(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._slow)

    def _disarm(self) -> None:
        self._timed = _Phase.NOTHING
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _slow(self) -> None:
        if self.transport.is_closing():
            return
        if self._began:
            self._close(408)
        else:
            # Not a byte came. To a proxy that opened the connection ahead, a 408 would look like the answer to whatever
            # it sends next (RFC 9110, 15.5.9); so this one just ends.
            self._disarm()
            self.transport.close()

    def _close(self, status: int) -> None:
        """End the connection, with a word to the client where no answer has begun."""
        self._disarm()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            lines = f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(lines.encode())
        self.transport.close()


def with_quick_path(quick: "HotPath") -> type[BoundedProtocol]:
    """The protocol of a server whose quick path this is."""
    return type("QuickProtocol", (BoundedProtocol,), {"quick": quick})


def _tls_of(transport: asyncio.Transport) -> dict[str, Any] | None:
    """What the ASGI TLS extension has of this connection; None where it has no TLS."""
    connection = transport.get_extra_info("ssl_object")
    if connection is None:
        return None
    certificate = connection.getpeercert(binary_form=True)
    return {
        "server_cert": None,
        "client_cert_chain": [] if certificate is None else [ssl.DER_cert_to_PEM_cert(certificate)],
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": None,
        "cipher_suite": None,
    }
