"""The change feed in SQL: recorded by the engine itself at every commit, so that no writer can forget it.

Whoever writes a gate fact says in the same breath which keys it is about (`name`). The engine watches the statements:
a transaction that wrote one of the gate's tables and said nothing about that table names *everything*, which is slow
and never wrong. At the commit one statement takes the next epoch from the one counter row, and the keys are written
beside it.

The counter row's lock is held until the commit is visible; therefore epochs are in the order of commits, and one that
is rolled back leaves no gap.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from beholden.backends.sql import tables
from beholden.backends.sql.engine import Instant, insert_many, metadata
from beholden.gate.feed import Change, ChangeKind, Changes, Named, keys
from beholden.model.ids import AppNumber, PersonNumber

head = sa.Table(
    "change_head",
    metadata,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),  # the only row
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("pruned", sa.BigInteger, nullable=False),  # epochs up to this one are no longer told
)
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
_COLUMNS = ("epoch", "nth", "kind", "first", "last", "app", "at")

GATE_TABLES = frozenset(
    table.name
    for table in (
        tables.people,
        tables.choices,
        tables.apps,
        tables.standings,
        tables.grants,
        tables.uses,
        tables.reviews,
        tables.contracts,
        tables.policy_documents,
    )
)
"""The tables that the gate's facts are read from."""

TURN = sa.select(head.c.epoch).where(head.c.one == 1).with_for_update()
"""Waits until no other transaction holds the counter, and holds it."""
_NEXT = head.update().where(head.c.one == 1).values(epoch=head.c.epoch + 1).returning(head.c.epoch)
_HEAD = sa.select(head.c.epoch, head.c.pruned).where(head.c.one == 1)
_SINCE = (
    sa.select(changes.c.epoch, changes.c.kind, changes.c.first, changes.c.last, changes.c.app)
    .where(changes.c.epoch > sa.bindparam("epoch"), changes.c.epoch <= sa.bindparam("upto"))
    .order_by(changes.c.epoch, changes.c.nth)
    .limit(sa.bindparam("limit"))
)
_WRITES = re.compile(r'(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_KEY = "beholden_changes"


@dataclass
class Pending:
    """What a transaction wrote and named so far; `epoch` is the one that it was committed under, 0 if it had none."""

    wrote: set[str] = field(default_factory=set)
    spoken_for: set[str] = field(default_factory=set)
    named: Named = field(default_factory=Named)
    epoch: int = 0


def record(engine: Engine) -> None:
    """Have every transaction of this engine leave its keys in the feed."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _statement)
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _begin)


def pending(connection: Connection) -> Pending:
    """What the transaction under way has named."""
    found: Pending = connection.info.setdefault(_KEY, Pending())
    return found


def name(
    connection: Connection,
    table: sa.Table,
    *,
    people: Iterable[int] = (),
    pairs: Iterable[tuple[int, int]] = (),
    apps: Iterable[int] = (),
    ended: Iterable[int] = (),
    policy: bool = False,
) -> None:
    """Say which keys a write to `table` is about."""
    mine = pending(connection)
    mine.spoken_for.add(table.name)
    mine.named.people.update(people)
    mine.named.pairs.update(pairs)
    mine.named.apps.update(apps)
    mine.named.ended.update(ended)
    mine.named.policy |= policy


def ready(connection: Connection) -> None:
    """Make the counter row where there is none."""
    if connection.execute(_HEAD).first() is None:
        connection.execute(head.insert().values(one=1, epoch=0, pruned=0))


def _begin(connection: Connection) -> None:
    connection.info[_KEY] = Pending()


def _statement(
    connection: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    _context: Any,
    _many: bool,  # noqa: FBT001
) -> None:
    if statement[:1] in "IUDiud" and (found := _WRITES.match(statement)) and found[1] in GATE_TABLES:
        pending(connection).wrote.add(found[1])


def _commit(connection: Connection) -> None:
    mine = pending(connection)
    connection.info[_KEY] = Pending()
    if mine.wrote - mine.spoken_for:
        mine.named.everything = True
    named = keys(mine.named)
    if not named:
        return
    epoch = connection.execute(_NEXT).scalar()
    if epoch is None:
        ready(connection)
        epoch = connection.execute(_NEXT).scalar_one()
    now = time.time_ns() // 1000
    rows = [(epoch, nth, c.kind.value, c.first, c.last, c.app, now) for nth, c in enumerate(named)]
    insert_many(connection, changes, _COLUMNS, rows)
    mine.epoch = int(epoch)


class SqlChangeFeed:
    """ChangeFeed within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self) -> int:
        """See ChangeFeed."""
        return self._head()[0]

    def since(self, epoch: int, limit: int) -> Changes | None:
        """See ChangeFeed."""
        latest, pruned = self._head()
        if not pruned <= epoch <= latest:
            return None
        rows = self._rows(epoch, latest, limit + 1)
        upto = latest
        if len(rows) > limit:
            upto = rows[-1].epoch - 1  # the last one may not be whole
            if upto == epoch:
                upto = epoch + 1
                rows = self._rows(epoch, upto, 2**31 - 1)
        told = [_change(row) for row in rows if row.epoch <= upto]
        return Changes(told, upto, latest)

    def prune(self, before: datetime, limit: int) -> int:
        """See ChangeFeed. The times in it are not quite in the order of epochs; the first younger one ends it."""
        self._connection.execute(TURN)
        latest, pruned = self._head()
        most = min(latest, pruned + limit)
        within = (changes.c.epoch > pruned) & (changes.c.epoch <= most)
        young = sa.select(sa.func.min(changes.c.epoch)).where(within, changes.c.at >= before)
        first_kept = self._connection.execute(young).scalar()
        upto = most if first_kept is None else first_kept - 1
        if upto > pruned:
            self._connection.execute(changes.delete().where(changes.c.epoch <= upto))
            self._connection.execute(head.update().where(head.c.one == 1).values(pruned=upto))
        return int(upto - pruned)

    def _head(self) -> tuple[int, int]:
        row = self._connection.execute(_HEAD).first()
        return (int(row.epoch), int(row.pruned)) if row else (0, 0)

    def _rows(self, epoch: int, upto: int, limit: int) -> list[Any]:
        return list(self._connection.execute(_SINCE, {"epoch": epoch, "upto": upto, "limit": limit}))


def _change(row: Any) -> Change:
    return Change(ChangeKind(row.kind), PersonNumber(row.first), PersonNumber(row.last), AppNumber(row.app))
