"""VMDK images: sparse and stream-optimised extents, and the descriptor that joins several files to one disk.

After VMware's "Virtual Disk Format 5.0".
"""

import re
import struct
from dataclasses import dataclass

import numpy as np
from isal import isal_zlib

from beholden.backends.evidence.images.blocks import BlockImage, DamagedBlock, Places, Undecodable, directory
from beholden.forensics.containers import shown
from beholden.forensics.coverage import Reason
from beholden.forensics.source import Joined, Runs, Source
from beholden.model.errors import BadInput

MAGIC = b"KDMV"
SECTOR = 512
DESCRIPTOR = 64 << 10
MAX_EXTENTS = 10_000
_ZERO_GRAINS, _COMPRESSED = 1 << 2, 1 << 16
_AT_END = (1 << 64) - 1
_ZEROS = -1
_EXTENT = re.compile(r'^(?:RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+(\w+)(?:\s+"([^"\n]*)"(?:\s+(\d{1,15}))?)?', re.MULTILINE)
_PARENT = re.compile(r"^parentCID\s*=\s*([0-9a-fA-F]+)", re.MULTILINE)
_HINT = re.compile(r'^parentFileNameHint\s*=\s*"([^"\n]*)"', re.MULTILINE)


class SparseExtent(BlockImage):
    """A sparse extent. Raises BadInput where its header makes no sense."""

    def __init__(self, source: Source) -> None:
        head = _header(source)
        flags, capacity, grain, place, length, per_table, _, first = struct.unpack_from("<IQQQQIQQ", head, 8)
        if not 0 < grain <= 1 << 16 or not 0 < per_table <= 1 << 16 or not 0 < capacity < 1 << 53:
            raise BadInput("The VMDK image's header makes no sense.")
        count = -(-capacity // (grain * per_table))
        super().__init__(
            source, capacity * SECTOR, grain * SECTOR, per_table, directory(source, first * SECTOR, count, "<u4")
        )
        self._zero_grains = bool(flags & _ZERO_GRAINS)
        self._compressed = bool(flags & _COMPRESSED)
        text = source.read(place * SECTOR, min(length * SECTOR, DESCRIPTOR)).split(b"\x00")[0] if length else b""
        self.absent = _based_on(text.decode("utf-8", "replace"))

    @property
    def expansion(self) -> int:
        """How many bytes may come out of compressed grains."""
        if not self._compressed:
            return 0
        tables = (self._table(int(number)) for number in np.flatnonzero(self._directory))
        return sum(int((table != 0).sum()) * self._block for table in tables if table is not None)

    def _read_table(self, number: int) -> Places:
        table = self._numbers(int(self._directory[number]) * SECTOR, self._per_table, "<u4")
        return np.where(table == 1, _ZEROS, table * SECTOR) if self._zero_grains else table * SECTOR

    def _stored(self, place: int, inside: int, length: int, index: int) -> bytes:
        if place == _ZEROS:
            return bytes(length)
        if not self._compressed:
            return self._plain(place + inside, length)
        kept = self._decoded.get(place)
        if kept is None:
            kept = self._decoded.put(place, self._unpacked(place))
        return kept[inside : inside + length]

    def _unpacked(self, place: int) -> bytes:
        size = int.from_bytes(self._plain(place, 12)[8:12], "little")
        if size > 2 * self._block:
            raise DamagedBlock(Reason.DAMAGED_IMAGE, "a grain has a size that makes no sense")
        try:
            return isal_zlib.decompressobj().decompress(self._plain(place + 12, size), self._block)
        except Undecodable as error:
            raise DamagedBlock(Reason.DAMAGED_IMAGE, "a grain cannot be decompressed") from error

    def _taken(self, places: Places) -> tuple[Places, Places]:
        starts = places[places > 0]
        if not self._compressed:
            return starts, np.full(len(starts), self._block, np.int64)
        sizes = [12 + int.from_bytes(self.source.read(place + 8, 4), "little") for place in starts.tolist()]
        return starts, np.minimum(np.array(sizes, np.int64), 2 * self._block)


def _header(source: Source) -> bytes:
    """The header; in a stream the one at the end, which alone knows where the tables are."""
    head = source.read(0, SECTOR)
    if len(head) == SECTOR and int.from_bytes(head[56:64], "little") == _AT_END:
        head = source.read(max(0, source.size - 2 * SECTOR), SECTOR)
    if len(head) < SECTOR or head[:4] != MAGIC:
        raise BadInput("The VMDK image is cut off.")
    return head


def _based_on(descriptor: str) -> str:
    """Whose image holds what this one does not; nothing where it has no parent."""
    parent = _PARENT.search(descriptor)
    if parent is None or parent[1].lower() == "ffffffff":
        return ""
    hint = _HINT.search(descriptor)
    return f"in the image that it is based on, {shown(hint[1]) if hint else 'which is not named'}"


@dataclass(frozen=True, slots=True)
class Extent:
    """A line of a descriptor; sizes in bytes."""

    size: int
    kind: str
    file: str
    start: int


def is_descriptor(head: bytes) -> bool:
    """Whether a file is a descriptor that stands by itself."""
    return head[:SECTOR].lstrip().startswith(b"# Disk DescriptorFile")


def extents(descriptor: bytes) -> tuple[Extent, ...]:
    """The parts of the disk in their order."""
    text = descriptor[:DESCRIPTOR].decode("utf-8", "replace")
    found = (_EXTENT.finditer(text)) if text else iter(())
    made: list[Extent] = []
    for line in found:
        if len(made) == MAX_EXTENTS:
            break
        made.append(Extent(int(line[1]) * SECTOR, line[2].upper(), line[3] or "", int(line[4] or 0) * SECTOR))
    return tuple(made)


class DescribedDisk:
    """The disk that a descriptor puts together from the files beside it. Raises BadInput where none is there."""

    def __init__(self, source: Source) -> None:
        parts = source.parts if isinstance(source, Joined) else (source,)
        names = source.names[1:] if isinstance(source, Joined) else ()
        beside = dict(zip(names, parts[1:], strict=True))
        listed = extents(parts[0].read(0, DESCRIPTOR))
        if not listed:
            raise BadInput("The VMDK descriptor names no extents.")
        self.images: list[SparseExtent] = []
        self.missing: list[tuple[int, int, str]] = []
        placed: list[Source] = []
        at = 0
        for extent in listed:
            placed.append(self._placed(extent, beside.get(extent.file), at))
            at += extent.size
        self._disk = Joined(tuple(placed))
        self.size = self._disk.size

    def _placed(self, extent: Extent, file: Source | None, at: int) -> Source:
        hole = Runs(Joined(()), [(None, extent.size)])
        if extent.kind == "ZERO":
            return hole
        if file is None:
            self.missing.append((at, extent.size, shown(extent.file)))
            return hole
        if file.read(0, 4) == MAGIC:
            image = SparseExtent(file)
            self.images.append(image)
            return Runs(image, [(0, extent.size)])
        return Runs(file, [(extent.start, extent.size)])

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        return self._disk.read(offset, length)

    def next_data(self, offset: int) -> int:
        """See Sparse."""
        return self._disk.next_data(offset)
