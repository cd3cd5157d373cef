"""Readers in cages, as many at once as there are cores: a Searcher for one host.

Small units go to a reader together, a large one has its own. A unit whose reader fails is read again alone, then
without the member in which it failed; what still fails is unreadable and named. No unit takes longer than its deadline.
"""

import json
import resource
import selectors
import shutil
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from beholden.backends.evidence import files
from beholden.backends.evidence.workers import wire
from beholden.backends.evidence.workers.attempts import (
    BATCH_UNITS,
    SLOWEST,
    Attempt,
    Patience,
    again,
    batches,
    ended,
    given_up,
)
from beholden.backends.evidence.workers.cage import Bounds, missing
from beholden.backends.evidence.workers.nursery import Gone, Nursery
from beholden.backends.evidence.workers.probe import probe
from beholden.backends.evidence.workers.reader import Task, Work
from beholden.backends.evidence.workers.slate import Slate
from beholden.forensics.containers import Limits, shown
from beholden.forensics.outcome import Outcome, decoded
from beholden.forensics.ports import Exhibit, Open
from beholden.forensics.source import Source
from beholden.forensics.units import Job, Searched, Unit, concerns
from beholden.model.errors import Damaged, Unavailable

TIME_LIMIT = 600.0
MEMORY_LIMIT = 4 << 30
POLL = 0.2
MAX_RESTARTS = 5
SENDING = 60.0
"""Seconds in which a new reader has to say that it is there and take its task."""

OpenExhibit = Callable[[Exhibit], AbstractContextManager[Source]]


@dataclass(frozen=True, slots=True)
class Caged:
    """A Searcher. `seconds` is what any unit may take, on top of what its size is worth; `memory`, in bytes, is what
    one reader may take beside what it shares. With `required`, nothing is read where a protection is missing."""

    open: OpenExhibit
    workers: int
    seconds: float = TIME_LIMIT
    memory: int = MEMORY_LIMIT
    required: bool = False
    opener: Callable[[Limits], Open] = files.opener

    @property
    def protections(self) -> Mapping[str, object]:
        """See Searcher."""
        return probe()

    def search(self, parts: Sequence[Unit], job: Job, searched: Searched) -> Iterator[tuple[int, Outcome]]:
        """See Searcher."""
        lacking = missing(self.protections)
        if lacking and self.required:
            raise Unavailable(f"This host cannot cage readers of evidence: {', '.join(lacking)}.", "Use another.")
        if parts:
            with self.nursery(job, max(unit.size for unit in parts)) as nursery:
                yield from self.search_in(nursery, parts, job, searched)

    def nursery(self, job: Job, largest: int) -> Nursery:
        """A place where readers for a job are made; `largest` is the size of the largest unit."""
        seconds = int(BATCH_UNITS * self.seconds + (largest + job.limits.total) / SLOWEST) + 1
        return Nursery(Work(job, Bounds(self.memory, job.limits.member, seconds), self.opener))

    def search_in(
        self, nursery: Nursery, parts: Sequence[Unit], job: Job, searched: Searched
    ) -> Iterator[tuple[int, Outcome]]:
        """Search with readers from a nursery that was made for the job."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        with selectors.DefaultSelector() as selector:
            run = Run(self, job, nursery, selector, searched, deque(batches(parts)))
            try:
                yield from run.outcomes()
            finally:
                run.stop()


@dataclass(slots=True)
class _Reader:
    """A reader at work. `batch` is what it has not answered yet, the unit that it is reading first."""

    pid: int
    generation: int
    channel: socket.socket
    scratch: Path
    batch: list[Attempt]
    alone: bool
    began: float
    slate: Slate = field(default_factory=Slate)
    inbox: wire.Inbox = field(default_factory=wire.Inbox)
    told: int = 0
    before: int = 0
    """Of the bytes told, those of units that were answered."""
    said: str = ""


@dataclass(slots=True)
class Run:
    """One search: what is to be done, and who is at it. `queue` holds the batches that nobody has."""

    caged: Caged
    job: Job
    nursery: Nursery
    selector: selectors.BaseSelector
    searched: Searched
    queue: deque[list[Attempt]]
    _running: list[_Reader] = field(default_factory=list)
    _restarts: int = 0
    _exhibits: dict[int, Exhibit] = field(init=False)

    def __post_init__(self) -> None:
        self._exhibits = {exhibit.number: exhibit for exhibit in self.job.exhibits}

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """The outcomes, as they come."""
        while self.queue or self._running:
            while self.queue and len(self._running) < self.caged.workers:
                self._begin(self.queue.popleft())
            for key, _ in self.selector.select(POLL):
                yield from self._hear(key.data)
            for reader in list(self._running):
                self._tell(reader)
                if reader.batch and time.monotonic() - reader.began > self._allowed(reader):
                    yield from self._finish(reader, late=True)

    def stop(self) -> None:
        """Let go of everything; the end of the nursery ends its readers."""
        for reader in self._running:
            reader.channel.close()
            reader.slate.close()

    def _begin(self, batch: list[Attempt]) -> None:
        try:
            pid, channel, scratch = self.nursery.make()
        except Gone:
            self._restart()
            self.queue.appendleft(batch)
            return
        reader = _Reader(
            pid, self.nursery.generation, channel, scratch, batch, len(batch) == 1, time.monotonic()
        )  # fmt: skip
        self._running.append(reader)
        self.selector.register(channel, selectors.EVENT_READ, reader)

    def _restart(self) -> None:
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise Unavailable("The process that makes readers of evidence keeps dying.", "Is there enough memory?")
        self.nursery.start()

    def _allowed(self, reader: _Reader) -> float:
        patience = Patience(self.caged.seconds, self.job.limits.total)
        return patience.allows(reader.batch[0].unit.size, reader.told - reader.before)

    def _tell(self, reader: _Reader) -> None:
        """Pass on how much more a reader has searched."""
        now = reader.slate.searched
        if now != reader.told:
            self.searched(now - reader.told)
            reader.told = now

    def _hear(self, reader: _Reader) -> Iterator[tuple[int, Outcome]]:
        try:
            piece = reader.channel.recv(1 << 20)
        except OSError:
            piece = b""
        if not piece:
            yield from self._finish(reader)
            return
        try:
            for kind, body in reader.inbox.take(piece):
                yield from self._answered(reader, kind, body)
        except (ValueError, Damaged):
            reader.said = "its answer makes no sense"
            yield from self._finish(reader)

    def _answered(self, reader: _Reader, kind: bytes, body: bytes) -> Iterator[tuple[int, Outcome]]:
        if kind == wire.HELLO:
            if json.loads(body) != self.caged.protections:
                raise Unavailable("A reader of evidence is protected less than this host allows.", "Try again.")
            self._give(reader)
        elif kind == wire.ASKED:
            self._lend(reader, int(body))
        elif kind == wire.FAILURE:
            reader.said = shown(body[:200].decode("utf-8", "replace"))
        elif not reader.batch:
            raise ValueError("an answer to nothing")
        else:
            outcome = decoded(body)
            unit = reader.batch[0].unit
            if not concerns(outcome, unit, self.job.sought):
                raise ValueError("an answer about something else")
            self._tell(reader)
            reader.batch.pop(0)
            reader.before, reader.began = reader.told, time.monotonic()
            yield unit.number, outcome

    def _give(self, reader: _Reader) -> None:
        """Give a reader its units, now that it is caged. If it dies meanwhile, the end of its channel says so."""
        with ExitStack() as stack:
            tasks = [Task(one.unit, self._sources(one.unit, stack), one.avoid) for one in reader.batch]
            reader.channel.settimeout(SENDING)
            with suppress(OSError):
                wire.send(reader.channel, (reader.slate.file, tasks))
        reader.began = time.monotonic()

    def _sources(self, unit: Unit, stack: ExitStack) -> Mapping[int, Source | str]:
        """The lead and its logs; its segments are opened with it."""
        return {exhibit.number: self._opened(exhibit, stack) for exhibit in (unit.lead, *unit.logs.values())}

    def _opened(self, exhibit: Exhibit, stack: ExitStack) -> Source | str:
        try:
            return stack.enter_context(self.caged.open(exhibit))
        except Unavailable as error:
            return error.message

    def _lend(self, reader: _Reader, number: int) -> None:
        """Another exhibit that a reader wants beside its own; it is evidence, so it may."""
        exhibit = self._exhibits.get(number)
        if exhibit is None:
            raise ValueError("no such exhibit")
        with ExitStack() as stack, suppress(OSError):
            wire.send(reader.channel, self._opened(exhibit, stack))

    def _finish(self, reader: _Reader, *, late: bool = False) -> Iterator[tuple[int, Outcome]]:
        """A reader is gone, or has to go. What it did not answer is given to others, or given up."""
        self._running.remove(reader)
        self.selector.unregister(reader.channel)
        reader.channel.close()
        status = self._status(reader)
        inside = reader.slate.inside
        reader.slate.close()
        shutil.rmtree(reader.scratch, ignore_errors=True)
        if not reader.batch:
            return
        self.searched(reader.before - reader.told)
        failing, *others = reader.batch
        if others:
            self.queue.appendleft(others)
        end = ended(status, reader.said, inside, late=late)
        once_more = again(failing, end, alone=reader.alone)
        if once_more is not None:
            self.queue.appendleft([once_more])
        else:
            self.searched(failing.unit.size)
            yield failing.unit.number, given_up(failing, end)

    def _status(self, reader: _Reader) -> int:
        """How it ended; as if it had been killed, where nobody is left who could say."""
        if reader.generation == self.nursery.generation:
            try:
                return self.nursery.end(reader.pid)
            except Gone:
                self._restart()
        return int(signal.SIGKILL)
