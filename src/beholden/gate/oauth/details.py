"""Rich authorization requests (RFC 9396): which fields, of whom and what for, said one by one instead of by scope.

There is one type, `beholden_fields`. `datatypes` are clusters or single fields of the catalogue, `purposes` are among
those that the app registered, `through` asks for contacts' data instead of the person's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from beholden.gate.oauth import strict
from beholden.gate.oauth.refusal import OAuthError, Refused, describable
from beholden.gate.oauth.scope import Wish
from beholden.model.catalogue import Catalogue
from beholden.model.grant import Grant

TYPE = "beholden_fields"
ACTION = "read"
MOST = 20
"""Details in one request."""
MOST_NAMES = 100
"""Names in one list of a detail."""
_KEYS = frozenset({"type", "datatypes", "purposes", "through", "actions"})
_ECHOED = frozenset({"identifier"})
"""What our own answers have besides; an app may send such a detail back to us."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Fields of the person, or (`through`) of their contacts, for these purposes."""

    fields: tuple[str, ...]
    purposes: tuple[str, ...]
    through: bool = False


@dataclass(frozen=True, slots=True)
class Requested:
    """A detail as it was sent: names of clusters or fields; None for `purposes` is every registered one."""

    names: tuple[str, ...]
    purposes: tuple[str, ...] | None
    through: bool


def read(text: str) -> tuple[Requested, ...] | Refused:
    """The details of an `authorization_details` parameter, whatever the catalogue has (RFC 9396, 2 and 5)."""
    try:
        value = strict.read(text)
    except ValueError:
        return _refused("authorization_details is not JSON that can be read in one way only.")
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        return _refused(f"authorization_details must be an array of 1 to {MOST} objects.")
    found: list[Requested] = []
    for one in value:
        requested = _one(one)
        if isinstance(requested, Refused):
            return requested
        found.append(requested)
    return tuple(found)


def wished(wishes: Sequence[Wish], requested: Sequence[Requested], catalogue: Catalogue) -> tuple[Wish, ...] | Refused:
    """What the details stand for, one wish a cluster, as far as the app has registered that it asks for it."""
    registered = {(wish.cluster, wish.through): wish for wish in wishes}
    found: dict[tuple[str, bool], Wish] = {}
    for one in requested:
        for name in one.names:
            cluster, fields = _resolved(name, catalogue)
            wish = registered.get((cluster, one.through))
            if wish is None:
                return _refused(f"This app has not registered that it asks for {name}{_whose(one.through)}.")
            purposes = wish.purposes if one.purposes is None else one.purposes
            for purpose in purposes:
                if purpose not in wish.purposes:
                    return _refused(f"This app has not registered {name}{_whose(one.through)} for {purpose}.")
            before = found.get((cluster, one.through))
            more = replace(wish, purposes=purposes, named=False, detailed=fields)
            found[cluster, one.through] = more if before is None else _both(before, more)
    return tuple(_keyed(wish, catalogue) for wish in found.values())


def merged(by_scope: Sequence[Wish], by_details: Sequence[Wish]) -> tuple[Wish, ...]:
    """Both ways of asking in one request: a cluster is put to the person once."""
    found = {(wish.cluster, wish.through): wish for wish in by_scope}
    for wish in by_details:
        same = found.get((wish.cluster, wish.through))
        place = (wish.cluster, wish.through)
        found[place] = wish if same is None else _joined(same, wish)
    return tuple(found.values())


def held(wishes: Sequence[Wish], grant: Grant, catalogue: Catalogue) -> tuple[Wish, ...]:
    """What of an app's registered wishes a grant fulfils, the whole of a cluster or a part of it."""
    found: list[Wish] = []
    for wish in wishes:
        fields = catalogue.fields_of(wish.cluster) & (grant.through_fields if wish.through else grant.fields)
        purposes = tuple(p for p in wish.purposes if p in grant.purposes)
        if fields and purposes:
            whole = fields == catalogue.fields_of(wish.cluster)
            part = replace(wish, purposes=purposes, named=whole, detailed=frozenset() if whole else fields)
            found.append(part if whole else _keyed(part, catalogue))
    return tuple(found)


def granted(allowed: Iterable[Wish]) -> tuple[Detail, ...]:
    """The details that a person allowed, with the fields by name."""
    return tuple(Detail(tuple(sorted(w.detailed)), w.purposes, w.through) for w in allowed if w.detailed)


def narrowed(held: Sequence[Detail], text: str, catalogue: Catalogue) -> tuple[Detail, ...] | Refused:
    """The details of a token that is asked for less (RFC 9396, 6): each must lie within one that was granted."""
    requested = read(text)
    if isinstance(requested, Refused):
        return requested
    found: list[Detail] = []
    for one in requested:
        fields = tuple(dict.fromkeys(f for name in one.names for f in sorted(_resolved(name, catalogue)[1])))
        within = [
            detail
            for detail in held
            if detail.through is one.through and (one.purposes is None or set(one.purposes) <= set(detail.purposes))
        ]
        if not fields:
            return _refused("A name in datatypes is not known.")
        for field in fields:
            if not any(field in detail.fields for detail in within):
                return _refused(f"{field}{_whose(one.through)} is more than the person allowed.")
        found += [
            Detail(tuple(f for f in fields if f in detail.fields), one.purposes or detail.purposes, one.through)
            for detail in within
            if any(f in detail.fields for f in fields)
        ]
    return tuple(found)


def document(details: Iterable[Detail], identifier: str) -> list[Mapping[str, object]]:
    """Details as they are told to apps and resource servers (RFC 9396, 7 and 9.2)."""
    return [
        {
            "type": TYPE,
            "identifier": identifier,
            "actions": [ACTION],
            "datatypes": list(detail.fields),
            "purposes": list(detail.purposes),
            "through": detail.through,
        }
        for detail in details
    ]


def _one(value: Any) -> Requested | Refused:
    if not isinstance(value, dict) or value.get("type") != TYPE:
        return _refused(f"Each detail is an object of the type {TYPE}.")
    for key in value:
        if key not in _KEYS | _ECHOED:
            return _refused(f"{TYPE} has no member {key}; use {', '.join(sorted(_KEYS))}.")
    names, purposes = _names(value.get("datatypes")), _names(value.get("purposes"))
    if names is None:
        return _refused(f"datatypes must be 1 to {MOST_NAMES} names of clusters or fields.")
    if "purposes" in value and purposes is None:
        return _refused(f"purposes must be 1 to {MOST_NAMES} texts.")
    if value.get("actions", [ACTION]) != [ACTION]:
        return _refused(f"The one action is {ACTION}.")
    through = value.get("through", False)
    if not isinstance(through, bool):
        return _refused("through must be true or false.")
    return Requested(names, purposes, through)


def _names(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_NAMES:
        return None
    return tuple(dict.fromkeys(value)) if all(isinstance(v, str) and 0 < len(v) <= 200 for v in value) else None


def _resolved(name: str, catalogue: Catalogue) -> tuple[str, frozenset[str]]:
    """The cluster that a name means and the fields of it. A cluster's name comes first where a field has the same."""
    if name in catalogue.by_name:
        return name, catalogue.fields_of(name)
    cluster = catalogue.by_field.get(name)
    return (cluster.name, frozenset({name})) if cluster is not None else (name, frozenset())


def _joined(one: Wish, other: Wish) -> Wish:
    """Two wishes for one cluster as one question: the wider one, with all purposes."""
    wider = one if one.fields is None or (other.fields is not None and other.fields <= one.fields) else other
    purposes = tuple(dict.fromkeys([*one.purposes, *other.purposes]))
    detailed = one.detailed | other.detailed
    if one.fields is not None and other.fields is not None and wider.fields != one.fields | other.fields:
        both = one.fields | other.fields
        name = f"{one.scope.partition('#')[0]}#{'+'.join(sorted(both))}"
        return replace(one, scope=name, purposes=purposes, fields=both, detailed=detailed)
    return replace(wider, purposes=purposes, named=one.named or other.named, detailed=detailed)


def _both(one: Wish, other: Wish) -> Wish:
    purposes = tuple(dict.fromkeys([*one.purposes, *other.purposes]))
    return replace(one, purposes=purposes, detailed=one.detailed | other.detailed)


def _keyed(wish: Wish, catalogue: Catalogue) -> Wish:
    """A part of a cluster is another question than the whole, so that a no to the one is none to the other."""
    if wish.detailed == catalogue.fields_of(wish.cluster):
        return wish
    return replace(wish, scope=f"{wish.scope}#{'+'.join(sorted(wish.detailed))}", fields=wish.detailed)


def _whose(through: bool) -> str:  # noqa: FBT001 - only words
    return " of contacts" if through else ""


def _refused(sentence: str) -> Refused:
    return Refused(OAuthError.INVALID_AUTHORIZATION_DETAILS, describable(sentence))
