"""The migrations make the schema that the code works on, and a database is brought to it safely."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from beholden.backends.sql import migrate, schema
from beholden.backends.sql.engine import connect, metadata, transaction
from beholden.backends.sql.store import SqlStore
from beholden.model.errors import Conflict

Opener = Callable[[str], SqlStore]


def test_the_migrations_make_exactly_the_tables_of_the_code(empty_url: str, open_store: Opener) -> None:
    store = open_store(empty_url)
    store.prepare()
    with transaction(store.engine, write=False) as connection:
        assert schema.differences(connection) == [], "write the migration anew, see backends/sql/schema.py"


def test_the_first_migration_is_what_the_schema_writes() -> None:
    def words(text: str) -> list[str]:
        return text.replace(",", " ").replace("(", " ").replace(")", " ").split()

    written = schema.INITIAL.read_text(encoding="utf-8")
    assert words(written.replace('"', "'")) == words(schema.initial().replace('"', "'"))


def test_the_revision_that_is_compared_at_each_start_is_alembics_own_head() -> None:
    assert migrate.head() == ScriptDirectory.from_config(migrate.config()).get_current_head()


def test_preparing_again_changes_nothing(empty_url: str, open_store: Opener) -> None:
    store = open_store(empty_url)
    assert store.is_new()
    store.prepare()
    assert not store.is_new()
    store.prepare()
    with store.read() as unit:
        assert unit.directory.count_people() == 0


def test_a_database_of_a_newer_release_is_left_alone(empty_url: str, open_store: Opener) -> None:
    store = open_store(empty_url)
    store.prepare()
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match="newer"):
        store.prepare()


def test_processes_that_start_together_make_one_schema(empty_url: str, open_store: Opener) -> None:
    errors: list[BaseException] = []
    met = threading.Barrier(3)

    def start() -> None:
        store = open_store(empty_url)
        met.wait(30)
        try:
            store.prepare()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with transaction(open_store(empty_url).engine, write=False) as connection:
        assert schema.differences(connection) == []


def test_processes_that_open_a_new_file_together_wait_for_each_other(tmp_path: Path) -> None:
    """SQLite itself refuses one in ten of them."""
    errors: list[BaseException] = []

    def opened(url: str, met: threading.Barrier) -> None:
        engine = connect(url)
        met.wait(30)
        try:
            with transaction(engine, write=False):
                pass
        except BaseException as error:
            errors.append(error)
        engine.dispose()

    for number in range(40):
        met = threading.Barrier(3)
        arguments = f"sqlite:///{tmp_path}/{number}.db", met
        threads = [threading.Thread(target=opened, args=arguments) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert errors == []


def test_every_table_about_people_begins_its_key_with_the_person() -> None:
    about = [table for table in metadata.sorted_tables if "person" in table.c]
    assert len(about) >= 5
    for table in about:
        first = next(iter(table.primary_key.columns)).name
        assert first == "person", f"{table.name} cannot be spread by person"


def test_a_crash_in_a_migration_leaves_the_schema_as_it_was(empty_url: str, open_store: Opener) -> None:
    store = open_store(empty_url)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE people (number BIGINT)")  # the migration stumbles over it
    with pytest.raises(Conflict):
        store.prepare()
    assert store.is_new()
    with transaction(store.engine, write=False) as connection:
        assert "apps" not in store.engine.dialect.get_table_names(connection)
