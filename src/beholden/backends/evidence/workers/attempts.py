"""How units are given to readers, and what is done when a reader fails. Nothing here reads or starts anything."""

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from beholden.backends.evidence.workers.reader import OUT_OF_MEMORY
from beholden.forensics.containers import Stop
from beholden.forensics.coverage import Reason
from beholden.forensics.outcome import Outcome
from beholden.forensics.units import Unit, lost

SMALL = 4 << 20
BATCH_BYTES, BATCH_UNITS = 32 << 20, 64
"""Units up to SMALL share a reader, until these are reached: a process for each would cost more than reading them."""
MAX_AVOIDED, MAX_TRIES = 3, 6
SLOWEST = 256 << 10
"""Bytes that a reader is expected to search in a second at the very least."""
_REASONS = {Stop.CRASHED: Reason.CRASHED, Stop.MEMORY: Reason.MEMORY, Stop.TIME: Reason.TIME}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A unit to be read. `avoid` are the containers and members in which readers failed; `spared` says that one was
    killed by somebody else, for which the unit may be innocent."""

    unit: Unit
    avoid: Mapping[int, Stop] = field(default_factory=dict)
    tries: int = 0
    spared: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """How a reader ended before its time: why, in words, and in which container or member (0: in none)."""

    stop: Stop
    detail: str
    inside: int = 0
    from_outside: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a unit may take: `seconds`, and more by its size and by what was found packed in it, up to `most`."""

    seconds: float
    most: int

    def allows(self, size: int, searched: int) -> float:
        """Seconds for a unit of so many bytes, of which so many, unpacked ones included, were searched already."""
        return self.seconds + (size + min(searched, self.most)) / SLOWEST


def batches(units: Iterable[Unit]) -> list[list[Attempt]]:
    """All units, the largest first, so that no reader begins a large one when the others are done."""
    made: list[list[Attempt]] = []
    room = 0
    for unit in sorted(units, key=lambda unit: (-unit.size, unit.number)):
        if unit.size > SMALL or not made or len(made[-1]) >= BATCH_UNITS or unit.size > room:
            made.append([])
            room = BATCH_BYTES if unit.size <= SMALL else 0
        made[-1].append(Attempt(unit))
        room -= unit.size
    return made


def ended(status: int, said: str, inside: int, *, late: bool) -> End:
    """How a reader ended, from its status (as of wait(2)), what it said last, and where it was."""
    if late:
        return End(Stop.TIME, "it was ended at its deadline", inside)
    if said:
        return End(Stop.CRASHED, said, inside)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return End(Stop.TIME, "its processor time was used up", inside)
        if number == signal.SIGKILL:
            return End(Stop.MEMORY, "the system killed it, as it does when memory runs out", inside, from_outside=True)
        return End(Stop.CRASHED, f"signal {number}, {signal.Signals(number).name}", inside)
    if os.WEXITSTATUS(status) == OUT_OF_MEMORY:
        return End(Stop.MEMORY, "its limit of memory was reached", inside)
    return End(Stop.CRASHED, "it ended without a word", inside)


def again(attempt: Attempt, end: End, *, alone: bool) -> Attempt | None:
    """How to try the unit once more: alone, or without the member that was open; None where there is no way left."""
    if attempt.tries >= MAX_TRIES:
        return None
    more = replace(attempt, tries=attempt.tries + 1)
    if not alone and end.stop is not Stop.TIME:
        return more
    if end.from_outside and not attempt.spared:
        return replace(more, spared=True)
    if end.inside and end.inside not in attempt.avoid and len(attempt.avoid) < MAX_AVOIDED:
        return replace(more, avoid={**attempt.avoid, end.inside: end.stop})
    return None


def given_up(attempt: Attempt, end: End) -> Outcome:
    """The outcome of a unit that cannot be read."""
    return lost(attempt.unit, _REASONS[end.stop], end.detail)
