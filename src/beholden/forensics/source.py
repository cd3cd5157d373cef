"""Bytes that can be read at any place: a file, a part of one, or what a container held."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol, runtime_checkable


class Source(Protocol):
    """Random access to bytes that do not change while they are read."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """The bytes at `offset`; fewer than `length` only at the end. Raises Unavailable when the medium fails."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A Source over bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        return self.data[offset : offset + length]


@runtime_checkable
class Sparse(Protocol):
    """A Source that knows where it holds nothing but zeros that are stored nowhere."""

    def next_data(self, offset: int) -> int:
        """The first place at or after `offset` that may hold something else; the size where nothing follows."""
        ...


def next_data(source: Source, offset: int) -> int:
    """Where to go on reading: over holes, so that a disk of 2 TB of which 20 GB are stored takes as long as 20 GB."""
    return source.next_data(offset) if isinstance(source, Sparse) else offset


def chunks(source: Source, size: int) -> Iterator[int]:
    """Where the chunks of so many bytes begin that may hold something; holes are passed over."""
    start = 0
    while start < source.size:
        found = next_data(source, start)
        if found >= start + size:
            start = found // size * size
            continue
        yield start
        start += size


@dataclass(frozen=True, slots=True)
class Part:
    """A range of another Source, without a copy; cut to what the other holds."""

    whole: Source
    start: int
    length: int

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return max(0, min(self.length, self.whole.size - self.start))

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        return self.whole.read(self.start + offset, max(0, min(length, self.size - offset)))

    def next_data(self, offset: int) -> int:
        """See Sparse."""
        return min(self.size, next_data(self.whole, self.start + offset) - self.start)


@dataclass(frozen=True)
class Joined:
    """Several Sources as one, in their order: the segments of an image. `names` are those of their files."""

    parts: tuple[Source, ...]
    names: tuple[str, ...] = ()
    _ends: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(accumulate(part.size for part in self.parts)))

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._ends[-1] if self._ends else 0

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        pieces: list[bytes] = []
        index = bisect_right(self._ends, offset)
        while length > 0 and index < len(self.parts):
            start = self._ends[index] - self.parts[index].size
            piece = self.parts[index].read(offset - start, min(length, self._ends[index] - offset))
            if not piece:
                break
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
            index = bisect_right(self._ends, offset)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def next_data(self, offset: int) -> int:
        """See Sparse."""
        for index in range(bisect_right(self._ends, offset), len(self.parts)):
            start = self._ends[index] - self.parts[index].size
            found = next_data(self.parts[index], max(0, offset - start))
            if found < self.parts[index].size:
                return start + found
        return self.size


class Runs:
    """A Source whose bytes lie scattered over another one: a file of a file system, the free space of a volume.

    `runs` are pairs `(start, length)` in the order of the file; a start of None is a hole, read as zeros.
    """

    def __init__(self, whole: Source, runs: Iterable[tuple[int | None, int]]) -> None:
        self._whole = whole
        self._runs = tuple(run for run in runs if run[1] > 0)
        self._ends = tuple(accumulate(length for _, length in self._runs))

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._ends[-1] if self._ends else 0

    def ranges(self, offset: int, length: int) -> tuple[tuple[int, int], ...]:
        """Where in the whole these bytes stand, as `(start, length)`; holes stand nowhere."""
        found: list[tuple[int, int]] = []
        index = bisect_right(self._ends, offset)
        while length > 0 and index < len(self._runs):
            start, size = self._runs[index]
            inside = size - (self._ends[index] - offset)
            take = min(length, size - inside)
            if start is not None:
                found.append((start + inside, take))
            offset, length, index = offset + take, length - take, index + 1
        return tuple(found)

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        pieces: list[bytes] = []
        index = bisect_right(self._ends, offset)
        while length > 0 and index < len(self._runs):
            start, size = self._runs[index]
            take = min(length, self._ends[index] - offset)
            inside = size - (self._ends[index] - offset)
            piece = bytes(take) if start is None else self._whole.read(start + inside, take)
            pieces.append(piece + bytes(take - len(piece)))
            offset, length, index = offset + take, length - take, index + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def next_data(self, offset: int) -> int:
        """See Sparse."""
        for index in range(bisect_right(self._ends, offset), len(self._runs)):
            start, size = self._runs[index]
            first = self._ends[index] - size
            if start is None:
                continue
            inside = max(0, offset - first)
            found = next_data(self._whole, start + inside) - start
            if found < size:
                return first + found
        return self.size
