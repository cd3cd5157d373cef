"""What a person can be offered, what it becomes when they allow it, and when it has lapsed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from beholden.gate.decision import decide, expires_at
from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.gate.oauth.scope import Wish, fields_of, purposes_of
from beholden.model.catalogue import Catalogue
from beholden.model.decision import Reason
from beholden.model.grant import EndReason, Grant
from beholden.model.ids import AppNumber, GrantId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.time import whole_second

_ANYONE = PersonNumber(1)


@dataclass(frozen=True, slots=True)
class Offer:
    """`open` can be had if the person allows it; `withheld` cannot, and why, whatever the person says."""

    open: tuple[Wish, ...]
    withheld: Mapping[str, Reason]


def offer(app: AppFacts, wishes: Sequence[Wish], policy: Policy, catalogue: Catalogue, now: datetime) -> Offer:
    """Which wishes the gate would fulfil if the person allowed them now.

    It asks the gate itself, with a grant that nobody gave: a person is not asked for what cannot be given (R8), and
    there is one place where that is decided.
    """
    open_: list[Wish] = []
    withheld: dict[str, Reason] = {}
    for wish in wishes:
        refusals = {p: _refusal(app, wish.cluster, p, policy, catalogue, now) for p in wish.purposes}
        purposes = tuple(p for p, reason in refusals.items() if reason is None)
        if purposes:
            open_.append(replace(wish, purposes=purposes))
        else:
            withheld[wish.scope] = next((r for r in refusals.values() if r is not None), Reason.NOT_APPROVED)
    return Offer(tuple(open_), withheld)


def _refusal(
    app: AppFacts, cluster: str, purpose: str, policy: Policy, catalogue: Catalogue, now: datetime
) -> Reason | None:
    fields = catalogue.fields_of(cluster)
    if not fields:
        return Reason.FIELD_UNKNOWN
    grant = Grant(
        GrantId("grant_imagined"), _ANYONE, app.number, fields, fields, frozenset({purpose}), now, ends_at=None
    )
    person = PersonFacts(_ANYONE, had_grant=True, last_use=now)
    facts = Facts(lag_ms=0, app=app, through=person, grant=grant, persons={_ANYONE: person})
    decision = decide(facts, _ANYONE, sorted(fields), purpose, policy=policy, catalogue=catalogue, now=now)
    return next(iter(decision.denied.values()), None)


def grant_of(
    id_: GrantId,
    person: PersonNumber,
    app: AppNumber,
    allowed: Sequence[Wish],
    *,
    catalogue: Catalogue,
    policy: Policy,
    now: datetime,
) -> Grant:
    """The grant that a person gives who allows these wishes now."""
    ends_at = None if policy.grant_max_days is None else whole_second(now) + timedelta(days=policy.grant_max_days)
    return Grant(
        id_,
        person,
        app,
        fields_of(allowed, catalogue, through=False),
        fields_of(allowed, catalogue, through=True),
        purposes_of(allowed),
        now,
        ends_at,
    )


def lapse(grant: Grant, last_use: datetime | None, policy: Policy, now: datetime) -> EndReason | None:
    """Why an active grant is over although nobody has ended it yet: its age, or 90 days without the person (R6).

    The sweep that ends it on the record may come late; nobody may gain by that.
    """
    if grant.ends_at is not None and now >= grant.ends_at:
        return EndReason.AGE
    if policy.inactivity_days is None:
        return None
    end = expires_at(last_use, policy)
    return EndReason.INACTIVE if end is None or now >= end else None
