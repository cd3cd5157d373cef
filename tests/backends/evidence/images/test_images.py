"""Every kind of disk image gives the bytes of the disk in it; what is damaged costs its own part only, and is said."""

import hashlib
import random
import struct
import zlib
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import Form, Limits, Stop, form_of
from beholden.forensics.coverage import Reason
from beholden.forensics.source import Held
from beholden.model.errors import BadInput
from tests.backends.evidence.disks import disk_in, files, joined, public, tool
from tests.backends.evidence.ewf_writer import Segment, ewf

PASSWORDS = "place,user,password\n"


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def disk_of(size: int = 1 << 20) -> bytes:
    """Text, noise and zeros in turns."""
    parts = [(b"anna@mail.example " * 4000)[:65536], noise(65536), bytes(131072)]
    return b"".join(parts * (size // 262144))


# Public images


def test_one_image_in_every_form_gives_the_same_bytes() -> None:
    """The QCOW and VMDK were made after the raw and the E01: the disk had been mounted once more."""
    earlier = hashlib.sha256(public("sleuthkit/image.dd")).hexdigest()
    later = "854c3db1c4a07a241e2ed9fbd8892adf2adc662c7862a75deed26f3483f414c9"
    for name, digest in (("image.E01", earlier), ("image.qcow", later), ("image.vmdk", later)):
        read, damage, _ = disk_in(public(f"sleuthkit/{name}"))
        assert hashlib.sha256(read).hexdigest() == digest and not damage, name


def test_the_ext2_image_is_the_same_in_every_form() -> None:
    whole = public("dfvfs/ext2.splitraw.000") + public("dfvfs/ext2.splitraw.001")
    for name in ("ext2.E01", "ext2.qcow2", "ext2.vmdk", "ext2.vhd"):
        read, damage, _ = disk_in(public(f"dfvfs/{name}"))
        assert read[: len(whole)] == whole and not any(read[len(whole) :]) and not damage, name


@pytest.mark.parametrize("name", ["dfvfs/ext2.E01", "sleuthkit/image.E01", "sleuthkit/imageformat_mmls_1.E01"])
def test_the_stored_digest_is_compared_and_the_agreement_said(name: str) -> None:
    _, damage, checks = disk_in(public(name))
    assert not damage and len(checks) == 1 and "stored in the image is that of what was read" in checks[0]


@pytest.mark.parametrize(
    "name",
    ["sleuthkit/image.dd", "sleuthkit/image.qcow", "dfvfs/ext2.qcow2", "dfvfs/ext2.vhd", "dfvfs/hfsplus_zlib.dmg"],
)
def test_the_same_files_are_in_every_image(name: str) -> None:
    found = files(public(name))
    assert found["/passwords.txt"].decode().startswith(PASSWORDS)
    assert len(found["/a_directory/a_file"]) == 53 and len(found["/a_directory/another_file"]) == 22


def test_four_segments_are_one_disk_with_the_addresses_in_it() -> None:
    segments = [public(f"bulk_extractor/email_test.E0{number}") for number in range(1, 5)]
    read, damage, checks = disk_in(joined(*segments))
    assert not damage and "is that of what was read" in checks[0]
    assert read.count(b"@company.com") == 50_000 and len(read) % 512  # a file was imaged; libewf drops its last bytes


def test_an_empty_file_is_no_image() -> None:
    assert form_of(Held(public("sleuthkit/bogus.E01")))[0] is Form.PLAIN


# E01, made and damaged


@pytest.mark.parametrize("segments", [1, 3])
@pytest.mark.parametrize("options", [{}, {"plain_every": 2}, {"sha1": True}, {"chunk": 512}, {"copies": False}])
def test_an_expert_witness_image_gives_its_disk(segments: int, options: dict[str, int]) -> None:
    disk = disk_of()[: (1 << 20) - 512]
    read, damage, checks = disk_in(joined(*(one.data for one in ewf(disk, segments=segments, **options))))  # type: ignore[arg-type]
    assert read == disk and not damage and "is that of what was read" in checks[0]


class Far:
    """A segment of more than 2 GiB, of which the beginning is nothing: sections, then chunks far behind."""

    def __init__(self, segment: bytes, split: int, gap: int) -> None:
        self.size = len(segment) + gap
        self._segment, self._split, self._gap = segment, split, gap

    def read(self, offset: int, length: int) -> bytes:
        made = b""
        while length > 0 and offset < self.size:
            if offset < self._split:
                part = self._segment[offset : min(offset + length, self._split)]
            elif offset < self._split + self._gap:
                part = bytes(min(length, self._split + self._gap - offset))
            else:
                part = self._segment[offset - self._gap :][:length]
            made += part
            offset, length = offset + len(part), length - len(part)
        return made


def test_chunks_behind_two_gibibytes_are_found_where_the_upper_bit_is_part_of_their_offset() -> None:
    disk = disk_of()
    (image,) = ewf(disk, plain_every=2, copies=False)
    sectors, table = image.at["sectors"][0], image.at["table"][0]
    count = len(disk) // 32768
    offsets = [number & 0x7FFFFFFF for number in struct.unpack_from(f"<{count}I", image.data, table + 100)]
    split, gap = offsets[8], (1 << 31) + 4096 - offsets[8]
    moved = [offset | (number % 2 << 31) if number < 8 else offset + gap for number, offset in enumerate(offsets)]
    entries = struct.pack(f"<{count}I", *moved)
    image.data[table + 100 : table + 100 + len(entries) + 4] = entries + struct.pack("<I", zlib.adler32(entries))
    for at, shift in ((sectors, 0), (table, gap), (image.at["hash"][0], gap)):
        onward, size = struct.unpack_from("<QQ", image.data, at + 16)
        head = image.data[at : at + 16] + struct.pack("<QQ", onward + gap, size + (0 if shift else gap)) + bytes(40)
        image.data[at : at + 76] = head + struct.pack("<I", zlib.adler32(head))
    read, damage, checks = disk_in(Far(bytes(image.data), split, gap))
    assert read == disk and not damage and "is that of what was read" in checks[0]


def test_reading_anywhere_gives_the_same_bytes() -> None:
    disk = disk_of()
    entry = next(FileEvidence(Limits()).entries(Form.DISK_IMAGE, Held(bytes(ewf(disk, plain_every=3)[0].data))))
    chance = random.Random(5)
    with entry.open() as unpacked:
        for _ in range(300):
            start, length = chance.randrange(len(disk)), chance.randrange(200_000)
            assert unpacked.source.read(start, length) == disk[start : start + length]


def test_law_9_a_damaged_chunk_is_unreadable_and_the_rest_is_read() -> None:
    disk = noise(1 << 20)
    (image,) = ewf(disk, sha1=True)
    at = image.at["sectors"][0] + 76 + 200_000
    image.data[at : at + 50] = bytes(50)
    read, damage, _ = disk_in(bytes(image.data))
    parts = [one for one in damage if one.length]
    assert [(one.length, one.reason) for one in parts] == [(32768, Reason.DAMAGED_IMAGE)]
    start = parts[0].start
    assert read[:start] == disk[:start] and read[start + 32768 :] == disk[start + 32768 :]
    assert any("is not that of what was read" in one.detail for one in damage)


def test_a_plain_chunk_with_a_wrong_checksum_is_said_and_still_searched() -> None:
    disk = disk_of()
    (image,) = ewf(disk, plain_every=1)
    image.data[image.at["sectors"][0] + 76] ^= 1
    read, damage, _ = disk_in(bytes(image.data))
    assert damage[0].start == 0 and damage[0].length == 32768 and read[1:] == disk[1:]


def test_law_9_a_digest_that_does_not_agree_is_a_gap() -> None:
    _, damage, checks = disk_in(bytes(ewf(disk_of(), stored=bytes(16))[0].data))
    assert not checks and len(damage) == 1 and "is not that of what was read" in damage[0].detail


def test_a_damaged_table_is_read_from_its_copy() -> None:
    disk = disk_of()
    (image,) = ewf(disk)
    image.data[image.at["table"][0] + 76 + 30] ^= 255
    read, damage, checks = disk_in(bytes(image.data))
    assert read == disk and not damage and any("its copy was used" in said for said in checks)


def test_law_9_chunks_of_a_table_that_is_lost_are_unreadable_and_those_behind_keep_their_places() -> None:
    disk = disk_of()
    parts = ewf(disk, segments=4)
    for kind in ("table", "table2"):
        parts[1].data[parts[1].at[kind][0] + 76 + 30] ^= 255
    read, damage, _ = disk_in(joined(*(one.data for one in parts)))
    quarter = len(disk) // 4
    assert [(one.start, one.length) for one in damage if one.length] == [(quarter, quarter)]
    assert read[2 * quarter :] == disk[2 * quarter :] and read[:quarter] == disk[:quarter]


@pytest.mark.parametrize("kept", [[0], [0, 1], [0, 2], [0, 1, 3]])
def test_law_9_a_segment_that_is_missing_is_said_to_be_elsewhere(kept: list[int]) -> None:
    disk = disk_of()
    parts = ewf(disk, segments=4)
    read, damage, _ = disk_in(joined(*(parts[number].data for number in kept)))
    whole = len(disk) // 4 * (2 if kept[:2] == [0, 1] else 1)
    assert read[:whole] == disk[:whole]
    assert sum(one.length for one in damage) == len(disk) - whole
    assert {one.reason for one in damage if one.length} == {Reason.ELSEWHERE}


def test_sectors_that_could_not_be_read_when_the_image_was_made_are_said() -> None:
    _, damage, _ = disk_in(bytes(ewf(disk_of(), unread=((100, 8), (900, 1)))[0].data))
    assert [(one.start, one.length) for one in damage] == [(51200, 4096), (460800, 512)]


def crooked(image: Segment, where: str, offset: int, value: bytes) -> bytes:
    at = image.at[where][0] + offset
    image.data[at : at + len(value)] = value
    return bytes(image.data)


@pytest.mark.parametrize(
    ("where", "offset", "value"),
    [
        ("volume", 76 + 4, b"\xff\xff\xff\xff"),
        ("volume", 76 + 8, b"\xff\xff\xff\x7f"),
        ("volume", 76 + 12, bytes(4)),
        ("volume", 16, struct.pack("<Q", 13)),
        ("table", 76, b"\xff\xff\xff\xff"),
        ("table", 76 + 8, b"\xff" * 8),
        ("table", 76 + 24, b"\xff\xff\xff\xff"),
        ("sectors", 24, b"\xff" * 8),
    ],
)
def test_headers_that_lie_are_not_believed(where: str, offset: int, value: bytes) -> None:
    lying = crooked(ewf(disk_of())[0], where, offset, value)
    try:
        read, _, _ = disk_in(lying)
    except BadInput:
        return
    assert len(read) <= 1 << 20


# Images made by qemu-img


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(disk_of(4 << 20) + bytes(4 << 20))
    return path


@pytest.mark.parametrize(
    "options",
    [
        ["qcow"],
        ["qcow2"],
        ["qcow2", "-c"],
        ["qcow2", "-c", "-o", "compression_type=zstd"],
        ["qcow2", "-o", "cluster_size=512"],
        ["qcow2", "-o", "compat=0.10"],
        ["vmdk"],
        ["vmdk", "-o", "subformat=streamOptimized"],
        ["vpc"],
        ["vhdx"],
        ["vhdx", "-o", "block_size=1M"],
    ],
    ids="-".join,
)
def test_images_of_qemu_give_their_disk(raw: Path, tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "image"
    tool("qemu-img", "convert", "-f", "raw", "-O", options[0], *options[1:], raw, path)
    read, damage, _ = disk_in(path.read_bytes())
    disk = raw.read_bytes()
    assert read[: len(disk)] == disk and not any(read[len(disk) :]) and not damage


def test_a_hole_in_an_image_is_passed_over(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "image"
    tool("qemu-img", "create", "-f", "qcow2", path, "4T")
    entry = next(FileEvidence(Limits()).entries(Form.DISK_IMAGE, Held(path.read_bytes())))
    with entry.open() as unpacked:
        assert unpacked.source.size == 4 << 40
        assert unpacked.source.next_data(0) == 4 << 40  # type: ignore[attr-defined]


def test_snapshots_hold_earlier_times_of_the_disk(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path)
    tool("qemu-img", "snapshot", "-c", "before", path)
    tool("qemu-io", "-f", "qcow2", "-c", "write -P 0 0 1M", path)
    entries = list(FileEvidence(Limits()).entries(Form.DISK_IMAGE, Held(path.read_bytes())))
    assert [entry.name for entry in entries] == ["", "snapshot 1 (before)"]
    with entries[0].open() as now, entries[1].open() as before:
        assert not any(now.source.read(0, 1 << 20))
        assert before.source.read(0, 1 << 20) == raw.read_bytes()[: 1 << 20]


def test_law_9_what_stands_in_the_image_that_it_is_based_on_is_unreadable(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    tool("qemu-img", "create", "-f", "qcow2", "-b", raw, "-F", "raw", path)
    _, damage, _ = disk_in(path.read_bytes())
    assert sum(one.length for one in damage) == raw.stat().st_size
    assert damage[0].reason is Reason.ELSEWHERE and "disk.raw" in damage[0].detail


@pytest.mark.parametrize("name", ["dfvfs/ext2.qcow2", "sleuthkit/image.qcow"])
def test_law_9_an_encrypted_image_is_unreadable(name: str) -> None:
    data = bytearray(public(name))
    at = 32 if data[7] > 1 else 36  # the method of encryption, of either version
    data[at : at + 4] = (1).to_bytes(4, "big")
    with next(FileEvidence(Limits()).entries(Form.DISK_IMAGE, Held(bytes(data)))).open() as unpacked:
        assert unpacked.stop is Stop.ENCRYPTED and unpacked.packed == 0


def test_law_9_a_damaged_cluster_costs_itself_only(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", raw, path)
    data = bytearray(path.read_bytes())
    at = len(data) // 2
    data[at : at + 64] = noise(64)
    read, damage, _ = disk_in(bytes(data))
    assert sum(one.length for one in damage) <= 65536
    assert sum(1 for n in range(0, len(read), 65536) if read[n : n + 65536] != raw.read_bytes()[n : n + 65536]) <= 1


@pytest.mark.parametrize("kind", ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "monolithicFlat"])
def test_a_vmdk_of_several_files_is_one_disk(raw: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    tool("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat={kind}", raw, folder / "disk.vmdk")
    evidence = FileEvidence(Limits())
    intake = evidence.take_in([str(folder)], lambda *_: None)
    first = next(one for one in intake.exhibits if one.name.endswith("/disk.vmdk"))
    assert len(intake.exhibits) == 2
    assert [one.segment_of for one in intake.exhibits if one is not first] == [first.number]
    with evidence.open(first) as source:
        read, damage, _ = disk_in(source)
    assert read == raw.read_bytes() and not damage


def test_law_9_an_extent_that_is_not_beside_its_descriptor_is_elsewhere(raw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    path = folder / "disk.vmdk"
    tool("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=monolithicFlat", raw, path)
    _, damage, _ = disk_in(path.read_bytes())
    assert [(one.length, one.reason) for one in damage] == [(raw.stat().st_size, Reason.ELSEWHERE)]


def test_an_image_of_ewfacquire_gives_its_disk(raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "case"
    tool("ewfacquire", "-u", "-q", "-c", "fast", "-S", "1048576", "-d", "sha1", "-t", target, raw)
    parts = [path.read_bytes() for path in sorted(tmp_path.glob("case.E*"))]
    read, damage, checks = disk_in(joined(*parts))
    assert len(parts) > 1 and read == raw.read_bytes() and not damage and "SHA1" in checks[0]


def test_libewf_and_we_read_the_same(tmp_path: Path) -> None:
    """The other way round: an image of the tests' own writer is one to others too."""
    disk = disk_of()
    path = tmp_path / "own.E01"
    path.write_bytes(ewf(disk)[0].data)
    tool("ewfverify", "-q", path)
