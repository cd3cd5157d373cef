"""What a database's own catalog says: which file is which table, and what its columns are.

Nothing here depends on the server's version. pg_attribute describes itself: its first three columns have stood where
they are since PostgreSQL 8, and its rows about itself name all others.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from beholden.forensics.database_rows import Value
from beholden.forensics.postgres import types
from beholden.forensics.postgres.heap import blocks
from beholden.forensics.postgres.layout import Column, decode
from beholden.forensics.postgres.page import Use, page_size
from beholden.forensics.postgres.tuples import Tuple, fate, read_tuple
from beholden.forensics.postgres.xact import Transactions
from beholden.forensics.region import State
from beholden.forensics.source import Source

PG_ATTRIBUTE, PG_CLASS = 1249, 1259
_MAP_MAGIC = 0x592717
_MOST_MAPPED = 64
MAX_ENTRIES = 2_000_000
_ALIGN = {"c": 1, "s": 2, "i": 4, "d": 8}
_OF_LENGTH = {1: types.BOOL, 2: types.INT2, 4: types.INT4, 8: types.INT8, 16: types.UUID, 64: types.NAME}
_OWN_TYPES = {26: (4, 4), 19: (64, 1), 21: (2, 2), 23: (4, 4), 16: (1, 1), 18: (1, 1), 700: (4, 4), 20: (8, 8)}
_PREFIX = (
    Column("attrelid", types.OID, 4, 4),
    Column("attname", types.NAME, 64, 1),
    Column("atttypid", types.OID, 4, 4),
)

Entry = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, index or TOAST table: its oid, name and columns, and the oid of its own TOAST table or 0."""

    oid: int
    name: str
    kind: str
    columns: tuple[Column, ...] | None
    toast: int


@dataclass
class Catalog:
    """The relations of one database, by the number of their file; `files` leads from an oid to that number."""

    relations: dict[int, Relation] = field(default_factory=dict)
    files: dict[int, int] = field(default_factory=dict)


def read_map(source: Source | None) -> dict[int, int]:
    """Which files the catalog's own tables have, from pg_filenode.map (relmapper.c); empty where there is none."""
    data = source.read(0, 8 + 8 * _MOST_MAPPED) if source is not None else b""
    if len(data) < 8:
        return {}
    magic, count = struct.unpack_from("<Ii", data)
    if magic != _MAP_MAGIC or not 0 <= count <= (len(data) - 8) // 8:
        return {}
    return dict(struct.unpack_from("<II", data, 8 + 8 * n) for n in range(count))


def read_catalog(open_file: Callable[[str], Source | None], known: Transactions) -> Catalog:
    """The catalog of the database in whose folder `open_file` opens files; empty where it cannot be read."""
    mapped = read_map(open_file("pg_filenode.map"))
    attributes = open_file(str(mapped.get(PG_ATTRIBUTE, PG_ATTRIBUTE)))
    classes = open_file(str(mapped.get(PG_CLASS, PG_CLASS)))
    found = Catalog()
    if attributes is None or classes is None:
        return found
    own = _own_columns(attributes)
    if own is None:
        return found
    columns = _columns(attributes, own, known)
    for live in (True, False):  # a table that was dropped keeps its name where no other has taken its place
        for entry in _entries(classes, columns.get(PG_CLASS, ()), known, live=live):
            _add(found, entry, columns, mapped)
    return found


def _add(found: Catalog, entry: Entry, columns: dict[int, tuple[Column, ...]], mapped: dict[int, int]) -> None:
    oid, name, kind = entry.get("oid"), entry.get("relname"), entry.get("relkind")
    number, toast = entry.get("relfilenode"), entry.get("reltoastrelid")
    if not isinstance(oid, int) or not isinstance(name, str) or not isinstance(number, int):
        return
    number = number or mapped.get(oid, 0)
    if number and number not in found.relations:
        own = columns.get(oid)
        found.relations[number] = Relation(oid, name, str(kind), own, toast if isinstance(toast, int) else 0)
        found.files.setdefault(oid, number)


def _tuples(source: Source) -> Iterator[tuple[bytes, int, Tuple, int]]:
    size = page_size(source.read(0, 512))
    count = 0
    for block in blocks(source, size) if size else ():
        for item in block.page.items if block.page else ():
            one = read_tuple(block.data, item.start) if item.stored and item.use is Use.NORMAL else None
            if one is not None and count < MAX_ENTRIES:
                count += 1
                yield block.data, item.start, one, item.start + item.length


def _own_columns(attributes: Source) -> tuple[Column, ...] | None:
    """The columns of pg_attribute, in the order in which they were created; system columns are none."""
    found: dict[str, Column] = {}
    for data, start, one, _ in _tuples(attributes):
        at = start + one.body
        if int.from_bytes(data[at : at + 4], "little") != PG_ATTRIBUTE:
            continue
        name = data[at + 4 : at + 68].split(b"\x00")[0].decode("ascii", "replace")
        kind = int.from_bytes(data[at + 68 : at + 72], "little")
        if name.startswith("att"):
            length, align = _OWN_TYPES.get(kind, (-1, 4))
            found.setdefault(name, Column(name, kind, length, align))
    columns = tuple(found.values())
    return columns if columns[:3] == _PREFIX else None


def _entries(source: Source, columns: tuple[Column, ...], known: Transactions, *, live: bool) -> Iterator[Entry]:
    for data, start, one, end in _tuples(source):
        if (fate(one, known).state is not State.DELETED) is live and columns:
            found = decode(data, start, one, columns, end)
            if found is not None:
                yield {column.name: value for column, value in zip(columns, found.values, strict=True)}


def _columns(source: Source, own: tuple[Column, ...], known: Transactions) -> dict[int, tuple[Column, ...]]:
    """The columns of every relation; of a dropped one those that its deleted entries name."""
    by_relation: dict[int, dict[int, Column]] = {}
    for live in (True, False):
        present = set(by_relation)
        for entry in _entries(source, own, known, live=live):
            relation, number = entry.get("attrelid"), entry.get("attnum")
            column = _column(entry)
            if not isinstance(relation, int) or not isinstance(number, int) or column is None:
                continue
            if number > 0 and relation not in present:
                by_relation.setdefault(relation, {}).setdefault(number, column)
    return {relation: listed for relation, found in by_relation.items() if (listed := _listed(found))}


def _listed(found: dict[int, Column]) -> tuple[Column, ...]:
    """Columns by number; none where a number is missing."""
    complete = sorted(found) == list(range(1, len(found) + 1))
    return tuple(found[number] for number in sorted(found)) if complete else ()


def _column(entry: Entry) -> Column | None:
    name, kind, length = entry.get("attname"), entry.get("atttypid"), entry.get("attlen")
    align = _ALIGN.get(str(entry.get("attalign")))
    if not isinstance(name, str) or not isinstance(kind, int) or not isinstance(length, int) or align is None:
        return None
    if not (0 < length <= 512 or length in (-1, -2)):
        return None
    dropped = bool(entry.get("attisdropped"))
    if length > 0 and (dropped or kind >= 16384):  # a type of the database's own: an enum is a number
        kind = _OF_LENGTH.get(length, types.BYTES)
    return Column(name, kind, length, align, dropped)
