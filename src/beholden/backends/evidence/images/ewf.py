"""Expert Witness images (EWF-1: E01 and S01), in one segment or many.

After Joachim Metz, "Expert Witness Compression Format specification" (libewf). A segment is a chain of sections; the
section `volume` says how large the disk is, each `table` where the next chunks stand. A chunk is deflated, or plain
with an Adler-32 behind it. What is damaged costs its own chunk only.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from beholden.backends.evidence.images.blocks import (
    LARGEST_BLOCK,
    Cache,
    DamagedBlock,
    Faults,
    Places,
    Undecodable,
    joined,
)
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage
from beholden.forensics.region import Ranges, merged
from beholden.forensics.source import Joined, Source
from beholden.model.errors import BadInput

MAGIC = b"EVF\x09\x0d\x0a\xff\x00"
SECTION = 76
STEP = 4 << 20
MAX_SECTIONS = 1_000_000
MAX_CHUNKS = 1 << 31
_COMPRESSED = 1 << 31
_UNSAID = 2


@dataclass(slots=True)
class _Layout:
    """What the sections of all segments say together."""

    chunks: int = 0
    chunk: int = 0
    size: int = 0
    places: list[Places] = field(default_factory=list)
    lengths: list[npt.NDArray[np.int32]] = field(default_factory=list)
    packed: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    covers: list[tuple[int, int]] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    unread: list[tuple[int, int]] = field(default_factory=list)
    """Sectors that could not be read when the image was made: the first, and how many."""
    faults: list[str] = field(default_factory=list)
    finished: bool = False
    broken: bool = False
    """Whether the chain of sections is torn: chunks behind it cannot be counted any more."""


@dataclass(frozen=True, slots=True)
class _Section:
    kind: str
    start: int
    size: int

    @property
    def data(self) -> int:
        return self.start + SECTION


class EwfImage:
    """The disk in an Expert Witness image. Raises BadInput where there is no description of it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults = Faults()
        self.said: list[str] = []
        layout = _read(source)
        if not layout.chunk:
            raise BadInput("The Expert Witness image does not say how large its disk is.")
        self.size, self._chunk = layout.size, layout.chunk
        # 13 bytes a chunk: half a gigabyte for a disk of a terabyte.
        self._starts = np.concatenate([np.zeros(0, np.int64), *layout.places])[: layout.chunks]
        self._lengths = np.concatenate([np.zeros(0, np.int32), *layout.lengths])[: layout.chunks]
        self._packed = np.concatenate([np.zeros(0, np.bool_), *layout.packed])[: layout.chunks]
        self._covers = merged(layout.covers)
        self._stored_digests = layout.stored
        self._complete = layout.finished
        self.size = max(self.size, self._half_sector())
        self._cache = Cache()
        for fault in layout.faults:
            self.said.append(fault)
        sector = max(1, self._chunk // max(1, self._chunk // 512))
        for first, count in layout.unread:
            length = min(count * sector, self.size - first * sector)
            self.faults.note(first * sector, length, Reason.DAMAGED_IMAGE, "could not be read when the image was made")

    def _half_sector(self) -> int:
        """The disk's size where its last chunk says more than whole sectors: what was imaged was a file."""
        before = (len(self._starts) - 1) * self._chunk
        if before < 0 or self._packed[-1] or not before < self.size <= before + self._chunk:
            return 0
        return before + min(self._chunk, int(self._lengths[-1]) - 4)

    @property
    def expansion(self) -> int:
        """How many bytes may come out of deflated chunks."""
        return int(self._packed.sum()) * self._chunk

    def covers(self) -> Ranges:
        """The bytes of the segments that hold chunks."""
        return self._covers

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        length = max(0, min(length, self.size - offset))
        if not length:
            return b""
        first, last = offset // self._chunk, (offset + length - 1) // self._chunk
        pieces = list(self._chunks(first, last))
        inside = offset - first * self._chunk
        if len(pieces) == 1:
            return pieces[0][inside : inside + length]
        pieces[0] = pieces[0][inside:]
        return b"".join(pieces)[:length]

    def damage(self) -> Sequence[Damage]:
        """See Unpacked."""
        return self.faults.listed()

    def checks(self) -> Sequence[str]:
        """See Unpacked."""
        return tuple(self.said)

    def verify(self) -> None:
        """Read everything once and compare it with the digest that the image brings: SHA-1, or MD5 where that is all.

        What was damaged is known from then on. A digest that does not agree is a fault of no known place.
        """
        name = "SHA1" if "SHA1" in self._stored_digests else "MD5"
        digest = hashlib.new(name.lower(), usedforsecurity=False)
        for start in range(0, self.size, STEP):
            digest.update(self.read(start, STEP))
        stored = self._stored_digests.get(name)
        if stored is None:
            self.said.append("the image holds no digest of its disk")
        elif stored == digest.digest():
            self.said.append(f"the {name} stored in the image is that of what was read ({stored.hex()})")
        else:
            detail = f"the {name} stored in the image ({stored.hex()}) is not that of what was read"
            self.faults.mismatch(f"{detail} ({digest.hexdigest()})")

    def _chunks(self, first: int, last: int) -> Iterator[bytes]:
        """Whole chunks; those that stand side by side are read together."""
        index = first
        while index <= last:
            kept = self._cache.get(index)
            if kept is not None:
                yield kept
                index += 1
                continue
            stop = self._side_by_side(index, last)
            start = int(self._starts[index]) if index < len(self._starts) else 0
            end = self._end(stop) if stop < len(self._starts) else 0
            data = memoryview(self.source.read(start, end - start) if end > start else b"")
            for number in range(index, stop + 1):
                yield self._cache.put(number, self._decoded(number, data, start))
            index = stop + 1

    def _end(self, index: int) -> int:
        return int(self._starts[index]) + int(self._lengths[index])

    def _side_by_side(self, index: int, last: int) -> int:
        """The last chunk that follows this one without a gap, within a step."""
        if index >= len(self._starts):
            return index
        stop = index
        limit = int(self._starts[index]) + STEP
        while stop < last and stop + 1 < len(self._starts) and self._starts[stop + 1] == self._end(stop) < limit:
            if self._cache.get(stop + 1) is not None:
                break
            stop += 1
        return stop

    def _decoded(self, index: int, data: memoryview, base: int) -> bytes:
        length = min(self._chunk, self.size - index * self._chunk)
        try:
            if index >= len(self._starts) or self._starts[index] < 0:
                raise DamagedBlock(*self._missing())
            packed = data[int(self._starts[index]) - base : self._end(index) - base]
            chunk = _unpacked(packed, length) if self._packed[index] else _checked(packed, length)
        except DamagedBlock as fault:
            self.faults.note(index * self._chunk, length, fault.reason, fault.detail)
            chunk = fault.kept[:length]
        return chunk if len(chunk) == length else chunk + bytes(length - len(chunk))

    def _missing(self) -> tuple[Reason, str]:
        if self._complete:
            return Reason.DAMAGED_IMAGE, "the image's tables do not say where it is"
        return Reason.ELSEWHERE, "in a segment of the image that is missing or cut off"


def _unpacked(packed: memoryview, length: int) -> bytes:
    """A chunk that is said to be deflated. Behind 2 GiB that is guessed, so it may be plain all the same."""
    try:
        return _inflated(packed, length)
    except DamagedBlock:
        with suppress(DamagedBlock):
            return _checked(packed, length)
        raise


def _inflated(packed: memoryview, length: int) -> bytes:
    engine = isal_zlib.decompressobj()
    kept = b""
    try:
        kept = engine.decompress(packed, length)
        if len(kept) == length and not engine.eof:
            engine.decompress(engine.unconsumed_tail, 1)  # the checksum stands behind the last byte
    except Undecodable as error:
        raise DamagedBlock(Reason.DAMAGED_IMAGE, "a chunk cannot be decompressed", kept or _partly(packed)) from error
    if len(kept) < length or not engine.eof:
        raise DamagedBlock(Reason.DAMAGED_IMAGE, "a chunk ends early", kept)
    return kept


def _partly(packed: memoryview) -> bytes:
    """What comes out of a damaged chunk before the damage."""
    engine = zlib.decompressobj()
    made = b""
    try:
        for start in range(0, len(packed), 256):
            made += engine.decompress(packed[start : start + 256], LARGEST_BLOCK)
    except zlib.error:
        pass
    return made


def _checked(packed: memoryview, length: int) -> bytes:
    data = bytes(packed[:length])
    if len(packed) < length + 4 or zlib.adler32(data) != int.from_bytes(packed[length : length + 4], "little"):
        raise DamagedBlock(Reason.DAMAGED_IMAGE, "a chunk's checksum is wrong", data)
    return data


# Sections


def _read(source: Source) -> _Layout:
    layout = _Layout()
    segments = source.parts if isinstance(source, Joined) else (source,)
    base = 0
    for number, segment in enumerate(segments, 1):
        head = segment.read(0, 13)
        if layout.broken:
            break
        if head[:8] != MAGIC or int.from_bytes(head[9:11], "little") != number:
            layout.faults.append(f"segment {number} is missing or is no segment of this image")
            break
        _segment(segment, base, layout)
        base += segment.size
    return layout


def _segment(segment: Source, base: int, layout: _Layout) -> None:
    data_end = 0
    table: _Section | None = None
    section: _Section | None = None
    for section in _sections(segment):
        if table is not None and section.kind != "table2":
            _lost(segment, table, layout)
            table = None
        if section.kind in ("volume", "disk", "data") and not layout.chunk:
            _volume(segment.read(section.data, min(1052, section.size - SECTION)), layout)
        elif section.kind == "sectors":
            data_end = section.start + section.size
        elif section.kind == "table":
            table = None if _table(segment, section, base, data_end, layout) else section
        elif section.kind == "table2" and table is not None:
            layout.faults.append(f"a table at byte {table.start} of a segment is damaged; its copy was used")
            if not _table(segment, section, base, data_end, layout):
                _lost(segment, table, layout)
            table = None
        elif section.kind == "hash":
            layout.stored.setdefault("MD5", segment.read(section.data, 16))
        elif section.kind == "digest":
            both = segment.read(section.data, 36)
            layout.stored.update({"MD5": both[:16], "SHA1": both[16:]} if len(both) == 36 else {})
        elif section.kind == "error2":
            _errors(segment, section, layout)
        elif section.kind == "done":
            layout.finished = True
    if table is not None:
        _lost(segment, table, layout)
    layout.broken = layout.broken or section is None or section.kind not in ("next", "done")


def _lost(segment: Source, table: _Section, layout: _Layout) -> None:
    """A table of which no copy can be read. Only while its count can be, the chunks behind it keep their places."""
    head = segment.read(table.data, 24)
    count = int.from_bytes(head[:4], "little")
    known = zlib.adler32(head[:20]) == int.from_bytes(head[20:24], "little") and 4 * count <= table.size
    if not known:
        layout.broken = True
        return
    layout.places.append(np.full(count, -1, np.int64))
    layout.lengths.append(np.zeros(count, np.int32))
    layout.packed.append(np.zeros(count, np.bool_))


def _sections(segment: Source) -> Iterator[_Section]:
    """The chain of sections; it only ever leads forwards."""
    at = 13
    for _ in range(MAX_SECTIONS):
        head = segment.read(at, SECTION)
        if len(head) < SECTION or zlib.adler32(head[:72]) != int.from_bytes(head[72:], "little"):
            return
        following, size = struct.unpack_from("<QQ", head, 16)
        kind = head[:16].rstrip(b"\x00").decode("latin-1")
        yield _Section(kind, at, max(0, min(size or following - at, segment.size - at)))
        if kind in ("next", "done") or following <= at:
            return
        at = following


def _volume(data: bytes, layout: _Layout) -> None:
    if len(data) < 24:
        return
    chunks, sectors, sector, count = struct.unpack_from("<IIIQ", data, 4)
    if len(data) < 1052:  # SMART writes 32 bits
        count &= 0xFFFFFFFF
    if not 512 <= sector <= 65536 or not 0 < sectors * sector <= LARGEST_BLOCK or not 0 < chunks <= MAX_CHUNKS:
        raise BadInput("The Expert Witness image's description of its disk makes no sense.")
    layout.chunks, layout.chunk = chunks, sectors * sector
    layout.size = min(count * sector, chunks * layout.chunk) or chunks * layout.chunk


def _table(segment: Source, section: _Section, base: int, data_end: int, layout: _Layout) -> bool:
    """Add a table's chunks; False where it is damaged. A chunk may not begin before the one in front of it."""
    head = segment.read(section.data, 24)
    count = int.from_bytes(head[:4], "little")
    raw = segment.read(section.data + 24, min(4 * count, section.size))
    if len(head) < 24 or len(raw) < 4 * count or not layout.chunk or layout.broken:
        return False
    behind = segment.read(section.data + 24 + 4 * count, 4)
    if zlib.adler32(head[:20]) != int.from_bytes(head[20:24], "little"):
        return False
    if count and section.size >= SECTION + 28 + 4 * count and zlib.adler32(raw) != int.from_bytes(behind, "little"):
        return False
    entries = np.frombuffer(raw, "<u4").astype(np.int64)
    starts, packed = _offsets(entries)
    starts = starts + int.from_bytes(head[8:16], "little", signed=True)
    last = data_end if count and starts[-1] < data_end else section.start
    if count and starts[-1] >= section.start:
        last = section.start + section.size  # the oldest format has the chunks behind their table
    ends = np.append(starts[1:], last)[:count]
    if count and (bool((ends < starts).any()) or starts[0] < 0):
        return False
    layout.places.append(base + starts)
    lengths = np.minimum(ends - starts, 2 * layout.chunk + 4096)
    layout.lengths.append(lengths.astype(np.int32))
    layout.packed.append(np.where(packed == _UNSAID, lengths != layout.chunk + 4, packed != 0))
    layout.covers += joined(base + starts, lengths, base + segment.size)
    return True


def _offsets(entries: Places) -> tuple[Places, Places]:
    """Offsets, and whether the chunk is deflated: behind 2 GiB some tools use the upper bit for the offset, and do not
    say it; a plain chunk is then one that is exactly as long as such a one."""
    low = entries & (_COMPRESSED - 1)
    fallen = np.flatnonzero(low[1:] < low[:-1])
    packed = (entries & _COMPRESSED) >> 31
    if len(fallen):
        turn = int(fallen[0]) + 1
        low[turn:] = entries[turn:]
        packed[turn:] = _UNSAID
    return low, packed


def _errors(segment: Source, section: _Section, layout: _Layout) -> None:
    count = int.from_bytes(segment.read(section.data, 4), "little")
    raw = segment.read(section.data + 520, min(8 * count, max(0, section.size - SECTION - 520)))
    for first, number in struct.iter_unpack("<II", raw[: len(raw) // 8 * 8]):
        layout.unread.append((first, number))
