"""Partition tables: every byte of a disk belongs to a partition, a table or a gap, whatever the tables say."""

import struct
import uuid
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.evidence.images.partitions import entries, read_table
from beholden.forensics.containers import Form, form_of
from beholden.forensics.ports import Entry
from beholden.forensics.region import Region
from beholden.forensics.source import Held
from beholden.model.errors import BadInput
from tests.backends.evidence.disks import once, public, walk

SIZE = 1 << 20
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le


def mbr(*parts: tuple[int, int, int], size: int = SIZE) -> bytearray:
    """A disk with partitions `(kind, first sector, sectors)`."""
    disk = bytearray(size)
    table(disk, 0, *parts)
    return disk


def table(disk: bytearray, sector: int, *parts: tuple[int, int, int]) -> None:
    for slot, (kind, start, count) in enumerate(parts):
        struct.pack_into("<4xB3xII", disk, sector * 512 + 446 + 16 * slot, kind, start, count)
    disk[sector * 512 + 510 : sector * 512 + 512] = b"\x55\xaa"


def gpt(disk: bytearray, *parts: tuple[int, int]) -> None:
    """Both tables, with Linux partitions `(first, last)`."""
    last = len(disk) // 512 - 1
    listed = b"".join(
        LINUX + bytes([number] * 16) + struct.pack("<QQQ", *part, 0) + "data".encode("utf-16-le").ljust(72, b"\x00")
        for number, part in enumerate(parts, 1)
    ).ljust(128 * 128, b"\x00")
    for at, other, first in ((1, last, 2), (last, 1, last - 32)):
        head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 65536, 92, 0, 0, at, other, 34, last - 34, bytes(16),
                           first, 128, 128, zlib.crc32(listed))  # fmt: skip
        head = head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]
        disk[at * 512 : at * 512 + 92] = head
        disk[first * 512 : first * 512 + len(listed)] = listed
    table(disk, 0, (0xEE, 1, last))


def opened(disk: bytes) -> list[Entry]:
    made = list(entries(Held(disk)))
    once(made, len(disk), whole=True)
    return made


def test_partitions_and_the_gaps_between_them() -> None:
    disk = mbr((0x83, 100, 200), (0x07, 400, 100))
    assert form_of(Held(bytes(disk)))[0] is Form.DISK
    made = opened(bytes(disk))
    assert [(entry.name, entry.region) for entry in made] == [
        ("partition table", Region.STRUCTURE),
        ("partition 1 (Linux)", Region.MEMBER),
        ("partition 2 (NTFS or exFAT)", Region.MEMBER),
        ("unallocated space at byte 512", Region.UNALLOCATED),
        ("unallocated space at byte 153600", Region.UNALLOCATED),
        ("unallocated space at byte 256000", Region.UNALLOCATED),
    ]


def test_logical_partitions_are_found_along_their_chain() -> None:
    disk = mbr((0x83, 10, 10), (0x05, 100, 900))
    table(disk, 100, (0x83, 10, 50), (0x05, 200, 100))
    table(disk, 300, (0x83, 10, 60))
    found = read_table(Held(bytes(disk))).partitions
    assert [(one.number, one.start, one.length) for one in found] == [
        (1, 5120, 5120), (5, 110 * 512, 25600), (6, 310 * 512, 30720),
    ]  # fmt: skip
    opened(bytes(disk))


@pytest.mark.parametrize("onward", [0, 200], ids=["to itself", "in a circle"])
def test_a_chain_that_bites_its_tail_ends_and_is_said(onward: int) -> None:
    disk = mbr((0x05, 100, 900))
    table(disk, 100, (0x83, 10, 50), (0x05, onward, 100))
    table(disk, 300, (0x83, 10, 60), (0x05, 0, 100))
    found = read_table(Held(bytes(disk)))
    assert len(found.partitions) <= 2 and "damaged" in found.notes[0]
    opened(bytes(disk))


def test_a_gpt_names_its_partitions() -> None:
    disk = bytearray(SIZE)
    gpt(disk, (100, 199), (300, 399))
    names = [entry.name for entry in opened(bytes(disk))]
    assert names[:3] == ["partition table", "partition 1 (Linux: data)", "partition 2 (Linux: data)"]


def test_a_file_system_of_an_earlier_life_of_the_disk_does_not_hide_its_partitions() -> None:
    disk = mbr((0x83, 100, 200))
    earlier = public("sleuthkit/image.dd")
    disk[1024:2048] = earlier[1024:2048]
    assert form_of(Held(earlier))[0] is Form.FILE_SYSTEM
    assert form_of(Held(bytes(disk)))[0] is Form.DISK


@pytest.mark.parametrize("at", [512 + 20, 512 + 80, 1024 + 10])
def test_a_damaged_gpt_is_read_from_its_backup(at: int) -> None:
    disk = bytearray(SIZE)
    gpt(disk, (100, 199))
    disk[at] ^= 255
    made = opened(bytes(disk))
    assert made[1].name == "partition 1 (Linux: data)"
    with made[0].open() as tables:
        assert ["backup was used" in one.detail for one in tables.damage()] == [True]


def test_a_gpt_of_which_both_copies_are_damaged_is_an_error() -> None:
    disk = bytearray(SIZE)
    gpt(disk, (100, 199))
    disk[520] ^= 255
    disk[-500] ^= 255
    with pytest.raises(BadInput, match="and so is its backup"):
        list(entries(Held(bytes(disk))))


def test_a_partition_beyond_the_disk_is_cut_and_said() -> None:
    made = opened(bytes(mbr((0x83, 2000, 1000))))
    with made[1].open() as part:
        assert part.source.size == 48 * 512 and "more than the disk" in part.damage()[0].detail


def test_partitions_that_overlap_are_read_once() -> None:
    made = opened(bytes(mbr((0x83, 10, 2000), (0x83, 10, 2000), (0x83, 1, 2040))))
    assert sum(entry.packed for entry in made) == SIZE


def test_the_public_disk_has_two_partitions() -> None:
    names = {one.path for one in walk(public("sleuthkit/imageformat_mmls_1.E01"))}
    assert {"image > partition 1 (NTFS or exFAT)", "image > partition 2 (NTFS or exFAT)"} <= names


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2100), st.integers(0, 2**32 - 1)), max_size=4))
def test_every_byte_belongs_to_one_member_whatever_the_table_says(parts: list[tuple[int, int, int]]) -> None:
    with suppress(BadInput):
        opened(bytes(mbr(*parts)))
