"""Every door of the gate says from the decision table what it says from the store, on each database."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from beholden import bootstrap
from beholden.backends.host.backlog import FileBacklog
from beholden.backends.sql.pulse import SqlPulse
from beholden.backends.sql.store import SqlStore
from beholden.backends.table.reader import TableReader
from beholden.backends.table.shared import SharedReader
from beholden.backends.table.writer import TableWriter
from beholden.enforcement.sanction import TargetKind
from beholden.gate.grant_id import next_grant_id
from beholden.gate.pairwise import scoped_ids
from beholden.gate.rows import AppRow, PairRow, PersonRow
from beholden.journeys.disclose import FilterRequest, PersonRef, Question, Stop, evaluate, evaluate_many, filter_records
from beholden.journeys.follow import Follower
from beholden.journeys.ports import Contract, Engines, NewPerson, Review, Unit
from beholden.journeys.ruling import Request, Ruling, Wish, refused_apps, rule
from beholden.journeys.search import Page, PersonSearch, Sought, search
from beholden.model.decision import Reason
from beholden.model.errors import Unavailable
from beholden.model.grant import EndReason, GrantState
from beholden.model.person import Choice, Scope
from beholden.model.policy import Policy
from beholden.model.standing import Standing
from tests.contracts.test_one_way_through import configured
from tests.gate.houses import MOMENTS, House, outside_id
from tests.gate.worlds import CATALOGUE, FIELDS, NOW, POLICIES, PURPOSES
from tests.tables import followed

PEOPLE, APPS = 30, 4
QUESTIONS = (*(FIELDS[: n + 1] for n in range(len(FIELDS))), ("religion", "name"), ("nix", "likes", "nix"), ())
ASKED = b"the same each time"
LIMIT_MS = 30_000
"""A pause of the machine is not what is tested here."""


class Moment:
    """The time of the question."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Street:
    """A house at random in a real store, and the engines that answer from it and from its table."""

    def __init__(self, engines: Engines, table: object, random: Random) -> None:
        self.random, self.clock = random, Moment()
        self.engines = replace(engines, clock=self.clock, catalogue=CATALOGUE)
        self.by_table = replace(self.engines, table=table)
        self.house = house = House(random, PEOPLE, APPS)
        with engines.store.write() as unit:
            unit.directory.set_policy(written(house.policy), NOW)
            new = [NewPerson(person.outside_id, "", "") for person in house.people.values()]
            unit.directory.enrol(new, NOW, [engines.ids.secret() for _ in new])
            for row in house.apps.values():
                developer = unit.directory.add_developer(row.client_id, "", NOW).number
                app = unit.directory.add_app(row.client_id, developer, "", "", "games", [], (), NOW)
                assert app.number == row.facts.number
                self.put_app(unit, row)
            for person in house.people.values():
                self.put_person(unit, person)
            for pair in house.pairs.values():
                self.put_pair(unit, pair)
            for person in house.people.values():
                if person.erased:
                    unit.directory.forget(person.number, NOW)

    def put_app(self, unit: Unit, row: AppRow) -> None:
        facts = row.facts
        unit.enforcement.set_standing(TargetKind.APP, facts.number, facts.standing, None, NOW)
        unit.enforcement.set_standing(TargetKind.DEVELOPER, facts.number, facts.developer_standing, None, NOW)
        for n, ((cluster, purpose), until) in enumerate(facts.approvals.items()):
            id_ = f"review_{facts.number}_{n}"
            unit.directory.put_review(
                Review(id_, facts.number, cluster, purpose, "approved", NOW, NOW, "op", until=until)
            )
        for cluster in facts.contracts:
            unit.directory.sign(Contract(facts.number, cluster, "S", NOW, "0" * 64))

    def put_person(self, unit: Unit, row: PersonRow) -> None:
        switches = [(Scope.ALL, "", not row.all_off), (Scope.INDIRECT, "", row.indirect)]
        switches += [(Scope.CLUSTER, c.name, c.name not in row.clusters_off) for c in CATALOGUE.clusters]
        for scope, target, sharing in switches:
            if sharing is not None:
                unit.directory.choose(Choice(row.number, scope, target, sharing, NOW))

    def put_pair(self, unit: Unit, row: PairRow) -> None:
        given = [grant.id for grant in unit.directory.grants(person=row.person, app=row.app)]
        client = self.engines_client(row)
        unit.directory.choose(Choice(row.person, Scope.APP, client, not row.app_off, NOW))
        if row.grant is not None:
            id_ = next_grant_id(self.engines.pairwise, row.person, row.app, len(given), given)[0]
            for old in given:
                unit.directory.end_grant(old, GrantState.REVOKED, EndReason.REPLACED, NOW)
            at = row.grant.granted_at.replace(microsecond=len(given))
            unit.directory.add_grant(replace(row.grant, id=id_, granted_at=at, state=GrantState.ACTIVE))
            if row.grant.state is not GrantState.ACTIVE:
                unit.directory.end_grant(id_, row.grant.state, EndReason.AGE, NOW)
        if row.last_use is not None:
            unit.directory.record_use(row.person, row.app, row.last_use)

    def engines_client(self, row: PairRow) -> str:
        return next(app.client_id for app in self.house.apps.values() if app.facts.number == row.app)

    def change(self) -> None:
        """Something of one person, one pair and one app, and now and then the policy, is another one."""
        random, house = self.random, self.house
        person = house.some_person(random.randint(1, PEOPLE))
        pair, app = house.some_pair(random.randint(1, PEOPLE), random.randint(1, APPS)), random.randint(1, APPS)
        with self.engines.store.write() as unit:
            self.put_person(unit, person)
            self.put_pair(unit, pair)
            if random.random() < 0.3:
                self.put_app(unit, house.some_app(app))
            if random.random() < 0.3:
                unit.directory.set_policy(written(random.choice(POLICIES)), NOW)

    def somebody(self, client: str) -> PersonRef:
        """Somebody by either kind of id, who need not be there."""
        number = self.random.randint(1, PEOPLE + 2)
        if self.random.random() < 0.3:
            app = self.house.apps.get(client)
            return PersonRef(scoped_ids(self.engines.pairwise, app.facts.number if app else 9, [number])[0], True)
        return PersonRef(self.random.choice([outside_id(number)] * 9 + ["", "\0", "é" * 300]))

    def request(self) -> Request:
        """A request for nobody, somebody or a crowd."""
        random = self.random
        client = random.choice([*self.house.apps, *self.house.apps, "nix", "\0"])
        through, purpose = self.somebody(client), PURPOSES[random.random() < 0.1]
        wishes = [Wish(self.somebody(client), random.choice(QUESTIONS)) for _ in range(random.choice((0, 1, 1, 3, 40)))]
        wishes += [Wish(through, random.choice(QUESTIONS))]
        return Request(client, through, purpose, tuple(wishes))


def written(policy: Policy) -> str:
    return (
        f"name: some\ninactivity_days: {policy.inactivity_days or 'null'}\nindirect: {policy.indirect}\n"
        f"review_required: {str(policy.review_required).lower()}\n"
        f"contract_required: {str(policy.contract_required).lower()}\n"
        f"gate_lag_limit_ms: {LIMIT_MS}\n"
    )


@pytest.fixture
def engines(database_url: str, tmp_path: Path) -> Iterator[Engines]:
    engines = bootstrap.embedded(configured(database_url, tmp_path))
    yield engines
    bootstrap.close(engines)


@pytest.fixture
def street(engines: Engines, database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Street]:
    folder = tmp_path / "followed"
    folder.mkdir()
    with followed(replace(engines, catalogue=CATALOGUE), database_url, folder) as table:
        yield Street(engines, table, Random(request.param if hasattr(request, "param") else 5))


def told(ruling: Ruling) -> tuple[object, ...]:
    """All that a door makes anything of. A scoped id of nobody is somebody's number to the store, who is unknown."""
    judged = ruling.judged
    named = [(p if d.allowed else None, d) for p, d in zip(judged.persons, judged.decisions, strict=True)]
    leaves = any(d.allowed for d in judged.decisions)
    return named, judged.stale, ruling.at, (judged.app, judged.through, judged.grant) if leaves else None


@pytest.mark.parametrize("street", range(3), indirect=True)
def test_both_rule_alike_whatever_the_facts_and_whoever_asks(street: Street, tmp_path: Path) -> None:
    heard: Counter[str] = Counter()
    gone = SqlStore(f"sqlite:///{tmp_path / 'gone' / 'store.db'}")
    for _ in range(60):
        street.change()
        street.clock.at = street.random.choice(MOMENTS)
        requests = [street.request() for _ in range(8)]
        found, right = rule(replace(street.by_table, store=gone), requests), rule(street.engines, requests)
        with street.engines.store.read() as unit:
            refused = [refused_apps(e, unit, [*street.house.apps, "nix"]) for e in (street.engines, street.by_table)]
        assert refused[0] == refused[1] and refused[0]["nix"] is Reason.APP_UNKNOWN
        for request, one, other in zip(requests, found, right, strict=True):
            assert told(one) == told(other), request
            heard.update(reason.value for decision in one.decisions for reason in decision.denied.values())
            heard["allowed"] += sum(bool(decision.allowed) for decision in one.decisions)
            heard["until"] += sum(decision.until is not None for decision in one.decisions)
    gone.close()
    assert min(heard["allowed"], heard["until"]) > 100 and len(heard) > 15, heard


def test_every_door_answers_and_records_alike(street: Street) -> None:
    kept = street.engines.ledger.size()
    for _ in range(25):
        street.change()
        street.clock.at = street.random.choice(MOMENTS)
        request = street.request()
        answers = [doors(engines, request) for engines in (street.engines, street.by_table)]
        assert answers[0] == answers[1]
        rows = [replace(row, seq=0, digests={}) for row in street.engines.ledger.disclosures(start=kept)]
        assert rows[: len(rows) // 2] == rows[len(rows) // 2 :]
        kept = street.engines.ledger.size()


def doors(engines: Engines, request: Request) -> tuple[object, ...]:
    """What the filter, a row of evaluations and the three searches say."""
    app, through, purpose, wishes = request.app, request.through, request.purpose, request.wishes
    records = [{"id": w.person.id, **dict.fromkeys(FIELDS, "x")} for w in wishes if w.person.id]
    questions = [Question(app, w.person, w.fields or None, purpose, through, bool(w.fields)) for w in wishes]
    fields = wishes[-1].fields or None
    return (
        filter_records(engines, FilterRequest(app, through, purpose, records)),
        evaluate_many(engines, questions),
        evaluate_many(engines, questions, Stop.FIRST_DENY),
        [
            search(engines, PersonSearch(sought, app, person, fields, purpose, giver), Page(ASKED, None, 7))
            for sought in Sought
            for person, giver in ((through, None), (wishes[0].person, through))
        ],
    )


def test_a_grant_that_the_table_cannot_name_is_named_by_the_store(street: Street) -> None:
    person, app = one_who_shares(street)
    with street.engines.store.write() as unit:
        (old, *_) = unit.directory.grants(person=person, app=app, active=True)
        unit.directory.end_grant(old.id, GrantState.REVOKED, EndReason.REPLACED, NOW)
        unit.directory.add_grant(replace(old, id="grant_of_old", granted_at=NOW, ends_at=None))
    asked = Question(f"app-{app}", PersonRef(outside_id(person)), ("name",), "service", disclose=True)
    assert evaluate(street.by_table, asked).whole
    (*_, row) = street.engines.ledger.disclosures()
    assert (row.person, row.grant) == (person, "grant_of_old")


class BanningLedger:
    """A ledger whose disk is so slow that an act comes in between."""

    def __init__(self, engines: Engines, number: int) -> None:
        self._engines = engines
        self._number = number

    def append(self, items: Sequence[object]) -> object:
        found = self._engines.ledger.append(items)
        with self._engines.store.write() as unit:
            unit.enforcement.set_standing(TargetKind.APP, self._number, Standing.BANNED, None, NOW)
        return found


def test_law_1_and_5_a_ban_during_the_append_takes_the_answer_back(street: Street) -> None:
    """It is in the ledger, which may say more than left, and nothing leaves."""
    person, app = one_who_shares(street)
    slow = replace(street.by_table, ledger=BanningLedger(street.engines, app))
    before = street.engines.ledger.size()
    request = FilterRequest(
        f"app-{app}", PersonRef(outside_id(person)), "service", [{"id": outside_id(person), "name": "x"}]
    )
    answer = filter_records(slow, request)
    assert answer.records == []
    assert answer.report.reasons == {Reason.APP_BANNED: 1}
    assert len(list(street.engines.ledger.disclosures(start=before))) == 1


def one_who_shares(street: Street) -> tuple[int, int]:
    """A person and an app that may have their name."""
    for (person, app), _ in street.house.pairs.items():
        asked = Question(f"app-{app}", PersonRef(outside_id(person)), ("name",), "service")
        if evaluate(street.engines, asked).whole:
            return person, app
    raise AssertionError("nobody shares anything")


@pytest.mark.parametrize("how", ["there is none", "it is old"])
def test_law_4_a_table_that_is_not_to_be_trusted_allows_nothing_at_any_door(
    street: Street, database_url: str, tmp_path: Path, how: str
) -> None:
    folder, late = tmp_path / "other", 0
    folder.mkdir()
    if how == "it is old":
        engines, pulse = street.engines, SqlPulse(database_url)
        writer = TableWriter(folder, CATALOGUE, engines.pairwise)
        Follower(engines.store, pulse, writer, FileBacklog(folder / "backlog.json"), engines.pairwise).poll()
        late = (LIMIT_MS + 1_000) * 1_000_000
    reader = TableReader(folder, CATALOGUE, street.engines.pairwise, lambda: time.monotonic_ns() + late)
    person, app = one_who_shares(street)
    stale = replace(street.engines, table=SharedReader(reader))
    client, ref, size = f"app-{app}", PersonRef(outside_id(person)), street.engines.ledger.size()
    asked = Question(client, ref, ("name",), "service", disclose=True)
    assert evaluate(stale, asked).denied == {"name": Reason.GATE_STALE}
    for records in ([{"id": ref.id, "name": "x"}], []):
        with pytest.raises(Unavailable, match="latest standing"):
            filter_records(stale, FilterRequest(client, ref, "service", records))
    for sought in Sought:
        with pytest.raises(Unavailable, match="latest standing"):
            search(stale, PersonSearch(sought, client, ref, ("name",), "service"), Page(ASKED))
    assert street.engines.ledger.size() == size
    if how == "it is old":
        writer.close()
        pulse.close()
