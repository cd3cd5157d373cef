"""File systems: what is live, what was deleted, slack and free space, each byte of the volume under one name."""

import random
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.filesystems_map import DELETED, FREE, LIVE, BlockMap
from beholden.forensics.containers import Form, form_of
from beholden.forensics.region import Region
from beholden.forensics.source import Held
from beholden.model.errors import BadInput
from tests.backends.evidence.disks import files, public, tool, walk

EVERY = (
    "ext4/tiny.ext4.gz",
    "ext4/hierarchy_32.ext4.gz",
    "dfir_ntfs/exfat_win.raw.gz",
    "dfir_ntfs/fat_deleted_dir.raw.gz",
    "dfir_ntfs/ntfs3.raw.gz",
    "dfir_ntfs/ntfs_index.raw.gz",
    "sleuthkit/image.dd",
    "sleuthkit/image.iso",
    "sleuthkit/imageformat_mmls_1.E01",
    "dfvfs/hfsplus_zlib.dmg",
)
SECRET = b"id,email\n" + b"77,anna.meyer@mail.example\n" * 700
OTHER = b"nothing of anybody\n" * 3000


@pytest.mark.parametrize("name", EVERY)
def test_every_byte_of_a_volume_is_under_one_name(name: str) -> None:
    """`walk` holds each container's members against its size; at least one file system is in each image."""
    found = list(walk(public(name)))
    assert any(one.region is Region.STRUCTURE for one in found)
    assert not any(part.length for one in found for part in one.damage)


def test_the_files_of_the_public_images_are_those_that_their_authors_put_there() -> None:
    assert files(public("ext4/tiny.ext4.gz")).keys() == {"/thejungle.txt"}
    hierarchy = files(public("ext4/hierarchy_32.ext4.gz"))
    assert len([name for name in hierarchy if "/fortune" in name]) == 10
    assert hierarchy["/directory1/subdirectory2/fortune8"] == b"You should go home.\n"
    exfat = files(public("dfir_ntfs/exfat_win.raw.gz"))
    assert exfat["/17.bin"] == b"17" and "/System Volume Information/WPSettings.dat" in exfat
    assert files(public("dfir_ntfs/ntfs3.raw.gz"))["/test/1.txt"].startswith(b"secret\nsecret\n")
    assert files(public("sleuthkit/image.iso"))["/PASSWORD.TXT"].startswith(b"place,user,password")


def test_small_files_of_ntfs_are_read_out_of_its_table_and_only_once() -> None:
    found = files(public("dfir_ntfs/ntfs_index.raw.gz"))
    name = "/$RECYCLE.BIN/S-1-5-21-2341207468-2645333676-3461800803-1001/desktop.ini"
    assert found[name].startswith(b"[.ShellClassInfo]")
    structures = [one.data for one in walk(public("dfir_ntfs/ntfs_index.raw.gz")) if one.region is Region.STRUCTURE]
    assert not any(found[name] in data for data in structures)


def test_a_resource_fork_is_a_file_too() -> None:
    assert files(public("dfvfs/hfsplus_zlib.dmg"))["/a_directory/a_resourcefork:RSRC"] == b"My resource fork\n"


def test_deleted_folders_are_named() -> None:
    names = files(public("dfir_ntfs/fat_deleted_dir.raw.gz"), Region.DELETED_FILE)
    assert {"/test (deleted, inode 4)", "/test_2 (deleted, inode 6)"} <= names.keys()


def test_a_file_system_that_cannot_be_opened_is_an_error() -> None:
    """A FAT32 of 16 MiB, which nobody but Linux reads as such."""
    with pytest.raises(BadInput, match="cannot be opened"):
        list(FileEvidence().entries(Form.FILE_SYSTEM, Held(public("dfir_ntfs/fat32_small.raw.gz"))))


# ext made by mke2fs


def ext(folder: Path, kind: str, *commands: str, size: str = "8M", extra: tuple[str, ...] = ()) -> bytes:
    """An image with three files, and what debugfs then does to it."""
    content = folder / "content"
    (content / "home").mkdir(parents=True)
    (content / "home/users.csv").write_bytes(SECRET)
    (content / "home/old.csv").write_bytes(SECRET.replace(b"anna", b"bert"))
    (content / "other.txt").write_bytes(OTHER)
    image = folder / "image"
    tool("mke2fs", "-q", "-F", "-t", kind, *extra, "-d", content, image, size)
    for command in commands:
        tool("debugfs", "-w", "-R", command, image)
    return image.read_bytes()


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
@pytest.mark.parametrize("block", ["1024", "4096"])
def test_a_deleted_file_of_ext_is_found_under_its_name(tmp_path: Path, kind: str, block: str) -> None:
    image = ext(tmp_path, kind, "rm /home/old.csv", extra=("-b", block))
    assert files(image)["/home/users.csv"] == SECRET and "/home/old.csv" not in files(image)
    deleted = files(image, Region.DELETED_FILE)
    assert [data for name, data in deleted.items() if name.startswith("/home/old.csv (deleted")] == [
        SECRET.replace(b"anna", b"bert")
    ]


def test_what_was_overwritten_of_a_deleted_file_is_another_files(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new content\n" * 1200)
    image = ext(tmp_path, "ext4", "rm /home/old.csv", f"write {tmp_path / 'new'} new")
    found = list(walk(image))
    assert sum(one.data.count(b"new content\n") for one in found) == 1200
    assert sum(one.data.count(b"bert") for one in found) < 700


def test_slack_is_what_stands_behind_the_end_of_a_file(tmp_path: Path) -> None:
    image = bytearray(ext(tmp_path, "ext4", extra=("-b", "4096")))
    at = image.find(OTHER) + len(OTHER)
    image[at : at + 9] = b"leftover!"
    assert files(bytes(image), Region.SLACK)["/other.txt, slack"].startswith(b"leftover!")


def test_holes_of_a_sparse_file_keep_its_places_and_are_zeros(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    with (content / "sparse").open("wb") as file:
        file.write(b"start")
        file.seek(40 << 20)
        file.write(b"end")
    image = tmp_path / "image"
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", content, image, "8M")
    data = files(image.read_bytes())["/sparse"]
    assert len(data) == (40 << 20) + 3 and data.startswith(b"start\x00") and data.endswith(b"\x00end")


def test_a_file_that_is_nearly_all_hole_is_read_without_it(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    with (content / "sparse").open("wb") as file:
        file.write(b"start")
        file.seek(1 << 40)
        file.write(b"end")
    image = tmp_path / "image"
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", content, image, "8M")
    data = files(image.read_bytes())["/sparse"]
    assert len(data) < 1 << 20 and data.startswith(b"start") and data.rstrip(b"\x00").endswith(b"end")


def test_names_that_are_no_text_or_break_lines_are_kept(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    for name in (b"new\nline", b"\xff\xfe", b"\x1b[31m"):
        with open(bytes(content) + b"/" + name, "wb") as file:  # noqa: PTH123 - a name of bytes
            file.write(name)
    image = tmp_path / "image"
    tool("mke2fs", "-q", "-F", "-t", "ext2", "-d", content, image, "1M")
    assert set(files(image.read_bytes())) == {"/new\nline", "/\udcff\udcfe", "/\x1b[31m"}


def test_another_name_of_a_file_is_not_another_file(tmp_path: Path) -> None:
    image = ext(tmp_path, "ext2", "ln /other.txt /twice.txt", "sif /other.txt links_count 2")
    assert len([data for data in files(image).values() if data == OTHER]) == 1


@pytest.mark.parametrize("extra", [("-O", "^64bit"), ("-O", "^flex_bg"), ("-O", "meta_bg,^resize_inode")])
def test_other_shapes_of_ext_are_covered_as_well(tmp_path: Path, extra: tuple[str, ...]) -> None:
    image = ext(tmp_path, "ext4", size="24M", extra=extra)
    assert files(image)["/home/users.csv"] == SECRET


def test_law_9_an_ext4_with_clusters_is_recognised_and_cannot_be_opened(tmp_path: Path) -> None:
    image = ext(tmp_path, "ext4", size="24M", extra=("-O", "bigalloc"))
    assert form_of(Held(image))[0] is Form.FILE_SYSTEM
    with pytest.raises(BadInput, match="cannot be opened"):
        list(FileEvidence().entries(Form.FILE_SYSTEM, Held(image)))


# FAT and NTFS


@pytest.mark.parametrize(("bits", "size"), [("12", 4 << 20), ("16", 32 << 20), ("32", 64 << 20)])
def test_a_deleted_file_of_fat_is_found_under_what_is_left_of_its_name(tmp_path: Path, bits: str, size: int) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(size))
    tool("mkfs.fat", "-F", bits, "-s", "1" if bits == "32" else "4", image)
    for name, data in (("live.csv", SECRET), ("gone.csv", SECRET.replace(b"anna", b"bert"))):
        (tmp_path / name).write_bytes(data)
        tool("mcopy", "-i", image, tmp_path / name, f"::{name}")
    tool("mdel", "-i", image, "::gone.csv")
    assert list(files(image.read_bytes()).values()) == [SECRET]
    deleted = files(image.read_bytes(), Region.DELETED_FILE)
    assert SECRET.replace(b"anna", b"bert") in deleted.values()


def test_ntfs_with_a_small_and_a_large_file(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(8 << 20))
    tool("mkfs.ntfs", "-q", "-F", "-f", image)
    for name, data in (("small", b"small anna"), ("large", SECRET)):
        (tmp_path / name).write_bytes(data)
        tool("ntfscp", "-q", image, tmp_path / name, name)
    tool("ntfscp", "-q", "-N", "stream", image, tmp_path / "small", "large")
    found = files(image.read_bytes())
    assert found["/large"] == SECRET and found["/small"] == b"small anna" and found["/large:stream"] == b"small anna"
    assert sum(one.data.count(b"small anna") for one in walk(image.read_bytes())) == 2


# Recognition


@pytest.mark.parametrize(
    ("offset", "magic", "name"),
    [
        (0, b"XFSB", "XFS file system"),
        (65600, b"_BHRfS_M", "btrfs file system"),
        (32, b"NXSB", "APFS container"),
        (3, b"-FVE-FS-", "BitLocker encrypted volume"),
        (0, b"LUKS\xba\xbe", "LUKS encrypted volume"),
    ],
)
def test_law_9_volumes_that_are_not_decoded_are_recognised(offset: int, magic: bytes, name: str) -> None:
    data = bytearray(80_000)
    data[offset : offset + len(magic)] = magic
    assert form_of(Held(bytes(data))) == (Form.OPAQUE, name)


def test_ordinary_files_are_not_taken_for_disks() -> None:
    chance = random.Random(3)
    for _ in range(20):
        data = bytearray(chance.randbytes(70_000))
        data[1080:1082], data[510:512] = b"\x53\xef", b"\x55\xaa"
        assert form_of(Held(bytes(data)))[0] is Form.PLAIN
    text = ("a page of text, " * 6000).encode()
    assert form_of(Held(text[:1080] + b"\x53\xef" + text[1082:]))[0] is Form.PLAIN


# The map of blocks


def test_blocks_belong_to_one_owner() -> None:
    blocks = BlockMap(100)
    assert list(blocks.claim(10, 10, LIVE)) == [(10, 10, True)]
    assert list(blocks.claim(15, 10, LIVE)) == [(15, 5, False), (20, 5, True)]
    blocks.allocate_all(0, 5)
    assert list(blocks.claim(0, 30, DELETED)) == [(0, 5, False), (5, 5, True), (10, 15, False), (25, 5, True)]
    assert list(blocks.runs(FREE)) == [(30, 70)]
    assert list(blocks.runs(DELETED)) == [(5, 5), (25, 5)]


def test_more_blocks_than_can_be_mapped_are_an_error() -> None:
    with pytest.raises(BadInput, match="more blocks"):
        BlockMap(1 << 40)


def test_files_of_a_folder_that_is_destroyed_are_searched_all_the_same(tmp_path: Path) -> None:
    image = bytearray(ext(tmp_path, "ext2", extra=("-b", "1024")))
    at = image.find(b"users.csv") // 1024 * 1024
    image[at : at + 1024] = b"\xff" * 1024
    assert "/home/users.csv" not in files(bytes(image))
    assert sum(one.data.count(b"anna.meyer@") for one in walk(bytes(image))) >= 695
