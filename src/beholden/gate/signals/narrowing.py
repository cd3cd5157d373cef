"""Narrowing: which fields of a grant a person's switches leave, so that an app hears of what it lost and of no more."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from beholden.model.catalogue import Catalogue
from beholden.model.grant import Grant
from beholden.model.ids import ClientId
from beholden.model.person import Choice, Scope

Position = tuple[str, str]
"""A switch: its scope and its target."""


@dataclass(frozen=True, slots=True)
class Effective:
    """What an app may have through a grant within the switches of the person who gave it."""

    fields: frozenset[str]
    through_fields: frozenset[str]


def off(choices: Iterable[Choice]) -> frozenset[Position]:
    """The switches that stand at "off"."""
    return frozenset((choice.scope, choice.target) for choice in choices if not choice.sharing)


def effective(grant: Grant, client_id: ClientId, switches_off: Collection[Position], catalogue: Catalogue) -> Effective:
    """What the switches leave of a grant. Who turned all sharing off, or this app, passes on nobody's data either."""
    if (Scope.ALL, "") in switches_off or (Scope.APP, client_id) in switches_off:
        return Effective(frozenset(), frozenset())
    gone = {t for s, t in switches_off if s == Scope.CLUSTER}
    kept = frozenset(f for f in grant.fields if (c := catalogue.by_field.get(f)) is None or c.name not in gone)
    return Effective(kept, grant.through_fields)


def lost(before: Effective, after: Effective) -> Effective:
    """What was there before and is not after."""
    return Effective(before.fields - after.fields, before.through_fields - after.through_fields)


def of_grant(grant: Grant) -> Effective:
    """All that a grant says, whatever the switches say."""
    return Effective(grant.fields, grant.through_fields)
