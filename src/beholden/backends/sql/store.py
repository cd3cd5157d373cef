"""The store: opens units of work on one database."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy.engine import Connection, Engine

from beholden.backends.sql.directory import SqlDirectory
from beholden.backends.sql.engine import connect, transaction
from beholden.backends.sql.gate import SqlGateFacts
from beholden.backends.sql.watch import SqlWatchStore


class SqlUnit:
    """One transaction, seen as the stages' ports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def directory(self) -> SqlDirectory:
        """People, apps, grants, choices."""
        return SqlDirectory(self._connection)

    @cached_property
    def gate(self) -> SqlGateFacts:
        """The gate's facts."""
        return SqlGateFacts(self._connection)

    @cached_property
    def watch(self) -> SqlWatchStore:
        """Findings, verdicts, canaries."""
        return SqlWatchStore(self._connection)


class SqlStore:
    """A Store on `sqlite:///FILE` or `postgresql+pg8000://…`."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = connect(url)

    @contextmanager
    def read(self) -> Iterator[SqlUnit]:
        """See Store."""
        with transaction(self.engine, write=False) as connection:
            yield SqlUnit(connection)

    @contextmanager
    def write(self) -> Iterator[SqlUnit]:
        """See Store."""
        with transaction(self.engine, write=True) as connection:
            yield SqlUnit(connection)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
