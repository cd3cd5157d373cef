"""A whole database: its live rows first, then everything that deleting and rewriting left behind.

Live is what SQLite itself would read: the file, with the newest committed pages of its log over it. All else is
deleted: bytes that no cell owns, pages that no b-tree reaches, page images that a newer one replaced.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beholden.forensics.database_rows import Known, Leftover, Row, Value
from beholden.forensics.region import State
from beholden.forensics.source import Source
from beholden.forensics.sqlite import carve, schema
from beholden.forensics.sqlite.format import (
    HEADER,
    TABLE_LEAF,
    Header,
    read_header,
    record_header,
    record_values,
    tail_of,
)
from beholden.forensics.sqlite.page import Cell, Page, free_ranges
from beholden.forensics.sqlite.pages import Image, Pages, Zone

MAX_TEMPLATES = 64
MAX_OWNERS = 60_000
MAX_FIRSTS = 32
MAX_ROW = 64 << 20
"""The longest payload that is put together, in bytes. Pages beyond it stay leftovers, which the raw scan reads."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """A b-tree: a table, or an index on one; or the overflow pages of either."""

    name: str
    index: bool = False
    overflow: bool = False


_NOBODY = _Owner("")
_MASTER = schema.Table(
    "sqlite_master",
    (
        *(schema.Column(name, schema.Affinity.TEXT) for name in ("type", "name", "tbl_name")),
        schema.Column("rootpage", schema.Affinity.INTEGER),
        schema.Column("sql", schema.Affinity.TEXT),
    ),
)


class Database:
    """A database file and its logs. Go through `rows` once; `faults` then counts, in words, what made no sense."""

    def __init__(self, source: Source, log: Source | None = None, journal: Source | None = None) -> None:
        head = read_header(source.read(0, HEADER))
        assert head is not None, "not a database; ask read_header first"
        self._header: Header = head
        self._source = source
        self.pages = Pages(head, source, log, journal)
        self.faults: dict[str, int] = {}
        self.unreadable = 0
        self.known = Known()
        self._tables: dict[str, schema.Table] = {}
        self._loose: dict[str, set[int]] = {}
        self._firsts: dict[str, dict[int, int]] = {}
        self._owners: list[_Owner] = [_NOBODY]
        self._owner_of = array("H", bytes(2 * (self.pages.count + 1)))
        self._overflow_used: dict[int, int] = {}

    @property
    def missing(self) -> int:
        """Bytes that the header counts and the file does not have: it was cut off."""
        return max(0, self._header.pages - self.pages.count) * self._header.page_size

    def rows(self) -> Iterator[Row | Leftover]:
        """Live rows, then deleted ones and leftover bytes."""
        yield from self._live_rows()
        self._learn_dropped_tables()
        for image in self.pages:
            yield from self._rest_of_current(image)
        for image in self.pages.old:
            yield from self._rest_of_old(image)
        yield from self._tail()

    def _fault(self, what: str, times: int = 1) -> None:
        if times:
            self.faults[what] = self.faults.get(what, 0) + times

    # Live rows

    def _live_rows(self) -> Iterator[Row]:
        roots: list[tuple[int, _Owner]] = []
        for row in self._walk(1, self._enlist(_Owner("sqlite_master"))):
            yield row
            found = self._declare(row.values)
            if found is not None:
                roots.append(found)
        for root, owner in roots:
            yield from self._walk(root, self._enlist(owner))

    def _enlist(self, owner: _Owner) -> int:
        """The owner's number. Beyond MAX_OWNERS all share one: a hostile schema must not fill the memory."""
        if len(self._owners) >= MAX_OWNERS:
            return MAX_OWNERS - 1
        self._owners.extend([owner, _Owner(owner.name, owner.index, overflow=True)])
        return len(self._owners) - 2

    def _declare(self, values: Sequence[Value]) -> tuple[int, _Owner] | None:
        """Learn one entry of the schema; its root page and owner where it has any."""
        kind, name, _, root, sql = (*values, None, None, None, None, None)[:5]
        if not isinstance(name, str) or kind not in ("table", "index"):
            return None
        if kind == "table" and isinstance(sql, str):
            table = schema.read_table(name, sql)
            if table is not None:
                self._tables[name] = table
        if not isinstance(root, int) or root <= 0:
            return None
        return root, _Owner(name if kind == "table" else f"index {name}", kind == "index")

    def _take(self, number: int, owner: int) -> bool:
        """Take a page for a tree. A page is taken once, whatever points to it: no loop, no page read twice."""
        if number not in self.pages or self._owner_of[number]:
            self._fault("pages that are named twice or do not exist")
            return False
        self._owner_of[number] = owner
        return True

    def _walk(self, root: int, owner: int) -> Iterator[Row]:
        """The rows of one b-tree, in the order of its pages."""
        todo = [root]
        while todo:
            number = todo.pop()
            if not self._take(number, owner):
                continue
            image = self.pages.current(number)
            data, page = self.pages.parse(image)
            if page is None:
                self._fault("pages that should be part of a table and are not")
                continue
            self._fault("cells that point nowhere", page.faulty)
            if page.interior:
                todo.extend([page.right, *(cell.child for cell in reversed(page.cells))])
            for cell in page.cells:
                row = self._live_row(data, cell, image, owner) if cell.payload else None
                if row is not None:
                    yield row

    def _live_row(self, data: bytes, cell: Cell, image: Image, owner: int) -> Row | None:
        payload = data[cell.body : cell.body + cell.local]
        if cell.overflow:
            payload += self._live_overflow(cell, owner)
        header = record_header(payload, 0)
        if header is None:
            self._fault("records that cannot be read")
            return None
        types, body = header
        values, whole = record_values(payload, types, body, self._header.encoding)
        if not whole:
            self._fault("records that are cut off")
        name = self._owners[owner].name
        if types:
            tail = tail_of(payload)
            self.known.live([(cell.rowid, types[0], tail), tail])
            self._compare_with_declared(name, types)
            firsts = self._firsts.setdefault(name, {})
            if types[0] in firsts or len(firsts) < MAX_FIRSTS:
                firsts[types[0]] = firsts.get(types[0], 0) + 1
        offset = image.offset + cell.start
        return Row(name, cell.rowid, values, State.LIVE, image.zone, image.number, offset, whole)

    def _live_overflow(self, cell: Cell, owner: int) -> bytes:
        parts: list[bytes] = []
        missing, number = min(cell.payload, MAX_ROW) - cell.local, cell.overflow
        while missing > 0 and self._take(number, owner + 1):
            page = self.pages.read(self.pages.current(number))
            used = min(missing, self._header.usable - 4)
            self._overflow_used[number] = 4 + used
            parts.append(page[4 : 4 + used])
            missing -= used
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)

    def _compare_with_declared(self, name: str, types: list[int]) -> None:
        """A column that holds something else than its declared type is searched for without its type."""
        table = self._tables.get(name)
        if table is None:
            return
        for place, (serial, column) in enumerate(zip(types, table.columns, strict=False)):
            if not schema.fits(serial, column):
                self._loose.setdefault(name, set()).add(place)

    # What is left of the rest

    def _learn_dropped_tables(self) -> None:
        """Dropped tables, from deleted entries of the schema: their rows then have a template too."""
        for image in [self.pages.current(1), *(old for old in self.pages.old if old.number == 1)]:
            data, page = self.pages.parse(image)
            for start, end in free_ranges(page, self._header.usable) if page else ():
                for found in carve.carve(data[start:end], self._templates(_Owner("sqlite_master")), self._space()):
                    if found.values[0] == "table" and str(found.values[1]) not in self._tables:
                        self._declare(found.values)

    def _templates(self, owner: _Owner) -> list[carve.Template]:
        if owner.name == "sqlite_master":
            tables = [_MASTER]
        elif owner.name in self._tables:
            tables = [self._tables[owner.name]]
        else:
            tables = list(self._tables.values())[:MAX_TEMPLATES]
        made = (
            carve.template(t, frozenset(self._loose.get(t.name, ())), self._header.encoding, self._usual(t.name))
            for t in tables
        )
        return [one for one in made if one is not None]

    def _usual(self, name: str) -> int | None:
        """The first serial type that nine of ten live rows of a table have."""
        seen = self._firsts.get(name, {})
        most = max(seen, key=lambda serial: seen[serial], default=None)
        return most if most is not None and seen[most] * 10 >= 9 * sum(seen.values()) else None

    def _space(self) -> carve.Space:
        return carve.Space(self._header.usable, self._dead_overflow)

    def _dead_overflow(self, number: int, missing: int) -> bytes:
        """What is left of an overflow chain: the pages that no live row has taken since."""
        parts: list[bytes] = []
        seen: set[int] = set()
        while 0 < missing <= MAX_ROW and number in self.pages and not self._owner_of[number] and number not in seen:
            seen.add(number)
            page = self.pages.read(self.pages.current(number))
            used = min(missing, self._header.usable - 4)
            parts.append(page[4 : 4 + used])
            missing -= used
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)

    def _rest_of_current(self, image: Image) -> Iterator[Row | Leftover]:
        """Everything of a current page that is not live."""
        owner = self._owners[self._owner_of[image.number]]
        data, page = self.pages.parse(image)
        if not self._owner_of[image.number]:
            zone = Zone.UNUSED if image.zone is Zone.TREE else image.zone
            yield from self._dead_page(data, page, image, owner, zone)
            return
        zone = Zone.FREE if image.zone is Zone.TREE else image.zone
        if owner.overflow:
            yield from _leftover(data, (self._overflow_used.get(image.number, 0), len(data)), image, owner, zone)
        elif page is None:
            yield from _leftover(data, (0, len(data)), image, owner, zone)
        else:
            for extent in free_ranges(page, self._header.usable):
                yield from self._carved(data, extent, image, owner, zone)
                yield from _leftover(data, extent, image, owner, zone)
            yield from _leftover(data, (self._header.usable, len(data)), image, owner, zone)

    def _rest_of_old(self, image: Image) -> Iterator[Row | Leftover]:
        """Everything of a page image that a newer one replaced."""
        owner = self._owners[self._owner_of[image.number]] if image.number in self.pages else _NOBODY
        data, page = self.pages.parse(image)
        yield from self._dead_page(data, page, image, owner, image.zone)

    def _dead_page(
        self, data: bytes, page: Page | None, image: Image, owner: _Owner, zone: Zone
    ) -> Iterator[Row | Leftover]:
        """A page that no tree holds any more: its cells, if it still looks like a page, and all its bytes."""
        if page is None or page.kind != TABLE_LEAF:
            yield from self._carved(data, (0, len(data)), image, owner, zone)
            yield from _leftover(data, (0, len(data)), image, owner, zone)
            return
        for cell in page.cells:
            row = self._dead_row(data, cell, image, owner, zone)
            if row is None:  # what is no row is left to the raw scan
                yield from _leftover(data, (cell.start, cell.end), image, owner, zone)
            elif self.known.is_news(row[1], [row[1][2]]):
                yield row[0]
        for extent in free_ranges(page, self._header.usable):
            yield from self._carved(data, extent, image, owner, zone)
            yield from _leftover(data, extent, image, owner, zone)
        yield from _leftover(data, (self._header.usable, len(data)), image, owner, zone)

    def _dead_row(
        self, data: bytes, cell: Cell, image: Image, owner: _Owner, zone: Zone
    ) -> tuple[Row, tuple[int | None, int, bytes]] | None:
        """The row in a dead cell, and what tells it from others; None where the cell holds no whole record."""
        payload = data[cell.body : cell.body + cell.local]
        if cell.overflow:
            payload += self._dead_overflow(cell.overflow, cell.payload - cell.local)
        header = record_header(payload, 0)
        if header is None or not header[0]:
            return None
        types, body = header
        values, whole = record_values(payload, types, body, self._header.encoding)
        if not whole and not cell.overflow:
            return None
        name = owner.name if owner.name and not owner.index else self._guess(types)
        offset = image.offset + cell.start
        row = Row(name, cell.rowid, values, State.DELETED, zone, image.number, offset, whole)
        return row, (cell.rowid, types[0], tail_of(payload))

    def _guess(self, types: list[int]) -> str:
        """The only table that such a row fits; empty where none or several do."""
        fitting = [
            table.name
            for table in self._tables.values()
            if len(table.columns) == len(types) and all(map(schema.fits, types, table.columns))
        ]
        return fitting[0] if len(fitting) == 1 else ""

    def _carved(self, data: bytes, extent: tuple[int, int], image: Image, owner: _Owner, zone: Zone) -> Iterator[Row]:
        """Rows put together from free bytes. Index entries are left to the raw scan: their rows are in the table."""
        free = data[extent[0] : extent[1]]
        if owner.index or not free.strip(b"\x00"):
            return
        for found in carve.carve(free, self._templates(owner), self._space()):
            # Without rowid and first type a row that equals a live one counts as its copy.
            full = found.rowid, found.first, found.tail
            key = full if found.grade is carve.Grade.WHOLE else found.tail
            if self.known.is_news(key, [full, found.tail]):
                offset = image.offset + extent[0] + found.start
                yield Row(
                    found.table, found.rowid, found.values, State.DELETED, zone, image.number, offset, found.whole
                )

    def _tail(self) -> Iterator[Leftover]:
        """Bytes behind the last whole page (one that was cut off, or something appended) and between images."""
        size = self._header.page_size
        start = self._source.size // size * size
        if start < self._source.size:
            raw = self._source.read(start, size)
            yield Leftover(raw, "", Zone.UNUSED, start // size + 1, start)
        for zone in self.pages.logs:
            for place, raw in self.pages.outside(zone):
                yield Leftover(raw, "", zone, 0, place)


def _leftover(data: bytes, extent: tuple[int, int], image: Image, owner: _Owner, zone: Zone) -> Iterator[Leftover]:
    raw = data[extent[0] : extent[1]]
    if raw.strip(b"\x00"):
        yield Leftover(raw, owner.name, zone, image.number, image.offset + extent[0])
