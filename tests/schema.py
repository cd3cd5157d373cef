"""A database with the present schema, straight from the tables. That the migration makes the same is a contract."""

from beholden.backends.sql import migrate, schema
from beholden.backends.sql.engine import metadata
from beholden.backends.sql.store import SqlStore


def make(url: str) -> None:
    """Make every table, and note the revision, as the migrations would have."""
    assert schema.metadata is metadata
    store = SqlStore(url)
    with store.engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{migrate.head()}')")
    store.close()
