"""Evidence is divided into units that can be searched apart."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence, opener
from beholden.forensics.containers import Form, Limits, Stop
from beholden.forensics.coverage import Reason
from beholden.forensics.outcome import merge
from beholden.forensics.ports import Entry, Exhibit, Unlisted
from beholden.forensics.source import Held, Source
from beholden.forensics.units import InProcess, Job, Unit, concerns, lost, search, units
from tests.forensics.people import crowd, csv, looking_for

PEOPLE = crowd(3)
JOB = Job(looking_for(PEOPLE), Limits())


def exhibit(number: int, path: str, size: int = 10, segment_of: int | None = None) -> Exhibit:
    return Exhibit(number, path, path, size, "0" * 64, segment_of=segment_of)


def through(unit: Unit, content: dict[int, bytes]):  # type: ignore[no-untyped-def]
    @contextmanager
    def opened(exhibit: Exhibit) -> Iterator[Source]:
        yield Held(content[exhibit.number])

    return search(unit, JOB, opened, opener(JOB.limits), lambda _more: None)


def test_a_database_stays_with_its_logs_and_an_image_with_its_segments() -> None:
    paths = ["/a.db", "/a.db-journal", "/a.db-wal", "/b-wal", "/d.E01", "/d.E02", "/e.txt"]
    found = [exhibit(n, path, segment_of=5 if path == "/d.E02" else None) for n, path in enumerate(paths, 1)]
    made = units(found)
    assert [[one.path for one in unit.exhibits] for unit in made] == [
        ["/a.db", "/a.db-wal", "/a.db-journal"],
        ["/b-wal"],
        ["/d.E01", "/d.E02"],
        ["/e.txt"],
    ]
    assert sorted(one.number for unit in made for one in unit.exhibits) == list(range(1, 8))
    assert made[0].size == 30


def test_a_unit_that_is_lost_is_unreadable_to_the_last_byte() -> None:
    unit = Unit(exhibit(1, "/a"), {"-wal": exhibit(2, "/a-wal")})
    said = lost(unit, Reason.CRASHED, "signal 11").coverage.statement()
    assert (said.read, said.unreadable, said.complete) == (0, 20, False)
    assert [(gap.path, gap.reason) for gap in said.gaps] == [("/a", Reason.CRASHED), ("/a-wal", Reason.CRASHED)]


def test_an_outcome_concerns_its_own_exhibit_and_people_sought_only() -> None:
    unit = Unit(exhibit(1, "/a"), {})
    outcome = through(unit, {1: csv(PEOPLE).encode()})
    assert outcome.tally.people and concerns(outcome, unit, JOB.sought)
    assert not concerns(outcome, replace(unit, lead=exhibit(2, "/b")), JOB.sought)
    assert not concerns(outcome, unit, looking_for(PEOPLE[:1]))


def test_a_container_whose_members_could_not_be_listed_is_searched_as_it_is_and_said_to_be_unread() -> None:
    def entries(form: Form, source: Source) -> Iterator[Entry]:
        raise Unlisted(Stop.CRASHED)

    data = b"\x1f\x8b\x08" + csv(PEOPLE).encode()
    unit = Unit(exhibit(1, "/a.gz"), {})

    @contextmanager
    def opened(_exhibit: Exhibit) -> Iterator[Source]:
        yield Held(data)

    outcome = search(unit, JOB, opened, entries, lambda _more: None)
    said = outcome.coverage.statement()
    assert [(gap.reason, gap.bytes) for gap in said.gaps] == [(Reason.CRASHED, len(data))]
    assert len(outcome.tally.people) == 3


def test_what_is_unpacked_is_counted_anew_in_each_exhibit(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"nothing of anybody\n" * 10_000))
    evidence = FileEvidence()
    parts = units(evidence.take_in([str(tmp_path)], lambda _stage, _done, _total: None).exhibits)
    job = Job(JOB.sought, Limits(total=500_000))
    whole = merge(dict(InProcess(evidence).search(parts, job, lambda _more: None)))
    assert whole.coverage.statement().complete


@pytest.mark.parametrize("other", [Job(looking_for(crowd(2)), Limits()), Job(looking_for(PEOPLE), Limits(depth=1))])
def test_a_job_has_an_identity_of_its_own(other: Job) -> None:
    assert JOB.identity() == Job(looking_for(PEOPLE), Limits()).identity() != other.identity()
