"""QCOW and QCOW2 images, with their snapshots.

After the QEMU project's `docs/interop/qcow2.txt`. A cluster that is stored nowhere is zeros, or stands in the image
that this one is based on, which is said.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import zstandard
from isal import isal_zlib

from beholden.backends.evidence.images.blocks import BlockImage, DamagedBlock, Places, Undecodable, directory
from beholden.forensics.containers import shown
from beholden.forensics.coverage import Reason
from beholden.forensics.source import Source
from beholden.model.errors import BadInput

MAGIC = b"QFI\xfb"
MAX_SNAPSHOTS = 1000
_ZEROS = 1
"""The place of a cluster that is said to be zeros; no cluster can stand there."""
_OFFSET = 0x00FFFFFFFFFFFE00
_EXTERNAL, _ZSTD, _EXTENDED = 4, 8, 16


class Encrypted(Exception):
    """The image's clusters are encrypted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the disk that was kept: its name, and where its own first table stands."""

    name: str
    first: int
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself; `bits` are those of a cluster's size."""

    version: int
    bits: int
    per_table: int
    zstd: bool
    based_on: str
    active: Snapshot
    snapshots: tuple[int, int] = (0, 0)


class QcowImage(BlockImage):
    """One state of the disk in a QCOW image."""

    def __init__(self, source: Source, header: Header, state: Snapshot) -> None:
        mask = (1 << 63) - 1 if header.version == 1 else _OFFSET
        entries = directory(source, state.first, state.count, ">u8") & mask
        super().__init__(source, state.size, 1 << header.bits, header.per_table, entries)
        self._old = header.version == 1
        self._split = 63 - header.bits if self._old else 70 - header.bits
        self._zstd = header.zstd
        if header.based_on:
            self.absent = f"in the image that it is based on, {header.based_on}"

    @property
    def expansion(self) -> int:
        """How many bytes may come out of compressed clusters."""
        tables = (self._table(int(number)) for number in np.flatnonzero(self._directory))
        return sum(int((table < 0).sum()) * self._block for table in tables if table is not None)

    def _read_table(self, number: int) -> Places:
        """Plain places as they are, compressed ones below zero."""
        table = self._numbers(int(self._directory[number]), self._per_table, ">u8")
        if self._old:
            return np.where(table < 0, -(table & ((1 << 63) - 1)), table)
        packed = table & (1 << 62) != 0
        plain = np.where(table & 1 == 1, _ZEROS, table & _OFFSET)
        return np.where(packed, -(table & ((1 << 62) - 1)), plain)

    def _stored(self, place: int, inside: int, length: int, index: int) -> bytes:
        if place == _ZEROS:
            return bytes(length)
        if place > 0:
            return self._plain(place + inside, length)
        kept = self._decoded.get(-place)
        if kept is None:
            start, size = self._packed(np.array([-place], np.int64))
            kept = self._decoded.put(-place, self._unpacked(self._plain(int(start[0]), int(size[0]))))
        return kept[inside : inside + length]

    def _packed(self, places: Places) -> tuple[Places, Places]:
        """Where compressed clusters begin, and the most bytes that they take."""
        start = places & ((1 << self._split) - 1)
        count = places >> self._split
        return start, count if self._old else (count + 1) * 512 - (start & 511)

    def _unpacked(self, data: bytes) -> bytes:
        try:
            if self._zstd:
                made = zstandard.ZstdDecompressor().decompressobj(write_size=self._block).decompress(data)
            else:
                made = isal_zlib.decompressobj(-15).decompress(data, self._block)
        except (Undecodable, zstandard.ZstdError) as error:
            raise DamagedBlock(Reason.DAMAGED_IMAGE, "a cluster cannot be decompressed") from error
        if len(made) < self._block:
            raise DamagedBlock(Reason.DAMAGED_IMAGE, "a compressed cluster ends early", made)
        return made[: self._block]

    def _taken(self, places: Places) -> tuple[Places, Places]:
        plain = places[places > _ZEROS]
        start, size = self._packed(-places[places < 0])
        sizes = np.full(len(plain), self._block, np.int64)
        return np.concatenate([plain, start]), np.concatenate([sizes, size])


def read_header(source: Source) -> Header:
    """An image's header. Raises BadInput where it makes no sense or needs what is not here, Encrypted where it is."""
    head = source.read(0, 112).ljust(112, b"\x00")
    version, base, base_length = struct.unpack_from(">IQI", head, 4)
    based_on = ""
    if base and 0 < base_length <= 1023:
        based_on = shown(source.read(base, base_length).decode("utf-8", "replace"))
    if version == 1:
        return _old(head, based_on)
    if version not in (2, 3):
        raise BadInput(f"The QCOW image is of version {version}.")
    bits, size, crypt, count, first = struct.unpack_from(">IQIIQ", head, 20)
    features = int.from_bytes(head[72:80], "big") if version == 3 else 0
    if crypt:
        raise Encrypted
    if features & (_EXTERNAL | _EXTENDED):
        raise BadInput("The QCOW image keeps its clusters in another file, or in halves.")
    if not 9 <= bits <= 21:
        raise BadInput("The QCOW image's clusters have a size that makes no sense.")
    active = Snapshot("", first, count, size)
    snapshots = struct.unpack_from(">IQ", head, 60)
    return Header(
        version, bits, 1 << (bits - 3), bool(features & _ZSTD) and head[104] == 1, based_on, active, snapshots
    )


def _old(head: bytes, based_on: str) -> Header:
    size, bits, table_bits, crypt, first = struct.unpack_from(">QBB2xIQ", head, 24)
    if crypt:
        raise Encrypted
    if not 9 <= bits <= 21 or not 6 <= table_bits <= 18:
        raise BadInput("The QCOW image's clusters have a size that makes no sense.")
    count = -(-size // (1 << (bits + table_bits)))
    return Header(1, bits, 1 << table_bits, False, based_on, Snapshot("", first, count, size))


def snapshots(source: Source, header: Header) -> Iterator[Snapshot]:
    """The states of the disk that were kept, as far as their list can be read."""
    count, at = header.snapshots
    for _ in range(min(count, MAX_SNAPSHOTS)):
        head = source.read(at, 40)
        if len(head) < 40:
            return
        first, entries, id_length, name_length = struct.unpack_from(">QIHH", head)
        extra_length = int.from_bytes(head[36:40], "big")
        if extra_length > 1024:
            return
        extra = source.read(at + 40, extra_length)
        size = int.from_bytes(extra[8:16], "big") if extra_length >= 16 else header.active.size
        name = source.read(at + 40 + extra_length + id_length, name_length).decode("utf-8", "replace")
        yield Snapshot(name, first, entries, size)
        at += (40 + extra_length + id_length + name_length + 7) // 8 * 8
