"""Apple disk images (UDIF) that are plain, zlib, bzip2 or LZMA; what is packed otherwise is unreadable.

After the description in Vu Le's "Demystifying the DMG file format" and what Apple's tools write: a list of runs of
sectors in a property list, one list a partition.
"""

import bz2
import lzma
import plistlib
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from isal import isal_zlib

from beholden.backends.evidence.images.blocks import Cache, DamagedBlock, Faults, Undecodable, joined
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage
from beholden.forensics.region import Ranges
from beholden.forensics.source import Source
from beholden.model.errors import BadInput

SECTOR = 512
LARGEST_LIST = 64 << 20
LARGEST_RUN = 64 << 20
MAX_RUNS = 4_000_000
LZMA_MEMORY: Final = 256 << 20
_ZERO, _RAW, _IGNORE = 0, 1, 2
_ADC, _ZLIB, _BZIP2, _LZFSE, _LZMA = 0x80000004, 0x80000005, 0x80000006, 0x80000007, 0x80000008
_COMMENT, _END = 0x7FFFFFFE, 0xFFFFFFFF
_HOLES = (_ZERO, _IGNORE)


@dataclass(frozen=True, slots=True)
class _Run:
    kind: int
    start: int
    length: int
    place: int
    packed: int


class DmgImage:
    """The disk in an Apple disk image. Raises BadInput where its list of runs cannot be read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults = Faults()
        if source.size < SECTOR:
            raise BadInput("The DMG image is shorter than its last sector, which describes it.")
        trailer = source.read(source.size - SECTOR, SECTOR)
        fork, _, place, length = *struct.unpack_from(">QQ", trailer, 24), *struct.unpack_from(">QQ", trailer, 216)
        if not 0 < length <= LARGEST_LIST or place + length > source.size:
            raise BadInput("The DMG image has no list of its parts.")
        runs = sorted(_runs(source.read(place, length), fork), key=lambda run: run.start)
        self._runs: list[_Run] = []
        for run in runs:
            if not self._runs or run.start >= self._runs[-1].start + self._runs[-1].length:
                self._runs.append(run)
        if not self._runs:
            raise BadInput("The DMG image's list of its parts is empty.")
        self._starts = [run.start for run in self._runs]
        self.size = self._runs[-1].start + self._runs[-1].length
        self._cache = Cache()

    @property
    def expansion(self) -> int:
        """How many bytes may come out of compressed runs."""
        return sum(run.length for run in self._runs if run.kind not in (*_HOLES, _RAW))

    def covers(self) -> Ranges:
        """The bytes of the image's file that hold runs."""
        held = [run for run in self._runs if run.kind not in _HOLES]
        places = np.array([run.place for run in held], np.int64)
        return joined(places, np.array([run.packed for run in held], np.int64), self.source.size)

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        length = max(0, min(length, self.size - offset))
        pieces: list[bytes] = []
        while length > 0:
            index = bisect_right(self._starts, offset) - 1
            end = self._starts[index + 1] if index + 1 < len(self._starts) else self.size
            take = min(length, end - offset)
            pieces.append(self._part(index, offset, take) if index >= 0 else bytes(take))
            offset, length = offset + take, length - take
        return b"".join(pieces)

    def next_data(self, offset: int) -> int:
        """See Sparse."""
        for index in range(max(0, bisect_right(self._starts, offset) - 1), len(self._runs)):
            run = self._runs[index]
            if run.kind not in _HOLES and run.start + run.length > offset:
                return max(offset, run.start)
        return self.size

    def damage(self) -> Sequence[Damage]:
        """See Unpacked."""
        return self.faults.listed()

    def _part(self, index: int, offset: int, take: int) -> bytes:
        run = self._runs[index]
        inside = offset - run.start
        if run.kind in _HOLES or inside >= run.length:
            return bytes(take)
        try:
            if run.kind == _RAW:
                data = self.source.read(run.place + inside, min(take, run.length - inside))
            else:
                data = self._unpacked(index, run)[inside : inside + take]
            if len(data) < min(take, run.length - inside):
                raise DamagedBlock(Reason.DAMAGED_IMAGE, "a part of the image is cut off", data)
        except DamagedBlock as fault:
            self.faults.note(run.start, run.length, fault.reason, fault.detail)
            data = fault.kept
        return data + bytes(take - len(data))

    def _unpacked(self, index: int, run: _Run) -> bytes:
        kept = self._cache.get(index)
        if kept is None:
            if run.packed > run.length + (1 << 20):
                raise DamagedBlock(Reason.DAMAGED_IMAGE, "a part has a size that makes no sense")
            kept = self._cache.put(index, _decoded(run, self.source.read(run.place, run.packed)))
        return kept


def _decoded(run: _Run, data: bytes) -> bytes:
    try:
        if run.kind == _ZLIB:
            return isal_zlib.decompressobj().decompress(data, run.length)
        if run.kind == _BZIP2:
            return bz2.BZ2Decompressor().decompress(data, run.length)
        if run.kind == _LZMA:
            return lzma.LZMADecompressor(memlimit=LZMA_MEMORY).decompress(data, run.length)
    except (Undecodable, OSError, EOFError, lzma.LZMAError) as error:
        raise DamagedBlock(Reason.DAMAGED_IMAGE, "a part cannot be decompressed") from error
    name = {_ADC: "ADC", _LZFSE: "LZFSE"}.get(run.kind, f"method {run.kind:#x}")
    raise DamagedBlock(Reason.METHOD, f"packed by {name}")


def _runs(listed: bytes, fork: int) -> Iterator[_Run]:
    """All runs of all partitions, at their place on the disk."""
    try:
        blocks: Any = plistlib.loads(listed, fmt=plistlib.FMT_XML)["resource-fork"]["blkx"]
        tables = [bytes(block["Data"]) for block in blocks]
    except Exception as error:  # expat, dates, base64: many kinds of error, all a broken list
        raise BadInput("The DMG image's list of its parts cannot be read.") from error
    count = 0
    for table in tables:
        if len(table) < 204 or table[:4] != b"mish":
            continue
        base, _, data = struct.unpack_from(">QQQ", table, 8)
        for kind, _, first, sectors, place, packed in struct.iter_unpack(
            ">IIQQQQ", table[204:][: (len(table) - 204) // 40 * 40]
        ):
            count += 1
            if kind == _END or count > MAX_RUNS:
                break
            sane = max(base + first, sectors, place, packed, data) < 1 << 53
            if kind == _COMMENT or not sectors or not sane:
                continue
            if kind not in (*_HOLES, _RAW) and sectors * SECTOR > LARGEST_RUN:
                continue
            yield _Run(kind, (base + first) * SECTOR, sectors * SECTOR, fork + data + place, packed)
