"""Tries come later and later, and end after a week."""

from datetime import UTC, datetime, timedelta

from beholden.gate.signals.retry import FIRST, LONGEST, is_over, next_try

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_each_wait_is_twice_the_last_up_to_six_hours() -> None:
    waits = [next_try(n, NOW) - NOW for n in range(1, 40)]
    assert waits[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waits[-1] == LONGEST and waits == sorted(waits)


def test_after_a_week_it_is_over() -> None:
    assert not is_over(NOW, NOW + timedelta(days=7, microseconds=-1))
    assert is_over(NOW, NOW + timedelta(days=7))
