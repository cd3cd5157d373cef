"""Rows in bytes that no cell owns: what is left of a deleted row, put together again.

Freeing a cell overwrites its first four bytes (a link and a size, when it becomes a freeblock of its own) or none
(when it is merged into its neighbour, or the page's space is reset). Lost are then the payload's length, the rowid
and, for short rows, the record header's length and the first column's type. What remains is found by a template: the
serial types that the other columns of this table can have, as one regular expression.

Five kinds of find, best first:
  WHOLE     the cell is intact, and its three lengths agree
  HEADER    from the record header on it is intact; only the rowid is lost
  SIZED     the freeblock's own size says what the lost types must have been
  FITTED    the next find's place says it
  LIKENED   nothing says it; it is taken to be what the table's live rows have, and the row is no whole one
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

from beholden.forensics.database_rows import Value
from beholden.forensics.sqlite.format import (
    local_payload,
    record_values,
    serial_size,
    signed,
    varint,
)
from beholden.forensics.sqlite.schema import Affinity, Column, Table

MAX_TRIES = 4_000
"""Candidates tried in one range; a hostile page must not cost minutes. The raw scan reads the range anyway."""

MAX_BORDERS = 8

_ANY = rb"(?:[\x00-\x09\x0c-\x7f]|[\x81-\xff][\x00-\x7f]|[\x81-\xff][\x80-\xff][\x00-\x7f])"
_NUMBER = rb"[\x00-\x09]"
_ODD = bytes(range(0x01, 0x80, 2))
_ODD_SHORT = re.escape(bytes(range(0x0D, 0x80, 2)))
_TEXT = (
    rb"(?:[\x00" + _ODD_SHORT + rb"]|[\x81-\xff][" + re.escape(_ODD) + rb"]|[\x81-\xff][\x80-\xff][" + re.escape(_ODD)
) + rb"])"
_CLASSES = {Affinity.INTEGER: _NUMBER, Affinity.REAL: _NUMBER, Affinity.TEXT: _TEXT, Affinity.ANY: _ANY}
_ZEROS = re.compile(rb"\x00+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Grade(IntEnum):
    """How much of a carved row is certain; see the module's docstring."""

    LIKENED = 1
    FITTED = 2
    SIZED = 3
    HEADER = 4
    WHOLE = 5


@dataclass(frozen=True, slots=True)
class Carved:
    """A row found in free bytes: its extent there, its values, and the raw bytes that tell it from a live row."""

    start: int
    end: int
    table: str
    rowid: int | None
    values: tuple[Value, ...]
    first: int
    tail: bytes
    grade: Grade
    whole: bool


@dataclass(frozen=True, slots=True)
class Space:
    """What a cell may reach beyond its page: `chain(page, length)` gives what is left of an overflow chain."""

    usable: int
    chain: Callable[[int, int], bytes]


@dataclass(frozen=True)
class Template:
    """How rows of a table look: the pattern of all serial types but the first, and the first column.

    `usual` is the first serial type that live rows nearly always have.
    """

    table: str
    first: Column
    columns: int
    pattern: re.Pattern[bytes]
    first_class: re.Pattern[bytes]
    encoding: str
    usual: int | None
    rowid: bool


@lru_cache(maxsize=512)
def template(table: Table, loose: frozenset[int], encoding: str, usual: int | None = None) -> Template | None:
    """The template of a table; `loose` columns were seen to hold something else than they declare.

    A single column leaves no pattern to go by.
    """
    columns = table.columns
    if len(columns) < 2:
        return None
    classes = [_class(column, n in loose) for n, column in enumerate(columns)]
    return Template(
        table.name,
        columns[0],
        len(columns),
        re.compile(b"".join(classes[1:]), re.DOTALL),
        re.compile(classes[0], re.DOTALL),
        encoding,
        usual,
        table.rowid,
    )


def _class(column: Column, loose: bool) -> bytes:  # noqa: FBT001
    if column.alias:
        return rb"\x00"
    return _ANY if loose else _CLASSES[column.affinity]


def carve(data: bytes, templates: Sequence[Template], space: Space) -> list[Carved]:
    """The rows in a free range, none overlapping another, in order of their place."""
    found = [row for one in templates for row in _Search(data, one, space).rows()]
    found.sort(key=lambda row: (-row.grade, row.start - row.end, row.start))
    chosen: list[Carved] = []
    taken = bytearray(len(data))
    for row in found:
        if not any(taken[row.start : row.end]):
            taken[row.start : row.end] = b"\x01" * (row.end - row.start)
            chosen.append(row)
    return sorted(chosen, key=lambda row: row.start)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A match whose first type is lost and whose own size does not tell it."""

    start: int
    match_start: int
    body: int
    types: list[int]


class _Search:
    """One template over one range."""

    def __init__(self, data: bytes, one: Template, space: Space) -> None:
        self._data = data
        self._space = space
        self._template = one
        self._pending: list[_Pending] = []
        self._resume = 0

    def rows(self) -> Iterator[Carved]:
        """What the template finds, resolved as far as it goes."""
        found: list[Carved] = []
        at = tries = 0
        while (match := self._template.pattern.search(self._data, at)) is not None and tries < MAX_TRIES:
            zeros = _ZEROS.match(self._data, match.start())
            if zeros is not None and zeros.end() >= match.end():  # a gap: a row of NULLs alone is none
                at = max(match.start() + 1, zeros.end() - self._template.columns)
                continue
            tries += 1
            row = self._try(match.start(), match.end())
            if row is None:
                at = max(match.start() + 1, self._resume)
            else:
                found.append(row)
                at = max(row.end, match.start() + 1)
        yield from found
        yield from self._fitted(found)

    def _try(self, start: int, end: int) -> Carved | None:
        types = _types(self._data, start, end)
        if types is None:
            return None
        row = self._with_first_type(start, end, types)
        return row if row is not None or self._resume > start else self._without_first_type(start, end, types)

    def _with_first_type(self, start: int, end: int, types: list[int]) -> Carved | None:
        """The first column's type still stands before the match; perhaps also the header's length."""
        for length in (1, 2, 3):
            place = start - length
            if place < 1 or not self._template.first_class.fullmatch(self._data, place, start):
                continue
            first = _types(self._data, place, start)
            if first is None or len(first) != 1:
                continue
            row = self._after_header(place, end, first + types) or self._after_link(place, end, first + types)
            if row is not None or self._resume > start:
                return row
        return None

    def _after_header(self, place: int, end: int, types: list[int]) -> Carved | None:
        header = place - 1
        if self._data[header] != end - header or self._data[header] >= 0x80:
            return None
        total = end - header + sum(map(serial_size, types))
        start, rowid = (_cell_start if self._template.rowid else _entry_start)(self._data, header, total)
        grade = Grade.HEADER if start is None else Grade.WHOLE
        row = self._row(header if start is None else start, end, types, rowid, grade)
        if row is None and start is not None:  # cut off: there is no other row in its header
            self._resume = end
        return row

    def _after_link(self, place: int, end: int, types: list[int]) -> Carved | None:
        """The header's length was overwritten: the four bytes before are a freeblock's link and size."""
        payload = 1 + (end - place) + sum(map(serial_size, types))
        local = local_payload(payload, self._space.usable, index=False)
        total = 3 + local + (4 if local < payload else 0)
        if place < 4 or not _plausible_link(self._data, place - 4, total, exact=False):
            return None
        return self._row(place - 4, end, types, None, Grade.SIZED)

    def _without_first_type(self, start: int, end: int, types: list[int]) -> Carved | None:
        if start < 4:
            return None
        size = int.from_bytes(self._data[start - 2 : start], "big")
        known = 4 + (end - start) + sum(map(serial_size, types))
        first = first_type(self._template.first, size - known)
        if first is not None and _plausible_link(self._data, start - 4, size, exact=True):
            row = self._row(start - 4, end, [first, *types], None, Grade.SIZED)
            if row is not None:
                return row
        # A block that was merged with the one behind it says the size of both, also after that one was used again.
        if known <= size <= self._space.usable:
            self._pending.append(_Pending(start - 4, start, end, types))
        return None

    def _fitted(self, found: list[Carved]) -> Iterator[Carved]:
        """Resolve pending matches from the right: each ends where the next row begins."""
        starts = sorted({*(row.start for row in found), *(pending.start for pending in self._pending), len(self._data)})
        for pending in self._pending:
            row = self._usual(pending, starts)
            if row is None:
                after = bisect_left(starts, pending.body)
                ends = (self._ending(pending, border) for border in starts[after : after + MAX_BORDERS])
                row = next((row for row in ends if row is not None), None)
            if row is not None:
                yield row

    def _usual(self, pending: _Pending, starts: list[int]) -> Carved | None:
        """The row as live ones are: certain where another begins at its end, else only likened to them."""
        first = self._template.usual
        if first is None or (first == 0 and not self._template.first.alias):
            return None
        row = self._row(pending.start, pending.body, [first, *pending.types], None, Grade.FITTED)
        if row is None or starts[bisect_left(starts, row.end) % len(starts)] == row.end:
            return row
        return replace(row, grade=Grade.LIKENED, whole=False)

    def _ending(self, pending: _Pending, border: int) -> Carved | None:
        """The row that ends at the border, if some first type makes it so long."""
        size = border - pending.body - sum(map(serial_size, pending.types))
        first = first_type(self._template.first, size)
        if first is None:
            return None
        return self._row(pending.start, pending.body, [first, *pending.types], None, Grade.FITTED)

    def _row(self, start: int, body: int, types: list[int], rowid: int | None, grade: Grade) -> Carved | None:
        """The row, if its body lies in the range and its text is text."""
        written = _written_length(types)
        total = 1 + written + sum(map(serial_size, types))
        local = local_payload(total, self._space.usable, index=False)
        end = body - written - 1 + local
        stored = end + (4 if local < total else 0)
        if stored > len(self._data):
            return None
        rest = self._data[body:end]
        if local < total:
            rest += self._space.chain(int.from_bytes(self._data[end:stored], "big"), total - local)
        encoding = self._template.encoding
        if not _readable(rest, types, encoding):
            return None
        values, whole = record_values(rest, types, 0, encoding)
        if not any(value not in (None, "", b"") for value in values[1:]):
            return None
        tail = self._data[body - _written_length(types[1:]) : body] + rest
        known = not (grade <= Grade.SIZED and types[0] in (8, 9))
        return Carved(start, stored, self._template.table, rowid, values, types[0], tail, grade, whole and known)


def _readable(body: bytes, types: list[int], encoding: str) -> bool:
    """Whether every text of a record's body, as far as it is there, is text."""
    at = 0
    for serial in types:
        size = serial_size(serial)
        if serial >= 13 and serial % 2 and at + size <= len(body):
            try:
                text = body[at : at + size].decode(encoding)
            except UnicodeDecodeError:
                return False
            if _CONTROL.search(text):
                return False
        at += size
    return True


def first_type(column: Column, size: int) -> int | None:
    """The serial type of a first column of which only the size is known; None where no type has that size.

    An empty value may be NULL, 0 or 1: NULL for an alias of the rowid, otherwise the constant 0 stands for all three.
    """
    if column.alias:
        return 0 if size == 0 else None
    if size < 0 or size > 1 << 20:
        return None
    if column.affinity is Affinity.TEXT:
        return 13 + 2 * size
    if column.affinity is Affinity.REAL:
        return {0: 0, 8: 7}.get(size)
    return {0: 8, 1: 1, 2: 2, 3: 3, 4: 4, 6: 5, 8: 6}.get(size)


def _written_length(types: list[int]) -> int:
    """How many bytes the serial types take as varints."""
    return sum(1 if serial < 1 << 7 else 2 if serial < 1 << 14 else 3 for serial in types)


def _types(data: bytes, start: int, end: int) -> list[int] | None:
    types: list[int] = []
    at = start
    while at < end:
        serial, at = varint(data, at)
        if serial in (10, 11):
            return None
        types.append(serial)
    return types if at == end else None


def _cell_start(data: bytes, header: int, total: int) -> tuple[int | None, int | None]:
    """Where the cell around a record header begins, and its rowid, if payload length and rowid still agree."""
    for rowid_length in range(1, 10):
        for length in (1, 2, 3):
            start = header - rowid_length - length
            if start < 0:
                continue
            try:
                payload, place = varint(data, start)
                rowid, after = varint(data, place)
            except IndexError:
                continue
            if payload == total and after == header and place == start + length:
                return start, signed(rowid)
    return None, None


def _entry_start(data: bytes, header: int, total: int) -> tuple[int | None, int | None]:
    """The same in a table without rowids, whose rows are entries of an index."""
    for start in range(max(0, header - 3), header):
        if data[header - 1] < 0x80 and varint(data, start) == (total, header):
            return start, None
    return None, None


def _plausible_link(data: bytes, place: int, size: int, *, exact: bool) -> bool:
    """Whether four bytes can be a freeblock's head: its size covers the row, and it lies within the free range."""
    written = int.from_bytes(data[place + 2 : place + 4], "big")
    return written == size if exact else size <= written <= len(data) - place
