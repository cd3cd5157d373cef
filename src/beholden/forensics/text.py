"""What bytes are at a glance: nothing but zeros, text, or neither."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.machine import between, bits, controls, load8, mode, trailing
from beholden.native.compiling import compiler

SAMPLE = 65536
_BLOCK = 64
_HERE = Path(__file__).parent
_compiled: Callable[[Any], Any] = compiler(_HERE, _HERE / "kernel", nogil=True)()


def is_blank(raw: bytes) -> bool:
    """Whether there is nothing but zeros."""
    return not any(raw[:_BLOCK]) and raw == bytes(len(raw))


def looks_binary(raw: bytes) -> bool:
    """Whether more than one byte in 300 of the beginning is a control character that texts do not have."""
    sample = raw[:SAMPLE]
    return int(_controls(mode(), np.frombuffer(sample, np.uint8))) * 300 > len(sample)


def count_of(raw: bytes, letter: bytes) -> int:
    """How often one byte stands there; `bytes.count` begins anew after each."""
    return int(_count(mode(), np.frombuffer(raw, np.uint8), letter[0]))


def places_of(raw: bytes, mark: bytes) -> list[int]:
    """Where a few bytes stand, the first of them 64 at once; `bytes.find` begins anew after each."""
    letters = np.frombuffer(mark, np.uint8)
    found: list[int] = _places(mode(), np.frombuffer(raw, np.uint8), letters).tolist()
    return found


def byte_counts(raw: bytes) -> NDArray[np.int64]:
    """How often each of the 256 bytes stands there."""
    counts: NDArray[np.int64] = _byte_counts(np.frombuffer(raw, np.uint8)).sum(axis=0)
    return counts


def is_text(block: bytes) -> bool:
    """Whether a block reads as text in UTF-8, apart from characters cut at its ends."""
    if b"\x00" in block or looks_binary(block):
        return False
    for skip in range(4):
        try:
            block[skip:].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start >= len(block) - skip - 3:
                return True
            if error.start > 0:
                return False
        else:
            return True
    return False


@_compiled
def _controls(mode: Any, data: Any) -> Any:
    count, at, size = 0, 0, len(data)
    while at + _BLOCK <= size:
        count += bits(controls(mode, data.ctypes.data + at))
        at += _BLOCK
    while at < size:
        letter = data[at]
        count += (letter < 9) | ((letter > 13) & (letter < 32) & (letter != 27)) | (letter == 127)
        at += 1
    return count


@_compiled
def _count(mode: Any, data: Any, letter: int) -> Any:
    count, at, size = 0, 0, len(data)
    while at + _BLOCK <= size:
        count += bits(between(mode, data.ctypes.data + at, letter, 0))
        at += _BLOCK
    while at < size:
        count += data[at] == letter
        at += 1
    return count


@_compiled
def _places(mode: Any, data: Any, mark: Any) -> Any:
    places, held, size = np.empty(64, np.int64), 0, len(data)
    for at in range(0, size - len(mark) + 1, _BLOCK):
        if held + _BLOCK > len(places):
            more = np.empty(2 * len(places), np.int64)
            more[:held] = places[:held]
            places = more
        if at + _BLOCK + len(mark) - 1 <= size:
            found = between(mode, data.ctypes.data + at, mark[0], 0)
            for n in range(1, len(mark)):
                if found:
                    found &= between(mode, data.ctypes.data + at + n, mark[n], 0)
            while found:
                places[held] = at + trailing(found)
                held += 1
                found &= found - np.uint64(1)
        else:
            for place in range(at, size - len(mark) + 1):
                here = True
                for n in range(len(mark)):
                    here = here and data[place + n] == mark[n]
                if here:
                    places[held] = place
                    held += 1
            break
    return places[:held]


@_compiled
def _byte_counts(data: Any) -> Any:
    """In eight rows, since a processor waits for a number that it has just counted up."""
    counts, size = np.zeros((8, 256), np.int64), len(data)
    for at in range(0, size - 7, 8):
        word = load8(data.ctypes.data + at)
        for row in range(8):
            counts[row, (word >> np.uint64(8 * row)) & np.uint64(255)] += 1
    for at in range(size - size % 8, size):
        counts[0, data[at]] += 1
    return counts
