"""How often an app may ask, in all and on one person's word: token buckets.

A bucket holds up to `burst` tokens and fills at `per_second`; a question takes one. Whom the question is about plays no
part: it is counted before anybody is looked up, so a limit says nothing of who is there (law 3).
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` on average, `burst` at once. None of either is no limit."""

    per_second: int
    burst: int

    @property
    def unlimited(self) -> bool:
        """Whether there is nothing to count."""
        return self.per_second <= 0 or self.burst <= 0


class Bucket(NamedTuple):
    """`tokens` at the time `at` (any monotonic seconds)."""

    tokens: float
    at: float


def filled(bucket: Bucket | None, rate: Rate, now: float) -> float:
    """What is in a bucket now; one that is not kept is full."""
    if bucket is None:
        return float(rate.burst)
    # A clock that steps back fills nothing.
    return min(float(rate.burst), bucket.tokens + max(0.0, now - bucket.at) * rate.per_second)


def wait(tokens: float, rate: Rate, cost: int) -> float:
    """Seconds until a bucket can pay `cost`; 0 where it can now.

    More than a whole bucket is asked for as one: otherwise a large question could never be answered.
    """
    lacking = min(cost, rate.burst) - tokens
    # A sliver that is missing by rounding alone is not worth another question.
    return 0.0 if lacking <= 1e-9 else lacking / rate.per_second
