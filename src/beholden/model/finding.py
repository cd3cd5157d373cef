"""Findings: what a watch rule says of an app, with its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from beholden.model.ids import AppNumber, DeveloperNumber, FindingId


class Level(StrEnum):
    """How bad it is if it is true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class RowQuery:
    """The exact ledger rows that a finding rests on: a filter that can be run again.

    `only` narrows to what the rule objects to: all, indirect, stranger, inactive, canary or own canary.
    """

    app: AppNumber
    first_day: date
    last_day: date
    only: str = "all"


@dataclass(frozen=True, slots=True)
class Finding:
    """`sentence` tells the evidence in words; `numbers` and `baseline` are what it was computed from."""

    id: FindingId
    rule: str
    level: Level
    app: AppNumber
    developer: DeveloperNumber
    first_day: date
    last_day: date
    score: float
    sentence: str
    numbers: Mapping[str, float]
    baseline: Mapping[str, float]
    rows: RowQuery
    found_at: datetime
    people: int = 0
