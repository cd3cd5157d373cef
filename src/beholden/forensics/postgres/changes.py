"""The tuples that records of the log write: inserts, updates, and what a delete says of the old row (heapam_xlog.h)."""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from beholden.forensics.postgres.tuples import FIXED
from beholden.forensics.postgres.wal import Record, Reference

HEAP2, HEAP = 9, 10
MAX_REMEMBERED = 20_000
_HEADER = struct.Struct("<HHB")
_TUPLE = struct.Struct("<IIIHHHHHB")
_OPERATION, _INIT = 0x70, 0x80
_INSERT, _DELETE, _UPDATE, _HOT_UPDATE, _MULTI_INSERT = 0x00, 0x10, 0x20, 0x40, 0x50
_PREFIX, _SUFFIX = 0x20, 0x40

Place = tuple[int, int, int, int]
"""Database, file, block and number of a tuple."""


@dataclass(frozen=True, slots=True)
class Change:
    """A tuple as a record gives it, put into the shape that it has in a page."""

    place: Place
    data: bytes
    what: str


class Changes:
    """Takes tuples out of records. An update leaves out what the old row had the same: that is remembered."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Place, bytes] = OrderedDict()

    def remember(self, place: Place, data: bytes) -> None:
        """Note the tuple at a place."""
        self._seen[place] = data
        self._seen.move_to_end(place)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)

    def of(self, record: Record) -> list[Change] | None:
        """The tuples of one record; None where it is of another kind, or says too little to make a whole tuple."""
        if record.manager not in (HEAP, HEAP2) or not (record.blocks or record.main):
            return None
        try:
            found = list(self._found(record))
        except (struct.error, IndexError):
            return None
        for change in found:
            if change.what != "deleted":
                self.remember(change.place, change.data)
        return found or None

    def _found(self, record: Record) -> Iterator[Change]:
        operation = record.info & _OPERATION
        if record.manager == HEAP2:
            if operation == _MULTI_INSERT and record.blocks:
                yield from _many(record, record.blocks[0])
        elif operation == _INSERT and record.blocks and record.blocks[0].data:
            number, _ = struct.unpack_from("<HB", record.main)
            yield _change(record, record.blocks[0], number, record.blocks[0].data, "inserted")
        elif operation == _DELETE and record.blocks and len(record.main) > 8 + _HEADER.size:
            _, number = struct.unpack_from("<IH", record.main)
            yield _change(record, record.blocks[0], number, record.main[8:], "deleted")
        elif operation in (_UPDATE, _HOT_UPDATE) and record.blocks:
            yield from self._updated(record)

    def _updated(self, record: Record) -> Iterator[Change]:
        _, old_number, _, flags, _, number = struct.unpack_from("<IHBBIH", record.main)
        new, old = record.blocks[0], record.blocks[-1]
        if len(record.main) > 14 + _HEADER.size:
            yield _change(record, old, old_number, record.main[14:], "deleted")
        data, prefix, suffix = new.data, 0, 0
        if not data:
            return
        if flags & _PREFIX:
            prefix, data = int.from_bytes(data[:2], "little"), data[2:]
        if flags & _SUFFIX:
            suffix, data = int.from_bytes(data[:2], "little"), data[2:]
        if prefix or suffix:
            before = self._seen.get((old.database, old.file, old.block, old_number))
            if before is None:
                raise IndexError("the old row is not in this segment")
            body = before[before[FIXED - 1] :]
            kept = _HEADER.size + data[4] - FIXED  # header, bitmap and padding
            data = data[:kept] + body[:prefix] + data[kept:] + (body[-suffix:] if suffix else b"")
        yield _change(record, new, number, data, "updated")


def _many(record: Record, block: Reference) -> Iterator[Change]:
    _, count = struct.unpack_from("<BxH", record.main)
    at = 0
    for n in range(count):
        at += at % 2
        length, *_ = struct.unpack_from("<H", block.data, at)
        number = n + 1 if record.info & _INIT else struct.unpack_from("<H", record.main, 4 + 2 * n)[0]
        yield _change(record, block, number, block.data[at + 2 : at + 7 + length], "inserted")
        at += 7 + length


def _change(record: Record, block: Reference, number: int, stored: bytes, what: str) -> Change:
    """The tuple of which `stored` has the two masks, the length of the header, and all behind the fixed header."""
    mask2, mask, body = _HEADER.unpack_from(stored)
    if body < FIXED:
        raise IndexError("no tuple")
    high, low = block.block >> 16, block.block & 0xFFFF
    head = _TUPLE.pack(record.xid, 0, 0, high, low, number, mask2, mask, body)
    place = (block.database, block.file, block.block, number)
    return Change(place, head + stored[_HEADER.size :], what)
