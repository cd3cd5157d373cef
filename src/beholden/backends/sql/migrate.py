"""Bring a database to the present schema with Alembic."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from beholden.backends.sql.engine import transaction
from beholden.backends.sql.faults import Contended, Duplicate
from beholden.model.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"
_TRIES = 5
_ONE_AT_A_TIME = threading.Lock()  # Alembic's context is one for the whole process


def head() -> str:
    """The revision that this release works on: the number that the last migration's file begins with."""
    return max((path.stem.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")), default="")


def is_new(engine: Engine) -> bool:
    """Whether no release has written this database yet."""
    with transaction(engine, write=False) as connection:
        return _revision(connection) is None


def upgrade(engine: Engine) -> None:
    """Run every migration that this database has not seen. Safe at each start.

    Raises Conflict for a database that a newer release has written. Everything is run in one transaction, so a crash
    leaves the schema as it was.
    """
    for attempt in range(_TRIES):
        with transaction(engine, write=False) as connection:
            if _revision(connection) == head():
                return
        try:
            with _ONE_AT_A_TIME, transaction(engine, write=True) as connection:
                _bring_up(connection)
        except (Contended, Duplicate):
            # Another process started at the same moment and made the tables first; look again what it did.
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.2)


def _bring_up(connection: Connection) -> None:
    found = _revision(connection)
    if found is not None and found > head():
        raise Conflict(f"The database has schema {found}, newer than ours ({head()}).", "Use that release.")
    if found != head():
        _run(connection)


def config() -> "Config":
    """Alembic's configuration for our folder of migrations."""
    from alembic.config import Config  # takes a third of a second, which most starts can do without

    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return made


def _run(connection: Connection) -> None:
    from alembic import command

    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def _revision(connection: Connection) -> str | None:
    """The database's own revision; None for one that has none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return revision
