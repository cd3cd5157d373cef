"""The whole schema, and the first migration, which is written from it.

Until the first release there is one migration, made anew whenever a table changes:

    python -m beholden.backends.sql.schema

From the first release on, migrations that people have run are never changed; each change of the schema is a further
file `NNNN_what.py` beside the first.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

import beholden.backends.sql.store  # noqa: F401 - it uses every table module, and so makes `metadata` whole
from beholden.backends.sql.engine import Instant, metadata
from beholden.backends.sql.migrate import FOLDER

INITIAL = FOLDER / "versions" / "0001_initial.py"
_HEADER = '''"""Every table of the first release. Written by `python -m beholden.backends.sql.schema`."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; a new database has no others."""
'''


def differences(connection: Connection) -> list[Any]:
    """What of the schema a database does not have, or has otherwise; empty when it is whole."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def initial() -> str:
    """The text of the first migration."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext

    with sa.create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(connection)
        made = produce_migrations(context, metadata)
        assert made.upgrade_ops is not None
        body = render_python_code(made.upgrade_ops, render_item=_rendered, migration_context=context)
    lines = (line for line in body.splitlines() if not line.strip().startswith("#"))
    return _HEADER + "\n".join(lines).rstrip() + "\n"


def _rendered(kind: str, item: Any, _context: Any) -> Any:
    """Types of ours as what they are in the database, so that a migration stands by itself."""
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Instant) else False


def write(path: Path = INITIAL) -> None:
    """Write the first migration anew."""
    path.write_text(initial(), encoding="utf-8")


if __name__ == "__main__":
    write()
