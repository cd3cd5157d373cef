"""From a tuple's bytes to its values, by the columns that the catalog names or that were inferred."""

from collections.abc import Callable
from dataclasses import dataclass

from beholden.forensics.database_rows import Value
from beholden.forensics.postgres.tuples import Tuple
from beholden.forensics.postgres.types import value_of
from beholden.forensics.postgres.varlena import MAX_VALUE, Pointer, Unreadable, extent, unpack

VARIABLE, C_STRING = -1, -2


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column: the oid of its type, its length (-1 where it varies) and its alignment, in bytes."""

    name: str
    kind: int
    length: int
    align: int
    dropped: bool = False


Fetch = Callable[[Pointer], bytes]
"""Gets what a pointer to a TOAST table means. Raises Unreadable."""


def not_here(pointer: Pointer) -> bytes:
    """For a file alone: its TOAST table is another file."""
    raise Unreadable(f"value {pointer.value} lies in another file")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A tuple's values, one a column. `end` is where they end; `whole` is False where one was cut off or unreadable.

    `raw` says that a value stayed bytes: whoever searches should look at the tuple's bytes too.
    """

    values: tuple[Value, ...]
    end: int
    whole: bool
    raw: bool
    unreadable: int = 0


def decode(
    data: bytes, at: int, one: Tuple, columns: tuple[Column, ...], stop: int, fetch: Fetch = not_here
) -> Decoded | None:
    """The values of the tuple at `at`, none of them beyond `stop`; None where the bytes cannot be such a row.

    Columns that were added after the tuple was written are None.
    """
    reader = _Reader(data, at + one.body, stop, fetch)
    for number, column in enumerate(columns):
        if number >= one.columns or one.null(number):
            reader.values.append(None)
        elif not reader.read(column):
            return None
    if one.columns > len(columns):
        return None
    return Decoded(tuple(reader.values), min(reader.at, stop), reader.whole, reader.raw, reader.unreadable)


class _Reader:
    """One tuple, column by column."""

    def __init__(self, data: bytes, origin: int, stop: int, fetch: Fetch) -> None:
        self._data, self._origin, self._stop, self._fetch = data, origin, stop, fetch
        self.at = origin
        self.values: list[Value] = []
        self.whole = True
        self.raw = False
        self.unreadable = 0

    def read(self, column: Column) -> bool:
        """Read one value; False where no value of this column can stand here."""
        if self.at >= self._stop:  # the tuple was cut off before
            self.values.append(None)
            self.whole = False
            return True
        if column.length > 0:
            return self._fixed(column)
        if column.length == C_STRING:
            end = self._data.find(b"\x00", self.at, self._stop)
            self._add(value_of(25, self._data[self.at : end]))
            self.at = end + 1
            return end >= 0
        return self._variable(column)

    def _fixed(self, column: Column) -> bool:
        start = self._origin + -(-(self.at - self._origin) // column.align) * column.align
        if self._data[self.at : min(start, self._stop)].strip(b"\x00"):
            return False
        self.at = start + column.length
        if self.at > self._stop:
            self.values.append(None)
            self.whole = False
        else:
            self._add(value_of(column.kind, self._data[start : self.at]))
        return True

    def _variable(self, column: Column) -> bool:
        found = extent(self._data, self.at, column.align, self._origin, self._stop)
        if found is None:
            return False
        self.at = found.end
        if found.end > self._stop:
            return self._cut_off(column, self._data[found.body : self._stop], packed=found.packed)
        try:
            if found.pointer is not None:
                self._add(value_of(column.kind, self._toasted(found.pointer)))
            else:
                body = self._data[found.body : found.end]
                self._add(value_of(column.kind, unpack(body) if found.packed else body))
        except Unreadable:
            self.values.append(None)
            self.whole = False
            self.unreadable += found.end - found.body
        return True

    def _cut_off(self, column: Column, rest: bytes, *, packed: bool) -> bool:
        """What is left of a value whose end was overwritten; a text keeps its beginning."""
        self.whole = False
        self.raw = True
        value = value_of(column.kind, rest) if rest and not packed else None
        self.values.append(value if isinstance(value, str) else None)
        return True

    def _toasted(self, pointer: Pointer) -> bytes:
        if pointer.stored > MAX_VALUE:
            raise Unreadable("longer than the limit")
        stored = self._fetch(pointer)
        return unpack(stored) if pointer.packed else stored

    def _add(self, value: Value) -> None:
        self.values.append(value)
        self.raw = self.raw or isinstance(value, bytes)
