"""What an examination says of the claim that the data was deleted.

Three answers only. Nothing can show that data exists nowhere, so there is no "deleted": *not contradicted* means that
all of the evidence was read and nobody was in it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """The answer."""

    CONTRADICTED = "contradicted"
    NOT_CONTRADICTED = "not contradicted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the verdict rests on.

    `against_claim` are corroborated people in unchanged exhibits whose data the app received up to the claimed
    deletion and not after it. `only_after` are people whom it (also) received later: finding those says nothing.
    `sought` is how many people could be looked for, `unsought` how many had nothing left to look for.
    """

    against_claim: int
    only_after: int
    sought: int
    unsought: int
    read: int
    complete: bool
    changed: int
    claimed_at: datetime | None
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and, in sentences, what it rests on."""

    verdict: Verdict
    because: tuple[str, ...]


def decide(facts: Facts) -> Decision:
    """The verdict. One person found contradicts the claim; nobody found counts only where everything was read."""
    early = facts.claimed_at is not None and facts.taken_at < facts.claimed_at
    if facts.against_claim and not early:
        return Decision(Verdict.CONTRADICTED, (_found(facts),))
    doubts = tuple(_doubts(facts, early=early))
    if doubts:
        return Decision(Verdict.INCONCLUSIVE, doubts)
    return Decision(
        Verdict.NOT_CONTRADICTED,
        (f"All evidence was read and none of {facts.sought} people was found in it, corroborated by two fields.",),
    )


def _found(facts: Facts) -> str:
    people = "1 person is" if facts.against_claim == 1 else f"{facts.against_claim} people are"
    claimed = "nothing is left" if facts.claimed_at is None else f"all was deleted by {facts.claimed_at:%Y-%m-%d}"
    return f"The data of {people} in the evidence, each shown by at least two fields; the claim was that {claimed}."


def _doubts(facts: Facts, *, early: bool) -> list[str]:
    doubts: list[str] = []
    if early:
        doubts.append("The evidence was taken before the date of the claimed deletion.")
    if facts.changed:
        doubts.append(f"{facts.changed} exhibit(s) changed during the examination, or are gone.")
    if not facts.read:
        doubts.append("There was nothing to read.")
    elif not facts.complete:
        doubts.append("Not everything could be read; what was left out is listed with its reasons.")
    if not facts.sought:
        doubts.append("The ledger names nobody who could be looked for.")
    if facts.unsought:
        doubts.append(f"{facts.unsought} people had no id or address that could be looked for.")
    if facts.only_after:
        doubts.append(
            f"{facts.only_after} people were found whose data the app also received after the claimed deletion."
        )
    return doubts
