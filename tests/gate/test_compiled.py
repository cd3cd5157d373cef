"""The decision over the table says what the pure decision and the plain oracle say, and nothing else."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from beholden.backends.table.reader import TableReader
from beholden.backends.table.writer import TableWriter
from beholden.gate.compiled_many import decide_many
from beholden.gate.decision import decide
from beholden.gate.grant_id import grant_id
from beholden.gate.ports import Item, Questions
from beholden.gate.rows import pair_columns, people_columns
from beholden.model.catalogue import Catalogue, Cluster, Field, FieldClass
from beholden.model.decision import Decision, Reason
from beholden.model.ids import PersonNumber
from beholden.model.time import to_micros
from tests.gate.houses import MOMENTS, House, field_of, outside_id
from tests.gate.inspecting import facts_in
from tests.gate.oracle import answer
from tests.gate.worlds import CATALOGUE, FIELDS, POLICIES, PURPOSES

SECRET = bytes(range(32))
NOW_NS = 10**12
"""The host's clock stands still: a pause of the machine is not what is tested here."""
QUESTIONS = (*(FIELDS[: n + 1] for n in range(len(FIELDS))), ("religion", "name"), ("nix", "likes", "nix"), ())


class Host:
    """A house and its table."""

    def __init__(self, folder: Path, house: House, catalogue: Catalogue = CATALOGUE) -> None:
        self.house, self.folder = house, folder
        self.writer = TableWriter(folder, catalogue, SECRET)
        self.epoch = 1
        pairs = list(house.pairs.values())
        halves = [pair_columns(pairs[: len(pairs) // 2]), pair_columns(pairs[len(pairs) // 2 :])]
        people = [people_columns(house.people.values(), SECRET)]
        self.writer.build(people, halves, house.apps.values(), house.policy, 1, NOW_NS)
        self.reader = TableReader(folder, catalogue, SECRET, clock=lambda: NOW_NS)

    def apply(self, **rows) -> None:
        self.epoch += 1
        self.writer.apply(**rows, epoch=self.epoch, as_of_ns=NOW_NS)

    def change(self, random: Random) -> None:
        """One app, one person and one pair anew, in the house and in the table."""
        house = self.house
        app = house.some_app(random.randint(1, len(house.apps)))
        person = house.some_person(random.randint(1, len(house.people)))
        pair = house.some_pair(random.randint(1, len(house.people)), app.facts.number)
        house.apps[app.client_id], house.people[person.number] = app, person
        house.pairs[pair.person, pair.app] = pair
        self.apply(apps=[app], persons=[person], pairs=[pair])

    def both(self, client, person, through, fields, purpose, now) -> tuple[Decision, Decision]:
        """The table's answer and the pure one; the same question by outside id and by number."""
        house = self.house
        numbers = [None if who is None else house.number_of(who) for who in (person, through)]
        facts = house.facts(client, numbers[1], [numbers[0]])
        pure = decide(facts, numbers[0], fields, purpose, policy=house.policy, catalogue=CATALOGUE, now=now)
        told = self.reader.decide(client, person, through, fields, purpose, to_micros(now))
        return told, pure


@pytest.fixture
def host(tmp_path) -> Iterator[Host]:
    found = Host(tmp_path, House(Random(7), 120, 12))
    yield found
    found.writer.close()


def agree(host: Host, random: Random, cases: int) -> Counter[str]:
    """Ask at random and compare with both; how often each answer was heard."""
    heard: Counter[str] = Counter()
    house, asked = host.house, 0
    people = [outside_id(n) for n in range(1, len(house.people) + 3)] + ["", "\ud800", None]
    clients = [*house.apps, "nix"]
    while asked < cases:
        if random.random() < 0.02:
            house.policy = random.choice(POLICIES)
            host.apply(policy=house.policy)
        if random.random() < 0.05:
            host.change(random)
        host.apply()
        through = random.choice(people)
        person = through if random.random() < 0.5 else random.choice(people)
        client, purpose, now = random.choice(clients), PURPOSES[random.random() < 0.1], random.choice(MOMENTS)
        fields = random.choice(QUESTIONS)
        told, pure = host.both(client, person, through, fields, purpose, now)
        assert told == pure, (client, person, through, fields, purpose, now)
        number = house.number_of(person) if person else None
        giver = house.number_of(through) if through else None
        world = house.plain(house.facts(client, giver, [number]), number, purpose, now)
        for field in fields:
            said = "allowed" if field in told.allowed else told.denied[field].value
            assert said == answer(field_of(world, field))
            heard[said] += 1
            asked += 1
    return heard


def test_the_table_agrees_with_the_oracle_and_the_pure_decision_on_random_cases(host):
    heard = agree(host, Random(4), 100_000)
    assert set(heard) == {r.value for r in Reason} - {"no_receipt", "gate_stale", "rate_limited"} | {"allowed"}
    assert heard["allowed"] > 5_000, heard


def test_a_catalogue_of_more_fields_than_a_word_has_bits_gives_the_same_answers(tmp_path):
    more = tuple(Field(f"further_{n}", "") for n in range(70))
    wide = Catalogue((*CATALOGUE.clusters, Cluster("further", "", "", FieldClass.SENSITIVE, more)))
    random = Random(70)
    host = Host(tmp_path, House(random, 120, 12), wide)
    agree(host, random, 600)
    host.writer.close()


def test_a_list_of_many_people_is_decided_as_each_of_them_alone(host):
    random, house, heard = Random(11), host.house, Counter[str]()
    people = [*(outside_id(n) for n in range(1, len(house.people) + 3)), *range(140), "", "\ud800", None]
    for turn in range(400):
        if random.random() < 0.3:
            house.policy = random.choice(POLICIES)
        host.apply(policy=house.policy)
        host.change(random)
        who = random.choices(people, k=random.choice((0, 3, 15, 16, 40, 200)))
        fields = [random.choice(QUESTIONS) for _ in who]
        through, purpose = random.choice(people), PURPOSES[random.random() < 0.1]
        client, now = random.choice([*house.apps, "nix"]), to_micros(random.choice(MOMENTS))
        found = decide_many(host.reader.gate(), client, who, through, fields, purpose, now=now, clock=NOW_NS)
        alone = [host.reader.decide(client, p, through, f, purpose, now) for p, f in zip(who, fields, strict=True)]
        assert found == alone, turn
        heard.update("allowed" if one.allowed else "denied" for one in found)
        heard.update(reason.value for one in found for reason in one.denied.values())
    assert heard["allowed"] > 1000, heard
    assert heard["granter_inactive"] and heard["indirect_off"] and heard["inactive"] and heard["opted_out_cluster"]


def test_a_row_of_any_mix_is_decided_as_each_question_alone(host):
    random, house, heard = Random(13), host.house, Counter[str]()
    people = [*(outside_id(n) for n in range(1, len(house.people) + 3)), *range(140), "", "\ud800", None]
    for turn in range(600):
        if random.random() < 0.3:
            house.policy = random.choice(POLICIES)
        host.apply(policy=house.policy)
        host.change(random)
        items = []
        for _ in range(random.choice((1, 3, 4, 50, 120))):
            through = random.choice(people)
            person = through if random.random() < 0.6 else random.choice(people)
            client, purpose = random.choice([*house.apps, "nix"]), PURPOSES[random.random() < 0.1]
            items.append(Item(client, person, through, random.choice(QUESTIONS), purpose))
        now = to_micros(random.choice(MOMENTS))
        alone = [host.reader.decide(*item, now) for item in items]
        assert host.reader.decide_row(Questions.of(items), now) == alone, turn
        leaving = host.reader.leaving_row(Questions.of(items), now)
        assert leaving == [host.reader.gate().leaving(*item, now=now, clock=NOW_NS) for item in items], turn
        assert [decision for decision, _ in leaving] == alone
        heard.update("said" if said else "unsaid" for decision, said in leaving if decision.allowed)
    assert heard["said"] > 1000, heard


def test_law_4_a_row_from_a_stale_table_is_refused_whole(host):
    late = TableReader(host.folder, CATALOGUE, SECRET, clock=lambda: NOW_NS + 10**10)
    row = Questions.of([Item("nix", outside_id(1), outside_id(1), ("name",), "service")] * 60)
    assert {reason for one in late.decide_row(row, 0) for reason in one.denied.values()} == {Reason.GATE_STALE}
    assert {said for _, said in late.leaving_row(row, 0)} == {None}


def test_the_facts_of_the_port_are_the_stores_as_far_as_the_rules_read_them(host):
    random, house = Random(12), host.house
    for _ in range(300):
        host.change(random)
        client = random.choice([*house.apps, "nix"])
        people = [PersonNumber(random.randint(1, 130)) for _ in range(5)]
        through = random.choice([*people, None])
        found, right = facts_in(host.reader.gate(), client, through, people), house.facts(client, through, people)
        assert (found.app, found.through, found.persons) == (right.app, right.through, right.persons)
        assert (found.grant is None) == (right.grant is None)
        if found.grant is not None and right.grant is not None:
            nth = house.pairs[right.grant.person, right.grant.app].nth
            id_ = grant_id(SECRET, right.grant.person, right.grant.app, nth)
            assert found.grant == replace(right.grant, id=id_, granted_at=found.grant.granted_at)


@pytest.mark.evidence
def test_the_table_agrees_with_the_oracle_on_ten_million_cases(tmp_path):
    heard: Counter[str] = Counter()
    for seed in range(20):
        host = Host(tmp_path / str(seed), House(Random(seed), 300, 20))
        heard += agree(host, Random(seed), 500_000)
        host.writer.close()
    assert sum(heard.values()) >= 10_000_000
    assert min(heard[r] for r in {r.value for r in Reason} - {"no_receipt", "gate_stale", "rate_limited"}) >= 1_000, (
        heard
    )
