"""One suite, every database: whatever asks for `store` runs on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beholden.backends.sql.store import SqlStore
from tests.contracts.server import PostgresServer, postgres

BOTH = [pytest.param("sqlite", id="sqlite"), pytest.param("postgres", id="postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of a run."""
    with postgres() as server:
        yield server


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, blank_database: Path) -> Iterator[str]:
    """The address of a database with the present schema and nothing in it."""
    if request.param == "sqlite":
        shutil.copy(blank_database, tmp_path / "store.db")
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    yield server.database()
    server.clear()


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.empty()


@pytest.fixture
def open_store() -> Iterator[Callable[[str], SqlStore]]:
    """Opens stores, and closes them after the test."""
    stores: list[SqlStore] = []

    def opened(url: str) -> SqlStore:
        stores.append(SqlStore(url))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(database_url: str, open_store: Callable[[str], SqlStore]) -> SqlStore:
    """A store on a fresh database with the present schema."""
    return open_store(database_url)
