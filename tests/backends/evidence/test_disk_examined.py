"""The whole way: a disk image is taken in, opened down to its files, and people are found in what was deleted."""

import os
import random
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Reason
from beholden.forensics.examiner import Examiner, Place
from beholden.forensics.region import State
from beholden.forensics.tally import Site
from tests.backends.evidence.disks import public, tool
from tests.backends.evidence.ewf_writer import ewf
from tests.backends.evidence.images.test_partitions import table
from tests.forensics.people import crowd, csv, looking_for, numbers

LIVE, GONE, SLACK = crowd(30), crowd(30, start=101), crowd(3, start=201)
EVERYBODY = [*LIVE, *GONE, *SLACK]


def quiet(_stage: str, _done: int, _total: int) -> None:
    """No progress."""


def examined(*paths: Path) -> Examiner:
    """Take files in and search them, as the journey does."""
    evidence = FileEvidence(Limits())
    examiner = Examiner(looking_for(EVERYBODY), Limits(), evidence.entries, lambda _more: None)
    for exhibit in evidence.take_in([str(path) for path in paths], quiet).exhibits:
        if exhibit.segment_of is None:
            with evidence.open(exhibit) as source:
                examiner.examine(Place(exhibit.number, exhibit.name.rsplit("/", 1)[1]), source)
    return examiner


def adds_up(examiner: Examiner) -> None:
    said = examiner.coverage.statement()
    assert said.read + said.skipped + said.unreadable == said.exhibit_bytes + said.unpacked_bytes
    assert min(said.read, said.skipped, said.unreadable) >= 0


def where(examiner: Examiner, among: set[int]) -> set[Site]:
    """All places at which one of these people was found."""
    return {site for site, count in examiner.tally.sites.items() if {int(n) for n in count.corroborated} & among}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A partitioned disk with an ext4: a table of people is live, another was deleted, a third stands in slack."""
    folder = tmp_path_factory.mktemp("disk")
    content = folder / "content"
    (content / "home/dev").mkdir(parents=True)
    (content / "home/dev/users.csv").write_text(csv(LIVE))
    (content / "home/dev/old.csv").write_text(csv(GONE))
    (content / "home/dev/notes.txt").write_text("nothing of anybody\n" * 40)
    volume = folder / "volume"
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-d", content, volume, "8M")
    tool("debugfs", "-w", "-R", "rm /home/dev/old.csv", volume)
    raw = bytearray(volume.read_bytes())
    at = raw.find(b"nothing of anybody\n" * 40) + 19 * 40
    left = csv(SLACK).encode()
    raw[at : at + len(left)] = left
    whole = bytearray(1 << 20) + raw + bytes(1 << 20)
    table(whole, 0, (0x83, 2048, len(raw) // 512))
    return bytes(whole)


def test_people_in_a_deleted_file_of_an_image_are_found_where_they_are(disk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "disk.E01"
    path.write_bytes(ewf(disk)[0].data)
    examiner = examined(path)
    inside = "disk.E01 > partition 1 (Linux)"
    assert {(site.path, site.where, site.state) for site in where(examiner, numbers(LIVE))} == {
        (f"{inside} > /home/dev/users.csv", "file", State.LIVE)
    }
    (deleted,) = where(examiner, numbers(GONE))
    assert deleted.path.startswith(f"{inside} > /home/dev/old.csv (deleted, inode ")
    assert (deleted.where, deleted.state) == ("deleted file", State.DELETED)
    assert {(site.path, site.where, site.state) for site in where(examiner, numbers(SLACK))} == {
        (f"{inside} > /home/dev/notes.txt, slack", "slack", State.DELETED)
    }
    found = {int(number) for number, one in examiner.tally.people.items() if one.corroborated}
    assert found == numbers(EVERYBODY)
    said = examiner.coverage.statement()
    assert said.complete and said.exhibit_bytes == path.stat().st_size
    assert len(said.checks) == 1 and said.checks[0].startswith("disk.E01: the MD5 stored in the image is that of")
    adds_up(examiner)


@pytest.mark.parametrize("kind", ["raw", "split", "segments", "qcow2", "vmdk"])
def test_the_same_is_found_in_every_kind_of_image(disk: bytes, tmp_path: Path, kind: str) -> None:
    if kind == "raw":
        (tmp_path / "disk.dd").write_bytes(disk)
    elif kind == "split":
        for number, start in enumerate(range(0, len(disk), 4 << 20), 1):
            (tmp_path / f"disk.{number:03}").write_bytes(disk[start : start + (4 << 20)])
    elif kind == "segments":
        for number, one in enumerate(ewf(disk, segments=3, plain_every=2), 1):
            (tmp_path / f"disk.E{number:02}").write_bytes(one.data)
    else:
        raw = tmp_path.parent / f"{tmp_path.name}.raw"
        raw.write_bytes(disk)
        options = ["-c"] if kind == "qcow2" else ["-o", "subformat=streamOptimized"]
        tool("qemu-img", "convert", "-f", "raw", "-O", kind, *options, raw, tmp_path / f"disk.{kind}")
    examiner = examined(tmp_path)
    found = {int(number): one.live for number, one in examiner.tally.people.items() if one.corroborated}
    assert found == {number: number in numbers(LIVE) for number in numbers(EVERYBODY)}
    assert examiner.coverage.statement().complete
    adds_up(examiner)


def test_people_in_unallocated_space_between_partitions_are_found(disk: bytes, tmp_path: Path) -> None:
    left = csv(GONE[:5]).encode()
    (tmp_path / "disk.dd").write_bytes(disk[:4096] + left + disk[4096 + len(left) :])
    sites = where(examined(tmp_path), numbers(GONE[:5]))
    assert ("disk.dd > unallocated space at byte 512", "unallocated space", State.DELETED) in {
        (site.path, site.where, site.state) for site in sites
    }


def test_law_9_a_damaged_part_of_an_image_makes_the_coverage_incomplete(disk: bytes, tmp_path: Path) -> None:
    noisy = disk[:-1048576] + random.Random(1).randbytes(1 << 20)
    (image,) = ewf(noisy)
    at = image.at["table"][0] - 500_000
    image.data[at : at + 64] = bytes(64)
    (tmp_path / "disk.E01").write_bytes(image.data)
    examiner = examined(tmp_path)
    said = examiner.coverage.statement()
    assert not said.complete and said.gap_counts[Reason.DAMAGED_IMAGE] == 2  # the chunk, and the digest of the whole
    adds_up(examiner)


def test_law_9_an_encrypted_volume_in_a_partition_is_unreadable(tmp_path: Path) -> None:
    disk = bytearray(1 << 20) + b"LUKS\xba\xbe" + os.urandom(2 << 20)
    disk += bytes(-len(disk) % 512)
    table(disk, 0, (0x83, 2048, len(disk) // 512 - 2048))
    (tmp_path / "disk.dd").write_bytes(disk)
    said = examined(tmp_path).coverage.statement()
    assert not said.complete and said.unreadable >= 2 << 20
    assert [(gap.path, gap.detail) for gap in said.gaps] == [("disk.dd > partition 1 (Linux)", "LUKS encrypted volume")]


def test_a_disk_of_four_terabytes_that_holds_little_is_read_as_fast_as_that_little(tmp_path: Path) -> None:
    tool("qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "disk.qcow2", "4T")
    tool("qemu-io", "-f", "qcow2", "-c", "write -P 97 3T 64k", tmp_path / "disk.qcow2")
    examiner = examined(tmp_path)
    assert examiner.coverage.statement().unpacked_bytes == 4 << 40
    adds_up(examiner)


def test_an_image_inside_an_image_counts_as_unpacked(disk: bytes, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "inner.E01").write_bytes(ewf(disk)[0].data)
    tool("mke2fs", "-q", "-F", "-t", "ext2", "-d", content, tmp_path / "outer.dd", "16M")
    examiner = examined(tmp_path / "outer.dd")
    (deleted,) = where(examiner, numbers(GONE))
    assert deleted.path.startswith("outer.dd > /inner.E01 > partition 1 (Linux) > /home/dev/old.csv (deleted")
    evidence = FileEvidence(Limits(total=1 << 20))
    bounded = Examiner(looking_for(EVERYBODY), Limits(), evidence.entries, lambda _more: None)
    (exhibit,) = evidence.take_in([str(tmp_path / "outer.dd")], quiet).exhibits
    with evidence.open(exhibit) as source:
        bounded.examine(Place(1, "outer.dd"), source)
    assert bounded.coverage.statement().gap_counts == {Reason.TOO_LARGE: 1}
    adds_up(bounded)


def test_the_public_images_are_searched_to_the_last_byte(tmp_path: Path) -> None:
    for name in ("sleuthkit/image.E01", "sleuthkit/image.iso", "dfvfs/ext2.qcow2", "dfvfs/ext2.vmdk", "dfvfs/ext2.vhd"):
        (tmp_path / name.rsplit("/", 1)[1]).write_bytes(public(name))
    examiner = examined(tmp_path)
    assert examiner.coverage.statement().complete
    adds_up(examiner)
