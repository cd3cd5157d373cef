"""The directory's tables.

Keys of person tables begin with the person, so that they can be spread by it; on SQLite the rows lie in the order of
that key.
"""

import sqlalchemy as sa

from beholden.backends.sql.engine import Instant, metadata

people = sa.Table(
    "people",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("outside_id", sa.String(200), unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("joined_at", Instant, nullable=False),
    sa.Column("erased_at", Instant),
    sqlite_with_rowid=False,
)
# Apart from `people`, so that a backup policy can leave it out: destroying a key is what erases (law 7).
person_keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)
# Numbers from `next` up to the end of the block are free.
number_blocks = sa.Table(
    "number_blocks",
    metadata,
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("next", sa.BigInteger, nullable=False),
)
choices = sa.Table(
    "choices",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("scope", sa.String(20), primary_key=True),
    sa.Column("target", sa.String(80), primary_key=True),
    sa.Column("since", Instant, primary_key=True),
    sa.Column("sharing", sa.Boolean, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("origin", sa.String(40), nullable=False),
    sqlite_with_rowid=False,
)
developers = sa.Table(
    "developers",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
apps = sa.Table(
    "apps",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("client_id", sa.String(80), unique=True, nullable=False),
    sa.Column("developer", sa.BigInteger, sa.ForeignKey("developers.number"), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("category", sa.String(80), nullable=False),
    sa.Column("redirect_uris", sa.Text, nullable=False),
    sa.Column("asks", sa.Text, nullable=False),
    sa.Column("verified", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
# What the gate reads of sanctions; written by enforcement. No row means active.
standings = sa.Table(
    "standings",
    metadata,
    sa.Column("kind", sa.String(20), primary_key=True),  # app | developer
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("standing", sa.String(20), nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("sanction", sa.String(80), nullable=False),
)
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("app", sa.BigInteger, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("through_fields", sa.Text, nullable=False),
    sa.Column("purposes", sa.Text, nullable=False),
    sa.Column("granted_at", Instant, nullable=False),
    sa.Column("ends_at", Instant),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(20)),
    sa.Column("ended_at", Instant),
    sa.Index("grants_by_app", "app", "state", "person"),  # a search pages through an app's grants by person
    sa.Index("grants_by_id", "id"),
    sqlite_with_rowid=False,
)
# One row a day on which the person was there themself. Nothing an app does alone ever writes here (law 6).
uses = sa.Table(
    "uses",
    metadata,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # proleptic ordinal of the UTC day
    sa.Column("last_at", Instant, nullable=False),
    sa.Index("uses_by_app", "app", "day"),
    sqlite_with_rowid=False,
)
reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("app", sa.BigInteger, nullable=False, index=True),
    sa.Column("cluster", sa.String(80), nullable=False),
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("requested_at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.Column("last_used_at", Instant),
    sa.Column("until", Instant),
)
contracts = sa.Table(
    "contracts",
    metadata,
    sa.Column("app", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("cluster", sa.String(80), primary_key=True),
    sa.Column("signatory", sa.String(200), nullable=False),
    sa.Column("signed_at", Instant, nullable=False),
    sa.Column("terms_sha256", sa.String(64), nullable=False),
)
policy_documents = sa.Table(
    "policy_documents",
    metadata,
    sa.Column("since", Instant, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)
