"""Callbacks to apps in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.engine import Instant, among, insert_new, metadata
from beholden.gate.signals.callback import MAX_CODE, MAX_URL, Addresses, Call, CallKind, CallState
from beholden.model.ids import AppNumber, PersonNumber

callback_addresses = sa.Table(
    "callback_addresses",
    metadata,
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("deauthorize", sa.String(500), nullable=False),
    sa.Column("deletion", sa.String(500), nullable=False),
)
callback_calls = sa.Table(
    "callback_calls",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_at", Instant),
    sa.Column("trouble", sa.String(500), nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("url", sa.String(MAX_URL), nullable=False),
    sa.Column("confirmation", sa.String(MAX_CODE), nullable=False),
    sa.Index("callback_calls_by_state", "state", "at"),
    sa.Index("callback_calls_by_app", "app", "at"),
)


class SqlCallBook:
    """CallBook within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def addresses(self, app: AppNumber) -> Addresses:
        """See CallBook."""
        query = sa.select(callback_addresses).where(callback_addresses.c.app == app)
        row = self._connection.execute(query).first()
        return Addresses(app, row.deauthorize, row.deletion) if row else Addresses(app)

    def put_addresses(self, addresses: Addresses) -> None:
        """See CallBook."""
        self._connection.execute(callback_addresses.delete().where(callback_addresses.c.app == addresses.app))
        self._connection.execute(callback_addresses.insert().values(asdict(addresses)))

    def add(self, calls: Sequence[Call]) -> None:
        """See CallBook."""
        insert_new(self._connection, callback_calls, [asdict(call) for call in calls])

    def due(self, at: datetime, limit: int, skip: Collection[AppNumber]) -> Sequence[Call]:
        """See CallBook."""
        address = sa.case(
            (callback_calls.c.kind == CallKind.DELETION.value, callback_addresses.c.deletion),
            else_=callback_addresses.c.deauthorize,
        )
        query = (
            sa.select(callback_calls)
            .join(callback_addresses, callback_addresses.c.app == callback_calls.c.app)
            .where(
                callback_calls.c.state == CallState.WAITING,
                sa.or_(callback_calls.c.next_at.is_(None), callback_calls.c.next_at <= at),
                address != "",
                sa.not_(among(callback_calls.c.app, "skip")),
            )
            .order_by(callback_calls.c.at, callback_calls.c.id)
            .limit(limit)
        )
        return [_call(row) for row in self._connection.execute(query, {"skip": sorted(skip)})]

    def save(self, call: Call) -> None:
        """See CallBook."""
        values = asdict(call) | {"trouble": call.trouble[:500]}
        self._connection.execute(
            callback_calls.update()
            .where(
                callback_calls.c.person == call.person,
                callback_calls.c.id == call.id,
                callback_calls.c.state == CallState.WAITING,
            )
            .values(values)
        )

    def drop(self, call: Call) -> None:
        """See CallBook."""
        self._connection.execute(
            callback_calls.delete().where(callback_calls.c.person == call.person, callback_calls.c.id == call.id)
        )

    def of_person(self, person: PersonNumber) -> Sequence[Call]:
        """See CallBook."""
        query = sa.select(callback_calls).where(callback_calls.c.person == person)
        return self._listed(query.order_by(callback_calls.c.at, callback_calls.c.id))

    def of_app(self, app: AppNumber, limit: int) -> Sequence[Call]:
        """See CallBook."""
        query = sa.select(callback_calls).where(callback_calls.c.app == app)
        return self._listed(query.order_by(callback_calls.c.at.desc(), callback_calls.c.id).limit(limit))

    def listed(self, state: CallState, limit: int) -> Sequence[Call]:
        """See CallBook."""
        query = sa.select(callback_calls).where(callback_calls.c.state == state)
        return self._listed(query.order_by(callback_calls.c.at.desc(), callback_calls.c.id).limit(limit))

    def forget(self, person: PersonNumber) -> None:
        """See CallBook."""
        self._connection.execute(
            callback_calls.delete().where(
                callback_calls.c.person == person, callback_calls.c.state != CallState.WAITING
            )
        )

    def _listed(self, query: sa.Select[Any]) -> list[Call]:
        return [_call(row) for row in self._connection.execute(query)]


def _call(row: Row[Any]) -> Call:
    return Call(
        row.id,
        CallKind(row.kind),
        AppNumber(row.app),
        PersonNumber(row.person),
        row.at,
        CallState(row.state),
        row.failures,
        row.next_at,
        row.trouble,
        row.settled_at,
        row.url,
        row.confirmation,
    )
