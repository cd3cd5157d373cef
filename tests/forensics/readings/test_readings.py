"""A value is read in whatever it is wrapped, wherever that stands, and its place is known."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.readings.tree import DEPTH, GROWTH, LEAST, allowance, readings
from tests.forensics.readings.encodings import ENCODINGS

VALUES = (
    b"ann.meyer@post.example",
    b"+1 (555) 234-5678",
    b"5552345678",
    b"abcdefghijklmnopqrstuvwxyz",
    b"100000742310551",
)
NAMES = sorted(ENCODINGS)


def place(buffer: bytes, value: bytes) -> int | None:
    """Where a value is written in a buffer, whichever way; None where no reading shows it."""
    for reading in readings(buffer, allowance(len(buffer))):
        at = reading.data.find(value)
        if at >= 0:
            return reading.place(at)
    return None


def wrapped(value: bytes, names: list[str]) -> bytes:
    """A value in encodings, the first one innermost."""
    for name in names:
        value = ENCODINGS[name](value)
    return value


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_read_in_every_encoding_at_every_alignment(name: str, value: bytes) -> None:
    for before in range(9):
        for after in range(3):
            coded = wrapped(b"x" * before + b" " + value + b" " + b"y" * after, [name])
            at = place(b"-" * before + b"\n" + coded + b"\n--", value)
            assert at is not None and before <= at < before + 1 + len(coded)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(VALUES),
    st.lists(st.sampled_from(NAMES), min_size=2, max_size=3),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.sampled_from((b"\n", b" ", b",", b'"', b"\x00\x01")),
)
def test_every_value_is_read_two_and_three_encodings_deep(
    value: bytes, names: list[str], before: bytes, after: bytes, fence: bytes
) -> None:
    coded = wrapped(b"," + value + b",", names)
    at = place(before + fence + coded + fence + after, value)
    assert at is not None
    assert len(before) <= at <= len(before) + len(fence) + len(coded)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 700), st.sampled_from(NAMES), st.integers(0, 2**32))
def test_every_value_is_read_in_the_midst_of_a_longer_encoded_text(at: int, name: str, seed: int) -> None:
    chance = random.Random(seed)
    prose = bytes(chance.choice(b"etaoin shrdlu,.\n") for _ in range(1400))
    value = b" ann.meyer@post.example "
    assert place(wrapped(prose[:at] + value + prose[at:], [name]), value.strip()) is not None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60), st.sampled_from((b"%4", b"=\r\n", b"\\u00", b"&#", b"QUJD" * 9, b"a\x00" * 9))
        )
    )
)
def test_no_bytes_break_a_reading_and_all_places_are_within_the_buffer(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    for reading in readings(raw, allowance(len(raw))):
        assert len(reading.how) <= DEPTH
        if reading.spots is not None:
            assert len(reading.spots) == len(reading.data)
            assert not len(reading.spots) or (reading.spots.min() >= 0 and reading.spots.max() < len(raw))


def test_plain_text_has_one_reading_only() -> None:
    text = b"ann.meyer@post.example,Anna Meyer,Rome,+1 555 234 5678,1990-05-17\n" * 2000
    assert [reading.how for reading in readings(text, allowance(len(text)))] == [()]


def test_text_in_other_scripts_is_decoded_from_utf16() -> None:
    text = "ann.meyer@post.example;Łukasz Günther 😀\r\n" * 3
    for name in ("utf-16-le", "utf-16-be"):
        for phase in (b"", b"\x01"):
            views = readings(phase + text.encode(name), allowance(1000))
            assert any("Łukasz Günther 😀".encode() in reading.data for reading in views), (name, phase)


def test_a_character_beyond_ascii_is_read_from_every_escape() -> None:
    for text in (
        b"Bj\\u00f6rn",
        b"Bj%C3%B6rn",
        b"Bj=C3=B6rn",
        b"Bj&ouml;rn",
        b"Bj&#246;rn",
        b"Bj&#xF6;rn",
        b"Bj\\xc3\\xb6rn",
    ):
        assert place(b"name=" + text + b";", "Björn".encode()) is not None, text
    assert place(b"\\ud83d\\ude00", "😀".encode()) == 0
    assert place(b"a&commat;post", b"a@post") == 0


def test_law_9_what_is_nested_too_deep_or_grows_too_much_is_said() -> None:
    coded = b"ann.meyer@post.example"
    for _ in range(DEPTH + 1):
        coded = coded.hex().encode()
    deep = allowance(len(coded))
    list(readings(coded, deep))
    assert deep.too_deep > 0
    text = wrapped(b"ann.meyer@post.example, Rome\n" * 50_000, ["base64"])
    narrow = allowance(len(text))
    narrow.bytes = 1000
    list(readings(text, narrow))
    assert narrow.refused > 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from((b"%25", b"&amp;", b"\\\\", b"=3D", b"QUFB", b"4141", b"a\x00", b"\n")), min_size=1, max_size=6
    )
)
def test_whatever_repeats_decoding_stays_within_its_allowance(parts: list[bytes]) -> None:
    raw = b"".join(parts) * 800
    total = sum(len(reading.data) for reading in readings(raw, allowance(len(raw))))
    assert total <= len(raw) + (LEAST + GROWTH * len(raw)) * 2
