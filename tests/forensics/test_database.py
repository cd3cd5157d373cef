"""Databases made by SQLite itself, and the public corpus of deleted and damaged ones."""

import random
import shutil
import sqlite3
import struct
from collections import Counter
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.region import State
from beholden.forensics.source import Held
from beholden.forensics.sqlite.database import Database
from beholden.forensics.sqlite.format import MAGIC, read_header
from beholden.forensics.sqlite.pages import Zone
from tests.forensics.people import SCHEMA, Search, crowd, database, numbers
from tests.shared_data import shared

PEOPLE = crowd(400)


def rows_of(data: bytes, **logs: bytes) -> list[Row]:
    found = Database(Held(data), *(Held(logs[end]) if end in logs else None for end in ("wal", "journal")))
    return [one for one in found.rows() if isinstance(one, Row) and one.table == "friends"]


def deleted(data: bytes, **logs: bytes) -> list[Row]:
    return [row for row in rows_of(data, **logs) if row.state is State.DELETED]


def live(data: bytes, **logs: bytes) -> list[Row]:
    return [row for row in rows_of(data, **logs) if row.state is State.LIVE]


def still_there(data: bytes) -> set[int]:
    """Whose id and address are in the bytes, looked up without any of our code."""
    return {int(p.person) for p in PEOPLE if p.scoped_id.encode() in data and p.email.encode() in data}


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_live_rows_are_the_rows_sqlite_reads(tmp_path: Path, encoding: str) -> None:
    data = database(tmp_path / "a.db", PEOPLE, pragmas=[f"encoding='{encoding}'"])
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        expected = connection.execute("select id, uid, email, name, city, age from friends").fetchall()
    assert sorted((row.rowid, *row.values[1:]) for row in live(data)) == sorted(expected)
    assert deleted(data) == []


@pytest.mark.parametrize("size", [512, 1024, 4096, 65536])
def test_all_people_in_deleted_rows_are_found_for_every_page_size(tmp_path: Path, size: int) -> None:
    data = database(tmp_path / "a.db", PEOPLE, pragmas=[f"page_size={size}"], after=["delete from friends"])
    search = Search(PEOPLE).through(data)
    there = still_there(data)
    assert search.found >= there and search.live == set()
    assert len(there) > 0.95 * len(PEOPLE), "SQLite itself writes the list of free pages over some"


def test_rows_deleted_one_by_one_are_deleted_and_the_others_live(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE, after=["delete from friends where id % 3 = 0"])
    search = Search(PEOPLE).through(data)
    gone = {number for number in numbers(PEOPLE) if number % 3 == 0}
    assert search.live == numbers(PEOPLE) - gone
    assert search.found == numbers(PEOPLE)
    assert {row.values[2] for row in deleted(data)} <= {one.email for one in PEOPLE if int(one.person) in gone}


def test_rows_whose_first_column_lost_its_type_come_back_whole(tmp_path: Path) -> None:
    schema = "create table friends (age int, uid text, email text, name text, city text)"
    data = database(tmp_path / "a.db", PEOPLE[:90], schema=schema, after=["delete from friends where rowid % 2 = 0"])
    expected = {(20 + int(p.person) % 60, p.scoped_id, p.email, p.name, "Rome") for p in PEOPLE[:90]}
    found = deleted(data)
    assert found and {row.values for row in found} <= expected
    assert len(found) >= 0.9 * 45


def test_a_dropped_table_is_found_with_its_name(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE, after=["drop table friends"])
    assert Search(PEOPLE).through(data).found == numbers(PEOPLE)
    assert {row.values[2] for row in deleted(data)} == {one.email for one in PEOPLE}


def test_nothing_is_found_where_content_was_overwritten(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE, pragmas=["secure_delete=on"], after=["delete from friends"])
    search = Search(PEOPLE).through(data)
    assert search.found == search.alone == set()
    assert search.coverage.complete and search.coverage.read == len(data)


def test_nothing_is_found_after_vacuum_and_the_whole_file_was_read(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE, after=["delete from friends", "vacuum"])
    search = Search(PEOPLE).through(data)
    assert search.found == search.alone == set()
    assert search.coverage.complete and search.coverage.read == len(data)


def test_a_row_too_long_for_its_page_comes_back_from_its_overflow_page(tmp_path: Path) -> None:
    # The first page that is freed becomes the list of free pages, so another row goes first.
    long = [f"update friends set city = '{'x' * 5000}' where id in (3, 7)"]
    long += ["delete from friends where id = 3", "delete from friends where id = 7"]
    data = database(tmp_path / "a.db", PEOPLE[:20], after=long)
    whole = [row for row in deleted(data) if row.values[4] == "x" * 5000]
    assert [row.values[2] for row in whole] == [PEOPLE[6].email]


@pytest.mark.parametrize("size", [16384, 65536])
def test_a_long_gap_before_deleted_rows_hides_none_of_them(tmp_path: Path, size: int) -> None:
    after = ["delete from friends where id % 2 = 0"]
    data = database(tmp_path / "a.db", PEOPLE[:40], pragmas=[f"page_size={size}"], after=after)
    expected = {one.email for one in PEOPLE[:40] if int(one.person) % 2 == 0}
    assert {row.values[2] for row in deleted(data) if row.whole} == expected


def test_rows_of_free_blocks_that_were_merged_come_back(tmp_path: Path) -> None:
    schema = "create table friends (age int, uid text, email text, name text, city text)"
    gone = [f"delete from friends where rowid = {n}" for n in (5, 6, 7, 8, 9, 3, 2)]
    data = database(tmp_path / "a.db", PEOPLE[:20], schema=schema, after=gone)
    expected = {(20 + int(p.person) % 60, p.scoped_id, p.email, p.name, "Rome") for p in PEOPLE[:20]}
    found = {row.values for row in deleted(data)}
    assert found <= expected and len(found) == 7


_TABLES = {
    "with rowids": SCHEMA,
    "without rowids": "create table friends (id integer, uid text primary key, email text, name text, city text, "
    "age int) without rowid",
    "number last": "create table friends (age int, uid text, email text, name text, city text, id int)",
}


@pytest.mark.parametrize("vacuum", ["none", "full", "incremental"])
@pytest.mark.parametrize("table", list(_TABLES))
@pytest.mark.parametrize("seed", range(2))
def test_whatever_was_done_to_a_table_everyone_in_it_is_found(
    tmp_path: Path, table: str, vacuum: str, seed: int
) -> None:
    chance = random.Random(seed)
    after = ["create index by_email on friends (email)"] if seed else []
    for _ in range(12):
        start = chance.randrange(300)
        after.append(
            chance.choice(
                (
                    f"delete from friends where id between {start} and {start + 30}",
                    f"update friends set city = '{'y' * chance.randrange(900)}' where id % 7 = {chance.randrange(7)}",
                    f"update friends set name = name || 'z' where id % 5 = {chance.randrange(5)}",
                )
            )
        )
    path = tmp_path / "a.db"
    pragmas = [f"page_size={chance.choice((512, 1024, 4096))}", f"auto_vacuum={vacuum}"]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("secure_delete=off", *pragmas):
            connection.execute(f"pragma {pragma}")
        connection.execute(_TABLES[table])
        rows = [(int(p.person), p.scoped_id, p.email, p.name, "Rome", 30) for p in PEOPLE]
        connection.executemany("insert into friends (id, uid, email, name, city, age) values (?, ?, ?, ?, ?, ?)", rows)
        for statement in after:
            connection.execute(statement)
        shown = {tuple(map(str, row)) for row in connection.execute("select * from friends")}
    data = path.read_bytes()
    search = Search(PEOPLE).through(data)
    there = {int(p.person) for p in PEOPLE if p.scoped_id.encode() in data and p.email.encode() in data}
    now = {int(p.person) for p in PEOPLE if any(p.scoped_id in row for row in shown)}
    assert search.found | search.alone >= there and search.live == now
    told = [sorted(map(str, row.values)) for row in deleted(data) if row.whole]
    live_values = [sorted(row) for row in shown]
    if table != "with rowids":  # there the rowid stands beside the values
        assert not [row for row in told if row in live_values]


def _with_log(tmp_path: Path, statements: list[str]) -> tuple[bytes, bytes]:
    """A database and its write-ahead log, as they lie on disk while the writer still has them open."""
    path = tmp_path / "a.db"
    database(path, PEOPLE[:100])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("pragma journal_mode=wal", "pragma wal_autocheckpoint=0", *statements):
            connection.execute(statement)
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", tmp_path / f"copy{end}")
    return (tmp_path / "copy").read_bytes(), (tmp_path / "copy-wal").read_bytes()


def test_the_log_decides_what_is_live_and_the_page_under_it_is_the_past(tmp_path: Path) -> None:
    data, log = _with_log(tmp_path, ["delete from friends where id <= 60"])
    assert {row.rowid for row in live(data, wal=log)} == set(range(61, 101))
    assert {row.rowid for row in deleted(data, wal=log)} >= set(range(1, 61))
    assert {row.rowid for row in live(data)} == set(range(1, 101)), "without its log the file shows the old state"


def test_rows_in_old_frames_of_the_log_are_found(tmp_path: Path) -> None:
    one = PEOPLE[0]
    insert = f"insert into friends (id, uid, email, name) values (900, '{one.scoped_id}', '{one.email}', 'X Y')"
    data, log = _with_log(tmp_path, [insert, "pragma secure_delete=on", "delete from friends"])
    assert live(data, wal=log) == []
    dead = deleted(data, wal=log)
    assert 900 in {row.rowid for row in dead}
    assert Zone.LOG in {row.zone for row in dead}


def test_a_hot_journal_is_what_sqlite_would_put_back(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database(path, PEOPLE[:100])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("pragma cache_size=1", "pragma cache_spill=on", "begin", "delete from friends"):
            connection.execute(statement)
        connection.executemany("insert into friends (city) values (?)", [("z" * 900,) for _ in range(200)])
        shutil.copy(path, tmp_path / "copy")
        shutil.copy(f"{path}-journal", tmp_path / "copy-journal")
        connection.execute("rollback")
    data, journal = (tmp_path / "copy").read_bytes(), (tmp_path / "copy-journal").read_bytes()
    shown = {row.rowid for row in live(data, journal=journal)}
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        assert shown == {n for (n,) in connection.execute("select id from friends")}
    assert shown == set(range(1, 101))


def test_a_kept_journal_is_the_past(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    pragmas = ["journal_mode=persist", "secure_delete=on"]
    data = database(path, PEOPLE[:100], pragmas=pragmas, after=["delete from friends where id > 10"])
    journal = Path(f"{path}-journal").read_bytes()
    assert {row.rowid for row in live(data, journal=journal)} == set(range(1, 11))
    assert {row.rowid for row in deleted(data, journal=journal)} >= set(range(11, 101))


def test_a_row_that_was_only_moved_is_not_called_deleted(tmp_path: Path) -> None:
    chance = random.Random(3)
    after = [f"delete from friends where id = {chance.randrange(1, 400)}" for _ in range(150)]
    after += [f"insert into friends (city) values ('{'y' * chance.randrange(900)}')" for _ in range(80)]
    data = database(tmp_path / "a.db", PEOPLE, pragmas=["page_size=1024"], after=after)
    present = {(row.rowid, row.values[1:]) for row in live(data)}
    assert not [row for row in deleted(data) if row.whole and row.values[1:] in {values for _, values in present}]


# The public corpus


def corpus() -> list[Path]:
    return sorted(shared("sqlite-forensic-corpus").glob("v*/*/*.db"))


def _comparable(value: object) -> str:
    if value is None:
        return ""
    text = value.hex() if isinstance(value, bytes) else str(value)
    try:
        return f"{float(text):.3f}" if "." in text else str(int(text))
    except ValueError:
        return text


def _told(row: Row) -> tuple[str, ...]:
    return tuple(_comparable(value) for value in row.values)


def _what_sqlite_reads(path: Path) -> Counter[tuple[str, ...]] | None:
    """Live rows by SQLite itself; None where it gives up on a damaged file."""
    found: Counter[tuple[str, ...]] = Counter()
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            listed = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
            for (name,) in connection.execute(listed).fetchall():
                quoted = name.replace('"', '""')
                found.update(tuple(map(_comparable, row)) for row in connection.execute(f'select * from "{quoted}"'))
    except sqlite3.DatabaseError:
        return None
    return found


def _answer_key(path: Path) -> list[tuple[str, ...]]:
    """The rows that are deleted: each on its own, or with its whole table."""
    text = path.with_suffix(".xml").read_text(encoding="utf-8", errors="replace")
    if 'deleted="1"' not in text and "<deleted>True" not in text:  # and some of those are not well-formed
        return []
    return [
        tuple(_comparable(column.findtext("content")) for column in row.iter("column"))
        for element in ElementTree.fromstring(text.encode()).iter("element")
        for row in element.iter("row")
        if row.get("deleted") == "1" or element.findtext("meta/deleted") == "True"
    ]


def test_no_live_row_of_the_corpus_is_called_deleted_and_no_file_crashes() -> None:
    compared = 0
    for path in corpus():
        rows = [row for row in Database(Held(path.read_bytes())).rows() if isinstance(row, Row)]
        truth = _what_sqlite_reads(path)
        if truth is None:
            continue
        wrong = [row for row in rows if row.state is State.DELETED and row.whole and _told(row) in truth]
        assert not wrong, f"{path.name}: {wrong[:2]}"
        if path.parent.parent.name == "v1.0":
            told = Counter(
                _told(r) for r in rows if r.state is State.LIVE and not r.table.startswith(("sqlite_", "index "))
            )
            assert told == truth, path.name
            compared += 1
    assert compared >= 40


def test_the_share_of_deleted_rows_recovered_from_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = recovered = present = 0
    for path in corpus():
        if "_antifor" in path.name:
            continue
        data = path.read_bytes()
        found = Counter(
            _told(r) for r in Database(Held(data)).rows() if isinstance(r, Row) and r.state is State.DELETED
        )
        for row in _answer_key(path):
            wanted += 1
            recovered += found[row] > 0
            present += all(text.encode() in data for text in row if not text.replace(".", "").strip("-").isdigit())
    with capsys.disabled():
        print(f"\nSQLite corpus: {recovered} of {wanted} deleted rows whole; the texts of {present} are still there")  # noqa: T201
    assert recovered >= 128
    assert recovered >= 0.95 * present


def test_no_deleted_row_of_the_corpus_is_made_up() -> None:
    made_up = told = 0
    for path in corpus():
        if path.parent.name not in ("0A", "0D"):
            continue
        truth = {*_answer_key(path), *(_what_sqlite_reads(path) or ())}
        rows = [r for r in Database(Held(path.read_bytes())).rows() if isinstance(r, Row)]
        whole = [_told(r) for r in rows if r.state is State.DELETED and r.whole and not r.table.startswith("sqlite_")]
        told += len(whole)
        made_up += sum(1 for row in whole if row not in truth)
    assert told >= 115 and made_up == 0


# Hostile files


def _exhaust(data: bytes) -> list[Row | Leftover]:
    return list(Database(Held(data)).rows())


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "a.db"
    return database(path, PEOPLE[:120], pragmas=["page_size=512"], after=["delete from friends where id % 2 = 0"])


@settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_database_with_flipped_bytes_neither_crashes_nor_hangs(sound: bytes, data: st.DataObject) -> None:
    broken = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 40))):
        broken[data.draw(st.integers(16, len(broken) - 1))] = data.draw(st.integers(0, 255))
    said = Search(PEOPLE[:3]).through(bytes(broken)).coverage
    assert said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes


@settings(max_examples=60, deadline=2000)
@given(st.binary(min_size=84, max_size=6000), st.sampled_from([512, 1024, 4096, 1]))
def test_random_bytes_behind_a_database_header_neither_crash_nor_hang(noise: bytes, size: int) -> None:
    data = MAGIC + struct.pack(">H", size) + b"\x01\x01\x00\x40\x20\x20" + noise
    if read_header(data) is not None:
        _exhaust(data)
    Search(PEOPLE[:3]).through(data)


def test_a_page_that_is_its_own_child_is_read_once() -> None:
    loop = b"\x05" + bytes(2) + b"\x00\x01" + b"\x01\xf0" + b"\x00" + struct.pack(">I", 1)
    page = bytearray(512)
    page[:100] = (MAGIC + struct.pack(">H", 512) + b"\x01\x01\x00\x40\x20\x20").ljust(100, b"\x00")
    page[100 : 100 + len(loop)] = loop
    page[112:114] = struct.pack(">H", 0x1F0)
    page[0x1F0:0x1F5] = struct.pack(">I", 1) + b"\x01"
    broken = Database(Held(bytes(page)))
    list(broken.rows())
    assert broken.faults["pages that are named twice or do not exist"] == 2


def test_a_cut_off_database_says_so_and_what_is_there_is_found(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE, pragmas=["page_size=1024"])
    search = Search(PEOPLE).through(data[: len(data) // 2 + 100])
    assert search.found and not search.coverage.complete
    assert "cut off" in search.coverage.gap_counts


def test_a_log_that_names_a_page_far_beyond_the_file_costs_nothing(tmp_path: Path) -> None:
    data, log = _with_log(tmp_path, ["delete from friends"])
    broken = bytearray(log)
    broken[32:36] = b"\xff\xff\xff\xf0"
    assert Database(Held(data), Held(bytes(broken))).pages.count < 1000


def test_a_template_search_of_a_hostile_page_is_bounded() -> None:
    header = (MAGIC + struct.pack(">H", 1) + b"\x01\x01\x00\x40\x20\x20").ljust(100, b"\x00")
    first = bytearray(header.ljust(65536, b"\x00"))
    first[100:108] = b"\x0d\x00\x00\x00\x00\x00\x00\x00"
    first[3000:] = b"\x08" * (65536 - 3000)
    _exhaust(bytes(first) + b"\x01\x02\x03\x04\x0d\x0d" * 11000)
