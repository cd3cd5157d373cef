"""Units of work: an exhibit with the files that belong to it, searched on its own.

What a unit comes to depends on its own bytes, the needles and the limits alone, whoever searches it and in whatever
order.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from beholden.forensics.beside import Beside, once
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Reason
from beholden.forensics.databases import Databases
from beholden.forensics.examiner import LOGS, Examiner, Place
from beholden.forensics.hits import Find
from beholden.forensics.needles import Needles
from beholden.forensics.outcome import Outcome, written
from beholden.forensics.ports import Evidence, Exhibit, Open
from beholden.forensics.source import Source
from beholden.model.errors import Unavailable

MAX_FINDS = 1_000_000
"""Finds of one unit that are listed one by one; all are counted."""
Searched = Callable[[int], None]
"""Told how many more bytes were searched."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One exhibit, the logs beside it by the ends of their names, and the further segments of the same image."""

    lead: Exhibit
    logs: Mapping[str, Exhibit]
    segments: tuple[Exhibit, ...] = ()

    @property
    def number(self) -> int:
        """That of its first exhibit, by which units are told apart and ordered."""
        return self.lead.number

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """All of it."""
        return (self.lead, *self.logs.values(), *self.segments)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(exhibit.size for exhibit in self.exhibits)


def units(exhibits: Sequence[Exhibit]) -> list[Unit]:
    """Every exhibit in exactly one unit, in the order of the exhibits."""
    by_path = {exhibit.path: exhibit for exhibit in exhibits}
    segments: dict[int, list[Exhibit]] = {}
    for exhibit in exhibits:
        if exhibit.segment_of is not None:
            segments.setdefault(exhibit.segment_of, []).append(exhibit)
    made: list[Unit] = []
    for exhibit in exhibits:
        if exhibit.segment_of is None and not _is_log_of_other(exhibit.path, by_path):
            logs = {end: by_path[exhibit.path + end] for end in LOGS if exhibit.path + end in by_path}
            made.append(Unit(exhibit, logs, tuple(segments.get(exhibit.number, ()))))
    return made


def _is_log_of_other(path: str, by_path: Mapping[str, Exhibit]) -> bool:
    return any(path.endswith(ending) and path[: -len(ending)] in by_path for ending in LOGS)


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all units: whom to look for, how far to open what is packed, and all of the evidence, of
    which a unit may need another file beside its own."""

    sought: Needles
    limits: Limits
    exhibits: tuple[Exhibit, ...] = ()
    listed: bool = False
    """Whether every single find is told, and not only who was found where."""

    def identity(self) -> str:
        """A digest that is another one for other people, other values of theirs, other limits or other evidence."""
        digest = hashlib.sha256(written([self.limits, self.exhibits, self.listed]))
        for number in sorted(self.sought.people):
            digest.update(written(self.sought.people[number]))
        return digest.hexdigest()


def search(
    unit: Unit,
    job: Job,
    open_: Callable[[Exhibit], AbstractContextManager[Source]],
    entries: Open,
    searched: Searched,
    databases: Databases | None = None,
) -> Outcome:
    """An exhibit, together with the logs beside it. What cannot be read any more is a gap, not an end.

    `databases` remembers what one unit's search learned of the files of a database, for the next; the outcome is the
    same without.
    """
    examiner = Examiner(job.sought, job.limits, entries, searched, databases=databases or Databases())
    by_path = {exhibit.path: exhibit for exhibit in job.exhibits}
    listed = _Listed()
    examiner.tally.tell(listed.add if job.listed else None)
    with ExitStack() as stack:
        logs: dict[str, Source] = {}
        for ending, log in unit.logs.items():
            opened = _opened(open_, log, stack, examiner)
            if opened is not None:
                logs[ending] = opened
        source = _opened(open_, unit.lead, stack, examiner)
        if source is not None:
            try:
                beside = Beside(unit.lead.path, "", once(lambda path: _around(open_, by_path.get(path), stack)))
                examiner.examine(
                    Place(unit.number, unit.lead.name, modified=unit.lead.modified), source, logs, beside=beside
                )
            except Unavailable as error:
                examiner.coverage.gap(unit.lead.name, Reason.NOT_READABLE, 0, error.message)
    for _ in unit.segments:
        examiner.coverage.file(0, unpacked=False)  # an exhibit of its own, whose bytes were read with the first
    return Outcome(examiner.tally, examiner.coverage, examiner.tested, tuple(listed.finds), listed.unlisted)


@dataclass(slots=True)
class _Listed:
    finds: list[Find] = field(default_factory=list)
    unlisted: int = 0

    def add(self, find: Find) -> None:
        if len(self.finds) < MAX_FINDS:
            self.finds.append(find)
        else:
            self.unlisted += 1


def _opened(
    open_: Callable[[Exhibit], AbstractContextManager[Source]], exhibit: Exhibit, stack: ExitStack, examiner: Examiner
) -> Source | None:
    try:
        return stack.enter_context(open_(exhibit))
    except Unavailable as error:
        examiner.coverage.file(exhibit.size, unpacked=False)
        examiner.coverage.gap(exhibit.name, Reason.NOT_READABLE, exhibit.size, error.message)
        return None


def _around(
    open_: Callable[[Exhibit], AbstractContextManager[Source]], exhibit: Exhibit | None, stack: ExitStack
) -> Source | None:
    """A file beside one that is searched. Where it cannot be read, its own search says so."""
    if exhibit is None:
        return None
    try:
        return stack.enter_context(open_(exhibit))
    except Unavailable:
        return None


def lost(unit: Unit, reason: Reason, detail: str) -> Outcome:
    """The outcome of a unit whose reader failed: every byte of it unreadable."""
    outcome = Outcome()
    for exhibit in unit.exhibits:
        outcome.coverage.file(exhibit.size, unpacked=False)
        outcome.coverage.gap(exhibit.name, reason, exhibit.size, detail)
    return outcome


def concerns(outcome: Outcome, unit: Unit, sought: Needles) -> bool:
    """Whether an outcome speaks of this unit and of people sought, and of nothing else."""
    tally, own = outcome.tally, {unit.number}
    people = sought.people.keys()
    return (
        tally.people.keys() <= people
        and all(
            site.exhibit in own and count.corroborated | count.alone <= people for site, count in tally.sites.items()
        )
        and all(find.exhibit in own and find.person in people for find in outcome.finds)
        and all(one.exhibits <= own and one.first.exhibit in own for one in tally.people.values())
    )


class Searcher(Protocol):
    """Searches units, here or elsewhere."""

    @property
    def protections(self) -> Mapping[str, object]:
        """What stands between the readers of evidence and everything else; complete once a search has begun."""
        ...

    def search(self, parts: Sequence[Unit], job: Job, searched: Searched) -> Iterator[tuple[int, Outcome]]:
        """The outcome of every unit, once each, by its number and in any order.

        A reader that fails makes its unit unreadable. Raises Unavailable where nothing can be searched at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """A Searcher in the process that asks: for tests and small things. Nothing protects it from the evidence."""

    evidence: Evidence

    @property
    def protections(self) -> Mapping[str, object]:
        """See Searcher."""
        return {"process": False, "landlock": 0, "seccomp": False}

    def search(self, parts: Sequence[Unit], job: Job, searched: Searched) -> Iterator[tuple[int, Outcome]]:
        """See Searcher."""
        databases = Databases()
        for unit in parts:
            opener = self.evidence.opener(job.limits)
            yield unit.number, search(unit, job, self.evidence.open, opener, searched, databases)
