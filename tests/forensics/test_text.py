"""What is counted and looked for at a glance is what plain Python counts and finds."""

import re
from collections import Counter
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics import text
from beholden.forensics.entropy import entropy
from beholden.forensics.kernel import machine
from beholden.forensics.text import byte_counts, count_of, looks_binary, places_of

MARKS = [b"x", b"\x78\x9c", b"\x1f\x8b\x08", b"PK\x03\x04", b"aa"]
BYTES = st.lists(st.one_of(st.sampled_from(MARKS), st.binary(max_size=90)), max_size=12).map(b"".join)


@pytest.fixture(params=[machine.VECTOR, machine.SCALAR], ids=["vectors", "loops"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "mode", lambda: request.param)


@given(BYTES, st.sampled_from(MARKS))
def test_a_mark_is_found_wherever_it_stands(raw: bytes, mark: bytes) -> None:
    assert places_of(raw, mark) == [found.start() for found in re.finditer(b"(?=" + re.escape(mark) + b")", raw)]


def test_more_marks_than_there_was_room_for_are_found() -> None:
    assert places_of(b"aa" * 5_000, b"aa") == list(range(9_999))


@given(BYTES, st.integers(0, 255))
def test_every_byte_is_counted(raw: bytes, letter: int) -> None:
    counted = byte_counts(raw)
    assert int(counted.sum()) == len(raw) and counted[letter] == count_of(raw, bytes([letter])) == raw.count(letter)


@given(BYTES)
def test_disorder_is_what_shannon_says(raw: bytes) -> None:
    shares = [count / len(raw) for count in Counter(raw).values()]
    assert entropy(raw) == pytest.approx(-sum(share * log2(share) for share in shares))


@given(BYTES)
def test_binary_is_what_has_control_characters(raw: bytes) -> None:
    controls = sum(letter < 9 or (13 < letter < 32 and letter != 27) or letter == 127 for letter in raw)
    assert looks_binary(raw) == (controls * 300 > len(raw))
