"""Disks and file systems, known by their first 66 KiB and, for some, by their last 512 bytes.

A magic of two bytes is not enough: a page of text that happens to hold them would count as an unreadable file system.
So each format's own fields must make sense too.
"""

import struct
from collections.abc import Callable

HEAD = 66 << 10
"""Bytes that are looked at: the last magic, of UFS2 and btrfs, stands just behind 64 KiB."""
SECTOR = 512


def image(head: bytes, tail: bytes) -> str | None:
    """The kind of a disk image; `tail` are the last 512 bytes of the file."""
    for magic, kind in _IMAGES:
        if head.startswith(magic):
            return kind
    if head[:512].lstrip().startswith(b"# Disk DescriptorFile"):
        return "VMDK"
    return "DMG" if tail[:8] == b"koly\x00\x00\x00\x04" else None


_IMAGES = (
    (b"EVF\x09\x0d\x0a\xff\x00", "E01"),
    (b"QFI\xfb", "QCOW"),
    (b"KDMV", "VMDK"),
    (b"conectix", "VHD"),
    (b"vhdxfile", "VHDX"),
)


def file_system(head: bytes) -> str | None:
    """The kind of a file system that can be opened."""
    for kind, is_it in _OPENED:
        if is_it(head):
            return kind
    return None


def outlived(head: bytes) -> bool:
    """Whether a partition table stands in front of a superblock, which then is of an earlier life of the disk."""
    return is_disk(head) and not (is_ntfs(head) or is_exfat(head) or is_fat(head) or is_iso(head))


def closed(head: bytes) -> str | None:
    """The name of a volume or image that is recognised and not decoded."""
    for offset, magic, name in _CLOSED:
        if head[offset : offset + len(magic)] == magic:
            return name
    return None


_CLOSED = (
    (0, b"XFSB", "XFS file system"),
    (65536 + 64, b"_BHRfS_M", "btrfs file system"),
    (32, b"NXSB", "APFS container"),
    (3, b"-FVE-FS-", "BitLocker encrypted volume"),
    (3, b"MSWIN4.1-FVE-FS-", "BitLocker encrypted volume"),
    (4096, b"\xfc\x4e\x2b\xa9", "member of a Linux RAID"),
    (0, b"COWD", "VMDK disk image (COWD)"),
    (0, b"EVF2\x0d\x0a\x81", "Expert Witness disk image of version 2"),
    (0, b"LVF\x09\x0d\x0a\xff\x00", "Expert Witness logical image"),
    (0, b"<<< Oracle VM VirtualBox Disk Image >>>", "VirtualBox disk image"),
)


def is_ext(head: bytes) -> bool:
    """ext2, ext3, ext4: the superblock stands at 1024."""
    if head[1080:1082] != b"\x53\xef" or len(head) < 2048:
        return False
    inodes, blocks = struct.unpack_from("<II", head, 1024)
    first, log_block = struct.unpack_from("<II", head, 1044)
    blocks_group, _, inodes_group = struct.unpack_from("<III", head, 1056)
    sane: bool = inodes > 0 and blocks > 0 and first <= 1 and log_block <= 6
    most = 8 << (10 + log_block)
    if head[1024 + 0x65] & 2:  # blocks in clusters
        most <<= 16
    return sane and bool(0 < blocks_group <= most) and bool(0 < inodes_group <= most)


def is_ntfs(head: bytes) -> bool:
    """The boot sector names it."""
    return head[3:11] == b"NTFS    " and head[510:512] == b"\x55\xaa" and _power(head[11:13], 256, 4096)


def is_exfat(head: bytes) -> bool:
    """The boot sector names it."""
    return head[3:11] == b"EXFAT   " and head[510:512] == b"\x55\xaa" and 9 <= head[108] <= 12


def is_fat(head: bytes) -> bool:
    """FAT has no magic of its own: the boot sector's fields must all make sense."""
    if head[510:512] != b"\x55\xaa" or head[:1] not in (b"\xeb", b"\xe9") or head[3:11] == b"NTFS    ":
        return False
    reserved, copies, _, sectors = struct.unpack_from("<HBHH", head, 14)
    size16, large, size32 = struct.unpack_from("<H8xII", head, 22)
    return (
        _power(head[11:13], 512, 4096)
        and head[13] in (1, 2, 4, 8, 16, 32, 64, 128)
        and reserved > 0
        and 1 <= copies <= 2
        and (sectors > 0 or large > 0)
        and (size16 > 0 or size32 > 0)
        and head[21] in (0xF0, *range(0xF8, 0x100))
    )


def is_hfs(head: bytes) -> bool:
    """HFS+ and HFSX: the volume header stands at 1024."""
    if len(head) < 1536 or head[1024:1028] not in (b"H+\x00\x04", b"HX\x00\x05"):
        return False
    block, total = struct.unpack_from(">II", head, 1064)
    return bool(block >= 512 and block & (block - 1) == 0 and total > 0)


def is_iso(head: bytes) -> bool:
    """A volume descriptor of ISO 9660 stands at 32 KiB."""
    return head[32769:32774] == b"CD001"


def is_ufs(head: bytes) -> bool:
    """UFS1 and UFS2, of either byte order."""
    magics = (b"\x54\x19\x01\x00", b"\x00\x01\x19\x54"), (b"\x19\x01\x54\x19", b"\x19\x54\x01\x19")
    return head[8192 + 1372 :][:4] in magics[0] or head[65536 + 1372 :][:4] in magics[1]


_OPENED: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("ext", is_ext),
    ("NTFS", is_ntfs),
    ("exFAT", is_exfat),
    ("HFS+", is_hfs),
    ("ISO 9660", is_iso),
    ("UFS", is_ufs),
    ("FAT", is_fat),
)


def is_disk(head: bytes) -> bool:
    """Whether a partition table stands here: MBR with an entry that makes sense, GPT, or Apple's map.

    The boot sector of a FAT ends as an MBR does, so `file_system` is asked first.
    """
    if any(head[size : size + 8] == b"EFI PART" for size in (512, 4096)):
        return True
    if head[:2] == b"ER" and head[512:514] == b"PM":
        return True
    if len(head) < SECTOR or head[510:512] != b"\x55\xaa":
        return False
    entries = [head[446 + 16 * number :][:16] for number in range(4)]
    used = [entry for entry in entries if entry[4] != 0]
    return bool(used) and all(
        entry[0] in (0, 0x80) and entry[8:12] != bytes(4) and entry[12:16] != bytes(4) for entry in used
    )


def is_lvm(head: bytes) -> bool:
    """Whether an LVM2 label stands in one of the first four sectors: a disk of logical volumes."""
    return any(
        head[at : at + 8] == b"LABELONE" and head[at + 24 : at + 32] == b"LVM2 001" for at in range(0, 2048, SECTOR)
    )


def _power(field: bytes, least: int, most: int) -> bool:
    number = int.from_bytes(field, "little")
    return least <= number <= most and number & (number - 1) == 0
