"""The gate's facts, read the same from every database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from beholden.backends.sql import tables
from beholden.backends.sql.store import SqlStore
from beholden.gate.facts import PersonFacts
from beholden.journeys.ports import Contract, NewPerson, Review
from beholden.model.app import App, Ask
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import ClientId, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.standing import Standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C, NOBODY_KNOWN = PersonNumber(1), PersonNumber(2), PersonNumber(3), PersonNumber(77)


@pytest.fixture
def app(store: SqlStore) -> App:
    """An app, beside three people who have numbers 1, 2 and 3."""
    with store.write() as unit:
        people = [NewPerson(OutsideId(o), o, "") for o in "abc"]
        unit.directory.enrol(people, NOW, [b"k" * 32] * 3)
        owner = unit.directory.add_developer("Acme", "", NOW)
        return unit.directory.add_app(
            ClientId("quiz"), owner.number, "Quiz", "", "games", [], (Ask("likes", "p"),), NOW
        )


def grant(store: SqlStore, app: App, person: PersonNumber, id_: str, at: datetime = NOW) -> Grant:
    made = Grant(
        GrantId(id_), person, app.number, frozenset({"name"}), frozenset(), frozenset({"p"}), at, at + 365 * DAY
    )
    with store.write() as unit:
        unit.directory.add_grant(made)
        unit.directory.record_use(person, app.number, at)
    return made


def choose(
    store: SqlStore, person: PersonNumber, scope: Scope, target: str, *, sharing: bool, at: datetime = NOW
) -> None:
    with store.write() as unit:
        unit.directory.choose(Choice(person, scope, target, sharing, at))


def facts_of(store: SqlStore, person: PersonNumber) -> PersonFacts:
    with store.read() as unit:
        return unit.gate.facts(ClientId("quiz"), None, [person]).persons[person]


def test_an_unknown_app_has_no_facts_and_an_unknown_person_is_not_among_them(store: SqlStore, app: App) -> None:
    with store.read() as unit:
        unknown = unit.gate.facts(ClientId("nix"), A, [A])
        facts = unit.gate.facts(ClientId("quiz"), NOBODY_KNOWN, [A, NOBODY_KNOWN, A])
    assert (unknown.app, unknown.through, unknown.grant, unknown.persons) == (None, None, None, {})
    assert facts.through is None
    assert facts.grant is None
    assert facts.persons == {A: PersonFacts(A)}


def test_the_granting_person_is_among_the_persons_with_their_grant_and_use(store: SqlStore, app: App) -> None:
    made = grant(store, app, A, "grant_1")
    with store.read() as unit:
        facts = unit.gate.facts(ClientId("quiz"), A, [B])
    assert facts.grant == made
    assert facts.through == facts.persons[A] == PersonFacts(A, had_grant=True, last_use=NOW)
    assert facts.persons[B] == PersonFacts(B)


def test_an_active_grant_counts_before_a_later_one_that_ended(store: SqlStore, app: App) -> None:
    active = grant(store, app, A, "grant_1")
    later = grant(store, app, A, "grant_2", NOW + DAY)
    with store.write() as unit:
        unit.directory.end_grant(later.id, GrantState.REVOKED, EndReason.PERSON, NOW + 2 * DAY)
    with store.read() as unit:
        assert unit.gate.facts(ClientId("quiz"), A, [A]).grant == active


def test_an_ended_grant_is_still_told_and_still_counts_as_had(store: SqlStore, app: App) -> None:
    made = grant(store, app, A, "grant_1")
    with store.write() as unit:
        unit.directory.end_grant(made.id, GrantState.EXPIRED, EndReason.INACTIVE, NOW + DAY)
    with store.read() as unit:
        facts = unit.gate.facts(ClientId("quiz"), A, [A])
    assert facts.grant == replace(made, state=GrantState.EXPIRED, reason=EndReason.INACTIVE, ended_at=NOW + DAY)
    assert facts.persons[A].had_grant


def test_a_use_of_another_app_and_another_apps_grant_say_nothing_here(store: SqlStore, app: App) -> None:
    with store.write() as unit:
        other = unit.directory.add_app(ClientId("other"), app.developer, "Other", "", "games", [], (), NOW)
    grant(store, other, A, "grant_1")
    assert facts_of(store, A) == PersonFacts(A)


@pytest.mark.parametrize("sharing", [True, False])
def test_each_switch_is_read_as_it_stands(store: SqlStore, app: App, sharing: bool) -> None:
    for scope, target in [(Scope.ALL, ""), (Scope.APP, "quiz"), (Scope.CLUSTER, "likes"), (Scope.INDIRECT, "")]:
        choose(store, A, scope, target, sharing=sharing)
    off = not sharing
    clusters = frozenset({"likes"}) if off else frozenset()
    assert facts_of(store, A) == PersonFacts(A, all_off=off, app_off=off, clusters_off=clusters, indirect=sharing)


def test_a_switch_of_another_app_or_person_is_not_this_ones(store: SqlStore, app: App) -> None:
    choose(store, A, Scope.APP, "other", sharing=False)
    choose(store, B, Scope.ALL, "", sharing=False)
    assert facts_of(store, A) == PersonFacts(A)


def test_law_5_a_choice_that_was_changed_counts_no_more_and_the_new_one_does(store: SqlStore, app: App) -> None:
    for sharing, day in [(True, 0), (False, 1), (True, 2)]:
        choose(store, A, Scope.INDIRECT, "", sharing=sharing, at=NOW + day * DAY)
        assert facts_of(store, A).indirect is sharing
    choose(store, A, Scope.CLUSTER, "likes", sharing=False)
    choose(store, A, Scope.CLUSTER, "likes", sharing=True, at=NOW + DAY)
    assert facts_of(store, A).clusters_off == frozenset()


def test_an_erased_person_is_unknown(store: SqlStore, app: App) -> None:
    grant(store, app, A, "grant_1")
    with store.write() as unit:
        unit.directory.forget(A, NOW + DAY)
    with store.read() as unit:
        facts = unit.gate.facts(ClientId("quiz"), A, [A, B])
    assert facts.through is None
    assert facts.persons.keys() == {B}


def test_approvals_lapse_by_disuse_or_at_their_end_whichever_is_first(store: SqlStore, app: App) -> None:
    def review(id_: str, cluster: str, state: str, used: datetime | None, until: datetime | None) -> Review:
        return Review(id_, app.number, cluster, "p", state, NOW - DAY, NOW, "op", used, until)

    with store.write() as unit:
        for one in (
            review("r1", "likes", "approved", None, None),
            review("r2", "birthday", "approved", NOW + 30 * DAY, None),
            review("r3", "location", "approved", NOW + 30 * DAY, NOW + 60 * DAY),
            review("r4", "messages", "refused", None, None),
            Review("r5", app.number, "contacts", "p", "requested", NOW),
        ):
            unit.directory.put_review(one)
        unit.directory.sign(Contract(app.number, "likes", "A", NOW, "0" * 64))
    with store.read() as unit:
        facts = unit.gate.facts(ClientId("quiz"), None, []).app
    assert facts is not None
    assert facts.approvals == {
        ("likes", "p"): NOW + 90 * DAY,
        ("birthday", "p"): NOW + 120 * DAY,
        ("location", "p"): NOW + 60 * DAY,
    }
    assert facts.contracts == {"likes"}


def test_under_a_policy_without_disuse_an_approval_has_no_end(store: SqlStore, app: App) -> None:
    with store.write() as unit:
        unit.directory.set_policy("name: then\npermission_unused_days: null", NOW)
        unit.directory.put_review(Review("r1", app.number, "likes", "p", "approved", NOW, NOW, "op"))
    with store.read() as unit:
        facts = unit.gate.facts(ClientId("quiz"), None, []).app
    assert facts is not None
    assert facts.approvals == {("likes", "p"): None}


def test_law_5_a_ban_that_was_committed_before_the_read_is_in_the_facts(store: SqlStore, app: App) -> None:
    row = {"number": app.developer, "standing": Standing.BANNED.value, "since": NOW, "sanction": "s"}
    with store.engine.begin() as connection:
        connection.execute(tables.standings.insert().values(kind="developer", **row))
    with store.read() as unit:
        facts = unit.gate.facts(ClientId("quiz"), None, []).app
    assert facts is not None
    assert (facts.standing, facts.developer_standing) == (Standing.ACTIVE, Standing.BANNED)


def test_a_thousand_people_are_asked_for_in_as_many_statements_as_one(store: SqlStore, app: App) -> None:
    many = [f"u{n}" for n in range(1_200)]
    with store.write() as unit:
        unit.directory.enrol([NewPerson(OutsideId(o), o, "") for o in many], NOW, [b"k" * 32] * len(many))
        numbers = list(unit.directory.numbers(many).values())
    said: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda _c, _u, text, *_: said.append(text))
    with store.read() as unit:
        unit.gate.facts(ClientId("quiz"), A, [A])
        few = len(said)
        assert unit.gate.facts(ClientId("quiz"), A, numbers).persons.keys() == {A, *numbers}
    assert len(said) - few <= few


def test_no_statement_of_the_gate_looks_at_every_row(store: SqlStore, app: App) -> None:
    """What takes one person as long as a million. SQLite says how it will look; `SCAN` is every row."""
    if store.engine.dialect.name != "sqlite":
        return  # PostgreSQL's plan follows the sizes of tables, which are empty here
    said: list[tuple[str, object]] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda _c, _u, text, given, *_: said.append((text, given)))
    with store.read() as unit:
        unit.gate.facts(ClientId("quiz"), A, [A, B])
        unit.directory.numbers(["a"])
        unit.directory.keys([A])
    asked = [(text, given) for text, given in said if text.startswith("SELECT")]
    assert len(asked) >= 10
    with store.engine.connect() as connection:
        for text, given in asked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given)]
            scans = [step for step in plan if step.startswith("SCAN") and "json_each" not in step]
            assert not [s for s in scans if "policy_documents" not in s], (text, plan)
