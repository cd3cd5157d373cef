"""Grants whose time runs out, in SQL: found in pages, so that a sweep over millions holds a few hundred at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.directory import read_grant
from beholden.backends.sql.engine import Instant, chunks, metadata
from beholden.backends.sql.tables import grants, uses
from beholden.model.grant import GrantState
from beholden.model.ids import GrantId, PersonNumber
from beholden.notices.ports import RunningOut, Warned, WarningState

warnings = sa.Table(
    "expiry_warnings",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("grant", sa.String(80), primary_key=True),
    sa.Column("ends_at", Instant, primary_key=True),
    sa.Column("days", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("doubtful", sa.Boolean, nullable=False),
    sa.Column("reply", sa.String(500), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_at", Instant),
    sa.Index("expiry_warnings_by_state", "state", "person", "grant"),
)
_KEY = ("person", "grant", "ends_at", "days")
# Read by the key: the rows of one person and app, at most one a day.
_LAST_USE = (
    sa.select(sa.func.max(uses.c.last_at))
    .where(uses.c.person == grants.c.person, uses.c.app == grants.c.app)
    .scalar_subquery()
)


class SqlExpiryBook:
    """ExpiryBook within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def running_out(
        self,
        *,
        unused_since: datetime | None,
        ends_by: datetime,
        after: tuple[PersonNumber, GrantId] | None,
        limit: int,
    ) -> Sequence[RunningOut]:
        """See ExpiryBook."""
        ending = grants.c.ends_at <= ends_by
        if unused_since is not None:
            ending = ending | (sa.func.coalesce(_LAST_USE, grants.c.granted_at) <= unused_since)
        query = _with_last_use().where(grants.c.state == GrantState.ACTIVE, ending).limit(limit)
        if after is not None:
            person, grant = after
            query = query.where(
                (grants.c.person > person) | ((grants.c.person == person) & (grants.c.id > grant)),
                grants.c.person >= person,
            )
        return [_running_out(row) for row in self._connection.execute(query.order_by(grants.c.person, grants.c.id))]

    def warned(self, ids: Collection[tuple[PersonNumber, GrantId]]) -> Sequence[Warned]:
        """See ExpiryBook."""
        found: list[Warned] = []
        for some in chunks(list(ids)):
            query = sa.select(warnings).where(
                warnings.c.person.in_([person for person, _ in some]),
                warnings.c.grant.in_([grant for _, grant in some]),
            )
            found.extend(_warned(row) for row in self._connection.execute(query))
        return found

    def open_warnings(self, due: datetime, limit: int) -> Sequence[Warned]:
        """See ExpiryBook."""
        query = (
            sa.select(warnings)
            .where(
                (warnings.c.state == WarningState.BEGUN)
                | ((warnings.c.state == WarningState.DEFERRED) & (warnings.c.next_at <= due))
            )
            .order_by(warnings.c.person, warnings.c.grant)
            .limit(limit)
        )
        return [_warned(row) for row in self._connection.execute(query)]

    def put_warnings(self, warnings_: Sequence[Warned]) -> None:
        """See ExpiryBook."""
        if not warnings_:
            return
        rows = [_row(warned) for warned in warnings_]
        keys = [{f"{name}_": row[name] for name in _KEY} for row in rows]
        same = sa.and_(*(warnings.c[name] == sa.bindparam(f"{name}_") for name in _KEY))
        self._connection.execute(warnings.delete().where(same), keys)
        self._connection.execute(warnings.insert(), rows)

    def grants(self, ids: Collection[tuple[PersonNumber, GrantId]]) -> Mapping[GrantId, RunningOut]:
        """See ExpiryBook."""
        found: dict[GrantId, RunningOut] = {}
        for some in chunks(list(ids)):
            query = _with_last_use().where(
                grants.c.person.in_([person for person, _ in some]), grants.c.id.in_([grant for _, grant in some])
            )
            rows = (_running_out(row) for row in self._connection.execute(query))
            found.update((row.grant.id, row) for row in rows)
        return found

    def forget(self, person: PersonNumber) -> None:
        """See ExpiryBook."""
        self._connection.execute(warnings.update().where(warnings.c.person == person).values(reply=""))


def _with_last_use() -> sa.Select[Any]:
    return sa.select(grants, _LAST_USE.label("last_use"))


def _running_out(row: Row[Any]) -> RunningOut:
    return RunningOut(read_grant(row), row.last_use)


def _warned(row: Row[Any]) -> Warned:
    return Warned(
        PersonNumber(row.person),
        GrantId(row.grant),
        row.ends_at,
        row.days,
        WarningState(row.state),
        row.at,
        row.doubtful,
        row.reply,
        row.tries,
        row.next_at,
    )


def _row(warned: Warned) -> dict[str, Any]:
    return {
        "person": warned.person,
        "grant": warned.grant,
        "ends_at": warned.ends_at,
        "days": warned.days,
        "state": warned.state,
        "at": warned.at,
        "doubtful": warned.doubtful,
        "reply": warned.reply[:500],
        "tries": warned.tries,
        "next_at": warned.next_at,
    }
