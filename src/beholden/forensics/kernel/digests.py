"""Digests of many values, sorted, and the search in them.

A row of an index is three words: the two of a digest, and the person below the kind (see `as_rows`). Whatever is read
of a row lies side by side, since what is far apart in memory is paid for each time.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.blake import LANES, compress, sixteen
from beholden.forensics.kernel.machine import apart, compiled, inner, load1, load8
from beholden.native.blake2s import BLOCK

ROW: Final = 3
"""Words of a row."""
_KIND: Final = np.uint64(32)
_LAST: Final = BLOCK - 1
"""A value this long fills one block, with its shape before it."""


@apart
def put(words: Any, counts: Any, lane: Any, shape: Any, address: Any, length: Any) -> None:
    """Lay a message of one block beside the others. Of the value so many bytes are read, and up to seven more."""
    counts[lane] = np.uint32(BLOCK + 1 + length)
    words[lane] = np.uint32((_kept(load8(address), min(length, 3)) << np.uint64(8)) | np.uint64(shape))
    used = (length + 4) >> 2
    for n in range(1, used):
        at = 4 * n - 1
        words[n * LANES + lane] = np.uint32(_kept(load8(address + at), min(length - at, 4)))
    for n in range(used, 16):
        words[n * LANES + lane] = np.uint32(0)


@inner
def _kept(word: Any, count: Any) -> Any:
    """The first bytes of a word, at most seven."""
    return word & ((np.uint64(1) << np.uint64(8 * count)) - np.uint64(1))


@apart
def long_digest(start: Any, shape: Any, address: Any, length: Any) -> Any:
    """The digest of a message of any length, in two words."""
    state, block = start.copy(), np.zeros(16, np.uint32)
    done, total = 0, length + 1
    while True:
        block[:] = 0
        some = min(BLOCK, total - done)
        for n in range(some):
            byte = shape if done + n == 0 else load1(address + done + n - 1)
            block[n >> 2] |= np.uint32(byte) << np.uint32(8 * (n & 3))
        done += some
        compress(state, block, BLOCK + done, done == total)
        if done == total:
            break
    return (
        np.uint64(state[0]) | np.uint64(state[1]) << np.uint64(32),
        np.uint64(state[2]) | np.uint64(state[3]) << np.uint64(32),
    )


@inner
def taken(out: Any, lane: Any) -> Any:
    """The two words of a digest among sixteen."""
    return (
        np.uint64(out[lane]) | np.uint64(out[LANES + lane]) << np.uint64(32),
        np.uint64(out[2 * LANES + lane]) | np.uint64(out[3 * LANES + lane]) << np.uint64(32),
    )


def _digest_values(mode: Any, start: Any, shapes: Any, blob: Any, offsets: Any, first: Any, second: Any) -> None:
    words, counts = np.zeros(16 * LANES, np.uint32), np.zeros(LANES, np.uint32)
    out, whose = np.zeros(4 * LANES, np.uint32), np.zeros(LANES, np.int64)
    held = 0
    for n in range(len(shapes) + 1):
        if held == LANES or (held and n == len(shapes)):
            sixteen(mode, start, words, counts, out)
            for lane in range(held):
                first[whose[lane]], second[whose[lane]] = taken(out, lane)
            held = 0
        if n == len(shapes):
            break
        length = offsets[n + 1] - offsets[n]
        if length <= _LAST:
            put(words, counts, held, np.int64(shapes[n]), blob + offsets[n], length)
            whose[held] = n
            held += 1
        else:
            first[n], second[n] = long_digest(start, np.int64(shapes[n]), blob + offsets[n], length)


digest_values = compiled()(_digest_values)


def order(first: NDArray[np.uint64], kinds: NDArray[np.uint8], people: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The order of digests; of equal ones by kind and person, so that the same values make the same index."""
    found = np.argsort(first)
    ranked = first[found]
    same = ranked[1:] == ranked[:-1]
    if same.any():
        twice = np.flatnonzero(np.concatenate(([False], same)) | np.concatenate((same, [False])))
        rows = found[twice]
        found[twice] = rows[np.lexsort((people[rows], kinds[rows], first[rows]))]
    return found


def as_rows(
    first: NDArray[np.uint64], second: NDArray[np.uint64], kinds: NDArray[np.uint8], people: NDArray[np.uint32]
) -> NDArray[np.uint64]:
    """Columns as rows, in the order that they have."""
    rows = np.empty((len(first), ROW), np.uint64)
    rows[:, 0], rows[:, 1] = first, second
    rows[:, 2] = people | kinds.astype(np.uint64) << _KIND
    return rows


def kinds_of(rows: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """What each row is."""
    return (rows[:, 2] >> _KIND).astype(np.uint8)


def people_of(rows: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Whose each row is."""
    return rows[:, 2].astype(np.uint32)


@inner
def kind(rows: Any, row: Any) -> Any:
    """What a row is."""
    return np.int64(rows[row, 2] >> _KIND)


@inner
def person(rows: Any, row: Any) -> Any:
    """Whose a row is."""
    return np.int64(np.uint32(rows[row, 2]))


@apart
def place(starts: Any, shift: Any, rows: Any, first: Any, second: Any) -> Any:
    """Where the rows of a digest begin; -1 where there are none."""
    bucket = np.int64(first >> shift)
    for at in range(np.int64(starts[bucket]), np.int64(starts[bucket + 1])):
        if rows[at, 0] == first and rows[at, 1] == second:
            return at
    return np.int64(-1)
