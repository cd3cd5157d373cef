"""The follower: whatever happens in the store, and wherever it is killed, its table comes to say the same."""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from beholden.backends.host.backlog import FileBacklog
from beholden.backends.sql.pulse import SqlPulse
from beholden.backends.sql.store import SqlStore, SqlUnit
from beholden.enforcement.sanction import TargetKind
from beholden.gate.decision import decide
from beholden.gate.grant_id import next_grant_id
from beholden.journeys import follow as journey
from beholden.journeys.follow import Follower
from beholden.journeys.ports import Contract, NewPerson, Review
from beholden.model.app import Ask
from beholden.model.errors import Unavailable
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.standing import Standing
from tests.contracts.dict_table import DictTable, Killed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO = AppNumber(1), AppNumber(2)
SECRET = b"s" * 32


@dataclass
class Host:
    """One host that follows a store. Its clock moves with each look."""

    store: SqlStore
    url: str
    backlog: FileBacklog
    table: DictTable = field(default_factory=DictTable)
    clock: Callable[[], int] = field(default_factory=lambda: count(1).__next__)
    follower: Follower = field(init=False)
    pulse: SqlPulse = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = SqlPulse(self.url)
        self.start()

    def start(self) -> None:
        """A new process: nothing is left but the table and the files beside it."""
        self.follower = Follower(self.store, self.pulse, self.table, self.backlog, SECRET, clock=self.clock)

    def catch_up(self) -> None:
        while self.follower.poll():
            pass

    def fresh(self) -> DictTable:
        """What a table would say that is built now."""
        other = DictTable()
        with self.store.read() as unit:
            rows = unit.rows(SECRET)
            other.build(rows.people_chunks(), rows.pair_chunks(), rows.apps(), rows.policy(), unit.feed.head())
        return other

    def is_true(self) -> bool:
        fresh = self.fresh()
        return self.table.state() == fresh.state() and self.table.epoch == fresh.epoch


@pytest.fixture
def host(store: SqlStore, database_url: str, tmp_path) -> Iterator[Host]:
    with store.write() as unit:
        people = [NewPerson(OutsideId(f"p{n}"), "", "") for n in range(1, 9)]
        unit.directory.enrol(people, NOW, [b"k" * 32] * 8)
        owner = unit.directory.add_developer("Acme", "", NOW)
        for client in ("one", "two"):
            unit.directory.add_app(ClientId(client), owner.number, client, "", "games", [], (Ask("likes", "p"),), NOW)
        for n in range(1, 7):
            unit.directory.add_grant(grant(n, ONE, f"first{n}"))
    host = Host(store, database_url, FileBacklog(tmp_path / "backlog.json"))
    host.catch_up()
    assert host.table.builds == 1
    yield host
    host.pulse.close()


def grant(person: int, app: AppNumber, id_: str, at: datetime = NOW) -> Grant:
    fields = frozenset({"name", "likes"})
    return Grant(GrantId(id_), PersonNumber(person), app, fields, frozenset(), frozenset({"p"}), at, at + 300 * DAY)


def next_id(unit: SqlUnit, person: PersonNumber, app: AppNumber) -> GrantId:
    mine = [g.id for g in unit.directory.grants(person=person, app=app)]
    return next_grant_id(SECRET, person, app, len(mine), mine)[0]


def some_act(chance: random.Random, nth: int) -> Callable[[SqlUnit], object]:
    """Anything that changes the gate's facts, on somebody."""
    person, app, at = PersonNumber(chance.randint(1, 8)), AppNumber(chance.randint(1, 2)), NOW + nth * DAY
    switch = chance.choice([(Scope.ALL, ""), (Scope.APP, "one"), (Scope.CLUSTER, "likes"), (Scope.INDIRECT, "")])
    review = Review(f"r{app}", app, "likes", "p", chance.choice(["approved", "refused"]), at, at, "op")
    acts: list[Callable[[SqlUnit], object]] = [
        lambda u: u.directory.enrol([NewPerson(OutsideId(f"new{nth}"), "", "")], at, [b"k" * 32]),
        lambda u: u.directory.choose(Choice(person, *switch, chance.random() < 0.5, at)),
        lambda u: u.directory.add_grant(grant(person, app, next_id(u, person, app), at)),
        lambda u: [
            u.directory.end_grant(g.id, GrantState.EXPIRED, EndReason.AGE, at)
            for g in u.directory.grants(person=person, active=True)
        ],
        lambda u: u.directory.record_uses([(person, app), (PersonNumber(1), app)], at),
        lambda u: u.directory.put_review(review),
        lambda u: u.directory.sign(Contract(app, "likes", "S", at, "0" * 64)),
        lambda u: u.enforcement.set_standing(TargetKind.APP, app, chance.choice(list(Standing)), None, at),
        lambda u: u.enforcement.end_grants([app], at),
    ]
    rare: list[Callable[[SqlUnit], object]] = [
        lambda u: u.directory.forget(person, at),
        lambda u: u.directory.set_policy(f"name: other\npermission_unused_days: {nth + 1}", at),
        lambda u: u.enforcement.set_standing(TargetKind.DEVELOPER, 1, chance.choice(list(Standing)), None, at),
    ]
    return chance.choice(rare if chance.random() < 0.1 else acts)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_acts_the_table_says_what_one_built_anew_would(
    host: Host, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "BATCH", 3)
    chance = random.Random(seed)
    for nth in range(40):
        host.store.perform(some_act(chance, nth))
        if chance.random() < 0.4:
            host.catch_up()
            assert host.is_true(), nth
    host.catch_up()
    assert host.is_true()
    assert host.table.builds == 1


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_step_it_goes_on_and_misses_nothing(
    host: Host, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and applying, between applying and moving the epoch on, and in the middle of a backlog."""
    monkeypatch.setattr(journey, "BATCH", 2)
    chance, steps = random.Random(seed), set[str]()
    host.table.dies = lambda step: chance.random() < 0.4 and steps.add(step) is None
    for nth in range(25):
        host.store.perform(some_act(chance, nth))
        for _ in range(200):
            try:
                host.catch_up()
                break
            except Killed:
                host.start()
        assert host.is_true(), nth
    assert steps >= {"apply", "advance"}
    assert host.table.builds == 1


def test_an_idle_poll_is_one_tiny_question_and_makes_the_table_younger(host: Host) -> None:
    said: list[str] = []
    sa.event.listen(host.store.engine, "before_cursor_execute", lambda _c, _u, text, *_: said.append(text))
    before = host.table.as_of
    assert not host.follower.poll()
    assert host.table.as_of > before
    assert said == []  # all it asked went over the pulse's own connection


def test_law_4_the_table_is_as_old_as_the_last_poll_that_reached_the_end(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "BATCH", 2)
    for n in range(1, 6):
        host.store.perform(lambda unit, n=n: unit.directory.record_use(PersonNumber(n), ONE, NOW))
    before = host.table.as_of
    assert host.follower.poll()
    assert host.table.as_of == before  # two of five are in
    host.catch_up()
    assert host.table.as_of > before


def test_law_4_while_the_store_does_not_answer_the_table_only_grows_older(host: Host) -> None:
    class Away:
        def head(self) -> int:
            raise Unavailable("no.")

    before = host.table.as_of
    host.follower._pulse, pulse = Away(), host.pulse
    with pytest.raises(Unavailable):
        host.follower.poll()
    host.store.perform(lambda unit: unit.directory.choose(Choice(PersonNumber(1), Scope.ALL, "", False, NOW)))
    with pytest.raises(Unavailable):
        host.follower.poll()
    assert host.table.as_of == before
    host.follower._pulse = pulse
    host.catch_up()
    assert host.is_true() and host.table.as_of > before and host.table.builds == 1


def test_one_that_is_too_far_behind_builds_the_table_anew(host: Host) -> None:
    host.store.perform(lambda unit: unit.directory.record_use(PersonNumber(1), ONE, NOW))
    host.store.perform(lambda unit: unit.directory.record_use(PersonNumber(2), ONE, NOW))
    host.store.perform(lambda unit: unit.feed.prune(datetime.now(UTC) + DAY, 100))
    host.catch_up()
    assert host.is_true()
    assert host.table.builds == 2


def test_a_table_that_is_damaged_while_in_use_is_built_anew(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.table.refusal, host.table.as_of = "it was damaged", 0
    monkeypatch.setattr(host.store, "read", lambda: (_ for _ in ()).throw(Unavailable("no.")))
    for _ in range(2):
        with pytest.raises(Unavailable):
            host.follower.poll()
    assert host.table.as_of == 0, "nobody vouches for it while there is no other"
    monkeypatch.undo()
    host.catch_up()
    assert host.is_true() and host.table.as_of and host.table.builds == 2


def test_old_changes_are_forgotten_after_a_day_and_not_before(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert journey.prune(host.store) == 0
    monkeypatch.setattr(journey, "KEPT", -DAY)
    monkeypatch.setattr(journey, "PRUNED_AT_ONCE", 1)
    for _ in range(3):
        host.store.perform(lambda unit: unit.directory.record_use(PersonNumber(1), ONE, NOW))
    with host.store.read() as unit:
        head = unit.feed.head()
    assert journey.prune(host.store) == head


def test_a_store_of_an_earlier_day_or_a_refused_table_is_built_anew(host: Host) -> None:
    host.table.epoch += 5
    host.catch_up()
    assert host.is_true()
    host.table.refusal = "its page 7 is damaged"
    host.start()
    host.catch_up()
    assert host.is_true()
    assert host.table.builds == 3


def test_law_5_while_a_bans_pairs_are_read_the_app_stays_banned_and_nobody_else_waits(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "BATCH", 2)

    def ban(unit: SqlUnit) -> None:
        unit.enforcement.set_standing(TargetKind.APP, ONE, Standing.BANNED, None, NOW)
        unit.enforcement.end_grants([ONE], NOW)

    host.store.perform(ban)
    assert host.follower.poll()
    assert host.table.apps[ONE].facts.standing is Standing.BANNED
    assert host.table.as_of != 0 and host.backlog.load() == [ONE]
    # The ban is lifted and others go on, before the last pair was read.
    host.store.perform(lambda unit: unit.enforcement.set_standing(TargetKind.APP, ONE, Standing.ACTIVE, None, NOW))
    host.store.perform(lambda unit: unit.directory.choose(Choice(PersonNumber(8), Scope.ALL, "", False, NOW)))
    before = host.table.as_of
    host.follower.poll()
    host.follower.poll()
    assert host.table.people[8][0] is True and host.table.as_of > before
    assert host.table.apps[ONE].facts.standing is (Standing.BANNED if host.backlog.load() else Standing.ACTIVE)
    host.start()
    host.catch_up()
    assert host.is_true() and host.backlog.load() == []


def test_a_backlog_that_cannot_be_read_builds_the_table_anew(host: Host) -> None:
    for damage in ("[1", '{"a": 1}', '["x"]'):
        host.backlog._path.write_text(damage)
        host.start()
        host.catch_up()
        assert host.is_true()
    assert host.table.builds == 4


def test_the_table_decides_as_the_store_would(host: Host) -> None:
    """The dict table's rows, put before the pure decision, beside the store's own facts."""
    from beholden.gate.facts import Facts, PersonFacts
    from beholden.model import catalogue as catalogues
    from tests.conftest import EXAMPLES

    catalogue = catalogues.read((EXAMPLES / "catalogue.yaml").read_text())
    chance = random.Random(5)
    for nth in range(30):
        host.store.perform(some_act(chance, nth))
        host.catch_up()
        with host.store.read() as unit:
            policy = unit.directory.policy()
            for number in range(1, 9):
                facts = unit.gate.facts(ClientId("one"), PersonNumber(number), [PersonNumber(number)])
                app, person = host.table.apps[ONE].facts, host.table.people.get(number)
                shape = host.table.pairs.get((number, ONE), (None, 0, 0, 0))[0]
                mine = facts.persons.get(PersonNumber(number))
                assert (person is None) == (mine is None)
                if mine is None or person is None:
                    continue
                again = PersonFacts(
                    mine.number,
                    person[0],
                    bool(shape and shape.app_off),
                    person[2],
                    person[1],
                    bool(shape and shape.had_grant),
                    mine.last_use,
                )
                other = Facts(facts.lag_ms, app, again, facts.grant, {mine.number: again})
                said = [
                    decide(f, mine.number, ("name",), "p", policy=policy, catalogue=catalogue, now=NOW + nth * DAY)
                    for f in (facts, other)
                ]
                assert said[0] == said[1]


def test_it_follows_several_writers_until_it_is_told_to_stop(host: Host) -> None:
    stop, faults = threading.Event(), list[BaseException]()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for nth in range(12):
                host.store.perform(some_act(chance, seed * 100 + nth))
        except BaseException as error:
            faults.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2, 3)]
    for writer in writers:
        writer.start()

    def done() -> bool:
        return not any(writer.is_alive() for writer in writers) and host.table.epoch == host.pulse.head()

    journey.follow(host.follower, every=0.005, stopped=done, nap=stop.wait, say=lambda _: None)
    host.catch_up()
    assert faults == []
    assert host.is_true()
