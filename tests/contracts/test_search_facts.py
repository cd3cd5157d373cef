"""Whom the gate may be asked about, read the same from every database."""

from datetime import UTC, datetime, timedelta

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.journeys.ports import NewPerson
from beholden.model.app import App, Ask
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, GrantId, OutsideId, PersonNumber
from beholden.model.person import Choice, Scope

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def app(store: SqlStore) -> App:
    """An app beside six people, and another that must never be mixed up with it."""
    with store.write() as unit:
        people = [NewPerson(OutsideId(o), o, "") for o in "abcdef"]
        unit.directory.enrol(people, NOW, [b"k" * 32] * 6)
        owner = unit.directory.add_developer("Acme", "", NOW)
        apps = [
            unit.directory.add_app(ClientId(c), owner.number, c, "", "games", [], (Ask("likes", "p"),), NOW)
            for c in ("quiz", "other")
        ]
    return apps[0]


def person(store: SqlStore, outside_id: str) -> PersonNumber:
    with store.read() as unit:
        return unit.directory.numbers([outside_id])[outside_id]


def grant(store: SqlStore, app: AppNumber, who: PersonNumber, id_: str, at: datetime = NOW) -> GrantId:
    fields = frozenset({"name", id_})
    made = Grant(GrantId(id_), who, app, fields, frozenset(), frozenset({"p"}), at, at + 365 * DAY)
    with store.write() as unit:
        unit.directory.add_grant(made)
        unit.directory.record_use(who, app, at)
    return made.id


def end(store: SqlStore, grant_: GrantId) -> None:
    with store.write() as unit:
        assert unit.directory.end_grant(grant_, GrantState.REVOKED, EndReason.PERSON, NOW)


def test_granters_are_those_with_an_active_grant_each_once_from_any_place(store: SqlStore, app: App) -> None:
    a, b, c, d, e, f = (person(store, o) for o in "abcdef")
    for n, who in enumerate((f, b, d, a)):
        grant(store, app.number, who, f"g{n}")
    grant(store, app.number, b, "again")
    end(store, grant(store, app.number, c, "ended"))
    grant(store, AppNumber(app.number + 1), e, "elsewhere")
    with store.read() as unit:
        assert list(unit.search.granters(app.number, None, 10)) == sorted([a, b, d, f])
        assert list(unit.search.granters(app.number, None, 2)) == sorted([a, b, d, f])[:2]
        assert list(unit.search.granters(app.number, b, 10)) == [who for who in sorted([a, d, f]) if who > b]
        assert list(unit.search.granters(app.number, max(a, b, d, f), 10)) == []


def test_everybody_is_everybody_who_is_not_erased(store: SqlStore, app: App) -> None:
    gone = person(store, "c")
    with store.write() as unit:
        unit.directory.forget(gone, NOW)
    with store.read() as unit:
        everybody = list(unit.search.everybody(None, 10))
        assert len(everybody) == 5
        assert everybody == sorted(everybody)
        assert gone not in everybody
        assert list(unit.search.everybody(everybody[1], 2)) == everybody[2:4]


def test_own_facts_are_what_the_gate_says_of_each_person_alone(store: SqlStore, app: App) -> None:
    """Of two grants the active one counts, of two ended ones the later; whoever has none still has facts."""
    a, b, c, d, e, f = (person(store, o) for o in "abcdef")
    grant(store, app.number, a, "a-active")
    end(store, grant(store, app.number, a, "a-ended", NOW + DAY))
    end(store, grant(store, app.number, b, "b-first"))
    end(store, grant(store, app.number, b, "b-second", NOW + DAY))
    grant(store, AppNumber(app.number + 1), c, "elsewhere")
    grant(store, app.number, d, "d-active")
    with store.write() as unit:
        unit.directory.choose(Choice(d, Scope.CLUSTER, "likes", False, NOW))
        unit.directory.forget(e, NOW)
    asked = [f, a, b, c, d, e, PersonNumber(99_999_999)]
    with store.read() as unit:
        together = unit.search.own_facts(ClientId("quiz"), asked)
        for number, facts in zip(asked, together, strict=True):
            alone = unit.gate.facts(ClientId("quiz"), number, [number])
            assert (facts.app, facts.through, facts.grant, facts.persons) == (
                alone.app,
                alone.through,
                alone.grant,
                alone.persons,
            )
        assert [facts.grant and facts.grant.id for facts in together][1:5] == ["a-active", "b-second", None, "d-active"]
        unknown = unit.search.own_facts(ClientId("nix"), [a, b])
        assert [facts.app for facts in unknown] == [None, None]
