"""Broken disks neither crash, hang nor lose a byte of the account. The Sleuth Kit runs in a child: it is C."""

import multiprocessing
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import Form, Limits
from beholden.forensics.examiner import Examiner, Place
from beholden.forensics.source import Held
from beholden.model.errors import BadInput
from tests.backends.evidence.disks import public
from tests.backends.evidence.ewf_writer import ewf
from tests.forensics.people import crowd, csv, looking_for

LIMITS = Limits(member=1 << 24, total=1 << 26)
FILE_SYSTEMS = (
    "sleuthkit/image.dd",
    "sleuthkit/image.iso",
    "ext4/hierarchy_32.ext4.gz",
    "dfir_ntfs/exfat_win.raw.gz",
    "dfir_ntfs/fat_deleted_dir.raw.gz",
    "dfir_ntfs/ntfs_index.raw.gz",
    "dfvfs/hfsplus_zlib.dmg",
)
IMAGES = ("sleuthkit/image.qcow", "dfvfs/ext2.qcow2", "dfvfs/ext2.vmdk", "dfvfs/ext2.vhd", "dfvfs/hfsplus_zlib.dmg")
ROUNDS = 25
LARGE = 4 << 20
"""Volumes of which a few rounds must do; each is searched to its last byte."""


def broken(base: bytes, chance: random.Random, reach: int) -> bytes:
    """A few bytes changed within the first `reach` ones, where the tables are, and sometimes the end cut off."""
    data = bytearray(base)
    for _ in range(chance.randint(1, 30)):
        at = chance.randrange(min(reach, len(data) - 8))
        length = chance.choice((1, 1, 4, 8))
        data[at : at + length] = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.2 else data)


def accounted_for(data: bytes) -> None:
    """Search it; every byte is read, left out or unreadable."""
    examiner = Examiner(looking_for(crowd(2)), LIMITS, FileEvidence(LIMITS).entries, lambda _more: None)
    examiner.examine(Place(1, "exhibit"), Held(data))
    said = examiner.coverage.statement()
    assert said.read >= 0 and said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes


def opened(data: bytes) -> None:
    """Read all that an image gives, without opening the disk in it."""
    try:
        for entry in FileEvidence(LIMITS).entries(Form.DISK_IMAGE, Held(data)):
            with entry.open() as unpacked:
                for start in range(0, min(unpacked.source.size, 8 << 20), 1 << 20):
                    unpacked.source.read(start, 1 << 20)
                assert all(part.length >= 0 for part in unpacked.damage())
    except BadInput:
        pass


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_broken_expert_witness_images_are_read_as_far_as_they_go(seed: int) -> None:
    chance = random.Random(seed)
    disk = csv(crowd(40)).encode().ljust(1 << 16, b"\x00") + chance.randbytes(1 << 16)
    (image,) = ewf(disk, chunk=chance.choice((512, 4096, 32768)), plain_every=chance.choice((0, 1, 3)))
    opened(broken(bytes(image.data), chance, len(image.data)))


@pytest.mark.parametrize("name", IMAGES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(76)
def test_broken_images_are_read_as_far_as_they_go(name: str, seed: int) -> None:
    opened(broken(public(name), random.Random(seed), 1 << 21))


def in_a_child(work: Callable[[bytes, int], None], data: bytes, seed: int) -> int | None:
    """How the process ended that did the work; None when it had to be stopped."""
    context = multiprocessing.get_context("fork")
    child = context.Process(target=work, args=(data, seed))
    child.start()
    child.join(120)
    if child.is_alive():
        child.kill()
        child.join()
        return None
    return child.exitcode


def many(data: bytes, seed: int) -> None:
    """Several broken versions of one file system."""
    for number in range(ROUNDS if len(data) < LARGE else 3):
        chance = random.Random(seed * 1000 + number)
        accounted_for(broken(data, chance, chance.choice((4096, 1 << 16, 1 << 21))))


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_broken_file_systems_are_read_as_far_as_they_go(name: str) -> None:
    """Seeds are fixed: what The Sleuth Kit does with them is known, and randomness cannot fail this test."""
    assert in_a_child(many, public(name), 1) == 0
