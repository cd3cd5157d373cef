"""Segments of the write-ahead log: pages, records, and the page images in them (xlogrecord.h, xlog_internal.h).

A segment is read from its first byte to its last, also where it was recycled: behind the newest records stand those of
an older segment. Records are put together across pages. Their checksum is not computed: what is damaged may still hold
a row, and every row is compared with what is sought anyway.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zstandard import ZstdDecompressor, ZstdError

from beholden.forensics.postgres.varlena import Unreadable, lz4, pglz
from beholden.forensics.source import Source

SHORT, LONG = 24, 40
MAX_RECORD = 64 << 20
_PAGE = struct.Struct("<HHIQI")
_LONG_HEADER = 0x0002
_RECORD = struct.Struct("<IIQBBHI")
_LOCATOR = struct.Struct("<III")
_MAX_BLOCK, _DATA_SHORT, _DATA_LONG, _ORIGIN, _TOP = 32, 255, 254, 253, 252
_HAS_IMAGE, _HAS_DATA, _SAME_RELATION = 0x10, 0x20, 0x80
_FIRST_WITH_METHODS = 0xD110
"""PostgreSQL 15: from here on an image says by which method it is compressed."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A block that a record changes: its relation's file, its number, what is written there, and perhaps its image.

    `image` is None where there is none; `unreadable` counts the bytes of one that cannot be unpacked.
    """

    database: int
    file: int
    block: int
    data: bytes
    image: bytes | None = None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `place` is where it begins in the segment, `lsn` its address in the whole log."""

    place: int
    lsn: int
    xid: int
    info: int
    manager: int
    blocks: tuple[Reference, ...]
    main: bytes


@dataclass(frozen=True, slots=True)
class Stray:
    """Bytes that are no whole record: the rest of one that began before, or what is damaged."""

    place: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """What a segment's first page says: its page size and the version's number."""

    page: int
    magic: int


def read_shape(head: bytes) -> Shape | None:
    """The shape of the segment that begins so; None where it is none."""
    if len(head) < LONG:
        return None
    magic, info, _, address, _ = _PAGE.unpack_from(head)
    segment, page = struct.unpack_from("<II", head, 32)
    sound = (
        magic & 0xFF00 == 0xD100 and info & _LONG_HEADER and info < 0x10 and page in (4096, 8192, 16384, 32768, 65536)
    )
    sound = sound and segment & (segment - 1) == 0 and 1 << 20 <= segment <= 1 << 30 and address % segment == 0
    return Shape(page, magic) if sound else None


class Segment:
    """Reads a segment. `rows` of it are for the log's own reader; this knows nothing of tables."""

    def __init__(self, source: Source, shape: Shape) -> None:
        self._source = source
        self._shape = shape

    def parts(self) -> Iterator[Record | Stray]:
        """All records, and all bytes that are in none, in their order."""
        run = _Run(self._shape, 0, 0)
        for place in range(0, self._source.size, self._shape.page):
            page = self._source.read(place, self._shape.page)
            head = _page_head(page)
            if head is None or head.address != run.next_address or run.broken:
                yield from run.rest()
                run = _Run(self._shape, place, head.address if head else 0)
            if head is None:
                if page.strip(b"\x00"):
                    yield Stray(place, page)
                run.next_address = -1
            else:
                yield from run.add(page, place, head)
        yield from run.rest()


@dataclass(frozen=True, slots=True)
class _Head:
    address: int
    length: int
    remaining: int


def _page_head(page: bytes) -> _Head | None:
    if len(page) < LONG:
        return None
    magic, info, _, address, remaining = _PAGE.unpack_from(page)
    if magic & 0xFF00 != 0xD100 or info >= 0x10:
        return None
    return _Head(address, LONG if info & _LONG_HEADER else SHORT, remaining)


class _Run:
    """Pages whose addresses follow one another. A record that is not whole waits for the next page."""

    def __init__(self, shape: Shape, place: int, address: int) -> None:
        self._shape = shape
        self.next_address = address
        self._place = place
        self._address = address
        self._waiting = bytearray()  # grows by pages; a record may say that it is very long
        self._fresh = True
        self.broken = False

    def add(self, page: bytes, place: int, head: _Head) -> Iterator[Record | Stray]:
        """Go through one more page."""
        self.next_address = head.address + self._shape.page
        at = head.length
        if self._waiting and head.remaining != self._missing():
            yield from self.rest()
            self._fresh = True
        elif not self._waiting and head.remaining:
            self._fresh = True
        if self._fresh:  # what a record of an unseen page still has to say
            self._fresh = False
            end = min(len(page), at + (head.remaining + 7) // 8 * 8)
            if page[at:end].strip(b"\x00"):
                yield Stray(place + at, page[at:end])
            at = end
            self.broken = False
            if head.remaining > len(page) - head.length:
                self._fresh = True  # and it goes on in the next one
                return
        if not self._waiting:
            self._place, self._address = place + at, head.address + at
        self._waiting += page[at:]
        yield from self._records()

    def _missing(self) -> int:
        """How many bytes the record that waits still needs."""
        return int.from_bytes(self._waiting[:4], "little") - len(self._waiting)

    def rest(self) -> Iterator[Stray]:
        """What waits and will not become whole."""
        if self._waiting.strip(b"\x00"):
            yield Stray(self._place, bytes(self._waiting))
        self._waiting = bytearray()

    def _records(self) -> Iterator[Record | Stray]:
        done = 0
        data = self._waiting
        while done + 4 <= len(data):
            length = int.from_bytes(data[done : done + 4], "little")
            if length == 0:
                # The log ends here, or goes on behind zeros in the next page.
                if data[done:].strip(b"\x00"):
                    yield Stray(self._place + done, bytes(data[done:]))
                    self.broken = True
                done = len(data)
                break
            if length < _RECORD.size or length > MAX_RECORD:
                yield Stray(self._place + done, bytes(data[done:]))
                done, self.broken = len(data), True
                break
            if done + length > len(data):
                break
            raw = bytes(data[done : done + length])
            record = read_record(raw, self._place + done, self._address + done, self._shape)
            yield record if record is not None else Stray(self._place + done, raw)
            done += (length + 7) // 8 * 8
        del data[:done]
        self._place += done
        self._address += done


def read_record(data: bytes, place: int, lsn: int, shape: Shape) -> Record | None:
    """One record; None where its parts do not add up."""
    try:
        _, xid, _, info, manager, _, _ = _RECORD.unpack_from(data)
        heads, main_length, at = _block_heads(data, shape)
        blocks: list[Reference] = []
        for head in heads:
            image_end = at + head.image_length
            data_end = image_end + head.data_length
            if data_end > len(data):
                return None
            image, unreadable = _image(data[at:image_end], head) if head.image_length else (None, 0)
            blocks.append(Reference(head.database, head.file, head.block, data[image_end:data_end], image, unreadable))
            at = data_end
    except (struct.error, IndexError):
        return None
    if len(data) - at != main_length:
        return None
    return Record(place, lsn, xid, info, manager, tuple(blocks), data[at:])


@dataclass(slots=True)
class _BlockHead:
    data_length: int
    image_length: int = 0
    hole: int = 0
    hole_length: int = 0
    method: str = ""
    page: int = 8192
    database: int = 0
    file: int = 0
    block: int = 0


def _block_heads(data: bytes, shape: Shape) -> tuple[list[_BlockHead], int, int]:
    """The heads of all blocks, the length of the main data, and where the first block's bytes begin."""
    at = _RECORD.size
    heads: list[_BlockHead] = []
    claimed = 0
    # All heads end where the bytes that they claim begin.
    while at + claimed < len(data):
        id_ = data[at]
        if id_ == _DATA_SHORT:
            return heads, data[at + 1], at + 2
        if id_ == _DATA_LONG:
            return heads, int.from_bytes(data[at + 1 : at + 5], "little"), at + 5
        if id_ in (_ORIGIN, _TOP):
            at += 3 if id_ == _ORIGIN else 5
            continue
        if id_ > _MAX_BLOCK:
            raise IndexError(id_)
        head, at = _block_head(data, at, heads[-1] if heads else None, shape)
        heads.append(head)
        claimed += head.data_length + head.image_length
    return heads, 0, at


def _block_head(data: bytes, at: int, before: _BlockHead | None, shape: Shape) -> tuple[_BlockHead, int]:
    flags, length = struct.unpack_from("<BH", data, at + 1)
    at += 4
    head = _BlockHead(length if flags & _HAS_DATA else 0)
    if flags & _HAS_IMAGE:
        head.image_length, head.hole, info = struct.unpack_from("<HHB", data, at)
        at += 5
        head.method, has_hole = _method(info, shape)
        if has_hole and head.method:
            (head.hole_length,) = struct.unpack_from("<H", data, at)
            at += 2
        elif has_hole:
            head.hole_length = max(0, head.page - head.image_length)
    if flags & _SAME_RELATION:
        if before is None:
            raise IndexError("no relation before")
        head.database, head.file = before.database, before.file
    else:
        _, head.database, head.file = _LOCATOR.unpack_from(data, at)
        at += _LOCATOR.size
    (head.block,) = struct.unpack_from("<I", data, at)
    return head, at + 4


def _method(info: int, shape: Shape) -> tuple[str, bool]:
    """How an image is compressed, and whether the hole of its page was left out."""
    if shape.magic < _FIRST_WITH_METHODS:
        return ("pglz" if info & 0x02 else ""), bool(info & 0x01)
    for bit, name in ((0x04, "pglz"), (0x08, "lz4"), (0x10, "zstd")):
        if info & bit:
            return name, bool(info & 0x01)
    return "", bool(info & 0x01)


def _zstd(stored: bytes, size: int) -> bytes:
    try:
        return ZstdDecompressor().decompress(stored, max_output_size=size)
    except ZstdError as error:
        raise Unreadable(str(error)) from error


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "": lambda stored, _size: stored,
    "pglz": pglz,
    "lz4": lz4,
    "zstd": _zstd,
}


def _image(stored: bytes, head: _BlockHead) -> tuple[bytes | None, int]:
    """The page as it was, with its hole as zeros; None and the count of bytes where it cannot be unpacked."""
    try:
        unpacked = _UNPACK[head.method](stored, head.page - head.hole_length)
    except Unreadable:
        return None, len(stored)
    return unpacked[: head.hole] + bytes(head.hole_length) + unpacked[head.hole :], 0
