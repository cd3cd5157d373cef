"""Recall: how much of what is there an examination finds, measured on made-up people planted in copies of its formats.

What is planted goes through the same readers under the same limits. The share that is found, with its exact interval,
is what "nobody was found" rests on. It holds for the formats and spellings that were planted, and for no others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beholden.forensics.chance import Interval, binomial, clopper_pearson

SURE = 0.95
MAX_LEFT = 1_000_000


@dataclass(frozen=True, slots=True)
class Planted:
    """One format: how many made-up people were planted in it, and how many of them were found, corroborated."""

    format: str
    planted: int
    found: int

    @property
    def interval(self) -> Interval:
        """The share found, with its 95 % interval."""
        return clopper_pearson(self.found, self.planted, SURE)


@dataclass(frozen=True, slots=True)
class Recall:
    """What was planted, format by format. The weakest format is the recall that is claimed for all."""

    formats: tuple[Planted, ...]

    @property
    def weakest(self) -> Planted | None:
        """The format with the lowest lower end."""
        return min(self.formats, key=lambda one: (one.interval.low, one.format), default=None)

    @property
    def low(self) -> float:
        """The lower end that is relied upon; 0 where nothing was planted."""
        weakest = self.weakest
        return weakest.interval.low if weakest is not None else 0.0


def power(left: int, chance: float, needed: int = 1) -> float:
    """The probability that at least `needed` of so many people left behind are found, each with the same chance."""
    return math.exp(binomial(needed, left, chance))


def smallest_seen(chance: float, needed: int = 1, sure: float = SURE) -> int | None:
    """The fewest people left behind that would have been noticed with probability `sure`; None above a million."""
    if chance <= 0:
        return None
    low, high = needed, needed
    while power(high, chance, needed) < sure:
        low, high = high + 1, high * 2
        if high > MAX_LEFT:
            return None
    while low < high:
        middle = (low + high) // 2
        if power(middle, chance, needed) >= sure:
            high = middle
        else:
            low = middle + 1
    return high


def of(planted: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]]) -> Recall:
    """The recall of formats by their names: who was planted in each, and who was found in it."""
    return Recall(
        tuple(
            Planted(name, len(set(there)), len(set(there) & set(found.get(name, ()))))
            for name, there in sorted(planted.items())
        )
    )
