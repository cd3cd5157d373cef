"""Whose each block of a volume is: nobody's, the file system's own, a file's, a deleted file's.

A block belongs to one of them only, so that every byte of the volume is searched once under one name. A live file
comes before a deleted one, and both before what the file system's bitmap says.
"""

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from beholden.forensics import filesystems
from beholden.forensics.source import Runs, Source
from beholden.model.errors import BadInput

FREE, STRUCTURE, LIVE, DELETED = 0, 1, 2, 3
MAX_BLOCKS = 1 << 33
STEP = 16 << 20
Flags = npt.NDArray[np.uint8]


class BlockMap:
    """The owners of a volume's blocks. Raises BadInput where there are more than can be mapped."""

    def __init__(self, blocks: int) -> None:
        if blocks > MAX_BLOCKS:
            raise BadInput("The file system has more blocks than can be mapped.")
        self._owner: Flags = np.zeros(blocks, np.uint8)

    @property
    def blocks(self) -> int:
        """How many there are."""
        return len(self._owner)

    def allocate(self, start: int, used: Flags) -> None:
        """Blocks from `start` on that the file system says are in use, one flag each."""
        part = self._owner[start : start + len(used)]
        np.maximum(part, used[: len(part)].astype(np.uint8), out=part)

    def allocate_all(self, start: int, count: int) -> None:
        """Blocks of the file system itself."""
        part = self._owner[start : max(start, start + count)]
        np.maximum(part, STRUCTURE, out=part)

    def claim(self, start: int, count: int, owner: int) -> Iterator[tuple[int, int, bool]]:
        """Give a file its blocks: runs `(start, count, whether it got them)`.

        A live file gets whatever no other live one has; a deleted one only what nobody uses any more.
        """
        part = self._owner[start : start + count]
        got = part < LIVE if owner == LIVE else part == FREE
        if got.all():
            part[:] = owner
            yield start, count, True
            return
        edges = np.flatnonzero(got[1:] != got[:-1]) + 1
        bounds = [0, *edges.tolist(), len(part)]
        flags = [bool(got[at]) for at in bounds[:-1]]
        part[got] = owner
        for first, last, mine in zip(bounds, bounds[1:], flags, strict=False):
            yield start + first, last - first, mine

    def owner(self, block: int) -> int:
        """Whose a block is."""
        return int(self._owner[block])

    def runs(self, owner: int) -> Iterator[tuple[int, int]]:
        """All that is one owner's, as `(start, count)`."""
        begun: int | None = None
        for base in range(0, len(self._owner), STEP):
            is_its = self._owner[base : base + STEP] == owner
            edges = np.flatnonzero(is_its[1:] != is_its[:-1]) + 1
            bounds = [0, *edges.tolist(), len(is_its)]
            for first in bounds[:-1]:
                if is_its[first] and begun is None:
                    begun = base + first
                elif not is_its[first] and begun is not None:
                    yield begun, base + first - begun
                    begun = None
        if begun is not None:
            yield begun, len(self._owner) - begun


def mark_used(source: Source, blocks: BlockMap, block: int, bitmap: Source | None) -> bool:
    """Mark what the file system's own list says is in use; False where that cannot be read.

    `bitmap` is the content of the file that holds it, for those that keep it in a file (NTFS, exFAT).
    """
    head = source.read(0, filesystems.HEAD)
    if filesystems.is_ext(head):
        return _ext(source, blocks, head[1024:2048])
    if filesystems.is_ntfs(head):
        return bitmap is not None and _from_bits(bitmap, blocks, 0, 1, "little")
    if filesystems.is_exfat(head):
        first, count = struct.unpack_from("<II", head, 88)
        blocks.allocate_all(0, first)
        return bitmap is not None and _from_bits(bitmap, blocks, first, 1 << min(head[109], 25), "little", count)
    if filesystems.is_hfs(head):
        return _hfs(source, blocks, block, head[1024:1536])
    return filesystems.is_fat(head) and _fat(source, blocks, head[:512], block)


def _from_bits(bitmap: Source, blocks: BlockMap, first: int, width: int, order: str, most: int = 1 << 62) -> bool:
    """A bit a cluster of `width` blocks, from block `first` on."""
    step = max(1, STEP // 8 // width)
    least = order == "little"
    for at in range(0, min(bitmap.size, -(-most // 8)), step):
        bits = np.unpackbits(np.frombuffer(bitmap.read(at, step), np.uint8), bitorder="little" if least else "big")
        start = first + at * 8 * width
        if start >= blocks.blocks:
            break
        blocks.allocate(start, np.repeat(bits[: max(0, most - at * 8)], width))
    return bitmap.size > 0


# ext


def _ext(source: Source, blocks: BlockMap, head: bytes) -> bool:
    """The block bitmap of each group, and the tables of inodes."""
    size = 1024 << min(int.from_bytes(head[24:28], "little"), 6)
    first, per_group, inodes_group = (int.from_bytes(head[at : at + 4], "little") for at in (20, 32, 40))
    features, read_only = (int.from_bytes(head[at : at + 4], "little") for at in (0x60, 0x64))
    if features & 0x10 or read_only & 0x200:
        return False  # groups of groups, or clusters: their tables stand elsewhere
    wide = bool(features & 0x80)
    width = max(32, min(int.from_bytes(head[0xFE:0x100], "little"), 1024)) if wide else 32
    inode = int.from_bytes(head[88:90], "little") if int.from_bytes(head[76:80], "little") else 128
    groups = -(-(blocks.blocks - first) // per_group)
    table = source.read((first + 1) * size, groups * width)
    blocks.allocate_all(0, first + 1 + -(-groups * width // size))
    for number in range(min(groups, len(table) // width)):
        entry = table[number * width : (number + 1) * width]
        bitmap, inodes = (_place(entry, at, width) for at in (0, 8))
        flags = int.from_bytes(entry[0x12:0x14], "little")
        blocks.allocate_all(inodes, -(-inodes_group * inode // size))
        blocks.allocate_all(bitmap, 1)
        if flags & 2:
            continue  # nothing of it was ever used
        bits = np.unpackbits(np.frombuffer(source.read(bitmap * size, -(-per_group // 8)), np.uint8), bitorder="little")
        blocks.allocate(first + number * per_group, bits[:per_group])
    return True


def _place(entry: bytes, at: int, width: int) -> int:
    low = int.from_bytes(entry[at : at + 4], "little")
    return low | int.from_bytes(entry[at + 0x20 : at + 0x24], "little") << 32 if width >= 64 else low


# FAT


def _fat(source: Source, blocks: BlockMap, boot: bytes, block: int) -> bool:
    """Everything before the clusters, and each cluster whose entry in the first table is not 0."""
    sector, cluster = int.from_bytes(boot[11:13], "little"), boot[13]
    reserved, copies, roots, sectors, size16 = struct.unpack_from("<HBHHxH", boot, 14)
    large, size32 = struct.unpack_from("<II", boot, 32)
    size = size16 or size32
    first = reserved + copies * size + -(-roots * 32 // sector)
    clusters = ((sectors or large) - first) // cluster
    if sector != block or clusters <= 0:
        return False
    bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
    blocks.allocate_all(0, first)
    step = 3 * (1 << 18)
    length = min(size * sector, -(-(clusters + 2) * bits // 8))
    for at in range(0, length, step):
        numbers = _fat_entries(source.read(reserved * sector + at, min(step, length - at)), bits)
        index = at * 8 // bits
        used = (numbers != 0)[max(0, 2 - index) :][: max(0, clusters + 2 - max(2, index))]
        blocks.allocate(first + (max(2, index) - 2) * cluster, np.repeat(used.astype(np.uint8), cluster))
    return True


def _fat_entries(data: bytes, bits: int) -> npt.NDArray[np.uint32]:
    if bits == 12:
        whole = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.uint32)
        even = whole[:, 0] | (whole[:, 1] & 15) << 8
        odd = whole[:, 1] >> 4 | whole[:, 2] << 4
        entries = np.stack([even, odd], axis=1).ravel()
        if len(data) % 3 == 2:
            entries = np.append(entries, np.uint32(data[-2] | (data[-1] & 15) << 8))
        return entries
    width = bits // 8
    numbers = np.frombuffer(data[: len(data) // width * width], f"<u{width}").astype(np.uint32)
    return numbers & np.uint32(0x0FFFFFFF)


# HFS+


def _hfs(source: Source, blocks: BlockMap, block: int, head: bytes) -> bool:
    """The allocation file, from the extents in the volume header."""
    extents = [struct.unpack_from(">II", head, 112 + 16 + 8 * number) for number in range(8)]
    file = Runs(source, [(start * block, count * block) for start, count in extents if count])
    return file.size > 0 and _from_bits(file, blocks, 0, 1, "big")
