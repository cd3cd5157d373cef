"""People planted in every form that is searched are all found, and nobody else is."""

import bz2
import codecs
import gzip
import io
import json
import lzma
import os
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from beholden.forensics.examiner import CHUNK, Place
from beholden.forensics.region import Region
from beholden.forensics.source import Held
from tests.forensics.people import Search, crowd, csv, database, numbers, person

PEOPLE = crowd(60)
OTHERS = crowd(60, start=1000)  # same domains, never received
OTHER_APP = crowd(60, start=2000, app=2)


def zipped(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


def tarred(**members: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


PLAIN = csv([*PEOPLE, *OTHERS, *OTHER_APP])
LINES = "\n".join(json.dumps({"uid": p.scoped_id, "profile": {"name": p.name, "mail": p.email}}) for p in PEOPLE)
PRETTY = json.dumps([{"mail": p.email.upper(), "name": p.name} for p in PEOPLE], indent=4, ensure_ascii=False)
DUMP = "INSERT INTO t VALUES " + ",".join(f"('{p.email}',12,'{p.name.replace(chr(39), chr(39) * 2)}')" for p in PEOPLE)
URLS = "\n".join(f"GET /p?u={p.scoped_id}&mail={p.email.replace('@', '%40')} HTTP/1.1" for p in PEOPLE)

FORMS = {
    "csv in UTF-8": PLAIN.encode(),
    "csv in UTF-8 with a byte order mark": codecs.BOM_UTF8 + "\n".join(f"{p.email};{p.name}" for p in PEOPLE).encode(),
    "csv in UTF-16 LE": PLAIN.encode("utf-16-le"),
    "csv in UTF-16 BE": PLAIN.encode("utf-16-be"),
    "csv in UTF-16 LE with a byte order mark": codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
    "csv in UTF-16 BE with a byte order mark": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "UTF-16 at an odd place among binary": b"\x01" * 4097 + PLAIN.encode("utf-16-le") + b"\x02\x00\x03" * 999,
    "addresses and names only, UTF-16 BE": "\n".join(f"{p.email};{p.name}" for p in PEOPLE).encode("utf-16-be"),
    "JSON lines": LINES.encode(),
    "indented JSON in capitals": PRETTY.encode(),
    "a dump on one line": DUMP.encode(),
    "a web server's log": URLS.encode(),
    "gzip": gzip.compress(PLAIN.encode()),
    "two gzip streams in one file": gzip.compress(csv(PEOPLE[:30]).encode()) + gzip.compress(csv(PEOPLE[30:]).encode()),
    "bzip2": bz2.compress(PLAIN.encode()),
    "xz": lzma.compress(PLAIN.encode()),
    "zip": zipped(a=PLAIN.encode()),
    "tar": tarred(a=PLAIN.encode()),
    "gzip in zip in tar in gzip": gzip.compress(tarred(b=zipped(c=gzip.compress(PLAIN.encode())))),
    "a stored zip's comment of text": zipped(a=b"nothing")[:-2]
    + b"\xff\x00"
    + csv(PEOPLE[:1]).encode()[:255].ljust(255),
}


@pytest.mark.parametrize("form", [form for form in FORMS if "comment" not in form])
def test_everyone_planted_is_found_and_nobody_else(form: str) -> None:
    search = Search(PEOPLE).through(FORMS[form])
    assert search.found == numbers(PEOPLE)
    assert search.alone == set()
    assert search.coverage.complete, search.coverage.gaps


def test_what_stands_between_the_members_of_a_zip_is_searched() -> None:
    search = Search(PEOPLE).through(FORMS["a stored zip's comment of text"])
    assert search.found == {1}


@pytest.mark.parametrize("packed", ["plain", "zip", "tar"])
def test_a_database_with_its_log_is_read_as_one_wherever_it_lies(tmp_path: Path, packed: str) -> None:
    data = database(tmp_path / "a.db", PEOPLE, after=["delete from friends where id <= 30"])
    if packed == "plain":
        search = Search(PEOPLE).through(data)
    else:
        made = zipped if packed == "zip" else tarred
        search = Search(PEOPLE).through(made(**{"x.db": data, "x.db-wal": b"", "x.db-journal": bytes(2000)}))
    assert search.live == set(range(31, 61)) and search.found == numbers(PEOPLE)


def test_a_live_row_of_a_database_in_a_deleted_file_is_deleted(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE)
    for region, live in ((Region.FILE, numbers(PEOPLE)), (Region.DELETED_FILE, set())):
        search = Search(PEOPLE)
        search.examiner.examine(Place(1, "x", region=region), Held(data))
        assert search.found == numbers(PEOPLE) and search.live == live, region


def test_a_file_that_is_only_named_like_a_databases_log_is_searched(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", [])
    assert Search(PEOPLE).through(data, wal=PLAIN.encode()).found == numbers(PEOPLE)
    assert Search(PEOPLE).through(b"no database", journal=gzip.compress(PLAIN.encode())).found == numbers(PEOPLE)
    for made in (zipped, tarred):
        packed = made(**{"x": b"no database", "x-wal": PLAIN.encode()})
        assert Search(PEOPLE).through(packed).found == numbers(PEOPLE)


def test_what_is_appended_to_a_log_is_searched(tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", PEOPLE[:1], pragmas=["journal_mode=persist"], after=["delete from friends"])
    journal = (tmp_path / "a.db-journal").read_bytes()
    assert Search(PEOPLE[1:]).through(data, journal=journal + b"\0" + PLAIN.encode()).found == numbers(PEOPLE[1:])


def test_everyone_is_found_wherever_a_chunk_ends() -> None:
    row = csv(PEOPLE[:1]).encode()
    for before in (*range(CHUNK - 130, CHUNK + 8, 13), 2 * CHUNK - 20):
        search = Search(PEOPLE[:1]).through(b"-" * before + b"\n" + row)
        assert search.found == {1}, before
        assert len(search.examiner.tally.sites) == 1


def test_everyone_in_utf16_is_found_wherever_a_chunk_ends() -> None:
    row = csv(PEOPLE[:1]).encode("utf-16-le")
    for before in range(CHUNK - 260, CHUNK + 8, 53):
        assert Search(PEOPLE[:1]).through(b"- " * (before // 2) + b"." * (before % 2) + row).found == {1}, before


def test_an_address_alone_is_told_apart_and_counts_for_nothing() -> None:
    search = Search(PEOPLE).through("\n".join(p.email for p in PEOPLE).encode())
    assert search.found == set() and search.alone == numbers(PEOPLE)


def test_a_name_alone_finds_nobody() -> None:
    search = Search(PEOPLE).through("\n".join(p.name for p in PEOPLE).encode())
    assert search.found == search.alone == set()


def test_somebody_elses_name_beside_an_address_corroborates_nothing() -> None:
    one, other = person(1), next(p for p in PEOPLE if p.name.split()[-1] != PEOPLE[0].name.split()[-1])
    search = Search([one]).through(f"{one.email},{other.name}\n".encode())
    assert search.found == set() and search.alone == {1}


def test_a_longer_address_is_not_the_sought_one() -> None:
    one = person(1)
    local, domain = one.email.split("@")
    wrong = [f"x{one.email}", f"{one.email}.uk", f"{local}@sub.{domain}", f"{local}+tag@{domain}", f"{local}@{domain}x"]
    text = "".join(f"{address} {one.name}\n" for address in wrong)
    search = Search([one]).through(text.encode())
    assert search.found == search.alone == set()


def test_values_that_touch_are_found_where_the_cut_is_explained() -> None:
    one = person(1)
    for run in (f"{one.name}{one.email}", f"{one.scoped_id}{one.email}", f"x{one.scoped_id}y{one.email}z"):
        raw = b"\x00\x01" + run.encode() + b"\x00\x05" * 40
        assert Search([one]).through(raw).found == {1}, run


def test_a_cut_in_a_longer_address_that_nothing_explains_convicts_nobody() -> None:
    one = person(1)
    raw = b"\x00\x01" + f"jo{one.email}".encode() + b"\x00\x05" + f" {one.name} ".encode() + b"\x00" * 40
    assert Search([one]).through(raw).found == set()


def test_a_length_written_before_a_value_explains_the_cut() -> None:
    """PostgreSQL's heap: the byte before a short value is its length, often a digit or a letter."""
    one = person(1)
    heap = b"".join(bytes([(len(v) + 1) * 2 + 1]) + v for v in (b"12345678", one.email.encode(), one.name.encode()))
    assert Search([one]).through(b"\x00" * 9 + heap + b"\x00" * 9).found == {1}


def test_two_people_who_share_an_address_are_told_apart_by_their_names() -> None:
    from dataclasses import replace

    one, two = person(1), replace(person(2), email=person(1).email, name="Somebody Entirely Else")
    assert Search([one, two]).through(f"{one.email},{one.name}".encode()).found == {1}


@pytest.mark.parametrize("seed", range(3))
def test_random_text_with_the_same_domains_gives_no_hit(seed: int) -> None:
    chance = random.Random(seed)
    rows = (
        f"u{chance.randrange(10**6)}.{chance.randrange(10**6)}@post.example,{chance.random()}" for _ in range(20_000)
    )
    search = Search(PEOPLE).through("\n".join(rows).encode())
    assert search.found == search.alone == set()


def test_binary_values_in_tables_are_examined_as_files(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as connection:
        connection.execute("create table blobs (data blob)")
        connection.execute("insert into blobs values (?)", [gzip.compress(csv(PEOPLE).encode())])
    assert Search(PEOPLE).through((tmp_path / "b.db").read_bytes()).found == numbers(PEOPLE)


def test_texts_within_a_value_are_searched(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as connection:
        connection.execute("create table docs (body text)")
        connection.execute("insert into docs values (?)", [LINES])
    assert Search(PEOPLE).through((tmp_path / "b.db").read_bytes()).found == numbers(PEOPLE)


def test_a_blob_that_nobody_can_read_in_a_table_is_unreadable(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as connection:
        connection.execute("create table blobs (data blob)")
        connection.execute("insert into blobs values (?)", [os.urandom(5000)])
    search = Search(PEOPLE).through((tmp_path / "b.db").read_bytes())
    assert not search.coverage.complete and search.coverage.unreadable >= 5000
