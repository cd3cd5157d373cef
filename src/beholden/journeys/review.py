"""Review: an app asks to be given more than basic data, the platform answers, the developer signs (R8).

A permission is for one cluster of one app for one purpose. It lapses by itself when it is not used; the gate knows that
from the clock alone, the sweep only writes it down.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from beholden.journeys.acts import operators_only, record
from beholden.journeys.enforce import refuse_if_stopped
from beholden.journeys.enrol import known_app
from beholden.journeys.ports import Contract, Engines, Review, Unit
from beholden.journeys.signal import permissions_ended
from beholden.journeys.wording import checked_text
from beholden.model.act import SYSTEM, Act, Actor, ActorKind
from beholden.model.app import App
from beholden.model.catalogue import FieldClass
from beholden.model.errors import BadInput, Conflict, NotAllowed, NotFound
from beholden.model.policy import Policy

__all__ = ["Contract", "Review", "ReviewView"]

REQUESTED, APPROVED, REFUSED, LAPSED = "requested", "approved", "refused", "lapsed"
MAX_REASON = 2_000
MAX_TERMS = 1_000_000


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with the names on it. `signed`: so are the terms for its cluster. `lapses_at`: by disuse or its end."""

    review: Review
    app: App
    developer_name: str
    signed: bool
    lapses_at: datetime | None


def request(engines: Engines, actor: Actor, client_id: str, cluster: str, purpose: str) -> Review:
    """An app's wish for one cluster for one purpose that it has registered. Raises Conflict while another is open."""
    now = engines.clock.now()
    with engines.store.write() as unit:
        app = known_app(unit, client_id)
        _refuse_stranger(actor, app)
        refuse_if_stopped(unit, app.developer)
        _refuse_wish(engines, app, cluster, purpose)
        standing = [r for r in unit.directory.reviews(app.number) if (r.cluster, r.purpose) == (cluster, purpose)]
        policy = unit.directory.policy()
        for known in standing:
            if known.state == REQUESTED or (known.state == APPROVED and not _lapsed(known, policy, now)):
                raise Conflict(f"A review of {cluster!r} for {purpose!r} is {known.state} already.", "Wait for it.")
        review = Review(engines.ids.new("review"), app.number, cluster, purpose, REQUESTED, now)
        unit.directory.put_review(review)
        record(engines, _act(actor, "review:request", review, now))
    return review


def decide(
    engines: Engines,
    actor: Actor,
    review_id: str,
    *,
    approve: bool,
    reason: str,
    until: datetime | None = None,
) -> Review:
    """An operator's answer, with its reason. `until` ends an approval at a fixed time.

    An approval of a stopped developer is refused. An approved permission can be taken away by refusing it.
    """
    reason = checked_text(reason, "reason", MAX_REASON, lines=True)
    now = engines.clock.now()
    if until is not None and (not approve or until <= now):
        raise BadInput("An end is for an approval, and lies ahead.", "Leave it out or choose a later one.")
    with engines.store.write() as unit:
        operators_only(unit, actor)
        review = _known(unit, review_id)
        if review.state != REQUESTED and (approve or review.state != APPROVED):
            raise Conflict(f"The review is {review.state} already.", "The app may ask again.")
        app = unit.directory.app_by_number(review.app)
        assert app is not None, "a review is of an app"
        if approve:
            refuse_if_stopped(unit, app.developer)
        decided = replace(
            review,
            state=APPROVED if approve else REFUSED,
            decided_at=now,
            decided_by=actor.id,
            until=until,
        )
        unit.directory.put_review(decided)
        if review.state == APPROVED:
            permissions_ended(unit, [decided], now)
        verb = "review:approve" if approve else "review:refuse"
        record(engines, _act(actor, verb, decided, now, reason=reason))
    return decided


def sign(engines: Engines, actor: Actor, client_id: str, cluster: str, signatory: str, terms: str) -> Contract:
    """The developer's signature under the terms for one cluster; what is kept of the terms is their SHA-256."""
    if not terms.strip() or len(terms) > MAX_TERMS:
        raise BadInput(f"The terms must have 1 to {MAX_TERMS} characters.", "Give the whole text that is signed.")
    now = engines.clock.now()
    digest = hashlib.sha256(terms.encode()).hexdigest()
    with engines.store.write() as unit:
        app = known_app(unit, client_id)
        _refuse_stranger(actor, app)
        refuse_if_stopped(unit, app.developer)
        _refuse_cluster(engines, cluster)
        contract = Contract(app.number, cluster, checked_text(signatory, "signatory", 200), now, digest)
        unit.directory.sign(contract)
        details = {"cluster": cluster, "terms_sha256": digest}
        record(engines, Act(actor, "contract:sign", f"app:{app.number}", now, app.number, details))
    return contract


def set_verified(engines: Engines, actor: Actor, client_id: str, *, verified: bool) -> None:
    """An operator lifts or restores the limit on how many people may connect an app."""
    now = engines.clock.now()
    with engines.store.write() as unit:
        operators_only(unit, actor)
        app = known_app(unit, client_id)
        if verified:
            refuse_if_stopped(unit, app.developer)
        unit.directory.set_verified(app.number, verified=verified)
        verb = "app:verify" if verified else "app:unverify"
        record(engines, Act(actor, verb, f"app:{app.number}", now, app.number))


def lapse_unused(engines: Engines) -> list[Review]:
    """Write down which permissions have lapsed, by disuse or by their end; those that did."""
    now = engines.clock.now()
    with engines.store.write() as unit:
        policy = unit.directory.policy()
        gone = [
            replace(review, state=LAPSED, decided_at=now, decided_by=str(SYSTEM))
            for review in unit.directory.reviews()
            if review.state == APPROVED and _lapsed(review, policy, now)
        ]
        for review in gone:
            unit.directory.put_review(review)
        permissions_ended(unit, gone, now)
        if gone:
            engines.ledger.append([_act(SYSTEM, "review:lapse", review, now) for review in gone])
    return gone


def reviews(engines: Engines, *, state: str | None = None, client_id: str | None = None) -> list[ReviewView]:
    """Reviews, newest first."""
    with engines.store.read() as unit:
        of = None if client_id is None else known_app(unit, client_id).number
        found = [r for r in unit.directory.reviews(of) if state is None or r.state == state]
        policy = unit.directory.policy()
        return [_view(unit, review, policy) for review in found]


def show(engines: Engines, review_id: str) -> ReviewView:
    """One review; raises NotFound."""
    with engines.store.read() as unit:
        return _view(unit, _known(unit, review_id), unit.directory.policy())


def _view(unit: Unit, review: Review, policy: Policy) -> ReviewView:
    app = unit.directory.app_by_number(review.app)
    assert app is not None, "a review is of an app"
    developer = unit.directory.developer(app.developer)
    assert developer is not None, "an app belongs to a developer"
    signed = any(c.cluster == review.cluster for c in unit.directory.contracts(app.number))
    lapses_at = _lapse(review, policy) if review.state == APPROVED else None
    return ReviewView(review, app, developer.name, signed, lapses_at)


def _known(unit: Unit, review_id: str) -> Review:
    for review in unit.directory.reviews():
        if review.id == review_id:
            return review
    raise NotFound(f"There is no review {review_id!r}.", "`beholden app review list` names them.")


def _lapse(review: Review, policy: Policy) -> datetime | None:
    """When an approval ends: at its fixed end, or when it was not used for so long."""
    used = review.last_used_at or review.decided_at
    ends = [review.until]
    if policy.permission_unused_days is not None and used is not None:
        ends.append(used + timedelta(days=policy.permission_unused_days))
    return min((end for end in ends if end is not None), default=None)


def _lapsed(review: Review, policy: Policy, now: datetime) -> bool:
    end = _lapse(review, policy)
    return end is not None and end <= now


def _refuse_stranger(actor: Actor, app: App) -> None:
    """Only the app's own developer speaks for it; an operator may write down what came on paper."""
    owner = actor.kind is ActorKind.DEVELOPER and actor.id == str(app.developer)
    if not owner and actor.kind is not ActorKind.OPERATOR:
        raise NotAllowed("Only the app's developer may do this.", "Sign in as them.")


def _refuse_wish(engines: Engines, app: App, cluster: str, purpose: str) -> None:
    _refuse_cluster(engines, cluster)
    if not any((ask.cluster, ask.purpose) == (cluster, purpose) for ask in app.asks):
        raise BadInput(
            f"The app has not registered that it asks for {cluster!r} for {purpose!r}.", "Register it first."
        )


def _refuse_cluster(engines: Engines, cluster: str) -> None:
    found = engines.catalogue.by_name.get(cluster)
    if found is None:
        raise BadInput(
            f"The catalogue has no cluster {cluster!r}.", f"There are: {', '.join(engines.catalogue.by_name)}."
        )
    if found.field_class is FieldClass.BASIC:
        raise BadInput(f"The cluster {cluster!r} is basic and needs no review.", "A grant is enough.")


def _act(actor: Actor, verb: str, review: Review, at: datetime, **more: str) -> Act:
    details = {"cluster": review.cluster, "purpose": review.purpose, **more}
    return Act(actor, verb, f"review:{review.id}", at, review.app, details)
