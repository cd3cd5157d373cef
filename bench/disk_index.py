"""An index that is larger than memory: its rows sorted by parts on disk, its filter and table of contents beside them.

Whoever makes it needs memory for the filter and for a million people; whoever scans with it, for the filter, the table
of contents, and a page of the file for each hit, which the system may take back at any time.
"""

import mmap
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.auditor import from_bytes, to_bytes
from beholden.forensics.kernel.digests import ROW, kinds_of, order, people_of
from beholden.forensics.kernel.hashing import fill, hash_values
from beholden.forensics.kernel.index import Index, filter_words
from bench.forensic_world import KEY, columns, labels

_AT_ONCE = 1_000_000
"""People whose values are in memory at one time."""
_BUCKETS = 256
"""Rows that share their first byte are sorted at one time."""
_BITS = 32
"""Bits of the filter for each value: whatever passes it costs a page of a file, so it is twice as large as usual."""
_ROOM = 16
"""At least half so many rows share a place of the table of contents: it is in memory, and they are on one page."""
_PIECE = 1 << 26
_PART = 1 << 20
_SLACK = 16
_ROWS, _WORDS, _STARTS, _REST, _SPREAD = "rows", "words", "starts", "rest", "spread"


def make(people: int, folder: Path, at_once: int = _AT_ONCE) -> None:
    """Write the index that `forensic_world.ledger` makes of so many people, with a larger filter."""
    words = np.zeros(filter_words(3 * people, _BITS), np.uint64)
    with _Written(folder / _SPREAD) as spread:
        rest, begins = _spread(people, at_once, words, spread)
    _write(folder / _WORDS, words)
    del words
    bits = max(_BUCKETS.bit_length() - 1, (3 * people // _ROOM).bit_length())
    starts = np.zeros((1 << bits) + 1, np.uint32)
    with _Written(folder / _ROWS) as rows:
        for bucket, some in enumerate(_sorted(folder / _SPREAD, begins)):
            rows.add(some)
            share = starts[1:].reshape(_BUCKETS, -1)[bucket]
            places = (some[:, 0] >> np.uint64(64 - bits)).astype(np.int64) - bucket * len(share)
            share[:] = np.bincount(places, minlength=len(share))
    (folder / _SPREAD).unlink()
    np.cumsum(starts, out=starts)
    _write(folder / _STARTS, starts)
    (folder / _REST).write_bytes(to_bytes(rest))


class Kept:
    """An index of which the rows stay on disk."""

    def __init__(self, folder: Path) -> None:
        starts = _read(folder / _STARTS, np.dtype(np.uint32))
        with (folder / _ROWS).open("rb") as file:
            # The kernels are compiled for what may be written to. Nothing is: all pages stay those of the file.
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._mapped.madvise(mmap.MADV_RANDOM)
        self.index = replace(
            from_bytes((folder / _REST).read_bytes(), KEY),
            words=_read(folder / _WORDS, np.dtype(np.uint64)),
            rows=np.frombuffer(self._mapped, np.uint64).reshape(-1, ROW),
            starts=starts,
            shift=65 - (len(starts) - 1).bit_length(),
        )

    def give_back(self) -> None:
        """Keep no page of the rows: the next hit asks the system for its page again, who may still have it.

        In parts smaller than 2 MiB, for which the system keeps its own tables: to make those anew costs a fifth more.
        """
        for at in range(0, len(self._mapped), _PART):
            self._mapped.madvise(mmap.MADV_DONTNEED, at, min(_PART, len(self._mapped) - at))


class _Written:
    """A file that is written from end to end and stays out of memory.

    What is not yet on disk cannot be taken from a process that is held to little memory: it would wait. So each piece
    is on disk before the next one is written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, column: NDArray[Any]) -> None:
        """Put something behind what is there."""
        raw = column.reshape(-1).view(np.uint8)
        for at in range(0, len(raw), _PIECE):
            self._file.write(raw[at : at + _PIECE])
            self._file.flush()
            os.fdatasync(self._file.fileno())
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _write(path: Path, column: NDArray[Any]) -> None:
    with _Written(path) as file:
        file.add(column)


def _read(path: Path, form: np.dtype[Any]) -> NDArray[Any]:
    """A column in ordinary memory, which is in huge pages where the system has them."""
    column = np.empty(path.stat().st_size // form.itemsize, form)
    raw = column.data.cast("B")
    with path.open("rb", buffering=0) as file:
        for at in range(0, len(raw), _PIECE):
            file.readinto(raw[at : at + _PIECE])
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return column


def _spread(people: int, at_once: int, words: NDArray[np.uint64], spread: _Written) -> tuple[Index, NDArray[np.int64]]:
    """Write the rows of everybody, some people's after the other's; an index of all that has no values; and at which
    row each bucket of some people begins, and after the last one ends."""
    rest, begins, held = None, list[NDArray[np.int64]](), 0
    edges = np.arange(1, _BUCKETS, dtype=np.uint64) << np.uint64(56)
    for first in range(0, people, at_once):
        some = _some(first, min(at_once, people - first), words)
        inner = np.searchsorted(some.rows[:, 0], edges)
        begins.append(held + np.concatenate(([0], inner, [len(some)])))
        held += len(some)
        spread.add(some.rows)
        rest = _both(_without_values(some) if rest is None else rest, some)
    if rest is None:
        raise ValueError("An index on disk is of one person at least.")
    return rest, np.array(begins)


def _some(first: int, count: int, words: NDArray[np.uint64]) -> Index:
    """The index of some people; their values are put in the filter of all."""
    blob, offsets = columns(first, count)
    shapes, kinds, people = labels(first, count)
    padded = np.concatenate((np.zeros(_SLACK, np.uint8), blob, np.zeros(_SLACK, np.uint8)))
    made = Index.of_columns(shapes, kinds, people, blob, offsets, KEY)
    hashes, domains, lengths = (np.empty(len(shapes), form) for form in (np.uint64, np.uint64, np.int64))
    hash_values(shapes, padded.ctypes.data + _SLACK, offsets, np.uint64(made.seed()), hashes, domains, lengths)
    fill(words, hashes)
    return made


def _without_values(some: Index) -> Index:
    """What remains of an index without what lies in files, and nobody counted."""
    return replace(
        some, words=np.zeros(filter_words(0), np.uint64), rows=np.empty((0, ROW), np.uint64),
        starts=np.zeros(3, np.uint32), shift=63, counts=np.zeros_like(some.counts),
        leading=np.zeros_like(some.leading), address_chance=0.0,
    )  # fmt: skip


def _both(rest: Index, more: Index) -> Index:
    """What is counted of these and of more people; all have the same few domains, so chances add up, or nearly."""
    return replace(
        rest, domains=rest.domains | more.domains, counts=rest.counts + more.counts,
        leading=rest.leading + more.leading, low=min(rest.low, more.low), top=max(rest.top, more.top),
        address_chance=rest.address_chance + more.address_chance, marks=rest.marks | more.marks,
    )  # fmt: skip


def _sorted(spread: Path, begins: NDArray[np.int64]) -> Iterator[NDArray[np.uint64]]:
    """The rows of one bucket after the other, by digest."""
    with spread.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for bucket in range(_BUCKETS):
            parts = list[NDArray[np.uint64]]()
            for begin, end in begins[:, bucket : bucket + 2].tolist():
                file.seek(8 * ROW * begin)
                parts.append(np.fromfile(file, np.uint64, ROW * (end - begin)))
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            rows = np.concatenate(parts).reshape(-1, ROW)
            yield rows[order(np.ascontiguousarray(rows[:, 0]), kinds_of(rows), people_of(rows))]
