"""One reader: a process that enters the cage, is given a few units, and says what it found in each."""

import base64
import gzip
import json
import os
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from beholden.backends.evidence import files
from beholden.backends.evidence.workers import cage, wire
from beholden.backends.evidence.workers.slate import Slate
from beholden.forensics.containers import Form, Limits, Stop, shown
from beholden.forensics.databases import Databases
from beholden.forensics.outcome import encoded
from beholden.forensics.ports import Entry, Exhibit, Open, Unlisted, Unpacked
from beholden.forensics.source import Held, Source
from beholden.forensics.units import Job, Unit, search
from beholden.model.errors import BeholdenError, Unavailable

OUT_OF_MEMORY, FAILED = 77, 78
"""Exit codes of a reader."""


@dataclass(frozen=True, slots=True)
class Work:
    """What readers are made with. `opener` opens containers within limits."""

    job: Job
    bounds: cage.Bounds
    opener: Callable[[Limits], Open]


@dataclass(frozen=True, slots=True)
class Task:
    """A unit to be read, its files, or why one could not be opened. `avoid` are the containers and members, counted
    as they are opened, in which a reader failed before, and how."""

    unit: Unit
    sources: Mapping[int, Source | str]
    avoid: Mapping[int, Stop]


def serve(channel: socket.socket, work: Work, scratch: Path) -> None:
    """The life of a reader. It never returns."""
    code = FAILED
    try:
        _serve(channel, work, scratch)
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever evidence did to a library; the parent knows the unit
        wire.answer(channel, wire.FAILURE, shown(type(error).__name__).encode())
    finally:
        os._exit(code)


def _serve(channel: socket.socket, work: Work, scratch: Path) -> None:
    _keep_no_code()
    protections = cage.enter(scratch, work.bounds)
    wire.answer(channel, wire.HELLO, json.dumps(protections).encode())
    tasks: Sequence[Task]
    page, tasks = wire.receive(channel)
    slate, databases = Slate(page), Databases()
    for task in tasks:
        guard = Guard(work.opener(work.job.limits), slate, task.avoid)
        opened = partial(_open, channel, task.sources)
        outcome = search(task.unit, work.job, opened, guard.entries, guard.searched, databases)
        wire.answer(channel, wire.OUTCOME, encoded(outcome))


def _open(
    channel: socket.socket, sources: Mapping[int, Source | str], exhibit: Exhibit
) -> AbstractContextManager[Source]:
    """An exhibit of the unit, or another one that is wanted beside it, which the parent is asked for."""
    opened = sources.get(exhibit.number)
    if opened is None:
        wire.answer(channel, wire.ASKED, str(exhibit.number).encode())
        opened = wire.receive(channel)
    if isinstance(opened, str):
        raise Unavailable(opened)
    return nullcontext(opened)


@dataclass(slots=True)
class Guard:
    """Notes which container or member is open while the work goes on, and leaves out those that are to be avoided.

    They are counted in the order in which they are opened, which is the same each time.
    """

    open: Open
    slate: Slate
    avoid: Mapping[int, Stop]
    _opened: int = 0
    _inside: list[int] = field(default_factory=lambda: [0])

    def __post_init__(self) -> None:
        self._note()

    def searched(self, more: int) -> None:
        """Note that so many more bytes were searched."""
        self.slate.note(self.slate.searched + more, self._inside[-1])

    def entries(self, form: Form, source: Source) -> Iterator[Entry]:
        """See Open: the members of a container, each guarded."""
        number = self._next()
        if number in self.avoid:
            raise Unlisted(self.avoid[number])
        with self._within(number):
            members = iter(self.open(form, source))
        while True:
            with self._within(number):
                entry = next(members, None)
            if entry is None:
                return
            yield replace(entry, open=partial(self._member, entry))

    @contextmanager
    def _member(self, entry: Entry) -> Iterator[Unpacked]:
        number = self._next()
        if number in self.avoid:
            yield Unpacked(Held(b""), 0, self.avoid[number])
            return
        with self._within(number), entry.open() as unpacked:
            yield unpacked

    def _next(self) -> int:
        self._opened += 1
        return self._opened

    @contextmanager
    def _within(self, number: int) -> Iterator[None]:
        """Inside of a container or member. What ends the reader leaves the note as it is."""
        self._inside.append(number)
        self._note()
        try:
            yield
        except (BeholdenError, GeneratorExit):
            self._leave(number)
            raise
        self._leave(number)

    def _leave(self, number: int) -> None:
        """Members are not always closed in the opposite order: the last one that is open is where the reader is."""
        self._inside.remove(number)
        self._note()

    def _note(self) -> None:
        self.slate.note(self.slate.searched, self._inside[-1])


def warm_up(work: Work) -> None:
    """Have everything imported and compiled that a reader needs, before readers are made."""
    for sample in _samples():
        held = Held(sample)
        unit = Unit(Exhibit(0, "", "", held.size, ""), {})
        search(unit, work.job, partial(_held, held), files.opener(work.job.limits), lambda _more: None)


def _held(held: Held, _exhibit: Exhibit) -> AbstractContextManager[Source]:
    return nullcontext(held)


def _samples() -> Iterator[bytes]:
    """A little of what evidence is made of."""
    person = ("aaaaaaaaaaaaaaaaaaaaaaaaaa", "someone@somewhere.example", "+49 30 1234567", "1234567890123456")
    line = ",".join(person) + "\n"
    yield line.encode() * 400
    yield line.encode("utf-16") * 40
    yield base64.encodebytes(line.encode() * 40) + line.encode().hex().encode()
    yield bytes(range(256)) * 40 + line.encode() * 40
    yield gzip.compress(line.encode() * 40)
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("create table t (id integer primary key, a text, b text, c text, d text)")
        made.executemany("insert into t (a, b, c, d) values (?, ?, ?, ?)", [person] * 50)
        made.execute("delete from t where id % 2")
        yield made.serialize()


def _keep_no_code() -> None:
    """Machine code that is made in the cage stays in memory: there is no place where it could be kept or found."""
    caching: Any = sys.modules.get("numba.core.caching")
    if caching is not None:
        caching.Cache.load_overload = caching.Cache.save_overload = lambda *_: None
