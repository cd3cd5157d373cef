"""HTTP/1.1 as uvicorn speaks it, with bounds that it does not have: on the head of a request, and on slowness.

uvicorn's parser takes a head of any size and waits for its end for ever; a few thousand connections that each send a
byte a minute then cost nothing to whoever opens them. Here a head has a size, a number of lines and a time, and a body
has a time. A request that comes in one piece, as nearly all do, pays for none of it: no timer is set.

A client certificate that the TLS handshake has verified is put into the scope (ASGI TLS extension).
"""

import asyncio
import ssl
from enum import IntEnum
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from beholden.web.gather import GatheringTransport

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


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]
        self._tls = _tls_of(transport)
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._disarm()
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
        super().on_message_begin()
        self._began = True
        self._phase = _Phase.HEAD
        if self._timer is not None:
            self._disarm()
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}  # type: ignore[dict-item]

    def on_headers_complete(self) -> None:
        """See httptools. The parts are counted only where the bytes leave any doubt."""
        if len(self.headers) > MAX_HEADERS or (self._bytes > MAX_HEAD_BYTES and self._size() > MAX_HEAD_BYTES):
            self._status = 431
            raise _Refused
        if b"#" in self.url:  # a fragment is no part of a request (RFC 9112, 3.2), and only some servers drop it
            raise _Refused
        self._phase = _Phase.BODY
        self._bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._phase = _Phase.NOTHING
        self._bytes = 0
        super().on_message_complete()

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
