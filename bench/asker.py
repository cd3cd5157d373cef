"""A process that asks the gate the same questions over and over, and knows when each was allowed.

`python -m bench.asker PORT CONNECTIONS FILE`: FILE is a JSON list of whole requests. A line on standard input, a JSON
list of places in that list, makes these the hot ones: two questions of three are about them, the third about any that
was hot before. `ready` is said once each of them was allowed as often as there are connections. A place is never
forgotten, so that an allow that comes late is seen however late it comes. An empty line ends it: it says for every
place how often it was asked, and when each answer that allowed was asked for and received (seconds of the host's
monotonic clock, which is the same in every process and network namespace of a machine).
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from select import select

from bench.load import Caller

_ALLOWED = b'"decision":true'
_START_SECONDS = 60.0


@dataclass
class Heard:
    """What became of one question. `allows` are pairs: asked at, received at."""

    asked: int = 0
    allows: list[tuple[float, float]] = field(default_factory=list)


class Asker:
    """The other process, from here."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hot(self, places: Sequence[int]) -> None:
        """Ask about these from now on; returns once all were allowed."""
        self.ask(places)
        self.wait()

    def ask(self, places: Sequence[int]) -> None:
        """Ask about these from now on; `wait` says when all were allowed."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(list(places)) + "\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Until the hot ones were allowed; raises RuntimeError where they are not."""
        assert self._process.stdout is not None
        if not select([self._process.stdout], [], [], _START_SECONDS)[0]:
            raise RuntimeError("what should be allowed is not")
        said = self._process.stdout.readline().strip()
        if said != "ready":
            raise RuntimeError(f"the asker said {said!r}")

    def heard(self) -> list[Heard]:
        """End it; what it heard, one for each question."""
        out, _ = self._process.communicate("\n", timeout=_START_SECONDS)
        told = json.loads(out.splitlines()[-1])
        return [Heard(asked, [(sent, received) for sent, received in allows]) for asked, allows in told]


@contextmanager
def asking(
    port: int, requests: Sequence[bytes], folder: Path, *, connections: int = 8, inside: Sequence[str] = ()
) -> Iterator[Asker]:
    """Start one; `inside` goes before its command. It is gone afterwards."""
    questions = folder / f"asked-{port}.json"
    questions.write_text(json.dumps([request.decode() for request in requests]))
    command = [*inside, sys.executable, "-m", "bench.asker", str(port), str(connections), str(questions)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    try:
        yield Asker(process)
    finally:
        process.kill()
        process.communicate()


class _Asking:
    """One for all connections."""

    def __init__(self, requests: Sequence[bytes], connections: int) -> None:
        self._requests = requests
        self._connections = connections
        self._random = Random(2018)
        self._any: list[int] = []
        self._hot: list[int] = []
        self._waiting: dict[int, int] = {}
        self.heard = [Heard() for _ in requests]
        self.begun = asyncio.Event()
        self.over = False

    def take(self, line: bytes) -> None:
        """A line of standard input."""
        if not line.strip():
            self.over = True
            self.begun.set()
            return
        self._hot = json.loads(line)
        self._any = sorted({*self._any, *self._hot})
        self._waiting = dict.fromkeys(self._hot, self._connections)
        self.begun.set()

    def caller(self) -> Caller:
        """One connection."""
        place = 0

        def ask() -> bytes | None:
            nonlocal place
            if self.over:
                return None
            place = self._random.choice(self._hot if self._random.random() < 2 / 3 else self._any)
            return self._requests[place]

        def answered(took: float, body: bytes) -> None:
            now, heard = time.perf_counter(), self.heard[place]
            heard.asked += 1
            if _ALLOWED in body:
                heard.allows.append((now - took, now))
                self._seen(place)

        return Caller(ask, answered)

    def _seen(self, place: int) -> None:
        if place not in self._waiting:
            return
        self._waiting[place] -= 1
        if not self._waiting[place]:
            del self._waiting[place]
            if not self._waiting:
                print("ready", flush=True)


async def _ask(port: int, connections: int, requests: Sequence[bytes]) -> list[Heard]:
    asking, loop = _Asking(requests, connections), asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)

    async def listen() -> None:
        while not asking.over:
            asking.take(await lines.readline())

    listening = loop.create_task(listen())
    await asking.begun.wait()
    callers = [await _connected(port, asking) for _ in range(connections)]
    await asyncio.gather(listening, *(caller.done for caller in callers))
    return asking.heard


async def _connected(port: int, asking: _Asking) -> Caller:
    """A connection, once the server listens."""
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            _, caller = await asyncio.get_running_loop().create_connection(asking.caller, "127.0.0.1", port)
        except OSError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.05)
        else:
            return caller


def main(port: str, connections: str, questions: str) -> None:
    """See the module."""
    requests = [text.encode() for text in json.loads(Path(questions).read_text())]
    heard = asyncio.run(_ask(int(port), int(connections), requests))
    print(json.dumps([[one.asked, one.allows] for one in heard]))


if __name__ == "__main__":
    main(*sys.argv[1:])
