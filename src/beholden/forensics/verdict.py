"""What an examination says of the claim that the data was deleted, and how sure that is.

Three answers only. Nothing can show that data exists nowhere, so there is no "deleted": *not contradicted* means that
all of the evidence was read and nobody was in it. Each answer is a test of one hypothesis, "the data was deleted, and
what was found is chance", and says how often it errs: how rarely chance would give the finds, or how many people left
behind would have been noticed.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from beholden.forensics.chance import at_most, poisson
from beholden.forensics.density import DOUBT
from beholden.forensics.recall import SURE, Recall, smallest_seen

ALPHA = 0.001
"""A claim is contradicted only where chance would give the finds in fewer than one of a thousand examinations."""
MOST_NEEDED = 10_000


class Verdict(StrEnum):
    """The answer."""

    CONTRADICTED = "contradicted"
    NOT_CONTRADICTED = "not contradicted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the verdict rests on.

    `against_claim` are people in unchanged exhibits, corroborated or by a key of the app's own in a derived table,
    whose data the app received up to the claimed deletion and not after it. `only_after` are people whom it (also)
    received later: finding those says nothing. `sought` is how many people could be looked for, `unsought` how many
    had nothing left to look for. `expected` is how many people chance would give, `recall` what planted people showed,
    `derived` how many tables are derived from the app's data though nobody in them is corroborated. `attributed` are
    those against the claim with an id that only this app was given; of such, chance gives `expected_attributed`.
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
    expected: float = 0.0
    recall: Recall | None = None
    derived: int = 0
    attributed: int = 0
    expected_attributed: float = 0.0


@dataclass(frozen=True, slots=True)
class Test:
    """The test behind the verdict.

    `log_p` is the log probability that chance gives at least as many people as were found; `needed` how many it takes
    to contradict. `recall` is the lower end of the recall that is relied upon, `smallest` the fewest people left
    behind that would have been noticed with 95 % probability (None: not known).
    """

    expected: float
    log_p: float
    needed: int
    recall: float
    smallest: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and, in sentences, what it rests on; `test` says how often such a verdict errs."""

    verdict: Verdict
    because: tuple[str, ...]
    test: Test


def decide(facts: Facts) -> Decision:
    """The verdict. One person found contradicts the claim, unless chance may give one; nobody found counts only where
    everything was read."""
    early = facts.claimed_at is not None and facts.taken_at < facts.claimed_at
    log_p = _log_p(facts)
    if facts.against_claim and not early and log_p <= math.log(ALPHA):
        return Decision(Verdict.CONTRADICTED, (_found(facts),), _test(facts, log_p))
    doubts = tuple(_doubts(facts, early=early))
    if doubts:
        return Decision(Verdict.INCONCLUSIVE, doubts, _test(facts, log_p))
    return Decision(
        Verdict.NOT_CONTRADICTED,
        (f"All evidence was read and none of {facts.sought} people was found in it, corroborated by two fields.",),
        _test(facts, log_p),
    )


def _log_p(facts: Facts) -> float:
    """Two ways to be found by chance, by any fields and by an own id: the rarer one, counted double for the choice."""
    if not facts.against_claim:
        return 0.0
    by_any = poisson(facts.against_claim, facts.expected, doubt=DOUBT)
    by_own = poisson(facts.attributed, facts.expected_attributed, doubt=DOUBT)
    return min(0.0, math.log(2) + min(by_any, by_own))


def needed(expected: float, doubt: float = DOUBT) -> int:
    """How many people must be found before chance is excluded; `MOST_NEEDED` where no fewer will do."""
    low, high = 1, MOST_NEEDED
    while low < high:
        middle = (low + high) // 2
        if poisson(middle, expected, doubt=doubt) <= math.log(ALPHA):
            high = middle
        else:
            low = middle + 1
    return low


def _test(facts: Facts, log_p: float) -> Test:
    fewest = needed(facts.expected)
    low = facts.recall.low if facts.recall is not None else 0.0
    smallest = smallest_seen(low, fewest) if facts.complete and facts.read else None
    return Test(facts.expected, log_p, fewest, low, smallest, _error(facts, log_p, fewest, low, smallest))


def _error(facts: Facts, log_p: float, fewest: int, low: float, smallest: int | None) -> str:
    """In words: how often the finds would come by chance, or what would have been missed."""
    if facts.against_claim:
        return (
            f"Were nothing left, chance would give {facts.against_claim:,} or more such people in at most "
            f"{at_most(log_p)} of such examinations ({_rate(facts.expected)} expected, taken to be uncertain by its "
            f"own size); a verdict of contradicted needs {fewest:,} and is wrong in fewer than {ALPHA:g}."
        )
    if not facts.complete or not facts.read:
        return "What was not read may hold anything: no number of people left behind can be excluded."
    if facts.recall is None or smallest is None:
        return "Nobody was planted to measure the recall, so what could have been missed has no number."
    weakest = facts.recall.weakest
    assert weakest is not None
    people = "one person" if smallest == 1 else f"{smallest:,} people"
    return (
        f"If {people} or more had been left in the formats that were tried, at least {fewest:,} would have been "
        f"found with {SURE:.0%} probability: of planted people, {weakest.found:,} of {weakest.planted:,} were found "
        f"in the weakest format ({weakest.format}), which is {low:.1%} or more. Forms that were not tried are not "
        "covered by this."
    )


def _rate(expected: float) -> str:
    return f"{expected:.2g}" if expected >= 1e-9 else "fewer than one in a billion"


def _found(facts: Facts) -> str:
    people = "1 person is" if facts.against_claim == 1 else f"{facts.against_claim} people are"
    claimed = "nothing is left" if facts.claimed_at is None else f"all was deleted by {facts.claimed_at:%Y-%m-%d}"
    shown = "each shown by at least two fields, or by an id of the app's own in a table of its people"
    return f"The data of {people} in the evidence, {shown}; the claim was that {claimed}."


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
    if facts.against_claim and not early:
        doubts.append(
            f"{facts.against_claim} people were found, which chance alone may give: {facts.expected:.2g} are expected."
        )
    if facts.derived:
        doubts.append(
            f"{facts.derived} table(s) hold the app's people, more than chance gives, by one key alone; see there."
        )
    if not facts.sought:
        doubts.append("The ledger names nobody who could be looked for.")
    if facts.unsought:
        doubts.append(f"{facts.unsought} people had no id or address that could be looked for.")
    if facts.only_after:
        doubts.append(
            f"{facts.only_after} people were found whose data the app also received after the claimed deletion."
        )
    return doubts
