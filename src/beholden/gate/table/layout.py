"""Where everything stands in a table file, and whether a file may be trusted.

    page 0      static header (magic, version, sizes, digests, checksum), then cells of 8 bytes that change in place
    sections    each begins a page; columns of people and pairs, the overlay, and a log of records
    last        one CRC-32 for each page but the first and these

The static header is written last. Numbers are little-endian. What changes is changed by single aligned stores of one
word, which other processes see whole; checksums of changed pages follow at the end of each batch, and a file whose
writer died in between does not verify.
"""

import hashlib
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from beholden.gate.rows import DIGEST_BYTES
from beholden.model.catalogue import Catalogue

MAGIC: Final = b"BEHOLDEN"
VERSION: Final = 1
PAGE: Final = 4096
DIRECTORY: Final = 65_536
"""Places for shapes, for sets of clusters and for apps: their numbers are 16 bits wide."""
MOST_PEOPLE: Final = 2**31
_FIXED = struct.Struct("<8sIIQ32s16sQIIIII4x")
_STATIC_END: Final = 1024
_CELLS_AT: Final = 2048

assert sys.byteorder == "little", "the table is read in place, and its numbers are little-endian"


class Section(IntEnum):
    """The parts of a file, in their order."""

    START = 0  # u32: where a person's pairs begin
    FLAGS = 1  # u32: a person's switches
    DIGEST = 2  # 12 bytes: a person's outside id, keyed
    IDS = 3  # u32: open addressing, digest to person
    APP = 4  # u16: the pair's app, as a place among APPS; ascending within a person
    SHAPE = 5  # u16: the pair's terms, as a place among SHAPES
    ENDS = 6  # u32: the grant's end
    USED = 7  # u32: the person's last own use
    NTH = 8  # u8: which of the pair's grants it is
    SHAPES = 9  # u32: where in the log a shape stands
    SETS = 10  # u32: where in the log a set of clusters stands
    APPS = 11  # u64: where in the log an app stands, and both standings
    OVERLAY_KEY = 12  # u64: person and app of pairs that are not among the columns
    OVERLAY = 13  # 4 x u32: their shape, end, use, nth
    LOG = 14  # records, appended
    SUMS = 15  # u32: the CRC-32 of each page


class Cell(IntEnum):
    """Words of page 0 that change, as indexes into the page seen as words of 8 bytes."""

    EPOCH = _CELLS_AT // 8
    AS_OF = _CELLS_AT // 8 + 1  # nanoseconds of the host's monotonic clock; 0 where nobody vouches
    SEQUENCE = _CELLS_AT // 8 + 2  # moves on with every store
    POLICY = _CELLS_AT // 8 + 3  # where in the log the policy stands
    SHAPES = _CELLS_AT // 8 + 4
    SETS = _CELLS_AT // 8 + 5
    APPS = _CELLS_AT // 8 + 6
    LOG_USED = _CELLS_AT // 8 + 7
    OVERLAY_USED = _CELLS_AT // 8 + 8
    STATE = _CELLS_AT // 8 + 9
    BOOT = _CELLS_AT // 8 + 10  # and the one after it
    SUM = _CELLS_AT // 8 + 12  # of the cells that stand still between batches
    IDS_USED = _CELLS_AT // 8 + 13


_SUMMED = (
    Cell.EPOCH,
    Cell.POLICY,
    Cell.SHAPES,
    Cell.SETS,
    Cell.APPS,
    Cell.LOG_USED,
    Cell.OVERLAY_USED,
    Cell.STATE,
    Cell.BOOT,
    Cell.BOOT + 1,
    Cell.IDS_USED,
)

CLOSED: Final = 1
"""The writer let go of the file and it is on disk as it stands."""
OPEN: Final = 2
"""A writer holds it, or died; what it stored is whole only while the host has not been restarted."""

# A person's flags; the number of the set of clusters that is switched off stands from bit 16.
EXISTS: Final = 1
ALL_OFF: Final = 2
INDIRECT_SAID: Final = 4
INDIRECT_YES: Final = 8
HAS_OVERLAY: Final = 16
SET_SHIFT: Final = 16

NOTHING: Final = 0
"""The shape of a pair of which nothing is known."""
IN_FLUX: Final = 1
"""The shape of a pair that is being stored anew: read again."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many places a file has."""

    people: int  # numbers below this one have a place
    pairs: int
    ids: int
    overlay: int  # a power of two
    log: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Offset and length of each section, and the length of the whole."""

    sizes: Sizes
    places: Mapping[Section, tuple[int, int]]
    total: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Which world a file belongs to: another catalogue or another secret makes its contents mean something else."""

    catalogue: bytes
    secret: bytes


def identity_of(catalogue: Catalogue, secret: bytes) -> Identity:
    """The identity of files made for this catalogue under this secret."""
    told = hashlib.blake2s()
    for cluster in catalogue.clusters:
        told.update(repr((cluster.name, cluster.field_class.value, [f.name for f in cluster.fields])).encode())
    return Identity(told.digest(), hashlib.blake2s(key=secret, person=b"table-is", digest_size=16).digest())


def layout_of(sizes: Sizes) -> Layout:
    """Where the sections of a file of these sizes stand."""
    lengths = {
        Section.START: 4 * (sizes.people + 1),
        Section.FLAGS: 4 * sizes.people,
        Section.DIGEST: DIGEST_BYTES * sizes.people,
        Section.IDS: 4 * sizes.ids,
        Section.APP: 2 * sizes.pairs,
        Section.SHAPE: 2 * sizes.pairs,
        Section.ENDS: 4 * sizes.pairs,
        Section.USED: 4 * sizes.pairs,
        Section.NTH: sizes.pairs,
        Section.SHAPES: 4 * DIRECTORY,
        Section.SETS: 4 * DIRECTORY,
        Section.APPS: 8 * DIRECTORY,
        Section.OVERLAY_KEY: 8 * sizes.overlay,
        Section.OVERLAY: 16 * sizes.overlay,
        Section.LOG: sizes.log,
    }
    places: dict[Section, tuple[int, int]] = {}
    at = PAGE
    for section, length in lengths.items():
        places[section] = (at, length)
        at += -(-length // PAGE) * PAGE
    pages = at // PAGE - 1
    places[Section.SUMS] = (at, 4 * pages)
    return Layout(sizes, places, at + 4 * pages)


def static_header(layout: Layout, identity: Identity, generation: int) -> bytes:
    """The part of page 0 that is written last and never changes."""
    sizes = layout.sizes
    fixed = _FIXED.pack(
        MAGIC,
        VERSION,
        PAGE,
        generation,
        identity.catalogue,
        identity.secret,
        layout.total,
        sizes.people,
        sizes.pairs,
        sizes.ids,
        sizes.overlay,
        sizes.log,
    )
    padded = fixed.ljust(_STATIC_END - 4, b"\0")
    return padded + struct.pack("<I", zlib.crc32(padded))


def read_header(page: bytes | memoryview, length: int, identity: Identity) -> Layout | str:
    """The layout of a file of this length, or why it may not be used."""
    if len(page) < PAGE:
        return "it is shorter than its header"
    magic, version, page_size, _, catalogue, secret, total, *counts = _FIXED.unpack_from(page)
    if magic != MAGIC:
        return "it is no decision table, or its writing was not finished"
    if version != VERSION or page_size != PAGE:
        return f"it has version {version} instead of {VERSION}"
    if zlib.crc32(page[: _STATIC_END - 4]) != struct.unpack_from("<I", page, _STATIC_END - 4)[0]:
        return "its header is damaged"
    if catalogue != identity.catalogue:
        return "it was made for another catalogue"
    if secret != identity.secret:
        return "it was made under another secret"
    layout = layout_of(Sizes(*counts))
    if layout.total != total or length != total:
        return f"it has {length} bytes instead of {total}"
    return layout


def cells_sum(cells: memoryview) -> int:
    """The checksum of the cells that stand still between batches."""
    return zlib.crc32(struct.pack(f"<{len(_SUMMED)}Q", *(cells[cell] for cell in _SUMMED)))


def refuse_cells(cells: memoryview, boot: bytes) -> str | None:
    """What speaks against the changing part of page 0. `boot` are 16 bytes that name this run of the host."""
    if cells[Cell.SUM] != cells_sum(cells):
        return "its writer died in the middle of a batch, or its header is damaged"
    if cells[Cell.STATE] == CLOSED:
        return None
    if cells[Cell.STATE] != OPEN:
        return "its header is damaged"
    return None if boot == boot_of(cells) else "the host was restarted while it was being written"


def boot_of(cells: memoryview) -> bytes:
    """The run of the host in which the file was last opened for writing."""
    return struct.pack("<2Q", cells[Cell.BOOT], cells[Cell.BOOT + 1])


def damaged_page(buffer: memoryview, layout: Layout, first: int = 1, most: int = MOST_PEOPLE) -> int | None:
    """The first page whose checksum is wrong, of at most so many from `first` on; None where all are right."""
    at, length = layout.places[Section.SUMS]
    sums = buffer[at : at + length].cast("I")
    for page in range(first, min(first + most, len(sums) + 1)):
        if zlib.crc32(buffer[page * PAGE : (page + 1) * PAGE]) != sums[page - 1]:
            return page
    return None


def last_page(layout: Layout) -> int:
    """The last page that has a checksum."""
    return layout.places[Section.SUMS][1] // 4
