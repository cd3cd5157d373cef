"""What the tests of readers share: a folder of evidence, and searches of it in several ways."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.workers.caged import Caged
from beholden.backends.evidence.workers.nursery import Nursery
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Statement
from beholden.forensics.outcome import Outcome, merge
from beholden.forensics.units import InProcess, Job, Searcher, Unit, units
from tests.forensics.people import crowd, csv, database, looking_for

PEOPLE = crowd(30)


@dataclass(frozen=True)
class Found:
    """The outcome of a search, and the parts it was put together from."""

    parts: dict[int, Outcome]

    @property
    def outcome(self) -> Outcome:
        """Everything together."""
        return merge(self.parts)

    @property
    def statement(self) -> Statement:
        """What was read."""
        return self.outcome.coverage.statement()

    @property
    def people(self) -> set[int]:
        """Who was found, corroborated."""
        return {int(number) for number, one in self.outcome.tally.people.items() if one.corroborated}

    @property
    def reasons(self) -> dict[str, str]:
        """Why what was not read was not, by the last of its name."""
        return {gap.path.rsplit("/", 1)[1]: gap.reason.name for gap in self.statement.gaps}


@dataclass
class Desk:
    """A folder of evidence on an examiner's desk."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    rows: str = field(default_factory=lambda: csv(PEOPLE))

    def planted(self, exhibits: int = 6) -> None:
        """A database, and the same people in several files, plain and packed."""
        database(self.folder / "app.db", PEOPLE, after=["delete from friends where id % 2"])
        for number in range(exhibits):
            (self.folder / f"{number}.csv").write_text(csv(PEOPLE[number::exhibits]))
            (self.folder / f"{number}.gz").write_bytes(gzip.compress(csv(PEOPLE[number::exhibits]).encode()))

    def packed(self, fault: str, name: str = "") -> None:
        """A gzip that its reader fails on, with everybody in it."""
        with (self.folder / (name or f"{fault}.gz")).open("wb") as file, gzip.GzipFile(fault, "wb", 9, file) as packed:
            packed.write(self.rows.encode())

    @property
    def job(self) -> Job:
        """Whom to look for."""
        return Job(looking_for(PEOPLE), self.limits)

    def taken(self) -> tuple[FileEvidence, list[Unit]]:
        """The evidence, taken in."""
        evidence = FileEvidence()
        intake = evidence.take_in([str(self.folder)], lambda _stage, _done, _total: None)
        return evidence, units(intake.exhibits)

    def through(self, searcher: Searcher, parts: list[Unit], told: Callable[[int], None] = lambda _: None) -> Found:
        """One search; every unit is answered once."""
        exhibits = tuple(exhibit for unit in parts for exhibit in unit.exhibits)
        answers = list(searcher.search(parts, replace(self.job, exhibits=exhibits), told))
        assert sorted(number for number, _ in answers) == [unit.number for unit in parts]
        return Found(dict(answers))

    def in_process(self) -> Found:
        """A search without any process."""
        evidence, parts = self.taken()
        return self.through(InProcess(evidence), parts)

    def caged(self, workers: int = 2, told: Callable[[int], None] = lambda _: None, **options: Any) -> Found:
        """A search by caged readers."""
        evidence, parts = self.taken()
        return self.through(Caged(evidence.open, workers, **options), parts, told)

    def nursery(self) -> Nursery:
        """A nursery of this desk's."""
        return Caged(FileEvidence().open, 1).nursery(self.job, 0)
