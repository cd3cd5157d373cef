"""What a token opens: exactly what the gate would let through, of what the token was issued for."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.decision import decide
from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.reach import Reach, covered, reach
from beholden.model import catalogue as catalogues
from beholden.model.grant import Grant
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.standing import Standing

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ANN = PersonNumber(1)
POLICY = Policy()
CATALOGUE = catalogues.read(
    """
clusters:
  - name: identity
    label: You
    explains: You.
    class: basic
    fields: [{name: name, label: Name}, {name: email, label: E-mail}]
  - {name: likes, label: Likes, explains: Likes., class: sensitive, fields: [{name: likes, label: Likes}]}
"""
)
FIELDS = ("name", "email", "likes")
subsets = st.sets(st.sampled_from(FIELDS)).map(frozenset)


def facts(
    fields=frozenset(FIELDS),
    through=frozenset({"likes"}),
    *,
    standing: Standing = Standing.ACTIVE,
    off: frozenset[str] = frozenset(),
    all_off: bool = False,
    approved: bool = True,
    used_days_ago: int = 0,
    purposes=frozenset({"play"}),
) -> Facts:
    last = NOW - timedelta(days=used_days_ago)
    app = AppFacts(
        AppNumber(1),
        DeveloperNumber(1),
        standing,
        Standing.ACTIVE,
        {("likes", "play"): NOW + timedelta(days=5)} if approved else {},
        frozenset({"likes"}),
    )
    person = PersonFacts(ANN, all_off=all_off, clusters_off=off, had_grant=True, last_use=last)
    ends = NOW + timedelta(days=100)
    grant = Grant(GrantId("g"), ANN, AppNumber(1), fields, through, purposes, last, ends)
    return Facts(0, app, person, grant, {ANN: person})


def reached(world: Facts, scope: str = "identity likes through:likes", details=()) -> Reach:
    return reach(world, scope, details, policy=POLICY, catalogue=CATALOGUE, now=NOW)


def test_all_of_it_until_the_first_clock_ends() -> None:
    found = reached(facts())
    assert found.details == (Detail(("email", "likes", "name"), ("play",)), Detail(("likes",), ("play",), through=True))
    assert found.until == NOW + timedelta(days=5), "the approval, before 90 days and the grant's age"
    assert reached(facts(), "identity").until == NOW + timedelta(days=90)
    assert reached(facts(used_days_ago=88), "identity").until == NOW + timedelta(days=2)


def test_nothing_for_a_stopped_app_an_inactive_person_and_whoever_turned_it_off() -> None:
    for world in (
        facts(standing=Standing.BANNED),
        facts(standing=Standing.SUSPENDED),
        facts(used_days_ago=90),
        facts(all_off=True),
        Facts(5000, facts().app, facts().through, facts().grant, facts().persons),
        Facts(0, None, None, None, {}),
    ):
        assert reached(world) == Reach((), None)


def test_a_restricted_app_and_a_lapsed_approval_leave_what_is_basic() -> None:
    for world in (facts(standing=Standing.RESTRICTED), facts(approved=False)):
        assert reached(world).details == (Detail(("email", "name"), ("play",)),)


def test_the_token_is_the_limit_as_well_as_the_grant() -> None:
    assert reached(facts(), "", [Detail(("name",), ("play",))]).details == (Detail(("name",), ("play",)),)
    assert reached(facts(fields=frozenset({"name"})), "identity").details == (Detail(("name",), ("play",)),)
    assert reached(facts(), "", [Detail(("name",), ("study",))]).details == (), "a purpose that was not granted"
    assert reached(facts(), "gone through:gone").details == ()


def test_what_was_granted_is_told_less_what_is_closed() -> None:
    held = (Detail(("likes", "name"), ("play", "study")),)
    opened = Reach((Detail(("name",), ("play",)),), None)
    assert covered(held, opened) == (Detail(("name",), ("play",)),)


@given(
    granted=subsets, token=subsets, off=st.sets(st.sampled_from(["identity", "likes"])).map(frozenset), ok=st.booleans()
)
def test_it_is_the_gates_own_answer(granted, token, off, ok) -> None:
    world = facts(fields=granted, off=off, approved=ok)
    found = reached(world, "", [Detail(tuple(sorted(token)), ("play",))])
    decision = decide(world, ANN, sorted(token), "play", policy=POLICY, catalogue=CATALOGUE, now=NOW)
    assert {f for d in found.details for f in d.fields} == set(decision.allowed)
    assert found.until == decision.until
