"""The cheapest question to the store: which epoch is the latest? One tiny query, on one bare connection of its own."""

import sqlite3
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from beholden.backends.sql.engine import connect
from beholden.model.errors import BeholdenError, Unavailable

_HEAD = "SELECT epoch FROM change_head WHERE one = 1"
WAIT_SECONDS = 1.0
"""Longer than this a gate does not answer from what it knew before."""


class SqlPulse:
    """See gate.ports.Pulse. A connection that failed is never used again: it may hang on a host that is cut off."""

    def __init__(self, url: str) -> None:
        self._engine = connect(url, WAIT_SECONDS)
        self._connection: Any = None
        self._cursor: Any = None

    def head(self) -> int:
        """See Pulse."""
        try:
            if self._cursor is None:
                self._open()
            self._cursor.execute(_HEAD)
            row = self._cursor.fetchone()
        except (sa.exc.SQLAlchemyError, sqlite3.Error, self._engine.dialect.loaded_dbapi.Error, OSError) as error:
            self._drop()
            raise Unavailable(f"The database {self._engine.url.render_as_string()} did not answer.") from error
        except BeholdenError:
            self._drop()
            raise
        return int(row[0]) if row else 0

    def close(self) -> None:
        """See Pulse."""
        self._drop()
        self._engine.dispose()

    def _open(self) -> None:
        pooled = self._engine.raw_connection()
        self._connection = pooled.driver_connection
        pooled.detach()  # it is ours alone, and is not given back
        if self._engine.dialect.name != "sqlite":
            self._connection.autocommit = True
        self._cursor = self._connection.cursor()

    def _drop(self) -> None:
        broken, self._connection, self._cursor = self._connection, None, None
        if broken is not None:
            with suppress(Exception):
                broken.close()
