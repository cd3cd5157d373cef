"""Tuple headers: who wrote a row, who removed it, and what that makes of it (htup_details.h)."""

import struct
from dataclasses import dataclass

from beholden.forensics.postgres.xact import FIRST_NORMAL, Outcome, Transactions
from beholden.forensics.region import State

FIXED = 23
MAX_COLUMNS = 1600
_FIELDS = struct.Struct("<IIIHHHHHB")

HAS_NULL = 0x0001
_OLD_OID = 0x0008
_LOCK_ONLY, _EXCLUSIVE, _KEY_SHARED = 0x0080, 0x0040, 0x0010
_XMIN_COMMITTED, _XMIN_INVALID = 0x0100, 0x0200
_XMAX_COMMITTED, _XMAX_INVALID, _XMAX_MULTI = 0x0400, 0x0800, 0x1000
_RESERVED2 = 0x1800


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple's header. `columns` is how many it has; `body` is where its values begin, from the tuple's start."""

    xmin: int
    xmax: int
    block: int
    number: int
    columns: int
    mask: int
    body: int
    nulls: bytes

    def null(self, column: int) -> bool:
        """Whether a column, from 0, holds NULL."""
        return bool(self.mask & HAS_NULL) and not self.nulls[column >> 3] >> (column & 7) & 1


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a tuple, and the reason in words."""

    state: State
    why: str


def read_tuple(data: bytes, at: int = 0) -> Tuple | None:
    """The tuple header at a place; None where its parts do not agree with one another."""
    if at + FIXED > len(data):
        return None
    xmin, xmax, _, high, low, number, mask2, mask, body = _FIELDS.unpack_from(data, at)
    columns = mask2 & 0x07FF
    if columns > MAX_COLUMNS or mask2 & _RESERVED2:
        return None
    bitmap = (columns + 7) // 8 if mask & HAS_NULL else 0
    expected = FIXED + bitmap + (4 if mask & _OLD_OID else 0)
    if body != (expected + 7) // 8 * 8 or at + body > len(data):
        return None
    nulls = data[at + FIXED : at + FIXED + bitmap]
    return Tuple(xmin, xmax, high << 16 | low, number, columns, mask, body, nulls)


def looks_written(one: Tuple, blocks: int, most_items: int) -> bool:
    """Whether a header that nothing points to can be one: it has values, a writer, and a place within the table."""
    if not one.columns or one.mask & _OLD_OID or not (one.xmin >= FIRST_NORMAL or one.xmin in (1, 2)):
        return False
    speculative = one.number == 0xFFFE  # an INSERT ... ON CONFLICT on its way
    moved = one.number == 0xFFFD  # updated into another partition
    return moved or speculative or (one.block < max(blocks, 1) and 1 <= one.number <= most_items)


def fate(one: Tuple, known: Transactions, itself: tuple[int, int] | None = None) -> Fate:
    """Whether a tuple is there for everyone, from its hint bits first, then from pg_xact.

    `itself` is the tuple's own block and number: one that points elsewhere was updated, not deleted.
    """
    written = _written(one, known)
    if written is Outcome.ABORTED:
        return Fate(State.DELETED, f"never committed (xmin {one.xmin})")
    removed = _removed(one, known)
    if removed is Outcome.COMMITTED:
        how = "deleted" if itself is None or itself == (one.block, one.number) else "updated"
        return Fate(State.DELETED, f"{how} (xmin {one.xmin}, xmax {one.xmax})")
    if written is Outcome.UNKNOWN or removed is Outcome.UNKNOWN:
        return Fate(State.UNKNOWN, f"commit unknown (xmin {one.xmin}, xmax {one.xmax})")
    return Fate(State.LIVE, f"live (xmin {one.xmin})")


def _written(one: Tuple, known: Transactions) -> Outcome:
    if one.mask & _XMIN_COMMITTED:
        return Outcome.COMMITTED  # with the other bit too: frozen
    return Outcome.ABORTED if one.mask & _XMIN_INVALID else known.outcome(one.xmin)


def _removed(one: Tuple, known: Transactions) -> Outcome:
    """Whether the removal counts: ABORTED where nobody removed it or only locked it."""
    if one.xmax == 0 or one.mask & (_XMAX_INVALID | _LOCK_ONLY):
        return Outcome.ABORTED
    if one.mask & (_EXCLUSIVE | _KEY_SHARED) == _EXCLUSIVE and not one.mask & _XMAX_MULTI:
        return Outcome.ABORTED  # SELECT FOR UPDATE as old servers noted it
    if one.mask & _XMAX_COMMITTED:
        return Outcome.COMMITTED
    return Outcome.UNKNOWN if one.mask & _XMAX_MULTI else known.outcome(one.xmax)
