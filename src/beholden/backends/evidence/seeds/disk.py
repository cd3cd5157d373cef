"""Made-up people on a small FAT disk: in a file, in a deleted one, and in what no file has any more."""

import struct
from collections.abc import Mapping

from beholden.backends.evidence.seeds.texts import Format, csv

_SECTOR = 512
_SECTORS = 400
_FAT_SECTORS = 2
_ROOT_ENTRIES = 64
_FIRST = 1 + 2 * _FAT_SECTORS + _ROOT_ENTRIES * 32 // _SECTOR
"""The sector of cluster 2, which is the first one; a cluster is a sector."""
_BEGIN = 10
"""The cluster in which the people begin."""
_END = 0xFFF


def _disk(data: bytes, name: bytes, *, allocated: bool) -> bytes:
    """A volume with FAT12 (ECMA-107). It holds one file, deleted where nothing is allocated; none without a name."""
    boot = b"\xeb\x3c\x90BEHOLDEN" + struct.pack(
        "<HBHBHHBHHHIIBBBI11s8s", _SECTOR, 1, 1, 2, _ROOT_ENTRIES, _SECTORS, 0xF8, _FAT_SECTORS, 32, 2, 0, 0,
        0x80, 0, 0x29, 1, b"SEEDS      ", b"FAT12   ",
    )  # fmt: skip
    clusters = -(-len(data) // _SECTOR)
    links = [0xFF8, _END] + [0] * (_FAT_SECTORS * _SECTOR * 2 // 3 - 2)
    if allocated:
        links[_BEGIN : _BEGIN + clusters] = [*range(_BEGIN + 1, _BEGIN + clusters), _END]
    fat = b"".join((low | high << 12).to_bytes(3, "little") for low, high in zip(links[::2], links[1::2], strict=True))
    entry = struct.pack("<11sB14xHI", name, 0x20, _BEGIN, len(data)) if name else b""
    table = fat.ljust(_FAT_SECTORS * _SECTOR, b"\0")
    start = (boot.ljust(_SECTOR - 2, b"\0") + b"\x55\xaa" + table + table + entry).ljust(_FIRST * _SECTOR, b"\0")
    return (start + bytes((_BEGIN - 2) * _SECTOR) + data).ljust(_SECTORS * _SECTOR, b"\0")


def _of_table(name: bytes, *, allocated: bool) -> Format:
    return lambda people: _disk(csv(people).encode(), name, allocated=allocated)


DISKS: Mapping[str, Format] = {
    "FAT disk, file": _of_table(b"PEOPLE  CSV", allocated=True),
    "FAT disk, deleted file": _of_table(b"\xe5EOPLE  CSV", allocated=False),
    "FAT disk, unallocated space": _of_table(b"", allocated=False),
}
