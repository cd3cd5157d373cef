"""The database: connections, transactions, and the column types that both databases share."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from beholden.model.errors import BeholdenError, Unavailable
from beholden.model.time import from_micros, to_micros

metadata = sa.MetaData()

CHUNK = 500
"""Values in one IN list; SQLite's oldest limit on variables is 999."""


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


def connect(url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+pg8000://…`."""
    if not url.startswith("sqlite"):
        return sa.create_engine(
            url, pool_size=10, max_overflow=20, pool_pre_ping=True, isolation_level="REPEATABLE READ"
        )
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        cursor = connection.cursor()
        # WAL: readers never wait for a writer. FULL: a committed ban survives a power cut.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once, so that it never fails half way for having read first.
        mode = "IMMEDIATE" if connection.get_execution_options().get("beholden_write") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """One transaction; committed at the end of the block when it writes, rolled back when it raises."""
    try:
        with (
            engine.connect().execution_options(beholden_write=write) as connection,
            connection.begin() as opened,
        ):
            yield connection
            if not write:
                opened.rollback()
    except BeholdenError:
        raise
    except DBAPIError as error:
        if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or _retryable(error):
            raise Unavailable(f"The database did not answer ({error.orig}).", "Try again.") from error
        raise
    except SQLAlchemyError as error:
        if isinstance(error, sa.exc.TimeoutError):
            raise Unavailable("No database connection was free.", "Try again.") from error
        raise


def _retryable(error: DBAPIError) -> bool:
    """Serialization failures (SQLSTATE 40001, 40P01) ask for the whole unit to be tried again."""
    details = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return isinstance(details, dict) and details.get("C") in {"40001", "40P01", "57P01"}


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
