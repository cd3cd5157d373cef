"""Retries: when a delivery that failed is tried again, and when it is given up."""

from datetime import datetime, timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(hours=6)
GIVEN_UP_AFTER = timedelta(days=7)
"""A receiver that does not answer for a week has to ask the gate again anyway, for every grant that it holds."""


def next_try(failures: int, now: datetime) -> datetime:
    """After so many failures in a row (1 is the first): 15 s, doubled each time, at most six hours."""
    doubled: timedelta = FIRST * (1 << min(failures - 1, 20))
    return now + min(doubled, LONGEST)


def is_over(since: datetime, now: datetime) -> bool:
    """Whether what waits since then is given up."""
    return now - since >= GIVEN_UP_AFTER
