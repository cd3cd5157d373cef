"""Passing over blocks passes over nothing: the same stretches are found as where every block is looked at."""

from base64 import b64encode
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.kernel.machine import SCALAR, VECTOR
from beholden.forensics.readings import escapes, runs, wide
from beholden.forensics.readings.blocks import BEYOND, BLOCK, escape_begins, letter_blocks, wide_blocks
from beholden.forensics.readings.compiled import compiled
from beholden.forensics.readings.escapes import _escape
from tests.forensics.readings.encodings import ENCODINGS

VALUES = (b"ann.meyer@post.example", b"+1 (555) 234-5678", b"5552345678", b"abcdef", b"@x.yz1")
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
SIGNS = (
    b"lorem",
    b"ABBAfacade",
    b"=\n",
    b"= \r\n",
    b"=3D",
    b"%40",
    b"&amp;",
    b"&#64;",
    b"\\u0040",
    b"%u0040",
    b"\\100",
)
NOTHING = np.empty(0, np.uint8)


def piece(random: Random) -> bytes:
    """Noise, zeros, letters, words, base64 in lines of any length, or a value that is wrapped."""
    kind, size = random.randrange(7), random.randrange(200)
    if kind == 0:
        return random.randbytes(size)
    if kind == 1:
        return bytes(size)
    if kind == 2:
        return bytes(random.choices(LETTERS, k=size))
    if kind == 3:
        return bytes(random.choices(b"0123456789abcdef \n", k=size))
    if kind == 4:
        inside = (
            random.randbytes(random.randrange(120)) + random.choice(VALUES) + random.randbytes(random.randrange(120))
        )
        coded, width = b64encode(inside), random.choice((20, 24, 25, 30, 64, 76))
        lines = [coded[at : at + width] for at in range(0, len(coded), width)]
        return b"\n" + random.choice((b"\n", b"\r\n", b"\n    ", b"\r\n\t")).join(lines) + b"\n"
    if kind == 5:
        return b" ".join(random.choices(SIGNS, k=size // 8))
    value = random.choice(VALUES)
    for _ in range(random.randint(1, 2)):
        value = ENCODINGS[random.choice(sorted(ENCODINGS))](value)
    return value


@st.composite
def buffers(draw: st.DrawFn) -> np.ndarray:
    random = Random(draw(st.integers(0, 2**32)))
    data = b"".join(piece(random) for _ in range(random.randint(1, 9)))
    return np.frombuffer(data or b"x", np.uint8)


@pytest.mark.parametrize("mode", [VECTOR, SCALAR])
@settings(max_examples=400, deadline=None)
@given(buffers(), st.booleans(), st.integers(0, 2**32))
def test_the_same_stretches_are_found_as_in_all_blocks(mode, data, some_fresh, seed) -> None:
    every = np.ones((len(data) + BLOCK - 1) // BLOCK, np.bool_)
    changed = np.frombuffer(Random(seed).randbytes(len(data)), np.uint8)
    fresh = (changed > 200).astype(np.uint8) if some_fresh else NOTHING
    for order in range(2):
        found = [wide._stretches(data, fresh, live, order, 64) for live in (every, wide_blocks(mode, data, order))]
        assert np.array_equal(*found)
    for one in (runs.BASE64, runs.HEX):
        how = one.letters, one.soft, one.bits, one.least, runs._LEGIBLE
        found = [runs._legible(data, fresh, live, *how) for live in (every, letter_blocks(mode, data, one.bits))]
        assert np.array_equal(*found)


@compiled
def missed(mode, data, family, hexes, simple, names, characters):
    """Where an escape stands of which no block is told; -1 for nowhere."""
    for at in range(len(data) - BLOCK - BEYOND + 1):
        told = escape_begins(mode, data.ctypes.data + at, family) & np.uint64(1) != np.uint64(0)
        if not told and _escape(data, at, family, hexes, simple, names, characters)[0]:
            return at
    return -1


@pytest.mark.parametrize("mode", [VECTOR, SCALAR])
@settings(max_examples=200)
@given(buffers(), st.integers(0, 1))
def test_an_escape_begins_wherever_there_is_one(mode, data, family) -> None:
    tables = escapes._HEX, escapes._SIMPLE, escapes._NAMES, escapes._CHARACTERS
    at = missed(mode, data, family, *tables)
    assert at < 0, bytes(data[at : at + 12])


def test_most_blocks_of_a_log_and_of_noise_are_passed_over() -> None:
    random = Random(1)
    text = "".join(f"{random.randrange(10**9)} GET /page/{random.randrange(10**6)} 200\n" for _ in range(3000))
    log, noise = np.frombuffer(text.encode(), np.uint8), np.frombuffer(random.randbytes(100_000), np.uint8)
    for live in (wide_blocks(VECTOR, log, 0), letter_blocks(VECTOR, log, 6), wide_blocks(VECTOR, noise, 1)):
        assert live.mean() < 0.1
    for width in (4, 6):
        assert letter_blocks(VECTOR, noise, width).mean() < 0.1
