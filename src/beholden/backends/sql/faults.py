"""What a database complains of, as one clear error of the tree.

SQLite names its result codes (sqlite.org/rescode.html), PostgreSQL has SQLSTATEs (Appendix A of its manual).
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from beholden.model.errors import BadInput, BeholdenError, Conflict, Damaged, Unavailable


class Contended(Unavailable):
    """Two writers met and this one was undone whole; the same unit may well succeed when it is tried again."""


class Duplicate(Conflict):
    """Somebody else wrote the same key first; when tried again, the unit sees what they wrote."""


_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REFUSED = frozenset({sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH})
_AWAY = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_RETRY_STATES = frozenset({"40001", "40P01", "55P03"})
# Connection, missing or refused login, no such database, resources, operator intervention, the server's disk.
_AWAY_CLASSES = frozenset({"08", "28", "3D", "42501", "53", "57", "58"})


def what_happened(error: BaseException | None, database: str) -> BeholdenError | None:
    """The error that says it clearly; None for one that only a fault of ours can cause."""
    if isinstance(error, sqlite3.Error):
        return _on_sqlite(error, database)
    if error is None:
        return None
    details = error.args[0] if error.args else None
    if isinstance(details, Mapping):
        return _on_postgres(details, database)
    return Unavailable(f"The database {database} did not answer ({error}).", "Try again when it does.")


def _on_sqlite(error: sqlite3.Error, database: str) -> BeholdenError | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # an extended code begins with the plain one
    if code in _LOCKED:
        return Contended("Another process is writing to the database and did not end.", "Try again.")
    if code in _DAMAGED:
        return Damaged(f"The database {database} is damaged ({error}).", "Restore it from a backup.")
    if code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column")):
        return Damaged(f"The database {database} is not whole ({error}).", "Restore it from a backup.")
    if code == sqlite3.SQLITE_ERROR and str(error).endswith("already exists"):
        return Duplicate("A table that was to be made is there already.", "Look whose it is.")
    if code == sqlite3.SQLITE_READONLY:
        return Unavailable(f"The database {database} cannot be written to.", "Check who owns it.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Duplicate("What was to be written contradicts what is there.", "Look again, then repeat.")
    if code in _REFUSED:
        return BadInput("A value is too large for the database.", "Shorten it.")
    if code in _AWAY:
        return Unavailable(f"The database {database} cannot be used ({error}).", "Check folder, rights and space.")
    return None


def _on_postgres(details: Mapping[str, Any], database: str) -> BeholdenError | None:
    state, message = str(details.get("C", "")), str(details.get("M", ""))
    if state in _RETRY_STATES:
        return Contended("Two writers met in the database; this one was undone.", "Try again.")
    if state[:2] == "23" or state == "42P07":  # 42P07: the table is there already
        return Duplicate("What was to be written contradicts what is there.", "Look again, then repeat.")
    if state[:2] == "22":
        return BadInput(f"The database does not take a value ({message}).", "Mend it.")
    if state[:2] == "XX" or state in {"42P01", "42703"}:
        return Damaged(f"The database {database} is not whole ({message}).", "Restore it from a backup.")
    if state == "25006":
        return Unavailable(f"The database {database} cannot be written to.", "Is it a standby?")
    if state[:2] in _AWAY_CLASSES or state in _AWAY_CLASSES:
        return Unavailable(f"The database {database} cannot be used ({message}).", "Check its address and rights.")
    return None
