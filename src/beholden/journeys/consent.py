"""Consent: an app asks, the person sees what it wants, and says yes, less, or no.

The request travels in the link and then in the page's form; nothing is kept of it until the person has answered, and
each time it is judged from the beginning, so that a form cannot say what a link could not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from beholden.gate.grant_id import next_grant_id
from beholden.gate.oauth import details, redirect, scope
from beholden.gate.oauth.authorization import Action
from beholden.gate.oauth.ports import Answer
from beholden.gate.oauth.pushed import GONE
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.scope import Wish
from beholden.gate.oauth.secret import digest_of, written
from beholden.gate.oauth.terms import grant_of, lapse, offer
from beholden.gate.oauth.token import CODE_LIFE, Code
from beholden.journeys.asking import REQUEST_NAMES, Asking, Refusal, asked
from beholden.journeys.caller import Pairs
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.push import open_request
from beholden.journeys.signal import grants_ended, replaced
from beholden.model.act import SYSTEM, Act, Actor, ActorKind
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import GrantId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.policy import Indirect, Policy


@dataclass(frozen=True, slots=True)
class AskedCluster:
    """One cluster as the page shows it. `off` is true where the person has turned this kind of data off."""

    scope: str
    label: str
    explains: str
    fields: tuple[str, ...]
    purposes: tuple[str, ...]
    field_class: str
    required: bool
    off: bool


@dataclass(frozen=True, slots=True)
class ConsentView:
    """All that the page says. `request` goes back with the form, `redirect_uri` is where the answer leads.

    `continuing` is true where the person allowed all this before (`since`) and only comes back to the app.
    `declined_at` is when the person last refused this app altogether. `contacts_by_default` is true under a policy by
    which contacts' data flows unless they turned it off.
    """

    app: str
    description: str
    developer: str
    verified: bool
    own: tuple[AskedCluster, ...]
    through: tuple[AskedCluster, ...]
    continuing: bool
    since: datetime | None
    declined_at: datetime | None
    sharing_off: bool
    app_off: bool
    contacts_by_default: bool
    inactivity_days: int | None
    grant_max_days: int | None
    redirect_uri: str
    request: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """The person has answered; this is where the browser goes."""

    redirect: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What one person would be asked now. `grant` is the one they have, if it still stands."""

    policy: Policy
    wished: tuple[Wish, ...]
    offered: tuple[Wish, ...]
    missing: tuple[Wish, ...]
    grant: Grant | None
    lapsed: Mapping[GrantId, EndReason]
    active: tuple[Grant, ...]
    continuing: bool
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class _Given:
    """What the person answered, and on which of the two pages."""

    allow: bool
    ticked: frozenset[str]
    continuing: bool


def check(engines: Engines, pairs: Pairs) -> Refusal | None:
    """What speaks against a request whoever the person is, so that nobody signs in for nothing."""
    open_request(engines, pairs)
    with engines.store.read() as unit:
        found = asked(engines, unit, pairs)
        return found if isinstance(found, Refusal) else None


def begin(engines: Engines, person: PersonNumber, pairs: Pairs) -> ConsentView | Refusal:
    """What this person is asked by this request. Nothing is written: looking is no use of the app (law 6)."""
    with engines.store.read() as unit:
        asking = asked(engines, unit, pairs)
        if isinstance(asking, Refusal):
            return asking
        prepared = _prepare(engines, unit, person, asking)
        refusal = _refuse(engines, unit, person, asking, prepared)
        return refusal or _view(engines, unit, person, asking, prepared)


def decide(
    engines: Engines,
    person: PersonNumber,
    pairs: Pairs,
    *,
    allow: bool,
    ticked: Collection[str] = (),
    continuing: bool = False,
) -> Sent | ConsentView | Refusal:
    """The person's answer to the same request: a code for the app, or a no.

    `continuing` says that the page was the short one, for somebody who comes back. Where that no longer holds (the
    grant has ended meanwhile, the app asks for more), the full page comes instead of an answer.
    """
    answer = _Given(allow, frozenset(ticked), continuing)
    return engines.store.perform(lambda unit: _decide(engines, unit, person, pairs, answer))


def end_grant(engines: Engines, person: PersonNumber, grant: GrantId, reason: EndReason) -> bool:
    """End one grant of a person with all its tokens; False when it had ended before. Raises NotFound."""

    def work(unit: Unit) -> bool:
        found = next((g for g in unit.directory.grants(person=person) if g.id == grant), None)
        if found is None:
            raise NotFound(f"There is no grant {grant!r} of this person.", "See the list of connected apps.")
        acts = end_in(unit, found, reason, engines.clock.now())
        append(engines, acts)
        return bool(acts)

    return engines.store.perform(work)


def end_in(unit: Unit, grant: Grant, reason: EndReason, now: datetime) -> list[Act]:
    """End a grant and its tokens within a unit that is open; the act to append before the unit ends, if it did."""
    state = GrantState.EXPIRED if reason in {EndReason.INACTIVE, EndReason.AGE} else GrantState.REVOKED
    if not unit.directory.end_grant(grant.id, state, reason, now):
        return []
    unit.consent.end_tokens(grant=grant.id, at=now)
    grants_ended(unit, [(grant, reason)], now)
    return [Act(_actor(grant, reason), "grant:end", grant.id, now, grant.app, {"reason": reason.value})]


def append(engines: Engines, acts: Sequence[Act]) -> None:
    """Put acts in the ledger, as the last thing in a unit of work and before it is committed (law 12).

    A crash in between leaves acts that have not taken hold; nobody was told that they have, and whoever asked asks
    again. The other order could leave what nobody can account for.
    """
    if acts:
        engines.ledger.append(list(acts))


def _decide(
    engines: Engines, unit: Unit, person: PersonNumber, pairs: Pairs, given: _Given
) -> Sent | ConsentView | Refusal:
    asking = asked(engines, unit, pairs)
    if isinstance(asking, Refusal):
        return asking
    prepared = _prepare(engines, unit, person, asking)
    refusal = _refuse(engines, unit, person, asking, prepared)
    if refusal is not None:
        return refusal
    if given.continuing and not prepared.continuing:
        return _view(engines, unit, person, asking, prepared)
    if asking.pushed is not None and not unit.oauth.use_pushed(asking.pushed, engines.clock.now()):
        return Refusal(GONE)
    if given.continuing:
        return _come_back(engines, unit, person, asking, prepared) if given.allow else _denied(engines, asking)
    if not given.allow:
        return _decline(engines, unit, person, asking, prepared)
    return _allow(engines, unit, person, asking, prepared, given.ticked)


def _actor(grant: Grant, reason: EndReason) -> Actor:
    if reason in {EndReason.PERSON, EndReason.REPLACED}:
        return Actor(ActorKind.PERSON, str(grant.person))
    if reason is EndReason.APP:
        return Actor(ActorKind.APP, str(grant.app))
    return SYSTEM


def _prepare(engines: Engines, unit: Unit, person: PersonNumber, asking: Asking) -> _Prepared:
    """What can be offered now, and whether this person has said yes to it already."""
    now, policy = engines.clock.now(), unit.directory.policy()
    facts = unit.gate.facts(asking.app.client_id, None, []).app
    assert facts is not None, "the app was read in the same unit"
    last_use = unit.directory.last_uses(person).get(asking.app.number)
    active = tuple(unit.directory.grants(person=person, app=asking.app.number, active=True))
    lapses = {grant.id: lapse(grant, last_use, policy, now) for grant in active}
    grant = next((g for g in active if lapses[g.id] is None), None)
    wished = _with_held(engines, asking, grant)
    offered = offer(facts, wished, policy, engines.catalogue, now)
    answers = unit.consent.answers(person=person, app=asking.app.number)
    missing = tuple(w for w in wished if w.scope in offered.withheld and w.required)
    answered = grant is not None and all(_answered(w, grant, answers, engines) for w in offered.open)
    return _Prepared(
        policy,
        wished,
        offered.open,
        missing,
        grant,
        {id_: reason for id_, reason in lapses.items() if reason is not None},
        active,
        answered and not _is_afresh(asking),
        answers,
    )


def _with_held(engines: Engines, asking: Asking, grant: Grant | None) -> tuple[Wish, ...]:
    """What is wished; for an app that wants it merged, together with what the person allowed before.

    It is all put to the person again: a purpose that comes in new would hold for the fields of the old grant too.
    """
    change = asking.request.change
    if change is None or change.action is not Action.MERGE or grant is None or grant.id != change.grant:
        return asking.wished
    return details.merged(asking.wished, details.held(scope.wishes_of(asking.app.asks), grant, engines.catalogue))


def _is_afresh(asking: Asking) -> bool:
    """Whether the person is to see the whole page, whatever they allowed before."""
    change = asking.request.change
    return asking.request.afresh or (change is not None and change.action is not Action.MERGE)


def _answered(wish: Wish, grant: Grant, answers: Sequence[Answer], engines: Engines) -> bool:
    """Whether the person has decided on this wish: allowed it, or left it out when they gave this grant."""
    if _covered(wish, grant, engines):
        return True
    given = next((answer for answer in answers if answer.grant == grant.id), None)
    return given is not None and wish.scope in given.asked and wish.scope not in given.allowed


def _covered(wish: Wish, grant: Grant, engines: Engines) -> bool:
    held = grant.through_fields if wish.through else grant.fields
    return wish.fields_in(engines.catalogue) <= held and set(wish.purposes) <= grant.purposes


def _refuse(engines: Engines, unit: Unit, person: PersonNumber, asking: Asking, prepared: _Prepared) -> Refusal | None:
    """What speaks against asking this person for a new grant."""
    change = asking.request.change
    if change is not None and change.grant is not None and change.grant not in {g.id for g in prepared.active}:
        return _told(engines, asking, Refused(OAuthError.INVALID_GRANT_ID, "There is no such grant of this person."))
    if prepared.continuing:
        return None
    if prepared.missing:
        names = ", ".join(wish.scope for wish in prepared.missing)
        sentence = f"Required, but not approved for this app: {names}."
        return _told(engines, asking, Refused(OAuthError.INVALID_SCOPE, sentence))
    most = prepared.policy.unverified_people_max
    if asking.app.verified or most is None or unit.directory.grants(person=person, app=asking.app.number):
        return None
    if unit.directory.granted_people(asking.app.number) < most:
        return None
    return Refusal(
        f"{asking.app.name} has not been verified by the platform yet. Until it is, at most {most} people can connect "
        "it, and that many have."
    )


def _view(engines: Engines, unit: Unit, person: PersonNumber, asking: Asking, prepared: _Prepared) -> ConsentView:
    off = {(c.scope, c.target) for c in unit.directory.choices(person) if _is_off(c)}
    shown = [(wish, _shown(wish, engines, off)) for wish in prepared.offered]
    if prepared.continuing and prepared.grant is not None:
        shown = [(wish, cluster) for wish, cluster in shown if _covered(wish, prepared.grant, engines)]
    refused = [answer.at for answer in prepared.answers if not answer.allowed and answer.grant is None]
    return ConsentView(
        app=asking.app.name,
        description=asking.app.description,
        developer=asking.developer.name,
        verified=asking.app.verified,
        own=tuple(cluster for wish, cluster in shown if not wish.through),
        through=tuple(cluster for wish, cluster in shown if wish.through),
        continuing=prepared.continuing,
        since=prepared.grant.granted_at if prepared.grant else None,
        declined_at=max(refused, default=None),
        sharing_off=(Scope.ALL, "") in off,
        app_off=(Scope.APP, asking.app.client_id) in off,
        contacts_by_default=prepared.policy.indirect is Indirect.OPT_OUT,
        inactivity_days=prepared.policy.inactivity_days,
        grant_max_days=prepared.policy.grant_max_days,
        redirect_uri=asking.request.redirect_uri,
        request=tuple((k, v) for k, v in asking.parameters.pairs if k in REQUEST_NAMES and v),
    )


def _is_off(choice: Choice) -> bool:
    return not choice.sharing


def _shown(wish: Wish, engines: Engines, off: Collection[tuple[Scope, str]]) -> AskedCluster:
    cluster = engines.catalogue.by_name[wish.cluster]
    return AskedCluster(
        wish.scope,
        cluster.label,
        cluster.explains,
        tuple(field.label for field in cluster.fields if wish.fields is None or field.name in wish.fields),
        wish.purposes,
        cluster.field_class.value,
        wish.required,
        (Scope.CLUSTER, cluster.name) in off and not wish.through,
    )


def _come_back(engines: Engines, unit: Unit, person: PersonNumber, asking: Asking, prepared: _Prepared) -> Sent:
    """The person is here again and goes on to the app: that is a use (law 6)."""
    assert prepared.grant is not None
    held = [wish for wish in prepared.wished if _covered(wish, prepared.grant, engines)]
    now = engines.clock.now()
    unit.directory.record_use(person, asking.app.number, now)
    sent = _with_code(engines, unit, asking, prepared.grant, held)
    actor = Actor(ActorKind.PERSON, str(person))
    append(engines, [Act(actor, "grant:use", prepared.grant.id, now, asking.app.number)])
    return sent


def _decline(engines: Engines, unit: Unit, person: PersonNumber, asking: Asking, prepared: _Prepared) -> Sent:
    """A refusal is kept: whoever asks the same person again and again is found by it."""
    now, asked = engines.clock.now(), tuple(wish.scope for wish in prepared.offered)
    unit.consent.record_answer(Answer(person, asking.app.number, now, asked, (), None))
    actor, details = Actor(ActorKind.PERSON, str(person)), {"asked": list(asked)}
    append(engines, [Act(actor, "grant:decline", asking.app.client_id, now, asking.app.number, details)])
    return _denied(engines, asking)


def _denied(engines: Engines, asking: Asking) -> Sent:
    told = _told(engines, asking, Refused(OAuthError.ACCESS_DENIED, "The person did not allow it."))
    assert told.redirect is not None
    return Sent(told.redirect)


def _told(engines: Engines, asking: Asking, refused: Refused) -> Refusal:
    """A no to the app, once its redirect URI is known to be good."""
    request = asking.request
    address = redirect.with_refusal(request.redirect_uri, refused, state=request.state, issuer=engines.url)
    return Refusal(refused.description, address)


def _allow(
    engines: Engines,
    unit: Unit,
    person: PersonNumber,
    asking: Asking,
    prepared: _Prepared,
    ticked: Collection[str],
) -> Sent:
    """A new grant in place of the one there was. What the person left out now is gone at the next request (law 5)."""
    now, app = engines.clock.now(), asking.app
    allowed = scope.chosen(prepared.offered, ticked)
    if not app.verified:
        unit.consent.claim_place(app.number, now)
    acts: list[Act] = []
    for old in prepared.active:
        acts += end_in(unit, old, prepared.lapsed.get(old.id, EndReason.REPLACED), now)
    given = [one.id for one in unit.directory.grants(person=person, app=app.number)]
    id_, _ = next_grant_id(engines.pairwise, person, app.number, len(given), given)
    grant = grant_of(
        id_,
        person,
        app.number,
        allowed,
        catalogue=engines.catalogue,
        policy=prepared.policy,
        now=now,
    )
    unit.directory.add_grant(grant)
    for old in prepared.active:
        if old.id not in prepared.lapsed:
            replaced(unit, old, grant, now)
    unit.directory.record_use(person, app.number, now)
    asked = tuple(wish.scope for wish in prepared.offered)
    scopes = tuple(wish.scope for wish in allowed)
    unit.consent.record_answer(Answer(person, app.number, now, asked, scopes, grant.id))
    sent = _with_code(engines, unit, asking, grant, allowed)
    details = {"asked": list(asked), "allowed": list(scopes)}
    acts.append(Act(Actor(ActorKind.PERSON, str(person)), "grant:give", grant.id, now, app.number, details))
    append(engines, acts)
    return sent


def _with_code(engines: Engines, unit: Unit, asking: Asking, grant: Grant, allowed: Sequence[Wish]) -> Sent:
    now, request = engines.clock.now(), asking.request
    code = written(engines.ids.secret())
    unit.consent.add_code(
        Code(
            grant.person,
            digest_of(code),
            grant.app,
            grant.id,
            request.redirect_uri,
            request.challenge,
            scope.text_of([*(wish.scope for wish in allowed if wish.named), *asking.manages]),
            engines.ids.new("family"),
            now,
            now + CODE_LIFE,
            details=details.granted(allowed),
            jkt=request.jkt,
        )
    )
    return Sent(redirect.with_code(request.redirect_uri, code=code, state=request.state, issuer=engines.url))
