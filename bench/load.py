"""A load of HTTP requests over a few kept-open connections; the server's CPU seconds, not ours, are what counts."""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from bench.timing import server_cpu


@dataclass(frozen=True)
class Load:
    """What came of a load. `latencies` are seconds, sorted; `bodies` are the answers in the order of asking."""

    requests: int
    cpu: float
    wall: float
    latencies: list[float]
    bodies: list[bytes] = field(repr=False)

    @property
    def per_cpu_second(self) -> float:
        """Requests a CPU second of the server."""
        return self.requests / max(self.cpu, 1e-6)

    def percentile(self, p: float) -> float:
        """Seconds under which `p` percent of the requests were answered."""
        return self.latencies[min(int(len(self.latencies) * p / 100), len(self.latencies) - 1)]


class Caller(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, asks again, until there is nothing left to ask."""

    def __init__(self, ask: Callable[[], bytes | None], answered: Callable[[float, bytes], None]) -> None:
        self._ask, self._answered = ask, answered
        self._buffer = b""
        self._sent = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop has classes of its own
        self._next()

    def _next(self) -> None:
        request = self._ask()
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        at = data.find(b"ength: ", 0, end) + 7  # of content-length, however it is spelt
        if end < 0 or len(data) < end + 4 + int(data[at : data.find(b"\r\n", at)]):
            return
        assert data.startswith(b"HTTP/1.1 200"), data[:500]
        self._buffer = b""
        self._answered(time.perf_counter() - self._sent, data[end + 4 :])
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


def request(path: str, body: bytes, key: str) -> bytes:
    """The bytes of one POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer {key}\r\n"
    )
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def load(port: int, pids: Sequence[int], requests: Sequence[bytes], count: int, connections: int = 32) -> Load:
    """Send `count` requests, in turn from `requests`, over `connections` at once to a server on localhost."""
    gc.collect()
    gc.freeze()  # a caller that walks through its own heap asks less at once than it could
    try:
        return uvloop.run(_load(port, pids, requests, count, connections))
    finally:
        gc.unfreeze()


async def _load(port: int, pids: Sequence[int], requests: Sequence[bytes], count: int, connections: int) -> Load:
    latencies: list[float] = []
    bodies = [b""] * count
    numbers = iter(range(count))

    def caller() -> Caller:
        at = 0

        def ask() -> bytes | None:
            nonlocal at
            at = next(numbers, -1)
            return None if at < 0 else requests[at % len(requests)]

        def answered(took: float, body: bytes) -> None:
            latencies.append(took)
            bodies[at] = body

        return Caller(ask, answered)

    loop = asyncio.get_running_loop()
    cpu, began = sum(map(server_cpu, pids)), time.perf_counter()
    made = [await loop.create_connection(caller, "127.0.0.1", port) for _ in range(connections)]
    await asyncio.gather(*(one.done for _, one in made))
    wall = time.perf_counter() - began
    return Load(count, sum(map(server_cpu, pids)) - cpu, wall, sorted(latencies), bodies)
