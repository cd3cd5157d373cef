"""The decision: the golden matrix, and each boundary and law by name."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from beholden.gate.decision import decide, judge, terms
from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.model.decision import Decision, Reason
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing
from tests.gate.worlds import CATALOGUE

GOLDEN = Path(__file__).parent.parent / "golden" / "decisions.txt"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
RECENT, LONG_AGO = NOW - timedelta(days=1), NOW - timedelta(days=90)
FIELDS = {"basic": "name", "sensitive": "birthday", "restricted": "religion"}
EVERYTHING = frozenset(FIELDS.values())
GRANTER = PersonFacts(PersonNumber(1), had_grant=True, last_use=RECENT)
FRIEND = PersonFacts(PersonNumber(2), indirect=True)
APPROVED = {(cluster, "service"): None for cluster in ("birthday", "belief")}
APP = AppFacts(
    AppNumber(5),
    DeveloperNumber(3),
    Standing.ACTIVE,
    Standing.ACTIVE,
    APPROVED,
    frozenset({"birthday", "belief"}),
)
GRANT = Grant(
    GrantId("grant_x"),
    GRANTER.number,
    APP.number,
    EVERYTHING,
    EVERYTHING,
    frozenset({"service"}),
    RECENT,
    NOW + timedelta(days=300),
)
FACTS = Facts(0.0, APP, GRANTER, GRANT, {GRANTER.number: GRANTER, FRIEND.number: FRIEND})


def ask(facts: Facts = FACTS, person: PersonNumber | None = GRANTER.number, **changed) -> Decision:
    """The decision on one field of each class, today's policy unless said otherwise."""
    given = {"policy": Policy(), "catalogue": CATALOGUE, "now": NOW, "purpose": "service", **changed}
    return decide(facts, person, tuple(FIELDS.values()), **given)


def only(decision: Decision) -> Reason:
    """The one reason for which everything was denied."""
    assert not decision.allowed
    assert decision.until is None
    (reason,) = set(decision.denied.values())
    return reason


def with_people(granter: PersonFacts = GRANTER, friend: PersonFacts = FRIEND) -> Facts:
    return replace(FACTS, through=granter, persons={granter.number: granter, friend.number: friend})


PEOPLE = {
    "shares": {},
    "all off": {"all_off": True},
    "app off": {"app_off": True},
    "birthday off": {"clusters_off": frozenset({"birthday"})},
    "90 days idle": {"had_grant": True, "last_use": LONG_AGO},
    "never used it": {"had_grant": True, "last_use": None},
    "indirect off": {"indirect": False},
    "said nothing": {"indirect": None},
    "unknown": None,
}


def matrix() -> Iterator[str]:
    """Person x standing x class x path, one line each, as it is read in review."""
    standings = [(app, Standing.ACTIVE) for app in Standing] + [(Standing.ACTIVE, d) for d in list(Standing)[1:]]
    for path, (state, changes), (app, developer) in product(("direct", "indirect"), PEOPLE.items(), standings):
        base = GRANTER if path == "direct" else FRIEND
        facts = replace(FACTS, app=replace(APP, standing=app, developer_standing=developer))
        if changes is None:
            known = {n: p for n, p in facts.persons.items() if n != base.number}
            facts = replace(facts, persons=known, through=known.get(GRANTER.number))
        else:
            person = replace(base, **changes)
            facts = replace(facts, persons={**facts.persons, base.number: person})
            facts = replace(facts, through=facts.persons[GRANTER.number])
        decision = ask(facts, base.number)
        told = [decision.denied[f].value if f in decision.denied else "allowed" for f in FIELDS.values()]
        yield (
            f"{path:9} {state:14} {'app ' + app:15} {'developer ' + developer:21} "
            + " ".join(f"{word:20}" for word in told).rstrip()
        )


def test_every_decision_of_the_matrix_is_the_one_that_was_agreed():
    head = f"{'path':9} {'person':14} {'app standing':15} {'developer standing':21} " + " ".join(
        f"{name:20}" for name in FIELDS
    )
    found = "\n".join([head.rstrip(), *matrix()]) + "\n"
    assert found == GOLDEN.read_text(), "if the change is meant, write the new text there and have it reviewed"


def test_all_is_allowed_where_nothing_stands_against_it():
    decision = ask()
    assert decision.whole
    assert set(decision.allowed) == EVERYTHING
    assert decision.until == RECENT + timedelta(days=90)
    assert ask(person=FRIEND.number).whole


def test_law_2_each_person_of_one_request_is_judged_by_their_own_choices():
    facts = with_people(friend=replace(FRIEND, all_off=True))
    settled = terms(facts, EVERYTHING, "service", policy=Policy(), catalogue=CATALOGUE, now=NOW)
    assert judge(settled, GRANTER.number, ("name",)).whole
    assert only(judge(settled, FRIEND.number, ("name",))) is Reason.OPTED_OUT_ALL


def test_law_2_a_friend_who_once_connected_the_app_and_left_it_idle_is_not_shown_through_others():
    idle = replace(FRIEND, had_grant=True, last_use=LONG_AGO)
    assert only(ask(with_people(friend=idle), FRIEND.number)) is Reason.INACTIVE


@pytest.mark.parametrize(
    ("lag", "allowed"), [(1000.0, True), (1000.1, False), (float("inf"), False), (float("nan"), False)]
)
def test_law_4_a_gate_behind_its_limit_allows_nothing(lag, allowed):
    decision = ask(replace(FACTS, lag_ms=lag))
    assert decision.whole if allowed else only(decision) is Reason.GATE_STALE


@pytest.mark.parametrize(
    ("last_use", "allowed"), [(LONG_AGO + TICK, True), (LONG_AGO, False), (LONG_AGO - TICK, False)]
)
def test_law_6_the_90_days_end_on_the_microsecond(last_use, allowed):
    decision = ask(with_people(replace(GRANTER, last_use=last_use)))
    assert decision.whole if allowed else only(decision) is Reason.INACTIVE


@pytest.mark.parametrize(("ends_at", "allowed"), [(NOW + TICK, True), (NOW, False), (NOW - TICK, False)])
def test_a_grant_ends_on_the_microsecond(ends_at, allowed):
    decision = ask(replace(FACTS, grant=replace(GRANT, ends_at=ends_at)))
    assert decision.whole if allowed else only(decision) is Reason.GRANT_EXPIRED


def test_an_ended_grant_gives_nothing_whatever_its_date():
    for state, reason in ((GrantState.REVOKED, Reason.GRANT_ENDED), (GrantState.EXPIRED, Reason.GRANT_EXPIRED)):
        ended = replace(GRANT, state=state, reason=EndReason.PERSON, ended_at=RECENT)
        assert only(ask(replace(FACTS, grant=ended))) is reason


def test_another_persons_or_another_apps_grant_is_no_grant():
    assert only(ask(replace(FACTS, grant=replace(GRANT, person=FRIEND.number)))) is Reason.NO_GRANT
    assert only(ask(replace(FACTS, grant=replace(GRANT, app=AppNumber(6))))) is Reason.NO_GRANT


def test_a_granter_who_opted_out_or_fell_idle_passes_on_nobody():
    assert only(ask(with_people(replace(GRANTER, all_off=True)), FRIEND.number)) is Reason.GRANTER_OPTED_OUT
    assert only(ask(with_people(replace(GRANTER, app_off=True)), FRIEND.number)) is Reason.GRANTER_OPTED_OUT
    assert only(ask(with_people(replace(GRANTER, last_use=LONG_AGO)), FRIEND.number)) is Reason.GRANTER_INACTIVE


def test_the_granters_own_fields_do_not_open_those_of_friends():
    assert only(ask(replace(FACTS, grant=replace(GRANT, through_fields=frozenset())), FRIEND.number)) is (
        Reason.FIELD_NOT_GRANTED
    )


def test_r8_beyond_basic_needs_an_approval_that_has_not_lapsed_and_a_contract():
    def app(**changes) -> Decision:
        return ask(replace(FACTS, app=replace(APP, **changes)))

    for decision, reason in (
        (app(approvals={}), Reason.NOT_APPROVED),
        (app(approvals=dict.fromkeys(APPROVED, NOW)), Reason.NOT_APPROVED),
        (app(contracts=frozenset()), Reason.NO_CONTRACT),
        (app(standing=Standing.RESTRICTED), Reason.RESTRICTED),
        (app(developer_standing=Standing.RESTRICTED), Reason.RESTRICTED),
    ):
        assert decision.allowed == ("name",)
        assert set(decision.denied.values()) == {reason}
    assert app(approvals=dict.fromkeys(APPROVED, NOW + TICK)).until == NOW + TICK


def test_r8_an_approval_for_one_purpose_is_none_for_another():
    grant = replace(GRANT, purposes=frozenset({"service", "advertising"}))
    decision = ask(replace(FACTS, grant=grant), purpose="advertising")
    assert decision.allowed == ("name",)
    assert set(decision.denied.values()) == {Reason.NOT_APPROVED}


def test_a_purpose_that_the_person_was_not_shown_opens_not_even_basic_fields():
    assert only(ask(purpose="research")) is Reason.PURPOSE_NOT_GRANTED
    assert only(ask(purpose="")) is Reason.PURPOSE_NOT_GRANTED


def test_the_policy_of_2014_let_through_what_todays_stops():
    policy = Policy(
        inactivity_days=None,
        review_required=False,
        contract_required=False,
        indirect=Indirect.OPT_OUT,
    )
    friend = replace(FRIEND, indirect=None, had_grant=True, last_use=LONG_AGO)
    facts = replace(with_people(friend=friend), app=replace(APP, approvals={}, contracts=frozenset()))
    assert ask(facts, FRIEND.number, policy=policy).whole
    assert only(ask(facts, FRIEND.number)) is Reason.INACTIVE
    opted_out = replace(friend, indirect=False)
    refused = ask(replace(facts, persons={**facts.persons, FRIEND.number: opted_out}), FRIEND.number, policy=policy)
    assert only(refused) is Reason.INDIRECT_OFF


def test_no_fields_are_no_yes():
    decision = decide(FACTS, GRANTER.number, (), "service", policy=Policy(), catalogue=CATALOGUE, now=NOW)
    assert not decision.whole


def test_a_field_asked_for_twice_is_answered_once():
    fields = ("name", "name", "shoe_size", "shoe_size")
    decision = decide(FACTS, GRANTER.number, fields, "service", policy=Policy(), catalogue=CATALOGUE, now=NOW)
    assert decision.allowed == ("name",)
    assert decision.denied == {"shoe_size": Reason.FIELD_UNKNOWN}


def test_a_field_the_terms_were_not_settled_for_is_never_judged():
    settled = terms(FACTS, ("name",), "service", policy=Policy(), catalogue=CATALOGUE, now=NOW)
    with pytest.raises(KeyError):
        judge(settled, GRANTER.number, ("birthday",))
