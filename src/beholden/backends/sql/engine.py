"""The database: connections, transactions, and the column types and statements that both databases share."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, ExceptionContext, RootTransaction, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.ext.compiler import compiles

from beholden.backends.sql.faults import Contended, what_happened
from beholden.model.errors import BadInput, Unavailable
from beholden.model.time import from_micros, to_micros

metadata = sa.MetaData()

CHUNK = 500
"""Values in one IN list; SQLite's oldest limit on variables is 999."""
WAIT_SECONDS = 30
"""How long a writer waits for another one, and anybody for a free connection or for PostgreSQL's answer."""
_PAUSE = 0.01


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970: one order, one zone, the same on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From microseconds."""
        return None if value is None else from_micros(value)


class _Several(sa.types.TypeDecorator[Sequence[Any]]):
    """Many values in one parameter: a JSON array for SQLite, an array for PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """A list that the dialect takes as one value."""
        return json.dumps(list(value or ())) if dialect.name == "sqlite" else list(value or ())


class _Each(sa.sql.functions.FunctionElement[Any]):
    """The values of a list parameter as the rows of a subselect."""

    inherit_cache = True
    name = "each"


@compiles(_Each, "sqlite")
def _each_on_sqlite(element: _Each, compiler: Any, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608 - a placeholder


@compiles(_Each)
def _each(element: _Each, compiler: Any, **options: Any) -> str:
    # Not `= ANY(array)`: of twenty thousand values PostgreSQL would look at every row instead of at the index.
    kind = "TEXT" if isinstance(element.type, sa.String) else "BIGINT"
    return f"(SELECT unnest(CAST({compiler.process(element.clauses, **options)} AS {kind}[])))"


def among(column: sa.Column[Any], parameter: str) -> sa.ColumnElement[bool]:
    """`column` is one of the values of the list parameter named so.

    One parameter however many values: the statement is built once, and no limit on variables is ever met.
    """
    values = _Each(sa.bindparam(parameter, type_=_Several))
    values.type = column.type
    return column.op("IN", is_comparison=True)(values)


def connect(url: str, wait: float = WAIT_SECONDS) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`; raises BadInput when it is neither. Nothing is opened yet.

    `wait` is how many seconds an answer may take.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, wait)
    engine = sa.create_engine(
        parsed,
        pool_size=10,
        max_overflow=30,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={"timeout": wait},
    )

    @event.listens_for(engine, "connect")
    def _opened(connection: Any, _record: object) -> None:
        connection.register_out_adapter(list, _array)

    @event.listens_for(engine, "handle_error")
    def _broken(context: ExceptionContext) -> None:
        # After a time-out the driver no longer knows which answer belongs to which question.
        if isinstance(context.original_exception, OSError):
            context.is_disconnect = True

    # The driver sends one message a row otherwise; several rows a statement are ten times as fast.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # SERIALIZABLE: two writers end as if one had come after the other, or one is told to try again.
        writes = connection.get_execution_options().get("beholden_write", True)
        mode = "SERIALIZABLE, READ WRITE" if writes else "REPEATABLE READ, READ ONLY"
        connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {mode}")

    return engine


def _array(values: list[str | bytes | int | None]) -> str:
    """Values as PostgreSQL reads an array (manual, 8.15.6). Every text stands in quotes: the driver writes the text
    "Null" as it writes what is missing, and whoever is called so would be lost."""
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: str | bytes | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _parsed(url: str) -> URL:
    remedy = "Use sqlite:///FILE or postgresql://USER@HOST/NAME as BEHOLDEN_DATABASE."
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+pg8000")
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise BadInput("The database address cannot be understood.", remedy) from None  # it may hold a password
    if parsed.get_backend_name() not in {"sqlite", "postgresql"} or not parsed.database:
        raise BadInput(f"The database {parsed.render_as_string()!r} is none that we can keep data in.", remedy)
    return parsed


def _sqlite(url: URL, wait: float) -> Engine:
    engine = sa.create_engine(
        url,
        connect_args={"timeout": wait, "check_same_thread": False},
        pool_size=10,
        max_overflow=30,
        pool_timeout=WAIT_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        cursor = connection.cursor()
        # WAL: readers never wait for a writer. FULL: a committed ban survives a power cut.
        # Secure delete, no old WAL: a person's key that was destroyed is not left in a free page, or beside the file.
        _keep_wal(cursor, wait)
        for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA cell_size_check=ON")
        cursor.execute("PRAGMA journal_size_limit=0").fetchall()
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = bool(connection.get_execution_options().get("beholden_write", True))
        if connection.info.get("writes") is not writes:
            connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
            connection.info["writes"] = writes
        # A writer takes its lock at once, so that it never fails half way for having read first.
        connection.exec_driver_sql(f"BEGIN {'IMMEDIATE' if writes else 'DEFERRED'}")

    return engine


def _keep_wal(cursor: sqlite3.Cursor, wait: float) -> None:
    """Have changes kept in a WAL. Of several that open a new database at once SQLite refuses all but one at once,
    however long they would have waited: each might wait for the others."""
    until = time.monotonic() + wait
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


@contextmanager
def transaction(engine: Engine, *, write: bool, turn: sa.Select[Any] | None = None) -> Iterator[Connection]:
    """One transaction; committed at the end of the block when it writes, rolled back when it raises.

    `turn` is a locking read that comes before anything else: whoever waited for it in vain, since the one before it
    changed the row, begins anew, having done nothing yet. SQLite's writers take turns anyway.

    What the database complains of becomes one clear error, see `faults`.
    """
    if engine.dialect.name == "sqlite":
        turn = None
    try:
        with (
            engine.connect().execution_options(beholden_write=write) as connection,
            _begun(connection, turn) as opened,
        ):
            yield connection
            if not write:
                opened.rollback()
    except (DBAPIError, sqlite3.Error) as error:
        # A connection's own first steps raise the driver's error bare.
        original = error.orig if isinstance(error, DBAPIError) else error
        clear = what_happened(original, engine.url.render_as_string())
        if clear is None:
            raise
        raise clear from error
    except (TimeoutError, ConnectionError) as error:
        if engine.dialect.name == "sqlite":
            raise  # not the database's: it has no connection that could break
        raise Unavailable(f"The database {engine.url.render_as_string()} did not answer.", "Try again.") from error
    except sa.exc.TimeoutError as error:
        raise Unavailable("No database connection was free.", "Try again.") from error


def _begun(connection: Connection, turn: sa.Select[Any] | None) -> RootTransaction:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        opened = connection.begin()
        try:
            if turn is not None:
                connection.execute(turn)
        except DBAPIError as error:
            opened.rollback()
            met = isinstance(what_happened(error.orig, ""), Contended)
            if not met or time.monotonic() > until:
                raise
        except BaseException:
            opened.rollback()
            raise
        else:
            return opened


def storable(text: str) -> bool:
    """Whether both databases could hold this text at all; what they could not, nobody is called."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def chunks(values: list[Any]) -> Iterator[list[Any]]:
    """Lists of at most CHUNK values, in order."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def insert_new(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, leaving alone those whose primary or unique key is there already."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        connection.execute(sqlite_insert(table).on_conflict_do_nothing(), rows)
    else:
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        connection.execute(postgres_insert(table).on_conflict_do_nothing(), rows)


_BULK_ROWS = 20_000


def insert_many(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]], ending: str = ""
) -> None:
    """Insert many rows at the speed of the driver. Values are as the database has them: an Instant is microseconds.

    `ending` is what follows the values, such as `ON CONFLICT DO NOTHING`.
    """
    names = ", ".join(columns)
    pending = list(rows)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({places}) {ending}"  # noqa: S608 - names of our own tables
        if pending:
            connection.exec_driver_sql(sql, [tuple(row) for row in pending])
        return
    kinds = [table.c[name].type.dialect_impl(connection.dialect).compile(connection.dialect) for name in columns]
    arrays = ", ".join(f"CAST(%s AS {_array_of(kind)})" for kind in kinds)
    sql = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) {ending}"  # noqa: S608 - as above
    for start in range(0, len(pending), _BULK_ROWS):
        some = pending[start : start + _BULK_ROWS]
        connection.exec_driver_sql(sql, tuple([list(column) for column in zip(*some, strict=True)]))


def _array_of(kind: str) -> str:
    """VARCHAR(200) in a cast would cut what is too long in silence; TEXT leaves the refusal to the column."""
    return "TEXT[]" if kind.startswith("VARCHAR") else f"{kind}[]"
