"""Law 9 as a decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.forensics.recall import Planted, Recall
from beholden.forensics.verdict import Facts, Verdict, decide, needed
from bench.judgement import wrongly_contradicted

CLAIMED = datetime(2026, 3, 1, tzinfo=UTC)
CLEAN = Facts(
    against_claim=0,
    only_after=0,
    sought=10,
    unsought=0,
    read=1000,
    complete=True,
    changed=0,
    claimed_at=CLAIMED,
    taken_at=CLAIMED + timedelta(days=1),
)


def test_one_person_found_contradicts_the_claim() -> None:
    assert decide(replace(CLEAN, against_claim=1)).verdict is Verdict.CONTRADICTED


def test_one_person_found_contradicts_it_however_much_was_unreadable() -> None:
    assert decide(replace(CLEAN, against_claim=1, complete=False, changed=2)).verdict is Verdict.CONTRADICTED


def test_nobody_found_in_everything_does_not_contradict() -> None:
    assert decide(CLEAN).verdict is Verdict.NOT_CONTRADICTED


@pytest.mark.parametrize(
    "doubt",
    [
        {"complete": False},
        {"changed": 1},
        {"read": 0},
        {"sought": 0},
        {"unsought": 1},
        {"only_after": 1},
        {"taken_at": CLAIMED - timedelta(seconds=1)},
    ],
)
def test_law_9_any_doubt_makes_it_inconclusive(doubt: dict[str, object]) -> None:
    decision = decide(replace(CLEAN, **doubt))  # type: ignore[arg-type]
    assert decision.verdict is Verdict.INCONCLUSIVE and len(decision.because) == 1


def test_evidence_taken_before_the_claimed_day_says_nothing_against_it() -> None:
    early = replace(CLEAN, against_claim=5, taken_at=CLAIMED - timedelta(days=1))
    assert decide(early).verdict is Verdict.INCONCLUSIVE


def test_law_9_there_are_three_answers_and_none_says_that_data_is_gone() -> None:
    assert {verdict.value for verdict in Verdict} == {"contradicted", "not contradicted", "inconclusive"}


def planted(found: int) -> Recall:
    return Recall((Planted("CSV", 100, found),))


def test_finds_that_chance_may_give_do_not_contradict() -> None:
    decision = decide(replace(CLEAN, against_claim=2, expected=1.0))
    assert decision.verdict is Verdict.INCONCLUSIVE and "chance alone may give" in decision.because[0]
    assert decide(replace(CLEAN, against_claim=40, expected=1.0)).verdict is Verdict.CONTRADICTED


def test_an_own_id_contradicts_where_addresses_alone_would_not() -> None:
    doubtful = replace(CLEAN, against_claim=2, expected=5.0)
    assert decide(replace(doubtful, attributed=1, expected_attributed=1e-20)).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize("expected", [0.0, 1e-6, 0.01, 1.0, 30.0])
def test_as_many_as_are_needed_contradict_and_one_fewer_does_not(expected: float) -> None:
    fewest = needed(expected)
    assert decide(replace(CLEAN, against_claim=2 * fewest, expected=expected)).verdict is Verdict.CONTRADICTED
    fewer = decide(replace(CLEAN, against_claim=fewest - 1, expected=expected)).verdict
    assert fewer is (Verdict.INCONCLUSIVE if fewest > 1 else Verdict.NOT_CONTRADICTED)


@pytest.mark.parametrize("expected", [0.1, 1.0])
def test_who_kept_nothing_is_contradicted_in_fewer_than_one_of_a_thousand(expected: float) -> None:
    assert wrongly_contradicted(expected, 20_000) <= 20


def test_what_would_have_been_noticed_is_said_with_its_numbers() -> None:
    test = decide(replace(CLEAN, recall=planted(100))).test
    assert test.smallest == 1 and "95%" in test.sentence and "100 of 100" in test.sentence
    weak = decide(replace(CLEAN, recall=planted(50))).test
    assert weak.smallest is not None and weak.smallest > 5


def test_law_9_without_complete_coverage_no_residue_is_excluded() -> None:
    test = decide(replace(CLEAN, complete=False, recall=planted(100))).test
    assert test.smallest is None and "no number of people" in test.sentence


def test_law_9_without_planted_people_what_was_missed_has_no_number() -> None:
    assert decide(CLEAN).test.smallest is None
    assert decide(replace(CLEAN, recall=planted(0))).test.smallest is None


def test_law_9_tables_of_the_apps_people_under_one_key_are_never_clean() -> None:
    assert decide(replace(CLEAN, derived=1)).verdict is Verdict.INCONCLUSIVE
