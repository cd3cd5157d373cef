"""The change feed, the same on every database: nothing is forgotten, and epochs are in the order of commits."""

import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from beholden.backends.sql import changes, tables
from beholden.backends.sql.store import SqlStore, SqlUnit
from beholden.enforcement.sanction import TargetKind
from beholden.gate.feed import MOST_KEYS, Change, ChangeKind, Changes, covers
from beholden.gate.grant_id import grant_id
from beholden.gate.rows import AppRow, PairRow, PersonRow
from beholden.journeys.ports import Contract, NewPerson, Review
from beholden.model.app import Ask
from beholden.model.errors import Unavailable
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.standing import Standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = b"s" * 32
A, B, C = PersonNumber(1), PersonNumber(2), PersonNumber(3)
ONE, TWO = AppNumber(1), AppNumber(2)
LATER = grant_id(SECRET, B, ONE, 2)
Rows = dict[tuple[str, int, int], PersonRow | PairRow | AppRow]


def grant(person: PersonNumber, app: AppNumber, id_: str, at: datetime = NOW) -> Grant:
    return Grant(GrantId(id_), person, app, frozenset({"name"}), frozenset(), frozenset({"p"}), at, at + 300 * DAY)


def review(id_: str, app: AppNumber = ONE, state: str = "approved") -> Review:
    return Review(id_, app, "likes", "p", state, NOW, None if state == "requested" else NOW, "op")


@pytest.fixture
def town(store: SqlStore) -> SqlStore:
    """People 1 to 3, apps 1 and 2 of one developer; 1 and 2 granted something to both."""
    with store.write() as unit:
        unit.directory.enrol([NewPerson(OutsideId(o), o, "") for o in "abc"], NOW, [b"k" * 32] * 3)
        owner = unit.directory.add_developer("Acme", "", NOW)
        for client in ("one", "two"):
            unit.directory.add_app(ClientId(client), owner.number, client, "", "games", [], (Ask("likes", "p"),), NOW)
        for person in (A, B):
            for app in (ONE, TWO):
                unit.directory.add_grant(grant(person, app, f"g{person}{app}"))
        unit.directory.put_review(review("standing"))
        unit.directory.put_review(review("asked", state="requested"))
    return store


def rows(store: SqlStore) -> Rows:
    """Every row that the table would have, by its key."""
    found: Rows = {}
    with store.read() as unit:
        people, pairs = unit.rows(SECRET).people(PersonNumber(0), PersonNumber(1_000))
        found.update({("person", p.number, 0): p for p in people})
        found.update({("pair", p.person, p.app): p for p in pairs})
        found.update({("app", 0, a.facts.number): a for a in unit.rows(SECRET).apps()})
    return found


def differing(before: Rows, after: Rows) -> list[tuple[str, int, int]]:
    return [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]


def named(said: Collection[Change], key: tuple[str, int, int]) -> bool:
    kind, person, app = key
    return covers(said, None if kind == "app" else PersonNumber(person), None if kind == "person" else AppNumber(app))


def told(store: SqlStore, after: int = 0, limit: int = 10_000) -> Changes:
    with store.read() as unit:
        found = unit.feed.since(after, limit)
    assert found is not None
    return found


def head(store: SqlStore) -> int:
    with store.read() as unit:
        return unit.feed.head()


def choose(scope: Scope, target: str = "", *, sharing: bool = False) -> Callable[[SqlUnit], object]:
    return lambda unit: unit.directory.choose(Choice(A, scope, target, sharing, NOW + DAY))


MUTATORS: dict[str, Callable[[SqlUnit], object]] = {
    "enrol": lambda u: u.directory.enrol([NewPerson(OutsideId("d"), "d", "")], NOW, [b"k" * 32]),
    "forget": lambda u: u.directory.forget(A, NOW + DAY),
    "choose all": choose(Scope.ALL),
    "choose app": choose(Scope.APP, "one"),
    "choose cluster": choose(Scope.CLUSTER, "likes"),
    "choose indirect": choose(Scope.INDIRECT, sharing=True),
    "add_app": lambda u: u.directory.add_app(
        ClientId("three"), u.directory.developers()[0].number, "", "", "", [], (), NOW
    ),
    "add_grant": lambda u: u.directory.add_grant(grant(C, ONE, "new")),
    "add_grant again": lambda u: u.directory.add_grant(grant(A, ONE, "again", NOW + DAY)),
    "end_grant": lambda u: u.directory.end_grant(GrantId("g11"), GrantState.EXPIRED, EndReason.INACTIVE, NOW + DAY),
    "record_use": lambda u: u.directory.record_use(C, TWO, NOW),
    "record_uses": lambda u: u.directory.record_uses([(A, ONE), (B, TWO)], NOW + DAY),
    "put_review": lambda u: u.directory.put_review(review("new", TWO)),
    "put_review for another app": lambda u: u.directory.put_review(review("standing", TWO)),
    "touch_reviews": lambda u: u.directory.touch_reviews(ONE, ["likes"], "p", NOW + DAY),
    "sign": lambda u: u.directory.sign(Contract(TWO, "likes", "S", NOW, "0" * 64)),
    "set_policy": lambda u: u.directory.set_policy("name: then\npermission_unused_days: null", NOW),
    "set_standing of an app": lambda u: u.enforcement.set_standing(TargetKind.APP, ONE, Standing.SUSPENDED, None, NOW),
    "set_standing of a developer": lambda u: u.enforcement.set_standing(
        TargetKind.DEVELOPER, u.directory.developers()[0].number, Standing.BANNED, None, NOW
    ),
    "end_grants": lambda u: u.enforcement.end_grants([ONE], NOW + DAY),
    "refuse_reviews": lambda u: u.enforcement.refuse_reviews([ONE], "op", NOW + DAY),
    "a writer that says nothing": lambda u: u._connection.execute(
        tables.grants.update().where(tables.grants.c.person == A).values(state="revoked")
    ),
}
SILENT: dict[str, Callable[[SqlUnit], object]] = {
    "set_verified": lambda u: u.directory.set_verified(ONE, verified=True),
    "add_developer": lambda u: u.directory.add_developer("B", "", NOW),
    "a new name": lambda u: u.directory.enrol([NewPerson(OutsideId("a"), "Other", "")], NOW, [b"k" * 32]),
    "a secret": lambda u: u.consent.put_secret(ONE, b"d" * 32, NOW),
    "a grant that had ended": lambda u: u.directory.end_grant(
        GrantId("none"), GrantState.REVOKED, EndReason.PERSON, NOW
    ),
}
"""What changes no fact of the gate, and leaves no epoch."""


@pytest.mark.parametrize("what", MUTATORS)
def test_law_5_whatever_changes_a_row_is_named_in_the_feed(town: SqlStore, what: str) -> None:
    before, at = rows(town), head(town)
    with town.write() as unit:
        MUTATORS[what](unit)
    after, said = rows(town), told(town, at)
    changed = differing(before, after)
    assert changed or what == "refuse_reviews"  # a refusal of what was never approved changes no fact
    assert [key for key in changed if not named(said.changes, key)] == []
    assert said.epoch == said.head == at + 1


@pytest.mark.parametrize("what", SILENT)
def test_what_is_no_fact_of_the_gate_leaves_no_epoch(town: SqlStore, what: str) -> None:
    before, at = rows(town), head(town)
    with town.write() as unit:
        SILENT[what](unit)
    assert rows(town) == before
    assert head(town) == at


def test_every_table_of_the_gate_is_written_by_some_mutator_here(town: SqlStore) -> None:
    wrote: set[str] = set()
    for work in MUTATORS.values():
        with pytest.raises(RuntimeError), town.write() as unit:
            work(unit)
            wrote |= changes.pending(unit._connection).wrote
            raise RuntimeError
    assert wrote == changes.GATE_TABLES


def test_the_gate_reads_no_table_that_the_feed_does_not_watch(town: SqlStore) -> None:
    read: set[str] = set()
    names = {table.name for table in changes.metadata.sorted_tables}

    def note(_c: object, _u: object, text: str, *_: object) -> None:
        words = set(text.replace(",", " ").replace("(", " ").split())
        read.update(name for name in names if name in words)

    sa.event.listen(town.engine, "before_cursor_execute", note)
    with town.read() as unit:
        unit.gate.facts(ClientId("one"), A, [A, B])
        unit.rows(SECRET).people(A, C)
        unit.rows(SECRET).apps()
    assert read and read <= changes.GATE_TABLES


def test_what_is_undone_leaves_no_epoch_and_no_gap(town: SqlStore) -> None:
    at = head(town)
    with pytest.raises(RuntimeError), town.write() as unit:
        unit.directory.record_use(A, ONE, NOW)
        raise RuntimeError
    with town.write() as unit:
        unit.directory.record_use(B, ONE, NOW)
    assert told(town, at) == Changes([Change(ChangeKind.PAIR, B, B, ONE)], at + 1, at + 1)


def test_a_ban_of_an_app_with_very_many_people_is_a_handful_of_keys(town: SqlStore) -> None:
    with town.write() as unit:
        many = [f"u{n}" for n in range(6_000)]
        unit.directory.enrol([NewPerson(OutsideId(o), o, "") for o in many], NOW, [b"k" * 32] * len(many))
    at = head(town)
    with town.write() as unit:
        unit.enforcement.set_standing(TargetKind.APP, ONE, Standing.BANNED, None, NOW)
        unit.enforcement.end_grants([ONE], NOW + DAY)
        unit.directory.record_uses([(PersonNumber(n), TWO) for n in range(1, 6_000, 2)], NOW)
        unit.directory.record_uses([(PersonNumber(n), ONE) for n in range(1, 6_000, 2)], NOW)
    said = told(town, at).changes
    assert said[:2] == [Change(ChangeKind.APP, app=ONE), Change(ChangeKind.ENDED, app=ONE)]
    assert len(said) <= 2 + MOST_KEYS
    assert covers(said, PersonNumber(5_999), TWO)


def test_since_tells_whole_transactions_and_at_least_one(town: SqlStore) -> None:
    at = head(town)
    for _ in range(3):
        with town.write() as unit:
            unit.directory.record_uses([(A, ONE), (B, ONE), (C, ONE)], NOW)
    assert [(told(town, at, limit).epoch - at, len(told(town, at, limit).changes)) for limit in (1, 3, 5, 6, 8, 9)] == [
        (1, 3),
        (1, 3),
        (1, 3),
        (2, 6),
        (2, 6),
        (3, 9),
    ]
    assert told(town, at + 3) == Changes([], at + 3, at + 3)


def test_what_was_pruned_or_never_was_cannot_be_told(town: SqlStore) -> None:
    for _ in range(3):
        with town.write() as unit:
            unit.directory.record_use(A, ONE, NOW)
    last = head(town)
    with town.write() as unit:
        assert unit.feed.prune(datetime.now(UTC) - timedelta(hours=1), 100) == 0
        assert unit.feed.prune(datetime.now(UTC) + timedelta(hours=1), last - 1) == last - 1
    with town.read() as unit:
        assert unit.feed.since(last - 2, 10) is None
        assert unit.feed.since(last + 1, 10) is None
    assert len(told(town, last - 1).changes) == 1
    with town.write() as unit:
        unit.directory.record_use(A, ONE, NOW)
    assert head(town) == last + 1


def test_writers_at_once_leave_epochs_without_a_gap_and_a_follower_misses_none(town: SqlStore) -> None:
    """Each writer commits uses one after the other; the follower must see each at the epoch that has it."""
    writers, each = 4, 12
    at, faults = head(town), list[BaseException]()

    def write(who: int) -> None:
        try:
            for n in range(each):
                now = NOW + n * DAY
                if n % 2:
                    town.perform(lambda unit, now=now: unit.directory.record_use(PersonNumber(who), ONE, now))
                else:
                    with town.write() as unit:
                        unit.directory.record_use(PersonNumber(who), ONE, now)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(1, writers + 1)]
    for thread in threads:
        thread.start()
    seen, applied = dict[int, int](), at
    until = time.monotonic() + 60
    while applied < at + writers * each and time.monotonic() < until and not faults:
        with town.read() as unit:
            found = unit.feed.since(applied, 7)
            assert found is not None
            query = sa.text("SELECT person, count(*) AS n FROM uses GROUP BY person")
            count = {row.person: row.n for row in unit._connection.execute(query)}
        for change in found.changes:
            seen[change.first] = seen.get(change.first, 0) + 1
        # Whatever the snapshot has, its feed has told or can tell; and what the feed told, the snapshot has.
        assert sum(count.values()) == found.head - at
        assert all(count.get(person, 0) >= times for person, times in seen.items())
        applied = found.epoch
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert seen == dict.fromkeys(range(1, writers + 1), each)


def test_rows_are_what_the_gate_would_be_told(town: SqlStore) -> None:
    with town.write() as unit:
        choose(Scope.APP, "one")(unit)
        choose(Scope.CLUSTER, "likes")(unit)
        unit.directory.record_use(A, ONE, NOW + DAY)
        unit.directory.add_grant(grant(B, ONE, LATER, NOW + DAY))
        unit.directory.forget(B, NOW)
        unit.directory.sign(Contract(ONE, "likes", "S", NOW, "0" * 64))
        unit.enforcement.set_standing(TargetKind.APP, ONE, Standing.SUSPENDED, None, NOW)
    found = rows(town)
    with town.read() as unit:
        for app in unit.directory.apps():
            facts = unit.gate.facts(app.client_id, A, [A, B, C])
            assert found["app", 0, app.number] == AppRow(app.client_id, facts.app)
            for person in (A, C):
                mine = facts.persons[person]
                whole, pair = (
                    found["person", person, 0],
                    found.get(("pair", person, app.number), PairRow(person, app.number)),
                )
                assert (whole.all_off, whole.indirect, whole.clusters_off) == (
                    mine.all_off,
                    mine.indirect,
                    mine.clusters_off,
                )
                assert (pair.app_off, pair.had_grant, pair.last_use) == (mine.app_off, mine.had_grant, mine.last_use)
            assert found["pair", A, app.number].grant == facts.grant
        assert [p.grant.id for p in unit.rows(SECRET).ended_pairs(ONE, PersonNumber(0), 9)] == []
        assert unit.rows(SECRET).pairs([(C, TWO), (C, TWO)]) == [PairRow(C, TWO)]
    assert found["person", B, 0].erased
    assert (found["pair", B, ONE].grant.id, found["pair", B, ONE].nth) == (LATER, 2)
    assert found["pair", A, ONE].nth == 0  # its id says nothing of which it is


def test_everything_comes_in_chunks_that_say_the_same_as_the_rows(town: SqlStore) -> None:
    from beholden.gate.rows import pair_columns, people_columns

    with town.write() as unit:
        choose(Scope.APP, "one")(unit)
        choose(Scope.CLUSTER, "likes")(unit)
        unit.directory.forget(C, NOW)
    with town.read() as unit:
        chunks = [*unit.rows(SECRET).people_chunks(), *unit.rows(SECRET).pair_chunks()]
        people, pairs = unit.rows(SECRET).people(A, C)
    got_people, got_pairs = chunks
    want_people, want_pairs = (
        people_columns(people, SECRET),
        pair_columns(sorted(pairs, key=lambda p: (p.person, p.app))),
    )
    for got, want in ((got_people, want_people), (got_pairs, want_pairs)):
        for column in got.__slots__:
            mine, theirs = getattr(got, column), getattr(want, column)
            assert mine == theirs if isinstance(mine, list) else mine.tolist() == theirs.tolist(), column


def test_no_statement_of_a_poll_looks_at_every_row(town: SqlStore) -> None:
    """SQLite says how it will look; `SCAN` is every row. Few stand in `apps` and `standings`."""
    if town.engine.dialect.name != "sqlite":
        return  # PostgreSQL's plan follows the sizes of tables, which are empty here
    said: list[tuple[str, object]] = []
    sa.event.listen(town.engine, "before_cursor_execute", lambda _c, _u, text, given, *_: said.append((text, given)))
    with town.read() as unit:
        unit.feed.since(1, 10)
        unit.rows(SECRET).people(A, B)
        unit.rows(SECRET).pairs([(A, ONE)])
        unit.rows(SECRET).ended_pairs(ONE, A, 5)
        unit.rows(SECRET).apps([ONE])
    asked = [(text, given) for text, given in said if text.startswith("SELECT")]
    assert len(asked) >= 10
    with town.engine.connect() as connection:
        for text, given in asked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given)]
            scans = [step for step in plan if step.startswith("SCAN") and "json_each" not in step]
            assert not [s for s in scans if s.split()[1] not in {"standings", "apps", "policy_documents"}], (text, plan)


def test_a_ban_ends_pairs_that_are_read_page_by_page(town: SqlStore) -> None:
    with town.write() as unit:
        unit.enforcement.end_grants([ONE], NOW + DAY)
    with town.read() as unit:
        first = unit.rows(SECRET).ended_pairs(ONE, PersonNumber(0), 1)
        rest = unit.rows(SECRET).ended_pairs(ONE, first[0].person, 5)
    assert [(p.person, p.grant.state) for p in [*first, *rest]] == [(A, GrantState.REVOKED), (B, GrantState.REVOKED)]


def test_law_5_a_commit_returns_after_the_hosts_table_has_its_epoch(database_url: str) -> None:
    waited: list[int] = []

    class Table:
        def wait(self, epoch: int) -> bool:
            waited.append(epoch)
            with store.read() as unit:
                assert unit.feed.head() == epoch  # it waits after the commit, not before
            return True

    store = SqlStore(database_url, applied=Table())
    try:
        with store.write() as unit:
            unit.directory.enrol([NewPerson(OutsideId("a"), "a", "")], NOW, [b"k" * 32])
        store.perform(lambda unit: unit.directory.record_use(A, ONE, NOW))
        with store.write() as unit:
            unit.directory.add_developer("Acme", "", NOW)
        with pytest.raises(Unavailable), store.write() as unit:
            unit.directory.record_use(A, ONE, NOW)
            raise Unavailable("no.")
        assert waited == [1, 2]
    finally:
        store.close()
