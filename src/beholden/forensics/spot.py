"""Where a source lies in its exhibit, so that a find in a file of a disk can be shown on the disk.

Members lie in containers, those in others. Where nothing was compressed on the way a byte of the member is a byte of
the exhibit, and the place is exact. Where something was, it is in proportion: good enough to draw, not to quote.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from beholden.forensics.region import Ranges, Region

MAX_SPANS = 4_096
"""A file in more pieces than this is drawn as one stretch from its first to its last."""
CELLS = 96
"""Into how many stretches of equal length an exhibit is divided to be drawn."""
MAX_MARKED = 2_000
"""Exhibits of which strips are kept; of the others, only that there was something."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A source's place: the `spans` of its exhibit that hold it. `size` is its own, in bytes.

    `exact` says that the source's bytes are the bytes of the spans. `modified` is when a file system says that it was
    written last.
    """

    exhibit: int
    region: Region
    spans: Ranges
    size: int
    exact: bool = True
    modified: datetime | None = None
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(accumulate(length for _, length in self.spans)))

    @property
    def taken(self) -> int:
        """How many bytes of the exhibit it takes."""
        return self._ends[-1] if self._ends else 0

    def at(self, offset: int) -> int:
        """The byte of the exhibit at which a byte of the source is, or about is."""
        if not self.spans:
            return 0
        along = offset if self.exact or not self.size else offset * self.taken // self.size
        along = max(0, min(along, self.taken - 1))
        piece = min(bisect_right(self._ends, along), len(self.spans) - 1)
        start, length = self.spans[piece]
        return start + max(0, along - (self._ends[piece] - length))

    def within(self, covers: Ranges, size: int, region: Region, modified: datetime | None = None) -> "Spot":
        """The spot of a member that takes `covers` of this source and is `size` bytes long itself."""
        spans = self._through(covers)
        exact = self.exact and _length(covers) == _length(spans) == size
        return Spot(self.exhibit, region, spans, size, exact, modified)

    def _through(self, covers: Ranges) -> Ranges:
        """Ranges of this source as ranges of the exhibit; a member that says nothing may be anywhere in it."""
        if not covers:
            return self.spans
        spans: list[tuple[int, int]] = []
        for start, length in covers:
            spans.extend(self._pieces(start, length))
            if len(spans) > MAX_SPANS:
                low = self.at(min(start for start, _ in covers))
                high = self.at(max(start + length for start, length in covers) - 1)
                return ((min(low, high), abs(high - low) + 1),)
        return tuple(spans)

    def _pieces(self, start: int, length: int) -> list[tuple[int, int]]:
        if not self.exact:
            first = self.at(start)
            return [(first, max(1, length * self.taken // max(1, self.size)))]
        found: list[tuple[int, int]] = []
        piece = bisect_right(self._ends, start)
        while length > 0 and piece < len(self.spans):
            at, size = self.spans[piece]
            skip = start - (self._ends[piece] - size)
            take = min(length, size - skip)
            if take > 0:
                found.append((at + skip, take))
            start, length, piece = start + take, length - take, piece + 1
            if len(found) > MAX_SPANS:
                break
        return found


def _length(ranges: Ranges) -> int:
    return sum(length for _, length in ranges)


def whole(exhibit: int, size: int, region: Region = Region.FILE, modified: datetime | None = None) -> Spot:
    """The spot of an exhibit itself."""
    return Spot(exhibit, region, ((0, size),), size, modified=modified)


@dataclass(slots=True)
class Strips:
    """For each exhibit, how much of something lies in each of its CELLS. Only exhibits with any of it are kept, and of
    those the first; `more` are the others."""

    sizes: dict[int, int] = field(default_factory=dict)
    cells: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    more: set[int] = field(default_factory=set)

    def sized(self, exhibit: int, size: int) -> None:
        """How long an exhibit is, before anything is marked on it."""
        self.sizes[exhibit] = size

    def mark(self, exhibit: int, at: int, what: str) -> None:
        """One thing at one byte."""
        size = self.sizes.get(exhibit, 0)
        if size and self._kept(exhibit):
            self._row(exhibit, what)[min(CELLS - 1, max(0, at) * CELLS // size)] += 1

    def spread(self, spot: Spot, size: int, what: str) -> None:
        """So many bytes somewhere in a spot, nobody knows where: evenly."""
        whole = self.sizes.get(spot.exhibit, 0)
        if not whole or not spot.size or not size or not self._kept(spot.exhibit):
            return
        share = min(1.0, size / spot.size)
        row = self._row(spot.exhibit, what)
        for start, length in spot.spans:
            first, last = start * CELLS // whole, min(CELLS - 1, ((start + length) * CELLS - 1) // whole)
            for cell in range(first, last + 1):
                low, high = cell * whole / CELLS, (cell + 1) * whole / CELLS
                row[cell] += share * max(0.0, min(high, start + length) - max(low, start))

    def absorb(self, other: "Strips") -> None:
        """What was marked elsewhere; every exhibit was marked in one place only, and is not marked further."""
        self.more |= other.more
        for exhibit, rows in other.cells.items():
            if self._kept(exhibit):
                self.cells.setdefault(exhibit, {}).update({what: list(row) for what, row in rows.items()})

    def _kept(self, exhibit: int) -> bool:
        if exhibit in self.cells or len(self.cells) < MAX_MARKED:
            return True
        self.more.add(exhibit)
        return False

    def _row(self, exhibit: int, what: str) -> list[float]:
        return self.cells.setdefault(exhibit, {}).setdefault(what, [0.0] * CELLS)


class Within:
    """What knows where it is at the moment. That is no part of what it collects, and is not written down with it."""

    __slots__ = ("_spots",)
    _spots: list[Spot]

    def __new__(cls, *_: Any, **__: Any) -> "Within":
        made = super().__new__(cls)
        made._spots = []
        return made

    @property
    def spot(self) -> Spot | None:
        """What is being searched, the innermost."""
        return self._spots[-1] if self._spots else None

    @contextmanager
    def within(self, spot: Spot) -> Iterator[None]:
        """While a source is searched, and what lies in it."""
        self._spots.append(spot)
        try:
            yield
        finally:
            self._spots.pop()
