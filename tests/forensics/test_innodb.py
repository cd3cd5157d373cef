"""InnoDB tablespaces. The pages are synthetic: laid out here after the format's own description, not by a server."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.containers import Form, recognise
from beholden.forensics.database_rows import Leftover
from beholden.forensics.innodb import read_shape, read_tablespace
from beholden.forensics.needles import Sought
from beholden.forensics.region import State
from beholden.forensics.source import Held
from tests.forensics.people import Search, crowd, numbers

PEOPLE = crowd(90)
SIZE = 16384


def fil(number: int, kind: int) -> bytes:
    """The header of any page: a checksum, the page's number, neighbours, the log's place, its kind, its tablespace."""
    return struct.pack(">IIIIQHQI", 1, number, 0xFFFFFFFF, 0xFFFFFFFF, 99, kind, 0, 7)


def header_page(flags: int = 0) -> bytes:
    return (fil(0, 8) + struct.pack(">IIIII", 7, 0, 4, 4, flags)).ljust(SIZE, b"\x00")


def index_page(number: int, rows: Sequence[tuple[Sought, str]]) -> bytes:
    """A leaf whose records are live, marked as deleted, or only in the page's list of removed ones."""
    page = bytearray(SIZE)
    page[:38] = fil(number, 17855)
    page[99:107], page[112:120] = b"infimum\x00", b"supremum"
    at, chain, removed = 120, 99, 0
    for one, state in rows:
        values = [one.scoped_id.encode(), one.email.encode(), one.name.encode()]
        lengths = bytes(len(value) for value in reversed(values))
        origin = at + len(lengths) + 5
        body = struct.pack(">I", int(one.person) | 1 << 31) + b"".join(values)
        page[at : origin - 5] = lengths
        page[origin - 5] = 0x20 if state == "marked" else 0
        page[origin : origin + len(body)] = body
        if state == "removed":
            page[origin - 2 : origin] = struct.pack(">h", removed - origin if removed else 0)
            removed = origin
        else:
            page[chain - 2 : chain] = struct.pack(">h", origin - chain)
            chain = origin
        at = origin + len(body)
    page[chain - 2 : chain] = struct.pack(">h", 112 - chain)
    page[38:46] = struct.pack(">HHHH", 2, at, 0x8000 | (len(rows) + 2), removed)
    return bytes(page)


STATES = ("live", "marked", "removed")
ROWS = [(one, STATES[int(one.person) % 3]) for one in PEOPLE]
DATA = header_page() + index_page(1, ROWS[:50]) + bytes(SIZE) + index_page(3, ROWS[50:])


def test_a_tablespace_is_recognised_by_its_first_page() -> None:
    assert recognise(DATA[:512])[0] is Form.INNODB
    assert recognise(b"\x00" * 512)[0] is Form.PLAIN
    assert recognise(index_page(1, ROWS[:1])[:512])[0] is Form.PLAIN


@pytest.mark.parametrize("flags", [0, 1, 0x21, 0x15])
def test_all_known_spellings_of_the_page_size_are_read(flags: int) -> None:
    shape = read_shape(header_page(flags)[:64])
    assert shape is not None and shape.page == SIZE and not shape.packed


def test_everyone_is_found_and_live_is_only_who_is_live() -> None:
    search = Search(PEOPLE).through(DATA)
    assert search.found == numbers(PEOPLE)
    assert search.live == {int(one.person) for one, state in ROWS if state == "live"}
    assert search.coverage.complete and search.coverage.read == len(DATA)


def test_no_live_record_is_called_deleted() -> None:
    tablespace = read_tablespace(Held(DATA))
    assert tablespace is not None
    found = [one for one in tablespace.rows() if isinstance(one, Leftover)]
    for one, state in ROWS:
        states = {left.state for left in found if one.email.encode() in left.data}
        assert states == {State.LIVE if state == "live" else State.DELETED}


def test_law_9_compressed_pages_are_unreadable() -> None:
    packed = bytearray(DATA)
    packed[54:58] = struct.pack(">I", 4 << 1)  # pages of 8 KiB, zlib
    search = Search(PEOPLE).through(bytes(packed))
    assert not search.coverage.complete and search.coverage.unreadable


def test_a_chain_that_runs_in_circles_is_left_and_said_to_be() -> None:
    broken = bytearray(DATA)
    first = SIZE + 120 + 3 + 5
    broken[first - 2 : first] = struct.pack(">h", 0x7FFF - 0x8000)
    tablespace = read_tablespace(Held(bytes(broken)))
    assert tablespace is not None
    list(tablespace.rows())
    assert tablespace.faults == {"pages whose records form no chain": 1}
    assert Search(PEOPLE).through(bytes(broken)).found == numbers(PEOPLE)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_tablespace_with_flipped_bytes_neither_crashes_nor_hangs(data: st.DataObject) -> None:
    broken = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 40))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    found = read_tablespace(Held(bytes(broken[: data.draw(st.integers(60, len(broken)))])))
    if found is not None:
        list(found.rows())
