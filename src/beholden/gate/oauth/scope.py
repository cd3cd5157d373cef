"""Scopes (RFC 6749, 3.3): a cluster's name, or `through:` and a cluster's name for data of the person's contacts."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from beholden.gate.oauth.refusal import OAuthError, Refused, describable
from beholden.model.app import Ask
from beholden.model.catalogue import Catalogue

THROUGH = "through:"
QUERY, REVOKE = "grant_management_query", "grant_management_revoke"
MANAGEMENT = (QUERY, REVOKE)
"""Scopes that ask for no data: to look at the grant by its id, and to end it (Grant Management, 4)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: a cluster, of the person or of their contacts, and what for.

    `scope` is what the question is called: a scope, or a longer name where only some `fields` of the cluster are
    asked for (None is all). `named` says that a scope asked for it, `detailed` which fields `authorization_details`
    asked for (RFC 9396).
    """

    scope: str
    cluster: str
    through: bool
    purposes: tuple[str, ...]
    required: bool
    fields: frozenset[str] | None = None
    named: bool = True
    detailed: frozenset[str] = frozenset()

    def fields_in(self, catalogue: Catalogue) -> frozenset[str]:
        """The fields by name."""
        return catalogue.fields_of(self.cluster) if self.fields is None else self.fields


def scope_of(ask: Ask) -> str:
    """The scope by which an ask is requested."""
    return f"{THROUGH}{ask.cluster}" if ask.through else ask.cluster


def wishes_of(asks: Sequence[Ask]) -> tuple[Wish, ...]:
    """An app's registered asks, one wish a scope; asks for one cluster with several purposes are one wish."""
    gathered: dict[str, list[Ask]] = {}
    for ask in asks:
        gathered.setdefault(scope_of(ask), []).append(ask)
    return tuple(
        Wish(
            scope,
            same[0].cluster,
            same[0].through,
            tuple(dict.fromkeys(ask.purpose for ask in same)),
            any(ask.required for ask in same),
        )
        for scope, same in gathered.items()
    )


def wished(wishes: Sequence[Wish], scope: str | None) -> tuple[Wish, ...] | Refused:
    """The wishes that a scope parameter names; all of them where it is left out."""
    if scope is None:
        return tuple(wishes)
    names = scope.split(" ")
    known = {wish.scope for wish in wishes}
    for name in (name for name in names if name not in MANAGEMENT):
        if name not in known:
            return Refused(
                OAuthError.INVALID_SCOPE,
                describable(f"This app has not registered that it asks for {name or 'nothing'}."),
            )
    return tuple(wish for wish in wishes if wish.scope in names)


def management_of(scope: str | None) -> tuple[str, ...]:
    """The scopes for managing the grant that a scope parameter names."""
    return tuple(name for name in MANAGEMENT if name in (scope or "").split(" "))


def chosen(offered: Sequence[Wish], ticked: Collection[str]) -> tuple[Wish, ...]:
    """What a person allows who ticked these scopes: the required ones, and of the others those that were offered."""
    return tuple(wish for wish in offered if wish.required or wish.scope in ticked)


def fields_of(wishes: Iterable[Wish], catalogue: Catalogue, *, through: bool) -> frozenset[str]:
    """All fields of the wishes, the person's own or (`through`) their contacts'."""
    return frozenset(f for w in wishes if w.through is through for f in w.fields_in(catalogue))


def purposes_of(wishes: Iterable[Wish]) -> frozenset[str]:
    """All purposes that the person was shown."""
    return frozenset(purpose for wish in wishes for purpose in wish.purposes)


def text_of(scopes: Iterable[str]) -> str:
    """Scopes as one parameter, in a fixed order."""
    return " ".join(sorted(set(scopes)))
