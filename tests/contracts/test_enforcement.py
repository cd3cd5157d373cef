"""EnforcementStore, on every database."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from beholden.backends.sql.directory import grants
from beholden.backends.sql.store import SqlStore
from beholden.enforcement import appeal as appeals
from beholden.enforcement import sanction as sanctions
from beholden.enforcement.appeal import Appeal
from beholden.enforcement.sanction import Ground, Sanction, SanctionKind, SanctionState, TargetKind
from beholden.journeys.ports import Review
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import Conflict
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppealId, AppNumber, CaseId, ClientId, DeveloperNumber, GrantId, PersonNumber, SanctionId
from beholden.model.standing import Standing

NOW = datetime(2026, 1, 1, 9, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ANNA, BEN, CARA = (Actor(ActorKind.OPERATOR, name) for name in ("anna", "ben", "cara"))
SEVEN = DeveloperNumber(7)


def proposed(id: str = "sanction_1", app: AppNumber | None = None, at: datetime = NOW) -> Sanction:
    made = sanctions.propose(SanctionId(id), SanctionKind.BAN, SEVEN, app, CaseId("case_1"), ANNA, at, "harvest", 5)
    assert isinstance(made, Sanction)
    return made


def forced(before: Sanction) -> Sanction:
    confirmed = sanctions.confirm(before, BEN, NOW, "agreed")
    assert isinstance(confirmed, Sanction)
    after = sanctions.put_in_force(confirmed, NOW)
    assert isinstance(after, Sanction)
    return after


def test_every_part_of_a_sanction_comes_back_as_it_was(store: SqlStore) -> None:
    by_hand = proposed(app=AppNumber(3))
    in_force = forced(by_hand)
    wish = sanctions.propose_lift(in_force, CARA, LATER, "“ü”", 9)
    assert isinstance(wish, Sanction)
    lifted = sanctions.lift(wish, ANNA, LATER, "agreed")
    assert isinstance(lifted, Sanction)
    before: Sanction | None = None
    for version in (by_hand, in_force, wish, lifted):
        with store.write() as unit:
            unit.enforcement.save(before, version)
            assert unit.enforcement.sanction(version.id, lock=True) == version
        before = version
    ground = Ground("rfi-silence", NOW, CaseId("case_1"))
    by_rule = sanctions.by_rule(SanctionId("sanction_2"), SEVEN, ground, NOW, 0)
    with store.write() as unit:
        unit.enforcement.save(None, by_rule)
    with store.read() as unit:
        assert unit.enforcement.sanction(by_rule.id) == by_rule
        assert unit.enforcement.sanction(SanctionId("sanction_x")) is None


def test_whoever_saves_over_a_newer_version_is_refused(store: SqlStore) -> None:
    one = proposed()
    with store.write() as unit:
        unit.enforcement.save(None, one)
        unit.enforcement.save(one, forced(one))
    withdrawn = sanctions.withdraw(one, ANNA, NOW, "x")
    assert isinstance(withdrawn, Sanction)
    with pytest.raises(Conflict), store.write() as unit:
        unit.enforcement.save(one, withdrawn)
    with pytest.raises(Conflict), store.write() as unit:
        unit.enforcement.save(None, one)
    with store.read() as unit:
        assert unit.enforcement.sanction(one.id) == forced(one)


def test_sanctions_are_found_by_developer_and_state_the_latest_first(store: SqlStore) -> None:
    early, late = proposed("sanction_b"), proposed("sanction_a", AppNumber(1), LATER)
    with store.write() as unit:
        unit.enforcement.save(None, early)
        unit.enforcement.save(None, late)
        unit.enforcement.save(early, forced(early))
    with store.read() as unit:
        assert [s.id for s in unit.enforcement.sanctions()] == ["sanction_a", "sanction_b"]
        assert [s.id for s in unit.enforcement.sanctions(state=SanctionState.IN_FORCE)] == ["sanction_b"]
        assert [s.id for s in unit.enforcement.sanctions(developer=SEVEN)] == ["sanction_a", "sanction_b"]
        assert unit.enforcement.sanctions(developer=DeveloperNumber(8)) == []


def test_standing_is_what_the_directory_and_so_the_gate_reads(store: SqlStore) -> None:
    with store.write() as unit:
        owner = unit.directory.add_developer("Quiz Mill", "a@quiz.example", NOW)
        other = unit.directory.add_developer("Other", "a@other.example", NOW)
        app = unit.directory.add_app(ClientId("quiz"), owner.number, "Quiz", "", "games", [], [], NOW)
        assert unit.directory.standing(app) == (Standing.ACTIVE, Standing.ACTIVE)
        unit.enforcement.set_standing(TargetKind.DEVELOPER, owner.number, Standing.BANNED, SanctionId("s"), NOW)
        unit.enforcement.set_standing(TargetKind.APP, app.number, Standing.SUSPENDED, SanctionId("t"), NOW)
        unit.enforcement.set_standing(TargetKind.DEVELOPER, other.number, Standing.ACTIVE, None, NOW)
    with store.read() as unit:
        assert unit.directory.standing(app) == (Standing.SUSPENDED, Standing.BANNED)
        assert unit.gate.facts(ClientId("quiz"), None, []).app is not None
        assert unit.enforcement.banned() == [owner]
    with store.write() as unit:
        unit.enforcement.set_standing(TargetKind.DEVELOPER, owner.number, Standing.ACTIVE, None, LATER)
        unit.enforcement.set_standing(TargetKind.APP, app.number, Standing.ACTIVE, None, LATER)
    with store.read() as unit:
        assert unit.directory.standing(app) == (Standing.ACTIVE, Standing.ACTIVE)
        assert unit.enforcement.banned() == []


def test_a_ban_ends_the_active_grants_of_its_apps_and_touches_nothing_else(store: SqlStore) -> None:
    def grant(id: str, app: int, state: GrantState = GrantState.ACTIVE, reason: EndReason | None = None) -> Grant:
        ended = NOW if reason else None
        none = frozenset[str]()
        return Grant(GrantId(id), PersonNumber(1), AppNumber(app), none, none, none, NOW, None, state, reason, ended)

    kept = [grant("g3", 3), grant("g4", 1, GrantState.EXPIRED, EndReason.INACTIVE)]
    with store.write() as unit:
        for each in (grant("g1", 1), grant("g2", 2), *kept):
            unit.directory.add_grant(each)
        assert unit.enforcement.end_grants([AppNumber(1), AppNumber(2)], LATER) == 2
        assert unit.enforcement.end_grants([AppNumber(1), AppNumber(2)], LATER) == 0
        assert unit.enforcement.end_grants([], LATER) == 0
    with store.read() as unit:
        found = {g.id: g for g in unit.directory.grants(person=PersonNumber(1))}
    for id in ("g1", "g2"):
        ended = found[GrantId(id)]
        assert (ended.state, ended.reason, ended.ended_at) == (GrantState.REVOKED, EndReason.BAN, LATER)
    assert [found[g.id] for g in kept] == kept


def test_however_many_grants_end_in_one_statement(store: SqlStore) -> None:
    row = {"app": 1, "fields": "[]", "through_fields": "[]", "purposes": "[]", "granted_at": NOW, "state": "active"}
    with store.write() as unit:
        unit._connection.execute(grants.insert(), [row | {"person": n, "id": f"g{n}"} for n in range(5_000)])
    statements: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with store.write() as unit:
        assert unit.enforcement.end_grants([AppNumber(n) for n in range(1, 400)], LATER) == 5_000
    assert len([s for s in statements if s.startswith("UPDATE grants")]) == 1


def test_open_reviews_are_refused_and_decided_ones_stay(store: SqlStore) -> None:
    open_, done = (
        Review("review_1", AppNumber(1), "likes", "service", "requested", NOW),
        Review("review_2", AppNumber(1), "contacts", "service", "approved", NOW, NOW, "anna"),
    )
    other = Review("review_3", AppNumber(2), "likes", "service", "requested", NOW)
    with store.write() as unit:
        for review in (open_, done, other):
            unit.directory.put_review(review)
        assert unit.enforcement.refuse_reviews([AppNumber(1)], "sanction_1", LATER) == 1
    with store.read() as unit:
        found = {r.id: r for r in unit.directory.reviews()}
    assert (found["review_1"].state, found["review_1"].decided_by, found["review_1"].decided_at) == (
        "refused",
        "sanction_1",
        LATER,
    )
    assert (found["review_2"], found["review_3"]) == (done, other)


def test_an_appeal_comes_back_as_it_was_and_is_decided_once(store: SqlStore) -> None:
    actor = Actor(ActorKind.DEVELOPER, "7")
    filed = appeals.file(AppealId("appeal_1"), forced(proposed()), [], actor, NOW, "Not us. “ü”")
    assert isinstance(filed, Appeal)
    granted = appeals.decide(filed, [], CARA, LATER, "So it is.", granted=True)
    dismissed = appeals.decide(filed, [], CARA, LATER, "No.", granted=False)
    assert isinstance(granted, Appeal) and isinstance(dismissed, Appeal)
    with store.write() as unit:
        unit.enforcement.save_appeal(None, filed)
        assert unit.enforcement.appeal(filed.id) == filed
        unit.enforcement.save_appeal(filed, granted)
    with pytest.raises(Conflict), store.write() as unit:
        unit.enforcement.save_appeal(filed, dismissed)
    with store.read() as unit:
        assert unit.enforcement.appeal(filed.id) == granted
        assert unit.enforcement.appeals(sanction=filed.sanction) == [granted]
        assert unit.enforcement.appeals(developer=SEVEN) == [granted]
        assert unit.enforcement.appeals(developer=DeveloperNumber(8)) == []
        assert unit.enforcement.appeal(AppealId("appeal_x")) is None
