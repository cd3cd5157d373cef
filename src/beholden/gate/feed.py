"""The change feed's words: what of the gate's facts a transaction changed, as keys, never as values.

A key says which rows to read anew. Naming too much is harmless and naming too little is not; so whatever is too long
to be said row by row is said more coarsely (`keys`): a batch of an import is a range, what a ban ends is an app.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from beholden.model.ids import NOBODY, AppNumber, PersonNumber

MOST_KEYS = 5_000
"""Keys that one transaction may leave; also about as much as a follower puts into its table at once."""


NO_APP = AppNumber(0)


class ChangeKind(StrEnum):
    """What a key names."""

    PEOPLE = "people"  # the people of a range of numbers, and every pair of theirs
    PAIR = "pair"  # one person beside one app
    APP = "app"  # an app: standing, approvals, contracts, its developer's standing
    ENDED = "ended"  # every pair of an app whose grants were ended at once
    POLICY = "policy"  # the policy, and with it every app's approvals
    EVERYTHING = "everything"  # whoever follows starts anew


@dataclass(frozen=True, slots=True)
class Change:
    """One key. A person alone is a range of one; `app` is 0 where the key names none."""

    kind: ChangeKind
    first: PersonNumber = NOBODY
    last: PersonNumber = NOBODY
    app: AppNumber = NO_APP


@dataclass(frozen=True, slots=True)
class Changes:
    """What the feed says after an epoch: whole transactions up to `epoch`, in the order of their commits.

    `head` is the feed's end in the same snapshot.
    """

    changes: Sequence[Change]
    epoch: int
    head: int


@dataclass
class Named:
    """What a transaction has named so far."""

    people: set[int] = field(default_factory=set)
    pairs: set[tuple[int, int]] = field(default_factory=set)
    apps: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    policy: bool = False
    everything: bool = False


def keys(named: Named, most: int = MOST_KEYS) -> list[Change]:
    """The keys that say at least what was named, `most` at most besides those of apps; apps first, they are few."""
    if named.everything:
        return [Change(ChangeKind.EVERYTHING)]
    said = [Change(ChangeKind.POLICY)] if named.policy else []
    said += [Change(ChangeKind.APP, app=AppNumber(app)) for app in sorted(named.apps)]
    said += [Change(ChangeKind.ENDED, app=AppNumber(app)) for app in sorted(named.ended)]
    pairs = sorted(pair for pair in named.pairs if pair[0] not in named.people)
    people = sorted(named.people)
    ranges = _ranges(people, 1)
    if len(ranges) + len(pairs) > most:
        people, pairs = sorted({*people, *(person for person, _ in pairs)}), []
        ranges = _few_ranges(people, most)
    said += [Change(ChangeKind.PEOPLE, PersonNumber(first), PersonNumber(last)) for first, last in ranges]
    said += [Change(ChangeKind.PAIR, PersonNumber(p), PersonNumber(p), AppNumber(app)) for p, app in pairs]
    return said


def covers(changes: Iterable[Change], person: PersonNumber | None, app: AppNumber | None) -> bool:
    """Whether the keys name this person (`app` None), this app (`person` None), or this pair."""
    for change in changes:
        within = person is not None and change.first <= person <= change.last
        match change.kind:
            case ChangeKind.EVERYTHING:
                return True
            case ChangeKind.PEOPLE if within:
                return True
            case ChangeKind.PAIR if within and change.app == app:
                return True
            case ChangeKind.ENDED if person is not None and change.app == app:
                return True
            case ChangeKind.APP if person is None and change.app == app:
                return True
            case ChangeKind.POLICY if person is None:
                return True
    return False


def _few_ranges(people: Sequence[int], most: int) -> list[tuple[int, int]]:
    gap = 1
    while len(ranges := _ranges(people, gap)) > most:
        gap *= 2
    return ranges


def _ranges(numbers: Collection[int], gap: int) -> list[tuple[int, int]]:
    """Ascending numbers as ranges; neighbours that are at most `gap` apart share one."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number - ranges[-1][1] <= gap:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
