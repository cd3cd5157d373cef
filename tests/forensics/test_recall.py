"""Recall from planted people, and what could have been missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.seeds import FormatSeeds
from beholden.forensics import seeding
from beholden.forensics.containers import Limits
from beholden.forensics.recall import Planted, Recall, of, power, smallest_seen
from beholden.forensics.region import Region, State
from beholden.forensics.tally import Site
from beholden.journeys.judgement import recall
from tests.forensics.people import Search


def test_everyone_planted_in_every_format_is_found() -> None:
    measured = recall(FileEvidence(), FormatSeeds(), "seed", Limits())
    assert len(measured.formats) == 32
    assert {one.format: one.found for one in measured.formats} == {one.format: 100 for one in measured.formats}
    assert measured.low > 0.96


WHERE = {
    "CSV in base64": ("CSV in base64", Region.FILE, State.LIVE),
    "zip in a zip": ("zip in a zip > people.zip > people.csv", Region.MEMBER, State.LIVE),
    "tar in gzip": ("tar in gzip > content > people.csv", Region.MEMBER, State.LIVE),
    "mail, body in base64": ("mail, body in base64 > part 1 (text/plain)", Region.DECODED, State.LIVE),
    "workbook": ("workbook > rows of xl/worksheets/sheet1.xml", Region.DECODED, State.LIVE),
    "Parquet": ("Parquet > row group 0", Region.MEMBER, State.LIVE),
    "PostgreSQL, live rows": ("PostgreSQL, live rows", "unknown, heap", State.LIVE),
    "PostgreSQL, deleted rows": ("PostgreSQL, deleted rows", "unknown, heap", State.DELETED),
    "PostgreSQL, vacuumed rows": ("PostgreSQL, vacuumed rows", "unknown, free space of a page", State.DELETED),
    "FAT disk, file": ("FAT disk, file > /PEOPLE.CSV", Region.FILE, State.LIVE),
    "FAT disk, deleted file": (
        "FAT disk, deleted file > /_EOPLE.CSV (deleted, inode 3)",
        Region.DELETED_FILE,
        State.DELETED,
    ),
    "FAT disk, unallocated space": (
        "FAT disk, unallocated space > unallocated space in pieces, from byte 4608",
        Region.UNALLOCATED,
        State.DELETED,
    ),
}


@pytest.mark.parametrize("name", WHERE)
def test_whom_a_format_holds_is_found_by_the_reader_of_that_format(name: str) -> None:
    people = seeding.people("seed")
    data = dict(FormatSeeds().planted(people))[name]
    found = Search(people).through(data, name).examiner.tally.sites
    path, where, state = WHERE[name]
    assert len(found[Site(1, path, where, state)].corroborated) == len(people)


def test_a_reader_under_tighter_limits_shows_it_in_the_recall() -> None:
    measured = recall(FileEvidence(Limits(depth=0)), FormatSeeds(), "seed", Limits(depth=0))
    assert measured.low == 0.0 and measured.weakest is not None and measured.weakest.found == 0


def test_made_up_people_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert seeding.people("a") == seeding.people("a") != seeding.people("b")
    assert len({one.email for one in seeding.people("a")}) == seeding.PLANTED


def test_the_weakest_format_is_the_recall_of_all() -> None:
    made = of({"a": [1, 2, 3], "b": [1, 2, 3]}, {"a": [1, 2, 3], "b": [1, 9]})
    assert made.weakest == Planted("b", 3, 1)
    assert Recall(()).low == 0.0


@given(st.floats(0.01, 1.0), st.integers(1, 5))
def test_the_fewest_noticed_are_noticed_and_one_fewer_is_not(chance: float, needed: int) -> None:
    smallest = smallest_seen(chance, needed)
    assert smallest is not None and power(smallest, chance, needed) >= 0.95
    assert smallest == needed or power(smallest - 1, chance, needed) < 0.95


@pytest.mark.parametrize("needed", [1, 3])
def test_without_recall_nothing_is_noticed(needed: int) -> None:
    assert smallest_seen(0.0, needed) is None and smallest_seen(1e-9, needed) is None
