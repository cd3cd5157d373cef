"""Recall from planted people, and what could have been missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.seeds import FormatSeeds
from beholden.forensics import seeding
from beholden.forensics.containers import Limits
from beholden.forensics.recall import Planted, Recall, of, power, smallest_seen
from beholden.journeys.judgement import recall


def test_everyone_planted_in_every_format_is_found() -> None:
    measured = recall(FileEvidence(), FormatSeeds(), "seed", Limits())
    assert len(measured.formats) == 15
    assert {one.format: one.found for one in measured.formats} == {one.format: 100 for one in measured.formats}
    assert measured.low > 0.96


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
