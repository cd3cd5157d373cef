"""InnoDB tablespaces (.ibd) read as bytes: which records of a page are live, and everything else as leftovers.

Written from MySQL's own description ("InnoDB Page Structure" and "Record Structure" of its internals manual). The
dictionary is not read, so no columns are known: a record is given as its bytes, with whether it is live, for a search
that needs no columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.region import State
from beholden.forensics.source import Source
from beholden.forensics.text import is_blank

HEAD = 64
_FIL, _PAGE, _TRAILER = 38, 56, 8
_FSP_HDR, _INDEX = 8, 17855
_INFIMUM, _SUPREMUM = 99, 112
_DELETED = 0x20
_KINDS = {_FSP_HDR: "header", _INDEX: "index", 2: "undo log", 10: "long value", 17853: "dictionary"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first page says: the page size, in bytes, and whether pages are compressed or encrypted."""

    page: int
    packed: bool
    encrypted: bool


def read_shape(head: bytes) -> Shape | None:
    """The shape of the tablespace that begins so; None where it is none.

    Page 0 is a header page, and says the number of its tablespace twice.
    """
    if len(head) < HEAD or head[4:8] != bytes(4) or int.from_bytes(head[24:26], "big") != _FSP_HDR:
        return None
    if head[34:38] != head[38:42] or not int.from_bytes(head[46:50], "big"):
        return None
    flags = int.from_bytes(head[54:58], "big")
    if flags & 0x10:  # MariaDB since 10.5 ("full_crc32")
        packed, page = 0, flags & 15
        if flags >> 5 & 7:
            return None if page not in range(3, 8) else Shape(512 << page, packed=True, encrypted=False)
    else:
        packed, page = flags >> 1 & 15, flags >> 6 & 15
    size = 512 << page if page else 16384
    if size not in (4096, 8192, 16384, 32768, 65536) or packed > 7:
        return None
    return Shape(512 << packed if packed else size, bool(packed), bool(flags >> 13 & 1))


def read_tablespace(source: Source) -> "Tablespace | None":
    """The tablespace that a file is; None where its first page is no such header."""
    shape = read_shape(source.read(0, HEAD))
    return Tablespace(source, shape) if shape is not None else None


class Tablespace:
    """A tablespace. Go through `rows` once; `faults` then counts, in words, what made no sense."""

    def __init__(self, source: Source, shape: Shape) -> None:
        self._source = source
        self._shape = shape
        self.faults: dict[str, int] = {}
        self.unreadable = 0
        self.missing = 0

    def rows(self) -> Iterator[Row | Leftover]:
        """The records of all pages, live ones first; then all other bytes."""
        for live in (True, False):
            for number, offset in enumerate(range(0, self._source.size, self._shape.page)):
                data = self._source.read(offset, self._shape.page)
                if not is_blank(data):
                    yield from self._page(number, offset, data, live=live)

    def _page(self, number: int, offset: int, data: bytes, *, live: bool) -> Iterator[Leftover]:
        kind = int.from_bytes(data[24:26], "big")
        records = self._records(data, count=live) if kind == _INDEX and not self._shape.packed else []
        if (live and self._shape.packed and kind == _INDEX) or (live and self._shape.encrypted and number):
            self.unreadable += len(data)
        zone = f"{_KINDS.get(kind, 'other')} page"
        if live:
            for start, end in records:
                yield Leftover(data[start:end], "", zone, number, offset + start, State.LIVE)
            return
        state = State.DELETED if kind == _INDEX else State.UNKNOWN
        at = 0
        for start, end in [*records, (len(data), len(data))]:
            if data[at:start].strip(b"\x00"):
                yield Leftover(data[at:start], "", zone, number, offset + at, state)
            at = max(at, end)

    def _records(self, data: bytes, *, count: bool) -> list[tuple[int, int]]:
        """The extents of the live records of a page, by place: each from its own bytes to the next record's."""
        chained = _chain(data)
        if chained is None:
            if count:
                self.faults["pages whose records form no chain"] = (
                    self.faults.get("pages whose records form no chain", 0) + 1
                )
            return []
        removed = _removed(data)
        # Every record of the heap is a border, a removed one too, whose bytes lie between live ones.
        borders = sorted({*chained, *removed, int.from_bytes(data[_FIL + 2 : _FIL + 4], "big") & 0x7FFF})
        found: list[tuple[int, int]] = []
        for place, start in enumerate(borders[:-1]):
            if start in chained and not data[start - 5] & _DELETED:
                found.append((start, borders[place + 1]))
        return found


def _next(data: bytes, origin: int) -> int:
    """The record after this one: two bytes before it, relative to it."""
    step = int.from_bytes(data[origin - 2 : origin], "big", signed=True)
    return origin + step if step else 0


def _chain(data: bytes) -> set[int] | None:
    """The records from the lowest to the highest of a page in the compact format; None where they form no chain."""
    if len(data) < _SUPREMUM + 8 + _TRAILER or not data[_FIL + 4] & 0x80:
        return None
    if data[_INFIMUM : _INFIMUM + 7] != b"infimum" or data[_SUPREMUM : _SUPREMUM + 8] != b"supremum":
        return None
    found: set[int] = set()
    at = _next(data, _INFIMUM)
    while at != _SUPREMUM:
        if not _SUPREMUM + 8 + 5 <= at < len(data) - _TRAILER or at in found:
            return None
        found.add(at)
        at = _next(data, at)
    return found


def _removed(data: bytes) -> set[int]:
    """The records in the page's list of free space, as far as it makes sense."""
    found: set[int] = set()
    at = int.from_bytes(data[_FIL + 6 : _FIL + 8], "big")
    while _SUPREMUM + 8 + 5 <= at < len(data) - _TRAILER and at not in found:
        found.add(at)
        at = _next(data, at)
    return found
