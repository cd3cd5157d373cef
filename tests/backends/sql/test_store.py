"""A database that is missing, damaged, locked or away is one clear sentence, and nothing is half done."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beholden.backends.sql.engine import connect
from beholden.backends.sql.store import SqlStore
from beholden.journeys.ports import NewPerson
from beholden.model.errors import BadInput, BeholdenError, Damaged, Unavailable
from beholden.model.ids import OutsideId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path, blank_database: Path) -> Path:
    """A database file with the present schema and three people."""
    path = tmp_path / "store.db"
    path.write_bytes(blank_database.read_bytes())
    store = SqlStore(f"sqlite:///{path}")
    with store.write() as unit:
        people = [NewPerson(OutsideId(f"u{n}"), "Name", "") for n in range(2_000)]
        unit.directory.enrol(people, NOW, [b"k" * 32] * len(people))
    store.close()
    return path


@pytest.fixture
def opened() -> Iterator[Callable[..., SqlStore]]:
    """Opens stores on files, and closes them after the test."""
    stores: list[SqlStore] = []

    def open_(path: Path, **options: float) -> SqlStore:
        stores.append(SqlStore(f"sqlite:///{path}", **options))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


def complaint(store: SqlStore) -> BeholdenError:
    """What is raised when everything is read and something is written."""
    with pytest.raises(BeholdenError) as raised:
        with store.read() as unit:
            unit.directory.numbers([f"u{n}" for n in range(2_000)])
            unit.directory.count_people()
        with store.write() as unit:
            unit.directory.add_developer("Acme", "", NOW)
    return raised.value


def test_a_folder_that_is_not_there(tmp_path: Path, opened: Callable[[Path], SqlStore]) -> None:
    error = complaint(opened(tmp_path / "no" / "store.db"))
    assert isinstance(error, Unavailable)
    assert "unable to open database file" in str(error)
    assert str(tmp_path) in str(error)


def test_a_file_that_is_no_database(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    file.write_bytes(b"Dear diary, " * 1_000)
    error = complaint(opened(file))
    assert isinstance(error, Damaged)
    assert "Restore it from a backup." in str(error)


def test_a_file_that_was_cut_short(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    assert isinstance(complaint(opened(file)), Damaged)


def test_a_file_with_overwritten_pages(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    data = bytearray(file.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    file.write_bytes(data)
    assert isinstance(complaint(opened(file)), Damaged)


def test_a_file_without_our_tables(tmp_path: Path, opened: Callable[[Path], SqlStore]) -> None:
    sqlite3.connect(tmp_path / "store.db").close()
    error = complaint(opened(tmp_path / "store.db"))
    assert isinstance(error, Damaged)
    assert "no such table" in str(error)


def test_a_disk_that_takes_no_more(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    store = opened(file)
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(Unavailable, match="full"), store.write() as unit:
        unit._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        people = [NewPerson(OutsideId(f"more{n}"), "x" * 200, "") for n in range(5_000)]
        unit.directory.enrol(people, NOW, [b"k" * 32] * len(people))
    with store.read() as unit:
        assert unit.directory.count_people() == 2_000


def test_another_process_that_holds_the_lock_is_waited_for_and_then_named(
    file: Path, opened: Callable[..., SqlStore]
) -> None:
    holding = (
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print(1,flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        store = opened(file, wait=0.3)
        with store.read() as unit:
            assert unit.directory.count_people() == 2_000, "readers never wait"
        with pytest.raises(Unavailable, match="Another process is writing"), store.write():
            pass
        holder.communicate(b"\n")
    with store.write() as unit:
        unit.directory.add_developer("Acme", "", NOW)


def test_many_writers_at_once_all_get_their_turn(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    store = opened(file)
    errors: list[BaseException] = []

    def work(who: int) -> None:
        try:
            for n in range(10):
                with store.write() as unit:
                    unit.directory.add_developer(f"{who}-{n}", "", NOW)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with store.read() as unit:
        assert [d.number for d in unit.directory.developers()] == list(range(1, 61))


def test_a_committed_write_is_seen_by_another_store_at_once(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    one, other = opened(file), opened(file)
    for n in range(5):
        with one.write() as unit:
            unit.directory.add_developer("Acme", "", NOW)
        with other.read() as unit:
            assert len(unit.directory.developers()) == n + 1


def test_law_7_of_an_erased_person_nothing_is_left_in_the_file(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    store = opened(file)
    key = bytes(range(32))
    with store.write() as unit:
        unit.directory.enrol([NewPerson(OutsideId("outside-4711"), "Zenobia", "z@people.example")], NOW, [key])
        number = unit.directory.numbers(["outside-4711"])["outside-4711"]
    traces = [key, b"outside-4711", b"Zenobia", b"z@people.example"]
    store.close()
    assert all(trace in file.read_bytes() for trace in traces)
    with store.write() as unit:
        unit.directory.forget(number, NOW)
    store.close()
    left = b"".join(path.read_bytes() for path in file.parent.glob("store.db*"))
    assert not any(trace in left for trace in traces)


def test_a_value_that_is_too_large_for_the_database_is_refused(file: Path, opened: Callable[[Path], SqlStore]) -> None:
    with pytest.raises(BadInput), opened(file).write() as unit:
        unit._connection.exec_driver_sql("SELECT zeroblob(2000000000)")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://u@h/db",
        "sqlite://",
        "sqlite:///",
        "postgresql://h",
        "oracle://u:secret@h/db",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(BadInput) as raised:
        connect(url)
    assert "secret" not in str(raised.value)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    store = SqlStore(f"postgresql://someone:secret@/nothing?unix_sock={tmp_path}/none")
    with pytest.raises(Unavailable) as raised, store.read() as unit:
        unit.directory.count_people()
    assert "secret" not in str(raised.value)
    store.close()
