"""Which transactions were committed: pg_xact, two bits each (clog.c)."""

from collections.abc import Callable
from enum import IntEnum

from beholden.forensics.source import Source

FIRST_NORMAL = 3
_FROZEN = (1, 2)
_PER_SEGMENT = 32 * 8192 * 4


class Outcome(IntEnum):
    """How a transaction ended. UNKNOWN is also one that had not ended, or of which nothing is left."""

    UNKNOWN = 0
    COMMITTED = 1
    ABORTED = 2
    PART = 3


class Transactions:
    """Looks transactions up. `segment` opens a file of pg_xact by its name, or gives None."""

    def __init__(self, segment: Callable[[str], Source | None]) -> None:
        self._segment = segment
        self._read: dict[int, bytes] = {}

    def outcome(self, xid: int) -> Outcome:
        """How a transaction ended. A part of one (a savepoint) whose whole is not recorded counts as committed."""
        if xid < FIRST_NORMAL:
            return Outcome.COMMITTED if xid in _FROZEN else Outcome.UNKNOWN
        number, place = divmod(xid, _PER_SEGMENT)
        held = self._held(number)
        byte = place // 4
        if byte >= len(held):
            return Outcome.UNKNOWN
        found = Outcome(held[byte] >> 2 * (place % 4) & 3)
        return Outcome.COMMITTED if found is Outcome.PART else found

    def _held(self, number: int) -> bytes:
        if number not in self._read:
            if len(self._read) >= 64:  # 16 MiB; hostile tuples name transactions at random
                self._read.clear()
            source = self._segment(f"{number:04X}")
            self._read[number] = b"" if source is None else source.read(0, _PER_SEGMENT // 4)
        return self._read[number]


NOBODY = Transactions(lambda _name: None)
"""Where there is no pg_xact: only what tuples themselves say is known."""
