"""What every database gives: rows, and the bytes around them that are no row."""

from collections.abc import Iterable
from dataclasses import dataclass

from beholden.forensics.region import State

Value = int | float | str | bytes | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `offset` is its place in the file that `zone` means; `whole` is False where a value is not known.

    `table` is empty where nothing names it, `page` is the number that the database itself gives a page. `detail` says
    what is known of this row alone: who wrote and who removed it.
    """

    table: str
    rowid: int | None
    values: tuple[Value, ...]
    state: State
    zone: str
    page: int
    offset: int
    whole: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Raw bytes that are no row, for a scan that needs none."""

    data: bytes
    table: str
    zone: str
    page: int
    offset: int
    state: State = State.DELETED


class Known:
    """Rows that were told, as hashes: a copy of a live row is no deleted row, and a deleted row is told once."""

    def __init__(self, most: int = 4_000_000) -> None:
        self._most = most  # keys remembered, about 100 bytes each
        self._live: set[int] = set()
        self._told: set[int] = set()
        self.full = False

    def live(self, keys: Iterable[object]) -> None:
        """Note a live row by its keys."""
        self._add(self._live, set(map(hash, keys)))

    def is_news(self, key: object, keys: Iterable[object] = ()) -> bool:
        """Whether no live row has this key and none was told before; from now on it was, under all its keys."""
        if hash(key) in self._live or hash(key) in self._told:
            return False
        self._add(self._told, {hash(key), *map(hash, keys)})
        return True

    def _add(self, to: set[int], keys: set[int]) -> None:
        if len(to) < self._most:
            to.update(keys)
        else:
            self.full = True
