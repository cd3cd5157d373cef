"""A table file as it is read: typed views of its sections, and the lookups in them."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beholden.gate.rows import DIGEST_BYTES
from beholden.gate.table.layout import EXISTS, HAS_OVERLAY, PAGE, Layout, Section
from beholden.model.ids import PersonNumber

_HASH = 0x9E37_79B9_7F4A_7C15
_WIDE = 0xFFFF_FFFF_FFFF_FFFF


def id_place(digest: bytes, places: int) -> int:
    """Where in IDS the search for a digest begins."""
    return int.from_bytes(digest[:8], "little") % places


def overlay_key(person: int, place: int) -> int:
    """A pair as the overlay knows it; never 0, since no person has number 0."""
    return person << 16 | place


def overlay_place(key: int, places: int) -> int:
    """Where the search for a key begins; `places` is a power of two."""
    return (key * _HASH & _WIDE) >> (65 - places.bit_length())


@dataclass(frozen=True, slots=True)
class Pair:
    """One person beside one app as the columns have it; all 0 where nothing is known."""

    shape: int
    ends: int
    used: int
    nth: int


_NOTHING = Pair(0, 0, 0, 0)


class TableView:
    """The sections of one file. `buffer` is the whole of it; writable where its writer looks through this view."""

    def __init__(self, buffer: memoryview, layout: Layout) -> None:
        self.buffer = buffer
        self.layout = layout
        self.sizes = layout.sizes
        self.cells = buffer[:PAGE].cast("Q")
        self.start = self.section(Section.START).cast("I")
        self.flags = self.section(Section.FLAGS).cast("I")
        self.digest = self.section(Section.DIGEST)
        self.ids = self.section(Section.IDS).cast("I")
        self.app = self.section(Section.APP).cast("H")
        self.shape = self.section(Section.SHAPE).cast("H")
        self.ends = self.section(Section.ENDS).cast("I")
        self.used = self.section(Section.USED).cast("I")
        self.nth = self.section(Section.NTH)
        self.shapes = self.section(Section.SHAPES).cast("I")
        self.sets = self.section(Section.SETS).cast("I")
        self.apps = self.section(Section.APPS).cast("Q")
        self.overlay_key = self.section(Section.OVERLAY_KEY).cast("Q")
        self.overlay = self.section(Section.OVERLAY).cast("I")
        self.log = self.section(Section.LOG)

    def section(self, section: Section) -> memoryview:
        """One section's bytes."""
        at, length = self.layout.places[section]
        return self.buffer[at : at + length]

    def array(self, section: Section, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
        """One section as an array over the same memory."""
        return np.frombuffer(self.section(section), dtype)

    def person(self, digest: bytes) -> PersonNumber | None:
        """The person with this keyed outside id, if there is one who is not erased."""
        ids, digests, places = self.ids, self.digest, self.sizes.ids
        at = int.from_bytes(digest[:8], "little") % places
        for _ in range(places):
            number = ids[at]
            if not number:
                return None
            began = number * DIGEST_BYTES
            if digests[began : began + DIGEST_BYTES] == digest and self.flags[number] & EXISTS:
                return PersonNumber(number)
            at = at + 1 if at + 1 < places else 0
        return None

    def flags_of(self, number: int) -> int:
        """A person's flags; 0 where there is no such person."""
        return self.flags[number] if 0 < number < self.sizes.people else 0

    def column_place(self, number: int, place: int) -> int:
        """Where a pair stands among the columns, or -1."""
        low, high = self.start[number], self.start[number + 1]
        at = bisect_left(self.app, place, low, high)
        return at if at < high and self.app[at] == place else -1

    def overlay_index(self, number: int, place: int) -> int:
        """Where a pair stands in the overlay, or -1."""
        key, keys, places = overlay_key(number, place), self.overlay_key, self.sizes.overlay
        at = overlay_place(key, places)
        for _ in range(places):
            found = keys[at]
            if found == key:
                return at
            if not found:
                return -1
            at = (at + 1) & (places - 1)
        return -1

    def pair(self, number: int, flags: int, place: int) -> Pair:
        """A pair; what the overlay says of it goes before the columns."""
        if flags & HAS_OVERLAY:
            at = self.overlay_index(number, place)
            if at >= 0:
                return Pair(*self.overlay[4 * at : 4 * at + 4])
        at = self.column_place(number, place)
        return _NOTHING if at < 0 else Pair(self.shape[at], self.ends[at], self.used[at], self.nth[at])
