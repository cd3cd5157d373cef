"""HTTP/1.1 as uvicorn speaks it, with bounds that it does not have: on the head of a request, and on slowness.

uvicorn's parser takes a head of any size and waits for its end for ever; a few thousand connections that each send a
byte a minute then cost nothing to whoever opens them. Here a head has a size, a number of lines and a time, and a body
has a time. A client certificate that the TLS handshake has verified is put into the scope (ASGI TLS extension).
"""

import asyncio
import ssl
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
_PHRASES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class _HeadRefused(Exception):
    """The parser is to stop."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._tls: dict[str, Any] | None = None
        self._began = False
        self._in_head = True
        self._head_bytes = 0
        self._sized = 0
        self._status = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._tls = _tls_of(transport)
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # Where the head ended within these bytes, its parts have been counted one by one.
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._close(431)

    def on_message_begin(self) -> None:
        """See httptools."""
        super().on_message_begin()
        self._began = self._in_head = True
        self._sized = 0
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}  # type: ignore[dict-item]
        self._arm(self.head_seconds)

    def on_url(self, url: bytes) -> None:
        """See httptools. A fragment is no part of a request (RFC 9112, 3.2), and only some servers drop it."""
        super().on_url(url)
        self._count(len(url))
        if b"#" in url:
            self._status = 400
            raise _HeadRefused

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. Trailers come here too, and count."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        self._head_bytes = 0
        self._arm(self.body_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """See httptools."""
        self._disarm()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says when the parser stopped, in the status that fits."""
        self._close(self._status)

    def _count(self, size: int) -> None:
        self._sized += size
        if self._sized > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._status = 431
            raise _HeadRefused

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._slow)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _slow(self) -> None:
        if self.transport.is_closing():
            return
        if not self._began:
            # Not a byte came. To a proxy that opened the connection ahead, a 408 would look like the answer to whatever
            # it sends next (RFC 9110, 15.5.9); so this one just ends.
            self._disarm()
            self.transport.close()
        else:
            self._close(408)

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
