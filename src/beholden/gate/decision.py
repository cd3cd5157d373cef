"""The decision: the one place where it is said whether data may leave.

Pure: facts, catalogue, policy and time in, a Decision out. The order of the checks is part of the meaning: the first
reason that holds for the whole request is the one given, from the platform's own ignorance (law 4) over who asks (R2)
and on whose word (the grant) to whose data it is (law 2, R6, R7) and which fields (R8).

A request may ask for thousands of people. What is the same for all of them is settled once (`terms`), what differs is
judged for each situation that somebody is in (`judge_all`): the same rules in the same order, only not done again for
every record.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.model.catalogue import Catalogue, Cluster, FieldClass
from beholden.model.decision import Decision, Reason
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import PersonNumber
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing
from beholden.model.time import to_micros


@dataclass(frozen=True, slots=True)
class FieldTerms:
    """One field in one request. `before` and `after` stand against it, before and after the person's own choice of
    the cluster is asked; `until` is when its approval ends."""

    cluster: str
    before: Reason | None
    after: Reason | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every record of one request.

    `refusal` stands against the whole request, `granter_refusal` against everybody but the granting person. `own` are
    the fields where that person's own data is asked for, `contacts` where it is another's. `until` is when the grant
    or the granting person's activity ends.
    """

    facts: Facts
    policy: Policy
    now: datetime
    refusal: Reason | None
    granter_refusal: Reason | None
    own: Mapping[str, FieldTerms]
    contacts: Mapping[str, FieldTerms]
    until: datetime | None


def decide(
    facts: Facts,
    person: PersonNumber | None,
    fields: Sequence[str],
    purpose: str,
    *,
    policy: Policy,
    catalogue: Catalogue,
    now: datetime,
) -> Decision:
    """Which of `fields` of `person` may leave to the app, through the granting person of `facts`.

    `person` is None where the platform named somebody whom the directory does not know.
    """
    return judge(terms(facts, fields, purpose, policy=policy, catalogue=catalogue, now=now), person, fields)


def terms(
    facts: Facts, fields: Iterable[str], purpose: str, *, policy: Policy, catalogue: Catalogue, now: datetime
) -> Terms:
    """Settle what is the same for every person of a request that may ask for any of `fields`."""
    refusal = _refuse_request(facts, policy, now)
    app, grant, through = facts.app, facts.grant, facts.through
    if refusal is not None or app is None or grant is None or through is None:
        return Terms(facts, policy, now, refusal or Reason.NO_GRANT, None, {}, {}, None)
    own: dict[str, FieldTerms] = {}
    contacts: dict[str, FieldTerms] = {}
    for field in fields:
        cluster = catalogue.by_field.get(field)
        after, until = judge_cluster(app, grant, cluster, purpose, policy, now)
        own[field] = _field_terms(cluster, field in grant.fields, after, until)
        contacts[field] = _field_terms(cluster, field in grant.through_fields, after, until)
    ends = _earliest(grant.ends_at, _end_of_activity(through, policy))
    return Terms(facts, policy, now, None, _refuse_granter(through, policy, now), own, contacts, ends)


def judge(terms: Terms, person: PersonNumber | None, fields: Sequence[str]) -> Decision:
    """The decision for one person of the request; `fields` are among those that the terms were settled for."""
    (decision,) = judge_all(terms, [person], [fields])
    return decision


def judge_all(terms: Terms, persons: Sequence[PersonNumber | None], fields: Sequence[Sequence[str]]) -> list[Decision]:
    """The decision for each of many people of the request, each with the fields that are asked of them.

    Whoever is in the same situation gets the same answer, so it is worked out once for all of them; only the day on
    which a person's own disuse ends it is each one's own. Fields that are one object count as the same.
    """
    known, policy = terms.facts.persons, terms.policy
    granter = None if terms.facts.through is None else terms.facts.through.number
    settled: dict[tuple[object, ...], Decision] = {}
    decisions: list[Decision] = []
    for person, wanted in zip(persons, fields, strict=True):
        subject = known.get(person) if person is not None else None
        situation: tuple[object, ...] = (id(wanted),)
        if subject is not None:
            situation = (
                id(wanted),
                subject.number == granter,
                subject.all_off,
                subject.app_off,
                subject.clusters_off,
                subject.indirect,
                inactive(subject, policy, terms.now),
            )
        decision = settled.get(situation)
        if decision is None:
            decision = settled[situation] = _settle(terms, subject, wanted)
        if decision.allowed and subject is not None and subject.had_grant:
            end = _earliest(decision.until, _end_of_activity(subject, policy))
            decision = Decision(decision.allowed, decision.denied, None if end is None else to_micros(end))
        decisions.append(decision)
    return decisions


def _settle(terms: Terms, subject: PersonFacts | None, fields: Sequence[str]) -> Decision:
    """The decision for everybody in the situation of `subject`, who has used the app lately enough or never had it."""
    refusal = _refuse_subject(terms, subject)
    if refusal is not None or subject is None or terms.facts.through is None:
        return Decision((), dict.fromkeys(fields, refusal or Reason.PERSON_UNKNOWN))
    settled = terms.own if subject.number == terms.facts.through.number else terms.contacts
    allowed: list[str] = []
    denied: dict[str, Reason] = {}
    ends = [terms.until]
    for field in dict.fromkeys(fields):
        found = settled[field]
        chosen = Reason.OPTED_OUT_CLUSTER if found.cluster in subject.clusters_off else None
        reason = found.before or chosen or found.after
        if reason is None:
            allowed.append(field)
            ends.append(found.until)
        else:
            denied[field] = reason
    end = _earliest(*ends) if allowed else None
    return Decision(tuple(allowed), denied, None if end is None else to_micros(end))


def refuse_app(facts: Facts, policy: Policy) -> Reason | None:
    """What stands against whoever asks, whatever is asked: our own ignorance (law 4), then the app's standing (R2)."""
    if not facts.lag_ms <= policy.gate_lag_limit_ms:  # so written that a lag which is no number is a no
        return Reason.GATE_STALE
    if facts.app is None:
        return Reason.APP_UNKNOWN
    return refuse_standing(facts.app)


def expires_at(last_use: datetime | None, policy: Policy) -> datetime | None:
    """When 90 days of a person's own disuse are over; None where the policy has no such clock or there was no use."""
    if policy.inactivity_days is None or last_use is None:
        return None
    return last_use + timedelta(days=policy.inactivity_days)


def inactive(person: PersonFacts, policy: Policy, now: datetime) -> bool:
    """R6: whoever has or had a grant and has not used the app for 90 days. A grant without any use fails closed."""
    if policy.inactivity_days is None or not person.had_grant:
        return False
    end = expires_at(person.last_use, policy)
    return end is None or now >= end


def _refuse_request(facts: Facts, policy: Policy, now: datetime) -> Reason | None:
    """What stands against the whole request, whoever's data it is."""
    refusal = refuse_app(facts, policy)
    if refusal is not None or facts.app is None:
        return refusal or Reason.APP_UNKNOWN
    return _refuse_grant(facts, facts.app, now)


def refuse_standing(app: AppFacts) -> Reason | None:
    """R2: what the standing of an app and of its developer forbids altogether."""
    if app.developer_standing is Standing.BANNED:
        return Reason.DEVELOPER_BANNED
    if app.standing is Standing.BANNED:
        return Reason.APP_BANNED
    if app.developer_standing is Standing.SUSPENDED:
        return Reason.DEVELOPER_SUSPENDED
    if app.standing is Standing.SUSPENDED:
        return Reason.APP_SUSPENDED
    return None


def _refuse_grant(facts: Facts, app: AppFacts, now: datetime) -> Reason | None:
    """The granting person's word: there must be one, for this app, and it must stand."""
    grant, through = facts.grant, facts.through
    if grant is None or through is None or (grant.person, grant.app) != (through.number, app.number):
        return Reason.NO_GRANT
    if grant.state is GrantState.ACTIVE:
        return Reason.GRANT_EXPIRED if grant.ends_at is not None and now >= grant.ends_at else None
    return Reason.GRANT_EXPIRED if grant.state is GrantState.EXPIRED else Reason.GRANT_ENDED


def _refuse_granter(through: PersonFacts, policy: Policy, now: datetime) -> Reason | None:
    """A person who stopped sharing, or stopped using the app, passes on nobody else's data either."""
    if through.all_off or through.app_off:
        return Reason.GRANTER_OPTED_OUT
    return Reason.GRANTER_INACTIVE if inactive(through, policy, now) else None


def _refuse_subject(terms: Terms, subject: PersonFacts | None) -> Reason | None:
    """What the person whose data it is has chosen or let lapse (law 2), then the one through whom it goes."""
    if subject is None and terms.refusal is Reason.NO_GRANT:
        return Reason.PERSON_UNKNOWN  # the more telling of the two, where both hold
    if terms.refusal is not None or subject is None:
        return terms.refusal or Reason.PERSON_UNKNOWN
    if subject.all_off:
        return Reason.OPTED_OUT_ALL
    if subject.app_off:
        return Reason.OPTED_OUT_APP
    if inactive(subject, terms.policy, terms.now):
        return Reason.INACTIVE
    if terms.facts.through is not None and subject.number == terms.facts.through.number:
        return None
    if terms.granter_refusal is not None:
        return terms.granter_refusal
    by_default = terms.policy.indirect is Indirect.OPT_OUT
    return None if (by_default if subject.indirect is None else subject.indirect) else Reason.INDIRECT_OFF


def _end_of_activity(person: PersonFacts, policy: Policy) -> datetime | None:
    """When this person's disuse will stand against them; None where they never had a grant."""
    return expires_at(person.last_use, policy) if person.had_grant else None


def judge_cluster(
    app: AppFacts, grant: Grant, cluster: Cluster | None, purpose: str, policy: Policy, now: datetime
) -> tuple[Reason | None, datetime | None]:
    """R8: what stands against a cluster for this purpose, and when its approval ends if nothing does."""
    if purpose not in grant.purposes:
        return Reason.PURPOSE_NOT_GRANTED, None
    if cluster is None or cluster.field_class is FieldClass.BASIC:
        return None, None
    if Standing.RESTRICTED in (app.standing, app.developer_standing):
        return Reason.RESTRICTED, None
    until = app.approvals.get((cluster.name, purpose))
    approved = (cluster.name, purpose) in app.approvals and (until is None or now < until)
    if policy.review_required and not approved:
        return Reason.NOT_APPROVED, None
    if policy.contract_required and cluster.name not in app.contracts:
        return Reason.NO_CONTRACT, None
    return None, until if policy.review_required else None


def _field_terms(
    cluster: Cluster | None,
    granted: bool,  # noqa: FBT001 - a fact among facts
    after: Reason | None,
    until: datetime | None,
) -> FieldTerms:
    if cluster is None:
        return FieldTerms("", Reason.FIELD_UNKNOWN, None, None)
    return FieldTerms(cluster.name, None if granted else Reason.FIELD_NOT_GRANTED, after, until)


def _earliest(*ends: datetime | None) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)
