"""Streams and their queues in SQL."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from beholden.backends.sql.callbacks import callback_calls
from beholden.backends.sql.engine import Instant, among, insert_new, metadata
from beholden.gate.signals.event import Kind
from beholden.gate.signals.ports import Entry
from beholden.gate.signals.stream import Method, Status, Stream
from beholden.model.ids import AppNumber, GrantId, PersonNumber

signal_streams = sa.Table(
    "signal_streams",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("owner", sa.String(80), nullable=False, index=True),
    sa.Column("app", sa.BigInteger),
    sa.Column("audience", sa.String(200), nullable=False),
    sa.Column("method", sa.String(40), nullable=False),
    sa.Column("endpoint", sa.String(500), nullable=False),
    # Ours to send, so it cannot be kept as a digest.
    sa.Column("authorization", sa.String(500), nullable=False),
    sa.Column("requested", sa.Text, nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_at", Instant),
    sa.Column("trouble", sa.String(500), nullable=False),
)
# `settled` is empty while the entry waits; the index serves the queue's head. A queue is read by its stream, so it is
# spread by that and not by whom an entry is about.
signal_entries = sa.Table(
    "signal_entries",
    metadata,
    sa.Column("stream", sa.String(80), primary_key=True),
    sa.Column("jti", sa.String(80), primary_key=True),
    sa.Column("txn", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(200), nullable=False),
    sa.Column("app", sa.BigInteger),
    sa.Column("subject", sa.BigInteger, index=True),
    sa.Column("grant_id", sa.String(80)),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("settled", sa.String(20), nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("trouble", sa.String(500), nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Index("signal_entries_by_queue", "stream", "settled", "at"),
    sa.Index("signal_entries_by_end", "settled_at"),
)
# The first word of a person's browser against selling and sharing; what they chose themselves since then wins.
objections = sa.Table(
    "objections",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
)
_LONGEST = 500


class SqlSignalBook:
    """SignalBook within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_stream(self, stream: Stream) -> None:
        """See SignalBook."""
        values = asdict(stream) | {"requested": json.dumps(stream.requested), "trouble": stream.trouble[:_LONGEST]}
        known = self._connection.execute(
            signal_streams.update().where(signal_streams.c.id == stream.id).values(values)
        ).rowcount
        if not known:
            self._connection.execute(signal_streams.insert().values(values))

    def stream(self, id_: str) -> Stream | None:
        """See SignalBook."""
        row = self._connection.execute(sa.select(signal_streams).where(signal_streams.c.id == id_)).first()
        return _stream(row) if row else None

    def streams(self, owner: str | None = None) -> Sequence[Stream]:
        """See SignalBook."""
        query = sa.select(signal_streams).order_by(signal_streams.c.created_at, signal_streams.c.id)
        if owner is not None:
            query = query.where(signal_streams.c.owner == owner)
        return [_stream(row) for row in self._connection.execute(query)]

    def drop_stream(self, id_: str) -> None:
        """See SignalBook."""
        self._connection.execute(signal_entries.delete().where(signal_entries.c.stream == id_))
        self._connection.execute(signal_streams.delete().where(signal_streams.c.id == id_))

    def add(self, entries: Sequence[Entry]) -> None:
        """See SignalBook."""
        insert_new(self._connection, signal_entries, [_row(entry) for entry in entries])

    def waiting(self, stream: str, limit: int) -> Sequence[Entry]:
        """See SignalBook."""
        query = self._queue(stream).order_by(signal_entries.c.at, signal_entries.c.jti).limit(limit)
        return [_entry(row) for row in self._connection.execute(query)]

    def entries(self, stream: str, jtis: Collection[str]) -> Sequence[Entry]:
        """See SignalBook."""
        query = sa.select(signal_entries).where(signal_entries.c.stream == stream, among(signal_entries.c.jti, "jtis"))
        return [_entry(row) for row in self._connection.execute(query, {"jtis": sorted(jtis)})]

    def count_waiting(self, stream: str, most: int) -> int:
        """See SignalBook."""
        some = self._queue(stream).with_only_columns(sa.literal(1)).limit(most).subquery()
        return int(self._connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())

    def settle(self, stream: str, outcomes: Mapping[str, str], at: datetime) -> int:
        """See SignalBook."""
        count = 0
        for word in sorted(set(outcomes.values())):
            mine = [jti for jti, said in outcomes.items() if said == word]
            change = (
                signal_entries.update()
                .where(
                    signal_entries.c.stream == stream,
                    signal_entries.c.settled == "",
                    among(signal_entries.c.jti, "jtis"),
                )
                .values(settled=word, settled_at=at)
            )
            count += self._connection.execute(change, {"jtis": sorted(mine)}).rowcount
        return count

    def note(self, stream: str, jti: str, trouble: str) -> None:
        """See SignalBook."""
        self._connection.execute(
            signal_entries.update()
            .where(signal_entries.c.stream == stream, signal_entries.c.jti == jti)
            .values(trouble=trouble[:_LONGEST], failures=signal_entries.c.failures + 1)
        )

    def clear(self, stream: str) -> int:
        """See SignalBook."""
        return self._connection.execute(
            signal_entries.delete().where(signal_entries.c.stream == stream, signal_entries.c.settled == "")
        ).rowcount

    def failed(self, limit: int) -> Sequence[Entry]:
        """See SignalBook."""
        query = sa.select(signal_entries).where(signal_entries.c.settled.in_(["failed", "given up"]))
        query = query.order_by(signal_entries.c.settled_at.desc(), signal_entries.c.jti).limit(limit)
        return [_entry(row) for row in self._connection.execute(query)]

    def sweep(self, before: datetime) -> int:
        """See SignalBook."""
        done = self._connection.execute(signal_entries.delete().where(signal_entries.c.settled_at < before)).rowcount
        # An app's confirmation is kept as long as the wish that it answers: it is the person's to show (law 7).
        return (
            done
            + self._connection.execute(
                callback_calls.delete().where(callback_calls.c.settled_at < before, callback_calls.c.confirmation == "")
            ).rowcount
        )

    def forget(self, person: PersonNumber) -> None:
        """See SignalBook."""
        self._connection.execute(
            signal_entries.delete().where(signal_entries.c.subject == person, signal_entries.c.settled != "")
        )
        self._connection.execute(objections.delete().where(objections.c.person == person))

    def first_objection(self, person: PersonNumber) -> datetime | None:
        """See SignalBook."""
        found: datetime | None = self._connection.execute(
            sa.select(objections.c.at).where(objections.c.person == person)
        ).scalar()
        return found

    def object(self, person: PersonNumber, at: datetime) -> None:
        """See SignalBook."""
        insert_new(self._connection, objections, [{"person": person, "at": at}])

    def _queue(self, stream: str) -> sa.Select[Any]:
        return sa.select(signal_entries).where(signal_entries.c.stream == stream, signal_entries.c.settled == "")


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "stream": entry.stream,
        "jti": entry.jti,
        "txn": entry.txn,
        "kind": entry.kind.value,
        "app": entry.app,
        "subject": entry.person,
        "grant_id": entry.grant,
        "details": json.dumps(entry.details, sort_keys=True),
        "at": entry.at,
        "settled": entry.settled,
        "settled_at": None,
        "trouble": entry.trouble[:_LONGEST],
        "failures": entry.failures,
    }


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.stream,
        row.jti,
        row.txn,
        Kind(row.kind),
        None if row.app is None else AppNumber(row.app),
        None if row.subject is None else PersonNumber(row.subject),
        None if row.grant_id is None else GrantId(row.grant_id),
        json.loads(row.details),
        row.at,
        row.settled,
        row.trouble,
        row.failures,
    )


def _stream(row: Row[Any]) -> Stream:
    return Stream(
        id=row.id,
        owner=row.owner,
        app=None if row.app is None else AppNumber(row.app),
        audience=row.audience,
        method=Method(row.method),
        endpoint=row.endpoint,
        authorization=row.authorization,
        requested=tuple(json.loads(row.requested)),
        description=row.description,
        status=Status(row.status),
        reason=row.reason,
        created_at=row.created_at,
        failures=row.failures,
        next_at=row.next_at,
        trouble=row.trouble,
    )
