"""Sanctions, appeals and standing in SQL, and what a ban ends in bulk."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql import changes
from beholden.backends.sql.directory import SqlDirectory
from beholden.backends.sql.engine import Instant, chunks, metadata
from beholden.backends.sql.tables import apps, grants, reviews, standings
from beholden.enforcement.appeal import Appeal, AppealState
from beholden.enforcement.sanction import (
    Ground,
    Move,
    Sanction,
    SanctionEvent,
    SanctionKind,
    SanctionState,
    TargetKind,
)
from beholden.model.act import Actor, ActorKind
from beholden.model.app import Developer
from beholden.model.errors import Conflict
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import AppealId, AppNumber, CaseId, DeveloperNumber, SanctionId
from beholden.model.standing import Standing

sanctions = sa.Table(
    "sanctions",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("developer", sa.BigInteger, nullable=False, index=True),
    sa.Column("app", sa.BigInteger),
    sa.Column("case", sa.String(80)),
    sa.Column("rule", sa.String(60)),
    sa.Column("deadline", Instant),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("proposed_at", Instant, nullable=False),
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
sanction_events = sa.Table(
    "sanction_events",
    metadata,
    sa.Column("sanction", sa.String(80), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("move", sa.String(20), nullable=False),
    sa.Column("actor_kind", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("entry", sa.BigInteger, nullable=False),
)
appeals = sa.Table(
    "appeals",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("sanction", sa.String(80), nullable=False, index=True),
    sa.Column("developer", sa.BigInteger, nullable=False, index=True),
    sa.Column("grounds", sa.Text, nullable=False),
    sa.Column("filed_at", Instant, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.Column("decided_at", Instant),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("entry", sa.BigInteger, nullable=False),
    sa.Column("decided_entry", sa.BigInteger, nullable=False),
)


class SqlEnforcementStore:
    """See enforcement.ports.EnforcementStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, before: Sanction | None, after: Sanction) -> None:
        """See EnforcementStore."""
        known = len(before.history) if before is not None else 0
        values = {"state": after.state, "mark": after.mark, "version": len(after.history)}
        if before is None:
            self._connection.execute(sanctions.insert().values(**_sanction_row(after), **values))
        else:
            same = (sanctions.c.id == after.id) & (sanctions.c.version == known)
            if self._connection.execute(sanctions.update().where(same).values(**values)).rowcount != 1:
                raise Conflict(f"The sanction {after.id} has moved on meanwhile.", "Look at it again.")
        events = [_event_row(after.id, n, e) for n, e in enumerate(after.history) if n >= known]
        if events:
            self._connection.execute(sanction_events.insert(), events)

    def sanction(self, sanction: SanctionId, *, lock: bool = False) -> Sanction | None:
        """See EnforcementStore. SQLite has no row locks and needs none: a writing unit is alone there."""
        query = sa.select(sanctions).where(sanctions.c.id == sanction)
        found = self._read(query.with_for_update() if lock else query)
        return found[0] if found else None

    def sanctions(
        self, *, developer: DeveloperNumber | None = None, state: SanctionState | None = None
    ) -> Sequence[Sanction]:
        """See EnforcementStore."""
        query = sa.select(sanctions).order_by(sanctions.c.proposed_at.desc(), sanctions.c.id)
        if developer is not None:
            query = query.where(sanctions.c.developer == developer)
        if state is not None:
            query = query.where(sanctions.c.state == state)
        return self._read(query)

    def _read(self, query: sa.Select[Any]) -> list[Sanction]:
        found: list[Sanction] = []
        for rows in chunks(list(self._connection.execute(query))):
            moves: dict[str, list[Row[Any]]] = {}
            events = sa.select(sanction_events).where(sanction_events.c.sanction.in_([row.id for row in rows]))
            for event in self._connection.execute(events.order_by(sanction_events.c.position)):
                moves.setdefault(event.sanction, []).append(event)
            found.extend(_sanction(row, moves.get(row.id, [])) for row in rows)
        return found

    def set_standing(
        self, kind: TargetKind, number: int, standing: Standing, sanction: SanctionId | None, at: datetime
    ) -> None:
        """See EnforcementStore."""
        same = (standings.c.kind == kind) & (standings.c.number == number)
        row = self._connection.execute(sa.select(standings).where(same)).first()
        if row is None and standing is Standing.ACTIVE:
            return
        values = {"standing": standing, "since": at, "sanction": sanction or ""}
        if row is None:
            self._connection.execute(standings.insert().values(kind=kind, number=number, **values))
        elif (row.standing, row.sanction) != (standing, sanction or ""):
            self._connection.execute(standings.update().where(same).values(**values))
        changes.name(self._connection, standings, apps=self._apps_of(kind, number))

    def _apps_of(self, kind: TargetKind, number: int) -> Sequence[int]:
        """The apps whose facts a standing is among."""
        if kind is TargetKind.APP:
            return [number]
        return self._connection.execute(sa.select(apps.c.number).where(apps.c.developer == number)).scalars().all()

    def end_grants(self, apps: Collection[AppNumber], at: datetime) -> int:
        """See EnforcementStore. One statement for 500 apps, however many people they have."""
        ended = 0
        for some in chunks(sorted(apps)):
            ended += self._connection.execute(
                grants.update()
                .where(grants.c.app.in_(some), grants.c.state == GrantState.ACTIVE)
                .values(state=GrantState.REVOKED, reason=EndReason.BAN, ended_at=at)
            ).rowcount
            changes.name(self._connection, grants, ended=some)
        return ended

    def refuse_reviews(self, apps: Collection[AppNumber], by: str, at: datetime) -> int:
        """See EnforcementStore."""
        refused = 0
        for some in chunks(sorted(apps)):
            refused += self._connection.execute(
                reviews.update()
                .where(reviews.c.app.in_(some), reviews.c.state == "requested")
                .values(state="refused", decided_at=at, decided_by=by)
            ).rowcount
            changes.name(self._connection, reviews, apps=some)
        return refused

    def banned(self) -> Sequence[Developer]:
        """See EnforcementStore."""
        query = sa.select(standings.c.number).where(
            standings.c.kind == TargetKind.DEVELOPER, standings.c.standing == Standing.BANNED
        )
        directory = SqlDirectory(self._connection)
        numbers = self._connection.execute(query.order_by(standings.c.number)).scalars().all()
        found = [directory.developer(DeveloperNumber(number)) for number in numbers]
        return [developer for developer in found if developer is not None]

    def save_appeal(self, before: Appeal | None, after: Appeal) -> None:
        """See EnforcementStore."""
        values = {
            "state": after.state,
            "decided_by": after.decided_by,
            "decided_at": after.decided_at,
            "reason": after.reason,
            "decided_entry": after.decided_entry,
        }
        if before is None:
            filed = {
                "id": after.id,
                "sanction": after.sanction,
                "developer": after.developer,
                "grounds": after.grounds,
                "filed_at": after.filed_at,
                "entry": after.entry,
            }
            self._connection.execute(appeals.insert().values(**filed, **values))
            return
        same = (appeals.c.id == after.id) & (appeals.c.state == before.state)
        if self._connection.execute(appeals.update().where(same).values(**values)).rowcount != 1:
            raise Conflict(f"The appeal {after.id} has moved on meanwhile.", "Look at it again.")

    def appeal(self, appeal: AppealId) -> Appeal | None:
        """See EnforcementStore."""
        row = self._connection.execute(sa.select(appeals).where(appeals.c.id == appeal)).first()
        return _appeal(row) if row else None

    def appeals(
        self, *, sanction: SanctionId | None = None, developer: DeveloperNumber | None = None
    ) -> Sequence[Appeal]:
        """See EnforcementStore."""
        query = sa.select(appeals).order_by(appeals.c.filed_at.desc(), appeals.c.id)
        if sanction is not None:
            query = query.where(appeals.c.sanction == sanction)
        if developer is not None:
            query = query.where(appeals.c.developer == developer)
        return [_appeal(row) for row in self._connection.execute(query)]


def _sanction_row(sanction: Sanction) -> dict[str, Any]:
    return {
        "id": sanction.id,
        "kind": sanction.kind,
        "developer": sanction.developer,
        "app": sanction.app,
        "case": sanction.case,
        "rule": sanction.ground.rule if sanction.ground else None,
        "deadline": sanction.ground.deadline if sanction.ground else None,
        "proposed_at": sanction.history[0].at,
    }


def _event_row(sanction: SanctionId, position: int, event: SanctionEvent) -> dict[str, Any]:
    return {
        "sanction": sanction,
        "position": position,
        "move": event.move,
        "actor_kind": event.actor.kind,
        "actor": event.actor.id,
        "at": event.at,
        "reason": event.reason,
        "state": event.state,
        "entry": event.entry,
    }


def _sanction(row: Row[Any], moves: list[Row[Any]]) -> Sanction:
    history = tuple(
        SanctionEvent(
            Move(m.move), Actor(ActorKind(m.actor_kind), m.actor), m.at, m.reason, SanctionState(m.state), m.entry
        )
        for m in moves
    )
    case = CaseId(row.case) if row.case else None
    return Sanction(
        SanctionId(row.id),
        SanctionKind(row.kind),
        DeveloperNumber(row.developer),
        AppNumber(row.app) if row.app is not None else None,
        case,
        Ground(row.rule, row.deadline, case) if row.rule and case else None,
        SanctionState(row.state),
        history,
        row.mark,
    )


def _appeal(row: Row[Any]) -> Appeal:
    return Appeal(
        AppealId(row.id),
        SanctionId(row.sanction),
        DeveloperNumber(row.developer),
        row.grounds,
        row.filed_at,
        AppealState(row.state),
        row.decided_by,
        row.decided_at,
        row.reason,
        row.entry,
        row.decided_entry,
    )
