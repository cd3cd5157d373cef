"""Law 9 as a decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.forensics.verdict import Facts, Verdict, decide

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
