"""Deadlines: silence past one is a refusal (R2)."""

from collections.abc import Iterable
from datetime import datetime

from beholden.cases.case import Case, Lapse, Refuse, advance
from beholden.model.act import Actor, ActorKind
from beholden.model.refusal import Refusal
from beholden.model.time import text

RULE = "rfi-silence"
"""The rule that an automatic ban cites (law 10)."""
CLOCK = Actor(ActorKind.SYSTEM, RULE)


def lapsed(cases: Iterable[Case], now: datetime) -> list[Case]:
    """The cases whose RFI is unanswered at its deadline; the instant of the deadline itself is too late."""
    return [case for case in cases if case.due is not None and now >= case.due]


def overdue(case: Case, now: datetime) -> Case | Refusal:
    """The case with its deadline on record as passed."""
    return advance(case, Lapse(CLOCK, now))


def refused(case: Case, now: datetime) -> Case | Refusal:
    """The overdue case with the silence on record as a refusal."""
    due = case.rfis[-1].due if case.rfis else now
    return advance(case, Refuse(CLOCK, now, f"{RULE}: silence past {text(due)} is a refusal"))
