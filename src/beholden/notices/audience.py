"""Who is told: the people whom apps were given data of, frozen at one place of the ledger.

A person's place in the audience is worked out from the ledger alone. People who got the same fields of the same apps
by the same path on the same days form one cohort and get the same words, so that what a letter says is exact and what
is kept is a few bitmaps, not a row a person.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pyroaring import BitMap

from beholden.model.disclosure import RecordedDisclosure
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.time import day_of

CONTAINER = 65_536
"""People in one roaring container; a chunk of the audience is kept, read and sent by it."""


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """What one app was given of a person. `direct` and `indirect` may both be true; days are UTC, both inclusive."""

    app: AppNumber
    direct: bool
    indirect: bool
    fields: tuple[str, ...]
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Cohort:
    """People of whom the same is true. `shares` has one entry an app, by app."""

    number: int
    shares: tuple[Share, ...]
    people: BitMap


@dataclass(frozen=True)
class Audience:
    """The impacted set. `erased` counts impacted people who are not there any more and cannot be told.

    `ledger_size` and `checkpoint` say of which state of the ledger this is true.
    """

    cohorts: tuple[Cohort, ...]
    erased: int
    ledger_size: int
    checkpoint: str

    @cached_property
    def impacted(self) -> BitMap:
        """Everyone who must be told."""
        return BitMap.union(BitMap(), *(cohort.people for cohort in self.cohorts))

    @cached_property
    def direct(self) -> BitMap:
        """Those who connected one of the apps themselves."""
        return self._where(direct=True)

    @cached_property
    def indirect(self) -> BitMap:
        """Those whose data went through somebody else; they may be in `direct` too."""
        return self._where(direct=False)

    def _where(self, *, direct: bool) -> BitMap:
        of = (c.people for c in self.cohorts if any(s.direct if direct else s.indirect for s in c.shares))
        return BitMap.union(BitMap(), *of)

    @property
    def sha256(self) -> str:
        """The name of the impacted set; see `digest`."""
        return digest(self.impacted)


def digest(people: BitMap) -> str:
    """SHA-256 (hex) of the set's portable roaring serialization, run-optimized, as this library writes it."""
    copy = BitMap(people)
    copy.run_optimize()
    return hashlib.sha256(copy.serialize()).hexdigest()


@dataclass(slots=True)
class _Sum:
    """What one app was given of one person, so far."""

    first_day: date
    last_day: date
    fields: set[str]
    direct: bool = False
    indirect: bool = False


def shares(rows: Iterable[RecordedDisclosure]) -> dict[PersonNumber, tuple[Share, ...]]:
    """What each person must be told, from the ledger's rows of the apps in question."""
    sums: dict[PersonNumber, dict[AppNumber, _Sum]] = {}
    for row in rows:
        day = day_of(row.at)
        one = sums.setdefault(row.person, {}).setdefault(row.app, _Sum(day, day, set()))
        one.first_day, one.last_day = min(one.first_day, day), max(one.last_day, day)
        one.fields.update(row.fields)
        one.direct |= row.direct
        one.indirect |= not row.direct
    # Few different tuples stand for many people; each is kept once.
    interned: dict[tuple[Share, ...], tuple[Share, ...]] = {}
    told = ((person, tuple(_share(app, one[app]) for app in sorted(one))) for person, one in sums.items())
    return {person: interned.setdefault(theirs, theirs) for person, theirs in told}


def _share(app: AppNumber, one: _Sum) -> Share:
    return Share(app, one.direct, one.indirect, tuple(sorted(one.fields)), one.first_day, one.last_day)


def assemble(
    told: Mapping[PersonNumber, tuple[Share, ...]],
    erased: Collection[PersonNumber],
    ledger_size: int,
    checkpoint: str,
) -> Audience:
    """The audience: everyone in `told` except the erased, in cohorts, the largest first."""
    members: defaultdict[tuple[Share, ...], BitMap] = defaultdict(BitMap)
    for person, theirs in told.items():
        if person not in erased:
            members[theirs].add(person)
    largest_first = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    cohorts = tuple(Cohort(number, theirs, people) for number, (theirs, people) in enumerate(largest_first))
    return Audience(cohorts, len(told.keys() & set(erased)), ledger_size, checkpoint)
