"""A transport that makes one write to the network of what one turn of the event loop has to say.

uvicorn writes the head of an answer and its body one after the other, each with a system call that wakes the other
side. For an answer of two hundred bytes these calls cost more than the decision.
"""

import asyncio
from typing import Any


class GatheringTransport:
    """A transport whose writes of one turn leave together, in their order; everything else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []

    def write(self, data: bytes) -> None:
        """As Transport.write."""
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def write_now(self, data: bytes) -> None:
        """As `write`, for a whole answer: it need not wait for more of this turn, only for what came before it."""
        if self._pending:
            self._pending.append(data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """As Transport.close: what was written is sent first."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """As Transport.is_closing."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._pending:
            data, self._pending = b"".join(self._pending), []
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
