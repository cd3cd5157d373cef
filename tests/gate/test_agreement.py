"""The gate and the plain oracle give one answer, a million times over, and the gate's `until` is the exact moment."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.gate.decision import decide, judge, judge_all, terms
from beholden.model.decision import Decision, Reason
from beholden.model.ids import PersonNumber
from tests.gate.oracle import answer
from tests.gate.worlds import CATALOGUE, FIELDS, FRIEND, NOW, SELF, STRANGER, TICK, Pools, World, one_person

CASES = 1_000_000
ASKED_FOR = (SELF, FRIEND, STRANGER, None)


def _spoken(decision: Decision, field: str) -> str:
    return "allowed" if field in decision.allowed else decision.denied[field].value


def _decided(world: World, person: int | None, now=NOW, fields=FIELDS) -> Decision:
    return decide(world.facts, person, fields, world.purpose, policy=world.policy, catalogue=CATALOGUE, now=now)


def test_the_decision_agrees_with_the_oracle_on_a_million_cases():
    random = Random(2018)
    pools = Pools(random)
    worlds = pools.worlds()
    heard: Counter[str] = Counter()
    cases = 0
    for world in worlds:
        settled = terms(world.facts, FIELDS, world.purpose, policy=world.policy, catalogue=CATALOGUE, now=NOW)
        for person in ASKED_FOR[:2] if cases % 50 else ASKED_FOR:
            decision = judge(settled, person, FIELDS)
            for field in FIELDS:
                told = _spoken(decision, field)
                assert told == answer(world.seen_by_oracle(person, field)), (world, person, field)
                heard[told] += 1
                cases += 1
        if cases >= CASES:
            break
    expected = {reason.value for reason in Reason} - {Reason.NO_RECEIPT.value, Reason.RATE_LIMITED.value} | {"allowed"}
    assert set(heard) == expected, "a million cases must reach every answer"
    assert min(heard.values()) >= 1000, heard
    assert heard["allowed"] >= 50_000, heard


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64), st.sampled_from(ASKED_FOR), st.lists(st.sampled_from([*FIELDS, "", "名前"]), max_size=6))
def test_it_agrees_whatever_the_seed_the_person_and_the_fields(seed, person, fields):
    world = next(Pools(Random(seed), size=1).worlds())
    decision = _decided(world, person, fields=fields)
    assert {*decision.allowed, *decision.denied} == set(fields)
    for field in fields:
        assert _spoken(decision, field) == answer(world.seen_by_oracle(person, field))


def test_an_answer_holds_until_its_until_and_no_longer():
    worlds = Pools(Random(90)).worlds()
    turned = 0
    while turned < 2000:
        world = next(worlds)
        for person in (SELF, FRIEND):
            decision = _decided(world, person)
            if decision.until is None:
                continue
            assert _decided(world, person, now=decision.until - TICK).allowed == decision.allowed
            assert set(_decided(world, person, now=decision.until).allowed) < set(decision.allowed)
            turned += 1


def test_an_answer_without_until_outlasts_a_century():
    worlds = Pools(Random(91)).worlds()
    held = 0
    while held < 300:
        world = next(worlds)
        decision = _decided(world, SELF)
        if decision.allowed and decision.until is None:
            assert _decided(world, SELF, now=NOW + timedelta(days=36_525)).allowed == decision.allowed
            held += 1


WISHES = st.lists(st.sampled_from(FIELDS), max_size=3).map(tuple)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**64), st.lists(WISHES, min_size=1, max_size=3))
def test_many_people_at_once_get_the_answers_that_each_gets_alone(seed, wishes):
    random = Random(seed)
    world = next(Pools(random, size=3).worlds())
    pool = [one_person(random, FRIEND)[0] for _ in range(40)]
    crowd = {PersonNumber(100 + n): replace(facts, number=PersonNumber(100 + n)) for n, facts in enumerate(pool)}
    facts = replace(world.facts, persons={**world.facts.persons, **crowd})
    settled = terms(facts, FIELDS, world.purpose, policy=world.policy, catalogue=CATALOGUE, now=NOW)
    asked = [*crowd, SELF, FRIEND, STRANGER, None] * 2
    wanted = [random.choice(wishes) for _ in asked]
    together = judge_all(settled, asked, wanted)
    assert together == [judge(settled, one, fields) for one, fields in zip(asked, wanted, strict=True)]
