"""Indexes: the values in a b-tree's leaves. Their rows are in the table; a value may outlive its row here."""

import struct
from collections.abc import Iterator

from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.postgres import tuples
from beholden.forensics.postgres.heap import ALONE, Block, Context, Zone, blocks
from beholden.forensics.postgres.infer import Sample, infer
from beholden.forensics.postgres.layout import Column, decode
from beholden.forensics.postgres.page import Item, Kind, Page, Use, unclaimed
from beholden.forensics.postgres.tuples import Tuple
from beholden.forensics.region import State
from beholden.forensics.source import Source

_LEAF = 1
_HAS_NULL, _OTHER, _SIZE = 0x8000, 0x2000, 0x1FFF
_POSTING = 0x2000
_MOST_COLUMNS = 4
_SAMPLES = 24


class Index:
    """An index file. What it holds may be live or deleted: only its table says which."""

    def __init__(self, source: Source, size: int, context: Context = ALONE) -> None:
        self._source = source
        self._size = size
        self._context = context
        self._columns = context.columns
        self.faults: dict[str, int] = {}
        self.unreadable = 0
        self.missing = source.size % size

    def rows(self) -> Iterator[Row | Leftover]:
        """The values of all leaves, and all other bytes."""
        if self._columns is None:
            self._columns = self._inferred()
        for block in blocks(self._source, self._size):
            page = block.page
            if page is None or page.kind is not Kind.BTREE or not _is_leaf(block.data, page):
                yield self._bytes(block, 0, len(block.data), State.UNKNOWN)
                continue
            for item in page.items:
                if item.stored:
                    yield self._entry(block, item)
            for start, end in unclaimed(page):
                if block.data[start:end].strip(b"\x00"):
                    yield self._bytes(block, start, end, State.UNKNOWN)

    def _inferred(self) -> tuple[Column, ...] | None:
        """The columns that explain the entries of the first leaves; few indexes have more than four."""
        for count in range(1, _MOST_COLUMNS + 1):
            samples = [
                Sample(block.data, item.start, one, end - 7, end)
                for block, item in self._first_entries()
                if (read := _entry(block.data, item, count)) is not None
                for one, end in (read,)
            ]
            found = infer(samples)
            if found is not None:
                return found
        return None

    def _first_entries(self) -> Iterator[tuple[Block, Item]]:
        given = 0
        for block in blocks(self._source, self._size):
            if block.page is None or block.page.kind is not Kind.BTREE or not _is_leaf(block.data, block.page):
                continue
            for item in block.page.items[1:]:
                if item.stored:
                    yield block, item
                    given += 1
                if given >= _SAMPLES:
                    return

    def _entry(self, block: Block, item: Item) -> Row | Leftover:
        state = State.DELETED if item.use is Use.DEAD else State.UNKNOWN
        columns = self._columns
        read = _entry(block.data, item, len(columns)) if columns else None
        found = decode(block.data, item.start, read[0], columns, read[1]) if read and columns else None
        if found is None or not found.whole or found.raw:
            return self._bytes(block, item.start, item.start + item.length, state)
        place = block.offset + item.start
        return Row(self._context.table, None, found.values, state, Zone.INDEX, block.number, place)

    def _bytes(self, block: Block, start: int, end: int, state: State) -> Leftover:
        data = block.data[start:end]
        return Leftover(data, self._context.table, Zone.INDEX, block.number, block.offset + start, state)


def _is_leaf(data: bytes, page: Page) -> bool:
    (flags,) = struct.unpack_from("<H", data, page.special + 12)
    return bool(flags & _LEAF)


def _entry(data: bytes, item: Item, columns: int) -> tuple[Tuple, int] | None:
    """An index entry as if it were a tuple, and where its values end (itup.h; a list of places may follow them)."""
    if item.length < 8 or item.start + item.length > len(data):
        return None
    high, low, number, info = struct.unpack_from("<HHHH", data, item.start)
    end = item.start + min(item.length, info & _SIZE)
    nulls = info & _HAS_NULL
    if info & _OTHER and number & _POSTING:
        end = min(end, item.start + (high << 16 | low))
    body = 16 if nulls else 8
    mask = tuples.HAS_NULL if nulls else 0
    one = Tuple(0, 0, high << 16 | low, number, columns, mask, body, data[item.start + 8 : item.start + 12])
    return (one, end) if item.start + body <= end else None
