"""What a token opens now: of what it was issued for, that which the gate would let through at this moment.

A token's life and access to data are two clocks. A token may be good, so that the app can tell whom it serves, while
the gate gives it nothing: the person has switched sharing off, or the app is held to less. Who reads this learns what,
not why (law 3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from beholden.gate.decision import judge, terms
from beholden.gate.facts import Facts
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.scope import THROUGH
from beholden.model.catalogue import Catalogue
from beholden.model.policy import Policy

_Place = tuple[bool, str]
"""Whether of contacts, and which field."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`until` is when a clock alone may first make it less; None where none runs, or nothing is left."""

    details: tuple[Detail, ...]
    until: datetime | None


def reach(
    facts: Facts,
    scope: str,
    details: Iterable[Detail],
    *,
    policy: Policy,
    catalogue: Catalogue,
    now: datetime,
) -> Reach:
    """What a token with this scope and these details opens, for the granting person of `facts`.

    Contacts' fields are those that the gate would give of a contact who shares them; of which contacts is asked with
    each record.
    """
    if facts.grant is None or facts.through is None:
        return Reach((), None)
    wanted = _wanted(scope, details, facts.grant.purposes, catalogue)
    opened: dict[_Place, list[str]] = {}
    ends: list[datetime] = []
    for purpose in sorted(facts.grant.purposes):
        places = {place for place, purposes in wanted.items() if purpose in purposes}
        found, until = _opened(facts, places, purpose, policy, catalogue, now)
        for place in found:
            opened.setdefault(place, []).append(purpose)
        ends += [until] if until is not None else []
    return Reach(_gathered(opened), min(ends, default=None) if opened else None)


def covered(details: Iterable[Detail], opened: Reach) -> tuple[Detail, ...]:
    """Of these details, what is open: as they were granted, less what the gate would not give now."""
    by_place = {(d.through, f): d.purposes for d in opened.details for f in d.fields}
    found: list[Detail] = []
    for detail in details:
        left: dict[tuple[str, ...], list[str]] = {}
        for field in detail.fields:
            purposes = tuple(p for p in detail.purposes if p in by_place.get((detail.through, field), ()))
            if purposes:
                left.setdefault(purposes, []).append(field)
        found += [Detail(tuple(fields), purposes, detail.through) for purposes, fields in left.items()]
    return tuple(found)


def _wanted(
    scope: str, details: Iterable[Detail], purposes: frozenset[str], catalogue: Catalogue
) -> Mapping[_Place, set[str]]:
    wanted: dict[_Place, set[str]] = {}
    for name in scope.split():
        through = name.startswith(THROUGH)
        for field in catalogue.fields_of(name.removeprefix(THROUGH)):
            wanted.setdefault((through, field), set()).update(purposes)
    for detail in details:
        for field in detail.fields:
            wanted.setdefault((detail.through, field), set()).update(detail.purposes)
    return wanted


def _opened(
    facts: Facts, places: set[_Place], purpose: str, policy: Policy, catalogue: Catalogue, now: datetime
) -> tuple[list[_Place], datetime | None]:
    """Which of these places are open for one purpose, and until when."""
    assert facts.through is not None
    asked = {field for _, field in places}
    settled = terms(facts, asked, purpose, policy=policy, catalogue=catalogue, now=now)
    own = judge(settled, facts.through.number, sorted(field for through, field in places if not through))
    found: list[_Place] = [(False, field) for field in own.allowed]
    ends = [own.until]
    if settled.refusal is None and settled.granter_refusal is None:
        for through, field in sorted(places):
            place = settled.contacts.get(field) if through else None
            if place is not None and place.before is None and place.after is None:
                found.append((True, field))
                ends += [settled.until, place.until]
    return found, min((end for end in ends if end is not None), default=None)


def _gathered(opened: Mapping[_Place, list[str]]) -> tuple[Detail, ...]:
    """One detail for all fields that are open for the same purposes."""
    together: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for (through, field), purposes in sorted(opened.items()):
        together.setdefault((through, tuple(purposes)), []).append(field)
    return tuple(Detail(tuple(fields), purposes, through) for (through, purposes), fields in together.items())
