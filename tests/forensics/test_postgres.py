"""PostgreSQL's files, written by a real server: everyone whose row is still there is found, with what became of it.

What "still there" means is looked up by a plain search of the bytes, without any of our code.
"""

import io
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.backends.evidence.seeds.databases import heap_page, heap_tuple
from beholden.forensics.containers import Form, recognise
from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.examiner import Place
from beholden.forensics.hits import Find
from beholden.forensics.postgres.cluster import read_relation
from beholden.forensics.postgres.heap import Heap, Zone
from beholden.forensics.postgres.log import read_log
from beholden.forensics.postgres.page import page_size
from beholden.forensics.postgres.toast import Toast
from beholden.forensics.region import State
from beholden.forensics.source import Held
from tests.forensics.people import Search, numbers
from tests.forensics.postgres_story import ABORTED, LATER, LETTERS, PEOPLE, VALUES, Copy, present, story, toasted, uids

pytestmark = pytest.mark.postgres

EVERYONE = [*PEOPLE, *LATER, *ABORTED]
KEPT = {one.scoped_id for one in PEOPLE if int(one.person) % 3 == 0}
NOW = KEPT | {one.scoped_id for one in LATER}
LIVE = {"inserted": {one.scoped_id for one in PEOPLE}, "deleted": KEPT, "vacuumed": KEPT} | dict.fromkeys(
    ("reused", "updated", "aborted", "full"), NOW
)
STEPS = tuple(LIVE)
UPDATED = {one.scoped_id for one in EVERYONE if int(one.person) % 2 == 0} & NOW


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Copy]]:
    with story(tmp_path_factory.mktemp("postgres")) as told:
        yield told


# Heaps


@pytest.mark.parametrize("step", STEPS)
def test_live_rows_are_the_rows_that_the_server_reads(copies: dict[str, Copy], step: str) -> None:
    rows = copies[step].rows("friends", alone=False)
    assert uids(rows, State.LIVE) == LIVE[step]
    assert uids(rows, State.UNKNOWN) == set(), "pg_xact says of each what became of it"
    ages = {row.values[1]: row.values[5] for row in rows if isinstance(row, Row) and row.state is State.LIVE}
    grown = UPDATED if step in ("updated", "aborted", "full") else set()
    assert ages == {
        p.scoped_id: 20 + int(p.person) % 60 + (p.scoped_id in grown) for p in EVERYONE if p.scoped_id in ages
    }


@pytest.mark.parametrize("step", STEPS)
def test_every_deleted_row_that_is_still_there_is_found_and_no_live_one_is_called_deleted(
    copies: dict[str, Copy], step: str
) -> None:
    copy = copies[step]
    rows = copy.rows("friends", alone=False)
    gone = present(copy.data("friends"), EVERYONE) - LIVE[step]
    assert uids(rows, State.DELETED) >= gone
    assert bool(gone) is (step not in ("inserted", "full"))
    replaced = {
        row.values[1] for row in rows if isinstance(row, Row) and row.state is State.DELETED and "updated" in row.detail
    }
    older = UPDATED if step in ("updated", "aborted") else set()
    assert uids(rows, State.DELETED) & LIVE[step] == replaced & LIVE[step] == older


def test_a_row_says_what_became_of_it(copies: dict[str, Copy]) -> None:
    told = {
        step: {row.detail.split(" (")[0] for row in copies[step].rows("friends", alone=False) if isinstance(row, Row)}
        for step in STEPS
    }
    assert told["deleted"] == {"live", "deleted"}
    assert told["vacuumed"] == {"live", "vacuumed"}
    assert told["aborted"] == {"live", "updated", "vacuumed", "never committed"}


@pytest.mark.parametrize("step", STEPS)
def test_a_file_alone_gives_its_rows_and_calls_no_live_one_deleted(copies: dict[str, Copy], step: str) -> None:
    copy = copies[step]
    rows = copy.rows("friends", alone=True)
    known = uids(rows, State.LIVE) | uids(rows, State.UNKNOWN)
    assert known >= LIVE[step] and uids(rows, State.LIVE) <= LIVE[step]
    assert uids(rows, State.DELETED) & LIVE[step] == set()
    assert known | uids(rows, State.DELETED) >= present(copy.data("friends"), EVERYONE)
    whole = next(row for row in rows if isinstance(row, Row) and row.state is State.LIVE)
    one = next(p for p in EVERYONE if p.scoped_id == whole.values[1])
    assert whole.values[:3] == (int(one.person), one.scoped_id, one.email) and one.name in whole.values


@pytest.mark.parametrize("step", STEPS)
def test_an_examination_of_the_file_alone_finds_everyone_in_it(copies: dict[str, Copy], step: str) -> None:
    data = copies[step].data("friends")
    search = Search(EVERYONE).through(data)
    there = present(data, EVERYONE)
    assert search.found >= {int(p.person) for p in EVERYONE if p.scoped_id in there}
    assert search.live <= {int(p.person) for p in EVERYONE if p.scoped_id in LIVE[step]}
    assert search.coverage.complete and search.coverage.read == len(data)


def test_every_find_says_which_transactions_wrote_and_removed_its_row(copies: dict[str, Copy]) -> None:
    search, finds = Search(EVERYONE), list[Find]()
    search.examiner.tally.tell(finds.append)
    search.through(copies["deleted"].data("friends"))
    rows = [row for row in copies["deleted"].rows("friends", alone=True) if isinstance(row, Row)]
    told = {row.offset: row.detail for row in rows}
    in_rows = [find for find in finds if find.offset in told]
    assert in_rows and all(find.detail == told[find.offset] and "xmin " in find.detail for find in in_rows)


def test_nothing_of_the_deleted_is_left_after_the_table_was_written_anew(copies: dict[str, Copy]) -> None:
    copy = copies["full"]
    search = Search(EVERYONE).through(copy.data("friends")).through(copy.data("by_email"))
    assert search.found | search.alone == {int(p.person) for p in EVERYONE if p.scoped_id in NOW}


def test_values_of_all_kinds_are_read_as_the_server_shows_them(copies: dict[str, Copy]) -> None:
    (row,) = (row for row in copies["inserted"].rows("kinds", alone=False) if isinstance(row, Row))
    assert row.values == VALUES and row.whole


def test_without_a_catalog_documents_and_arrays_are_still_texts(copies: dict[str, Copy]) -> None:
    found = [row.values for row in copies["inserted"].rows("kinds", alone=True) if isinstance(row, Row)]
    leftover = b"".join(one.data for one in copies["inserted"].rows("kinds", alone=True) if isinstance(one, Leftover))
    assert "x@y.example" in str(found) or b"x@y.example" in leftover


# Long values


@pytest.mark.parametrize("alone", [True, False])
def test_long_values_are_put_together_from_their_pieces_live_and_dead(copies: dict[str, Copy], alone: bool) -> None:
    rows = copies["deleted"].rows("letters' TOAST", alone=alone)
    assert {row.zone for row in rows if isinstance(row, Row)} == {Zone.TOAST}
    texts = {str(row.values[1]): row for row in rows if isinstance(row, Row)}
    for one in toasted(LETTERS):
        (row,) = (row for text, row in texts.items() if one.email in text and one.name in text)
        assert row.whole
        if not alone:
            assert (row.state is State.DELETED) is (int(one.person) % 4 < 2)


def test_a_row_shows_its_long_value(copies: dict[str, Copy]) -> None:
    rows = [row for row in copies["deleted"].rows("letters", alone=False) if isinstance(row, Row)]
    by_number = {row.values[0]: row for row in rows}
    for one in LETTERS:
        row = by_number[int(one.person)]
        assert row.whole and one.email in str(row.values[1])
        assert (row.state is State.DELETED) is (int(one.person) % 4 < 2)


def test_everyone_in_a_long_value_is_found_even_where_it_is_compressed_and_vacuumed(copies: dict[str, Copy]) -> None:
    for step in ("inserted", "deleted"):
        search = Search(LETTERS).through(copies[step].data("letters' TOAST"))
        assert search.found == numbers(toasted(LETTERS)), step
        beside = Search(LETTERS).through(copies[step].data("letters"))
        assert beside.found | search.found == numbers(LETTERS), step
    data = copies["vacuumed"].data("letters' TOAST")
    there = {int(p.person) for p in LETTERS if f"{p.email} {p.name} {p.scoped_id}".encode() in data}
    assert Search(LETTERS).through(data).found >= there | {n for n in numbers(toasted(LETTERS)) if n % 4 >= 2}


# Indexes


def test_an_index_holds_addresses_whose_rows_are_gone(copies: dict[str, Copy]) -> None:
    rows = copies["deleted"].rows("by_email", alone=True)
    assert {row.values[0] for row in rows if isinstance(row, Row)} >= {one.email for one in PEOPLE}
    assert {row.state for row in rows} == {State.UNKNOWN}, "an index does not say whether a row lives"
    named = copies["deleted"].rows("by_email", alone=False)
    assert {row.table for row in named} == {"index by_email"}


# The log


@pytest.mark.parametrize("step", ["deleted", "updated", "aborted", "full"])
def test_every_row_in_the_log_is_found_and_looked_up_in_its_table(copies: dict[str, Copy], step: str) -> None:
    copy = copies[step]
    there = present(b"".join(path.read_bytes() for path in copy.log()), EVERYONE)
    rows = [row for row in copy.logged(alone=False) if isinstance(row, Row) and row.table in ("friends", "")]
    gone, kept = there - LIVE[step], there & LIVE[step]
    if step == "full":  # the file to which the log belongs is no more
        assert uids(rows, State.DELETED) | uids(rows, State.UNKNOWN) >= gone
    else:
        assert uids(rows, State.DELETED) >= gone
        assert not uids(rows, State.UNKNOWN)
    assert uids(rows, State.LIVE) & {p.scoped_id for p in EVERYONE} >= kept
    assert uids(rows, State.LIVE) & gone == set()
    older = UPDATED if step in ("updated", "aborted") else set()
    assert uids(rows, State.DELETED) & LIVE[step] == older


@pytest.mark.parametrize("step", ["deleted", "full"])
def test_a_segment_alone_gives_all_rows_and_calls_none_of_them_live(copies: dict[str, Copy], step: str) -> None:
    copy = copies[step]
    there = present(b"".join(path.read_bytes() for path in copy.log()), EVERYONE)
    rows = copy.logged(alone=True)
    assert uids(rows, State.UNKNOWN) | uids(rows, State.DELETED) >= there
    assert uids(rows, State.LIVE) == set()


def test_long_values_come_out_of_the_log(copies: dict[str, Copy]) -> None:
    texts = [
        str(row.values[1])
        for row in copies["inserted"].logged(alone=False)
        if isinstance(row, Row) and len(row.values) == 2
    ]
    for one in toasted(LETTERS):
        assert any(one.email in text for text in texts), one.person


# A data directory, however it is packed


def test_an_examination_of_a_packed_data_directory_names_tables(copies: dict[str, Copy]) -> None:
    copy = copies["deleted"]
    base = str(Path(copy.files["friends"]).parent)
    wanted = [copy.files[name] for name in ("friends", "pg_class", "pg_attribute") if name in copy.files]
    wanted += [f"{base}/1249", f"{base}/pg_filenode.map", "pg_xact/0000", "PG_VERSION"]
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name in dict.fromkeys(wanted):
            archive.add(copy.root / name, arcname=f"./backup/{name}")
    search = Search(PEOPLE).through(held.getvalue())
    where = {
        (site.where, site.state)
        for site in search.examiner.tally.sites
        if site.path.endswith(Path(copy.files["friends"]).name)
    }
    assert where == {("table friends, heap", State.LIVE), ("table friends, heap", State.DELETED)}
    assert search.live == {int(p.person) for p in PEOPLE if p.scoped_id in KEPT} and search.found == numbers(PEOPLE)


def test_an_examination_beside_its_catalog_names_the_table(copies: dict[str, Copy]) -> None:
    copy = copies["vacuumed"]
    search = Search(PEOPLE)
    path = copy.files["friends"]
    search.examiner.examine(Place(1, path), Held(copy.data("friends")), beside=copy.beside(path))
    assert {site.where for site in search.examiner.tally.sites} == {
        "table friends, heap",
        "table friends, free space of a page",
    }


# Recognition


def test_files_are_recognised_by_their_first_page_alone(copies: dict[str, Copy]) -> None:
    copy = copies["inserted"]
    for table in ("friends", "letters' TOAST", "by_email", "pg_class"):
        assert recognise(copy.data(table)[:512])[0] is Form.POSTGRES, table
    assert recognise(copy.log()[0].read_bytes()[:512])[0] is Form.POSTGRES_LOG
    assert isinstance(read_relation(Held(copy.data("letters' TOAST"))), Toast)
    for name in ("PG_VERSION", "postgresql.conf", "pg_xact/0000", "global/pg_control"):
        assert recognise((copy.root / name).read_bytes()[:512])[0] is Form.PLAIN, name


# Hostile files. Random bytes must not be able to fail these: nothing is expected but an end.


def _exhaust(data: bytes) -> None:
    relation = read_relation(Held(data))
    if relation is not None:
        list(relation.rows())


@pytest.fixture(scope="module")
def small(copies: dict[str, Copy]) -> dict[str, bytes]:
    copy = copies["aborted"]
    return {name: copy.data(name)[: 4 * 8192] for name in ("friends", "letters", "letters' TOAST", "by_email", "kinds")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_table_with_flipped_bytes_neither_crashes_nor_hangs(small: dict[str, bytes], data: st.DataObject) -> None:
    broken = bytearray(data.draw(st.sampled_from(sorted(small.values()))))
    for _ in range(data.draw(st.integers(1, 60))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    _exhaust(bytes(broken[: data.draw(st.integers(100, len(broken)))]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_log_with_flipped_bytes_neither_crashes_nor_hangs(copies: dict[str, Copy], data: st.DataObject) -> None:
    log = copies["deleted"].log()[0].read_bytes()
    start = log.find(PEOPLE[700].scoped_id.encode()) // 8192 * 8192
    broken = bytearray(log[: 2 * 8192] + log[start : start + 6 * 8192])
    for _ in range(data.draw(st.integers(0, 60))):
        broken[data.draw(st.integers(40, len(broken) - 1))] = data.draw(st.integers(0, 255))
    found = read_log(Held(bytes(broken)))
    assert found is not None
    list(found.rows())


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=8, max_size=4000), st.sampled_from([1024, 2048, 4096, 8192, 16384, 32768]))
def test_random_bytes_behind_a_page_header_neither_crash_nor_hang(noise: bytes, size: int) -> None:
    page = bytearray(
        struct.pack("<IIHHHHHHI", 0, 1, 0, 0, 24 + 40, size - 2000 if size > 2048 else 128, size, size | 4, 0)
    )
    page += noise[: size - 24]
    data = bytes(page).ljust(size, b"\x00")
    if page_size(data[:512]) is not None:
        _exhaust(data + data)
    Search(PEOPLE[:3]).through(data)


@pytest.mark.parametrize("size", [1024, 2048, 4096, 8192, 16384, 32768])
def test_pages_of_every_size_are_read(size: int) -> None:
    """Synthetic: the server at hand writes 8 KiB only, so a page is laid out by hand."""
    one = PEOPLE[0]
    data = heap_page([heap_tuple([one.scoped_id.encode(), one.email.encode()])], size)
    assert page_size(data[:512]) == size
    (row,) = (row for row in Heap(Held(data), size).rows() if isinstance(row, Row))
    assert row.values == (one.scoped_id, one.email) and row.state is State.LIVE
