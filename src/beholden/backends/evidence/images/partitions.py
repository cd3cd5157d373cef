"""Partition tables: MBR with its chain of logical partitions, GPT with its backup, and Apple's map.

Every byte of the disk belongs to one partition, to a table, or to a gap. Where partitions overlap, the later one has
only what the earlier ones left, so that a table of a hundred entries over one disk has it read once.
"""

import struct
import uuid
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage, Entry, Unpacked
from beholden.forensics.region import Ranges, Region, without
from beholden.forensics.source import Part, Runs, Source
from beholden.model.errors import BadInput

SECTOR = 512
MAX_LOGICAL = 1000
MAX_ENTRIES = 4096
_EXTENDED = (0x05, 0x0F, 0x85)
_PROTECTIVE = 0xEE
_KINDS = {
    0x01: "FAT12", 0x04: "FAT16", 0x06: "FAT16", 0x07: "NTFS or exFAT", 0x0B: "FAT32", 0x0C: "FAT32", 0x0E: "FAT16",
    0x82: "Linux swap", 0x83: "Linux", 0x8E: "Linux LVM", 0xA5: "FreeBSD", 0xA6: "OpenBSD", 0xA8: "UFS",
    0xAF: "HFS", 0xEE: "GPT", 0xEF: "EFI system", 0xFD: "Linux RAID",
}  # fmt: skip
_GUIDS = {
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft data",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
    "48465300-0000-11aa-aa11-00306543ecac": "HFS+",
    "7c3457ef-0000-11aa-aa11-00306543ecac": "APFS",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
}


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: its number in the table, what it is said to be, and its bytes."""

    number: int
    kind: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Table:
    """What a disk's tables say. `structure` are the bytes of the tables, `notes` what was wrong with them."""

    partitions: tuple[Partition, ...]
    structure: Ranges
    notes: tuple[str, ...] = ()


def entries(source: Source) -> Iterator[Entry]:
    """The partitions of a disk, its tables, and the gaps between them. Raises BadInput where there is no table."""
    table = read_table(source)
    yield Entry("partition table", table.structure, partial(_tables, source, table), Region.STRUCTURE)
    taken: list[Ranges] = [table.structure]
    for one in table.partitions:
        inside = max(0, min(one.length, source.size - one.start))
        mine = without(((one.start, inside),), taken)
        taken.append(mine)
        name = f"partition {one.number} ({one.kind})"
        yield Entry(name, mine, partial(_partition, source, one, mine))
    for start, length in without(((0, source.size),), taken):
        name = f"unallocated space at byte {start}"
        opened = partial(_whole, Part(source, start, length))
        yield Entry(name, ((start, length),), opened, Region.UNALLOCATED)


def _tables(source: Source, table: Table) -> AbstractContextManager[Unpacked]:
    held = Runs(source, table.structure)
    damage = tuple(Damage(0, 0, Reason.DAMAGED_IMAGE, note) for note in table.notes)
    return nullcontext(Unpacked(held, held.size, damage=lambda: damage))


def _partition(source: Source, one: Partition, mine: Ranges) -> AbstractContextManager[Unpacked]:
    part: Source = Part(source, one.start, one.length)
    taken = sum(length for _, length in mine)
    damage: tuple[Damage, ...] = ()
    if part.size < one.length:
        said = f"the partition has {one.length - max(0, part.size)} bytes more than the disk"
        damage = (Damage(max(0, part.size), 0, Reason.CUT_OFF, said),)
    if taken < part.size:
        part = Runs(source, mine)
        damage = (*damage, Damage(0, 0, Reason.DAMAGED_IMAGE, "it overlaps another; only the rest of it was read"))
    return nullcontext(Unpacked(part, taken, damage=lambda: damage))


def _whole(source: Source) -> AbstractContextManager[Unpacked]:
    return nullcontext(Unpacked(source, source.size))


def read_table(source: Source) -> Table:
    """The tables of a disk. Raises BadInput where none of them can be read."""
    first = source.read(0, SECTOR)
    if first[:2] == b"ER":
        return _apple(source)
    for sector in (512, 4096):
        if source.read(sector, 8) == b"EFI PART" or _protects(first):
            found = _gpt(source, sector)
            if found is not None:
                return found
    if _protects(first):
        raise BadInput("The disk's partition table (GPT) is damaged, and so is its backup.")
    return _mbr(source, first)


def _protects(first: bytes) -> bool:
    return first[510:512] == b"\x55\xaa" and any(first[446 + 16 * slot + 4] == _PROTECTIVE for slot in range(4))


# MBR


def _mbr(source: Source, first: bytes) -> Table:
    if first[510:512] != b"\x55\xaa":
        raise BadInput("The disk has no partition table.")
    found: list[Partition] = []
    structure: list[tuple[int, int]] = [(0, SECTOR)]
    notes: list[str] = []
    for slot, (kind, start, count) in enumerate(_entries(first), 1):
        if kind in _EXTENDED:
            _logical(source, start, found, structure, notes)
        elif kind and count:
            found.append(Partition(slot, _KINDS.get(kind, f"type {kind:#04x}"), start * SECTOR, count * SECTOR))
    return Table(tuple(sorted(found, key=lambda one: one.number)), tuple(structure), tuple(notes))


def _entries(sector: bytes) -> Iterator[tuple[int, int, int]]:
    for slot in range(4):
        entry = sector[446 + 16 * slot :][:16]
        if len(entry) == 16:
            yield entry[4], *struct.unpack_from("<II", entry, 8)


def _logical(
    source: Source, base: int, found: list[Partition], structure: list[tuple[int, int]], notes: list[str]
) -> None:
    """The chain within an extended partition: each link names a partition and the next link. It may bite its tail."""
    at, seen = base, set[int]()
    while len(seen) < MAX_LOGICAL:
        sector = source.read(at * SECTOR, SECTOR)
        if at in seen or at == 0 or sector[510:512] != b"\x55\xaa":
            notes.append("the chain of logical partitions is damaged")
            return
        seen.add(at)
        structure.append((at * SECTOR, SECTOR))
        onward = 0
        for kind, start, count in _entries(sector):
            if kind in _EXTENDED:
                onward = base + start
            elif kind and count:
                number = 5 + sum(1 for one in found if one.number >= 5)
                name = _KINDS.get(kind, f"type {kind:#04x}")
                found.append(Partition(number, name, (at + start) * SECTOR, count * SECTOR))
        if not onward:
            return
        at = onward
    notes.append(f"only the first {MAX_LOGICAL} logical partitions were read")


# GPT


def _gpt(source: Source, sector: int) -> Table | None:
    """The table, or its backup in the last sector where the first is damaged."""
    last = source.size // sector - 1
    for at in (1, last) if last > 1 else ():
        found = _gpt_at(source, sector, at)
        if found is not None:
            partitions, used = found
            other = _gpt_at(source, sector, last) if at == 1 else None
            tables = [(0, (1 + (at == 1)) * sector), used, (last * sector, sector if at == last or other else 0)]
            structure = [*tables, other[1]] if other else tables
            notes = ("the first partition table (GPT) is damaged; its backup was used",) if at != 1 else ()
            return Table(partitions, tuple(one for one in structure if one[1]), notes)
    return None


def _gpt_at(source: Source, sector: int, at: int) -> tuple[tuple[Partition, ...], tuple[int, int]] | None:
    head = source.read(at * sector, 512)
    if len(head) < 92 or head[:8] != b"EFI PART":
        return None
    size, crc = struct.unpack_from("<II", head, 12)
    first, count, width, crc_entries = struct.unpack_from("<QIII", head, 72)
    if not 92 <= size <= 512 or zlib.crc32(head[:16] + bytes(4) + head[20:size]) != crc:
        return None
    if not 0 < count <= MAX_ENTRIES or not 128 <= width <= 4096:
        return None
    raw = source.read(first * sector, count * width)
    if len(raw) < count * width or zlib.crc32(raw) != crc_entries:
        return None
    found: list[Partition] = []
    for number in range(count):
        entry = raw[number * width :][:128]
        begin, end = struct.unpack_from("<QQ", entry, 32)
        if any(entry[:16]) and 0 < begin <= end:
            found.append(Partition(number + 1, _named(entry), begin * sector, (end - begin + 1) * sector))
    return tuple(found), (first * sector, len(raw))


def _named(entry: bytes) -> str:
    guid = str(uuid.UUID(bytes_le=entry[:16]))
    label = entry[56:128].decode("utf-16-le", "replace").split("\x00")[0]
    kind = _GUIDS.get(guid, f"type {guid}")
    return f"{kind}: {label}" if label else kind


# Apple's map


def _apple(source: Source) -> Table:
    found: list[Partition] = []
    count = 1
    number = 1
    while number <= min(count, MAX_LOGICAL):
        entry = source.read(number * SECTOR, SECTOR)
        if entry[:2] != b"PM":
            break
        count, start, length = struct.unpack_from(">III", entry, 4)
        kind = entry[48:80].split(b"\x00")[0].decode("latin-1")
        if kind not in ("Apple_partition_map", "Apple_Free"):
            found.append(Partition(number, kind, start * SECTOR, length * SECTOR))
        number += 1
    if number == 1:
        raise BadInput("The disk has no partition table.")
    return Table(tuple(found), ((0, number * SECTOR),))
