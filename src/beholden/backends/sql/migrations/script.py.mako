"""${message}"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
${imports if imports else ""}

def upgrade() -> None:
    """A table that many write to must never be locked for long by a migration."""
    ${upgrades if upgrades else "pass"}
