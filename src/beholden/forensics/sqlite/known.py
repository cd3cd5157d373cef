"""Telling a deleted row from a stale copy of a live one, and from itself elsewhere.

SQLite copies rows all the time: pages are split, joined and compacted, and every log holds whole pages. A row that is
live somewhere is never reported as deleted, and a deleted row is reported once.
"""

from beholden.forensics.sqlite.format import varint

MAX_REMEMBERED = 4_000_000
"""Keys remembered, about 400 MB. `Known.full` says when it was not enough: then a copy may be told as deleted."""


def tail_of(payload: bytes) -> bytes:
    """A record without its header's length and first type, which a deleted row may have lost."""
    if payload[0] < 0x80 and payload[1] < 0x80:  # nearly always
        return payload[2:]
    _, at = varint(payload, 0)
    _, at = varint(payload, at)
    return payload[at:]


class Known:
    """Rows that were told, as hashes. A key has the rowid where it survived; else the row is compared without."""

    def __init__(self) -> None:
        self._live: set[int] = set()
        self._told: set[int] = set()
        self.full = False

    def live(self, rowid: int | None, first: int, tail: bytes) -> None:
        """Note a live row: its rowid, first serial type and tail."""
        self._add(self._live, {hash((rowid, first, tail)), hash(tail)})

    def is_news(self, rowid: int | None, first: int, tail: bytes, *, exact: bool) -> bool:
        """Whether a deleted row is no copy of a live one and was not told before; it is told from now on.

        `exact` is whether rowid and first type survived. Without them a row that equals a live one counts as its copy.
        """
        keys = {hash((rowid, first, tail)), hash(tail)}
        key = hash((rowid, first, tail)) if exact else hash(tail)
        if key in self._live or key in self._told:
            return False
        self._add(self._told, keys)
        return True

    def _add(self, to: set[int], keys: set[int]) -> None:
        if len(to) < MAX_REMEMBERED:
            to.update(keys)
        else:
            self.full = True
