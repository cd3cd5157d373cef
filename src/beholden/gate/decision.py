"""The decision: the one place where it is said whether data may leave.

Pure: facts, catalogue, policy and time in, a Decision out. The order of the checks is part of the meaning: the first
reason that holds for the whole request is the one given, from the platform's own ignorance (law 4) over who asks (R2)
and on whose word (the grant) to whose data it is (law 2, R6, R7) and which fields (R8).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.model.catalogue import Catalogue, FieldClass
from beholden.model.decision import Decision, Reason
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import PersonNumber
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing


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
    subject = facts.persons.get(person) if person is not None else None
    refusal = _refuse_request(facts, policy, now) or _refuse_subject(facts, subject, policy, now)
    if refusal is not None:
        return Decision((), dict.fromkeys(fields, refusal))
    assert facts.app is not None and facts.grant is not None and facts.through is not None and subject is not None
    allowed: list[str] = []
    denied: dict[str, Reason] = {}
    direct = subject.number == facts.through.number
    for field in dict.fromkeys(fields):
        reason = _refuse_field(
            field,
            purpose,
            facts.app,
            facts.grant,
            subject,
            direct=direct,
            policy=policy,
            catalogue=catalogue,
            now=now,
        )
        if reason is None:
            allowed.append(field)
        else:
            denied[field] = reason
    until = _until(facts, subject, allowed, purpose, policy, catalogue) if allowed else None
    return Decision(tuple(allowed), denied, until)


def expires_at(last_use: datetime | None, policy: Policy) -> datetime | None:
    """When 90 days of a person's own disuse are over; None where the policy has no such clock or there was no use."""
    if policy.inactivity_days is None or last_use is None:
        return None
    return last_use + timedelta(days=policy.inactivity_days)


def _refuse_request(facts: Facts, policy: Policy, now: datetime) -> Reason | None:
    """What stands against the whole request, whoever's data it is."""
    if facts.lag_ms > policy.gate_lag_limit_ms:
        return Reason.GATE_STALE
    if facts.app is None:
        return Reason.APP_UNKNOWN
    by_standing = _refuse_standing(facts.app)
    if by_standing is not None:
        return by_standing
    if facts.through is None or facts.grant is None:
        return Reason.NO_GRANT
    if facts.grant.state is not GrantState.ACTIVE:
        return Reason.GRANT_EXPIRED if facts.grant.state is GrantState.EXPIRED else Reason.GRANT_ENDED
    if facts.grant.ends_at is not None and now >= facts.grant.ends_at:
        return Reason.GRANT_EXPIRED
    return None


def _refuse_standing(app: AppFacts) -> Reason | None:
    if app.developer_standing is Standing.BANNED:
        return Reason.DEVELOPER_BANNED
    if app.standing is Standing.BANNED:
        return Reason.APP_BANNED
    if app.developer_standing is Standing.SUSPENDED:
        return Reason.DEVELOPER_SUSPENDED
    if app.standing is Standing.SUSPENDED:
        return Reason.APP_SUSPENDED
    return None


def _refuse_subject(facts: Facts, subject: PersonFacts | None, policy: Policy, now: datetime) -> Reason | None:
    """What the person whose data it is, and the one through whom it goes, have chosen or let lapse (law 2)."""
    through = facts.through
    assert through is not None
    if subject is None:
        return Reason.PERSON_UNKNOWN
    if subject.all_off:
        return Reason.OPTED_OUT_ALL
    if subject.app_off:
        return Reason.OPTED_OUT_APP
    if _inactive(subject, policy, now):
        return Reason.INACTIVE
    if subject.number == through.number:
        return None
    if through.all_off or through.app_off:
        return Reason.GRANTER_OPTED_OUT
    if _inactive(through, policy, now):
        return Reason.GRANTER_INACTIVE
    indirect = subject.indirect if subject.indirect is not None else policy.indirect is Indirect.OPT_OUT
    return None if indirect else Reason.INDIRECT_OFF


def _inactive(person: PersonFacts, policy: Policy, now: datetime) -> bool:
    """R6: whoever has or had a grant and has not used the app for 90 days. A grant without any use fails closed."""
    if policy.inactivity_days is None or not person.had_grant:
        return False
    end = expires_at(person.last_use, policy)
    return end is None or now >= end


def _refuse_field(
    field: str,
    purpose: str,
    app: AppFacts,
    grant: Grant,
    subject: PersonFacts,
    *,
    direct: bool,
    policy: Policy,
    catalogue: Catalogue,
    now: datetime,
) -> Reason | None:
    cluster = catalogue.by_field.get(field)
    if cluster is None:
        return Reason.FIELD_UNKNOWN
    if field not in (grant.fields if direct else grant.through_fields):
        return Reason.FIELD_NOT_GRANTED
    if cluster.name in subject.clusters_off:
        return Reason.OPTED_OUT_CLUSTER
    if purpose not in grant.purposes:
        return Reason.PURPOSE_NOT_GRANTED
    if cluster.field_class is FieldClass.BASIC:
        return None
    if Standing.RESTRICTED in (app.standing, app.developer_standing):
        return Reason.RESTRICTED
    if policy.review_required and not _approved(app, cluster.name, purpose, now):
        return Reason.NOT_APPROVED
    if policy.contract_required and cluster.name not in app.contracts:
        return Reason.NO_CONTRACT
    return None


def _approved(app: AppFacts, cluster: str, purpose: str, now: datetime) -> bool:
    if (cluster, purpose) not in app.approvals:
        return False
    until = app.approvals[cluster, purpose]
    return until is None or now < until


def _until(
    facts: Facts,
    subject: PersonFacts,
    allowed: Iterable[str],
    purpose: str,
    policy: Policy,
    catalogue: Catalogue,
) -> datetime | None:
    """The earliest moment at which a clock alone would turn this answer."""
    assert facts.app is not None and facts.grant is not None and facts.through is not None
    ends = [facts.grant.ends_at]
    for person in (subject, facts.through):
        if person.had_grant:
            ends.append(expires_at(person.last_use, policy))
    if policy.review_required:
        for field in allowed:
            cluster = catalogue.by_field[field]
            if cluster.field_class is not FieldClass.BASIC:
                ends.append(facts.app.approvals[cluster.name, purpose])
    return min((end for end in ends if end is not None), default=None)
