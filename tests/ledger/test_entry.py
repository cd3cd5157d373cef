"""The public entry: 45 bytes, and nothing of a person in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.ledger import entry
from beholden.ledger.entry import Entry, Kind
from beholden.model.errors import Damaged

kinds, times, apps = st.sampled_from(Kind), st.integers(-(2**63), 2**63 - 1), st.integers(0, entry.MAX_APP)
commitments = st.binary(min_size=32, max_size=32)


@settings(deadline=None)  # a busy machine is no failure
@given(kinds, times, apps, commitments)
def test_an_entry_is_45_bytes_and_is_read_back(kind: Kind, time: int, app: int, commitment: bytes) -> None:
    data = entry.pack(kind, time, app, commitment)
    assert len(data) == entry.SIZE
    assert entry.unpack(data) == Entry(kind, time, app, commitment)


def test_the_bytes_stand_where_the_format_says() -> None:
    data = entry.pack(Kind.DISCLOSURE, 1, 2, b"c" * 32)
    assert data == b"\x11" + bytes(7) + b"\x01" + bytes(3) + b"\x02" + b"c" * 32


@pytest.mark.parametrize("data", [b"", bytes(45), b"\x14" + bytes(44), b"\x21" + bytes(44), b"\x11" + bytes(45)])
def test_what_is_no_entry_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        entry.unpack(data)


def test_entries_are_picked_by_kind_and_app() -> None:
    data = b"".join(entry.pack(kind, 0, app, bytes(32)) for kind in Kind for app in (1, 2))
    assert list(entry.places(data, Kind.ACT)) == [2, 3]
    assert list(entry.places(data, Kind.DISCLOSURE, {2})) == [1]
    assert list(entry.places(data, Kind.ERASURE, ())) == []
