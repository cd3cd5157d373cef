"""Rules: what each must say of itself, and what it is given to judge.

A rule is one file in `watch/rules/` with `INFO` and `score`. It is small enough to be read in a hearing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from beholden.model.finding import Level
from beholden.watch.features import AppDay

COLD_DAYS = 7
"""Earlier active days that an app must have before it is compared with itself: a young app has no habits yet."""


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """Everything that an investigator needs beside the number."""

    id: str
    title: str
    level: Level
    needs: frozenset[str]
    rows: str  # which ledger rows it objects to: RowQuery.only
    false_positives: str
    known_gaps: str
    runbook: tuple[str, ...]
    ask_developer: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a rule objects to an app's day: a sentence, its numbers, what they were compared with, and a score from 1."""

    score: float
    sentence: str
    people: int
    numbers: Mapping[str, float]
    baseline: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """A day beside the app's own earlier active days and the same weeks of other apps of its category."""

    day: AppDay
    history: Sequence[AppDay]
    peers: Sequence[AppDay]

    def own_high(self, feature: Callable[[AppDay], float]) -> float | None:
        """The 90th percentile of the app's earlier active days; None while it is cold."""
        values = [feature(d) for d in self.history]
        return quantiles(values, n=10)[-1] if len(values) >= COLD_DAYS else None

    def peers_median(self, feature: Callable[[AppDay], float]) -> float | None:
        """The median over the peers' days; None where there are too few to say."""
        values = [feature(d) for d in self.peers]
        return float(median(values)) if len(values) >= COLD_DAYS else None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's words and its judgement."""

    info: RuleInfo
    score: Callable[[Setting], Evidence | None]
