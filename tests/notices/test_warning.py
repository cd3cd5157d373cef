"""When a warning is due: each once, late rather than skipped, never several at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.model.grant import EndReason, Grant
from beholden.model.ids import AppNumber, GrantId, PersonNumber
from beholden.notices.warning import Ending, due, ending, remaining

END = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = (14, 7, 1)
GRANT = Grant(
    GrantId("grant_1"),
    PersonNumber(1),
    AppNumber(1),
    frozenset({"name"}),
    frozenset(),
    frozenset({"service"}),
    END - timedelta(days=200),
    END,
)
MICRO = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=14) + MICRO, None),
        (timedelta(days=14), 14),
        (timedelta(days=7) + MICRO, 14),
        (timedelta(days=7), 7),
        (timedelta(days=1) + MICRO, 7),
        (timedelta(days=1), 1),
        (MICRO, 1),
        (timedelta(0), None),
        (-MICRO, None),
    ],
)
def test_the_most_urgent_warning_is_due_from_the_exact_moment(left: timedelta, expected: int | None) -> None:
    assert due(END, END - left, DAYS, []) == expected


@given(st.lists(st.integers(-3 * 1440, 20 * 1440), max_size=60).map(sorted))
def test_whenever_the_worker_runs_each_is_sent_once_and_a_missed_one_is_never_sent_beside_another(
    minutes_before: list[int],
) -> None:
    given_: list[int] = []
    for left in (timedelta(minutes=m) for m in reversed(minutes_before)):
        found = due(END, END - left, DAYS, given_)
        if found is not None:
            assert timedelta(0) < left <= timedelta(days=found)
            given_.append(found)
    assert given_ == sorted(set(given_), reverse=True)
    reached = [d for d in DAYS if any(0 < minutes <= d * 1440 for minutes in minutes_before)]
    if reached:
        assert given_[-1] == min(reached), "the most urgent one that a run could send was sent"


def test_the_earlier_of_disuse_and_age_ends_a_grant() -> None:
    assert ending(GRANT, END - timedelta(days=95), 90) == Ending(END - timedelta(days=5), EndReason.INACTIVE)
    assert ending(GRANT, END - timedelta(days=85), 90) == Ending(END, EndReason.AGE)
    assert ending(GRANT, None, 90) == Ending(GRANT.granted_at + timedelta(days=90), EndReason.INACTIVE)
    assert ending(GRANT, None, None) == Ending(END, EndReason.AGE)
    assert ending(replace(GRANT, ends_at=None), None, None) is None


def test_begun_days_count_whole() -> None:
    end = Ending(END, EndReason.AGE)
    assert remaining(end, END - timedelta(days=6, hours=1)) == "in 7 days"
    assert remaining(end, END - timedelta(days=1)) == "in 1 day"
    assert remaining(end, END - timedelta(minutes=5)) == "in 1 day"
