"""What a scan says: hits as columns, and how much was compared."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.values import KINDS, Shape
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber

SHAPES = 7
LENGTHS = 65
"""Rows and columns of the counts of what was tested: by Shape, and by length of up to 64 and more."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A person found by one exact value, at the bytes from start to end of the buffer."""

    start: int
    end: int
    kind: Kind
    person: PersonNumber
    certain: bool


@dataclass(slots=True, eq=False)
class Tested:
    """How many candidates were compared, by shape and by length.

    `leading[length, d]` counts those that might be phones by their first three digits: numbers are not spread evenly,
    and chance depends on it.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((SHAPES, LENGTHS), np.int64))
    leading: NDArray[np.int64] = field(default_factory=lambda: np.zeros((16, 1000), np.int64))

    def add(self, more: "Tested") -> None:
        """Count these too."""
        self.counts += more.counts
        self.leading += more.leading

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tested):
            return NotImplemented
        return np.array_equal(self.counts, other.counts) and np.array_equal(self.leading, other.leading)

    __hash__ = None  # type: ignore[assignment]  # it counts on

    def of(self, shape: Shape) -> int:
        """All of one shape."""
        return int(self.counts[shape].sum())


@dataclass(frozen=True, slots=True)
class Found:
    """Hits as columns of one length, ordered by place. `kind` holds places in `values.KINDS`."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.uint8]
    person: NDArray[np.int64]
    certain: NDArray[np.bool_]
    tested: Tested

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[Hit]:
        columns = (self.start, self.end, self.kind, self.person, self.certain)
        for start, end, kind, person, certain in zip(*(one.tolist() for one in columns), strict=True):
            yield Hit(start, end, KINDS[kind], PersonNumber(person), certain)
