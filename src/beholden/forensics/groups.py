"""Hits of one person that belong together, and whether the person's name stands beside them; many at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.found import Found
from beholden.forensics.names import Names, named
from beholden.forensics.readings.compiled import compiled
from beholden.forensics.readings.reading import Reading
from beholden.forensics.records import record

WINDOW = 384
"""Bytes to either side of a hit in which another field of the same person corroborates it."""
BINARY_WINDOW = 200
FIRST, LAST, KINDS, CERTAIN, NAMED, LOW, HIGH, MAY_LOW, MAY_HIGH = range(9)


@dataclass(frozen=True, slots=True)
class Groups:
    """Hits ordered by person and place, and the groups that they form: a row each, see the names of its columns.

    `hits` are places in the columns of what was found; FIRST and LAST count in it. KINDS has a bit for each kind that
    was found. NAMED says whether the name stands there. LOW to HIGH surely is the record, MAY_LOW to MAY_HIGH may be.
    """

    hits: NDArray[np.int64]
    rows: NDArray[np.int64]


def groups(reading: Reading, found: Found, known: Names, strong: int) -> Groups:
    """The groups of all hits. `strong` has the bits of the kinds of which two corroborate each other in any record."""
    order = np.lexsort((found.start, found.person))
    rows = _groups(
        reading.array,
        found.start,
        found.end,
        order,
        found.person[order],
        found.kind[order].astype(np.int64),
        found.certain[order],
        known.rows(found.person[order]),
        known.bounds,
        known.hashes,
        BINARY_WINDOW if reading.binary else WINDOW,
        reading.binary,
        strong,
    )
    return Groups(order, rows)


def apart(found: Found) -> Found:
    """The hits without those on bytes of a longer one of the same person: an address that begins with somebody's phone
    says one thing of them, not two. Of two as long the kind that tells more stays."""
    if len(found) < 2:
        return found
    order = np.lexsort((found.kind, -found.end, found.start, found.person))
    kept = _apart(found.start, found.end, found.person, order)
    if kept.all():
        return found
    return Found(
        found.start[kept], found.end[kept], found.kind[kept], found.person[kept], found.certain[kept], found.tested
    )


@compiled
def _apart(starts: Any, ends: Any, people: Any, order: Any) -> Any:
    kept, last = np.ones(len(order), np.bool_), order[0]
    for n in range(1, len(order)):
        one = order[n]
        if people[one] == people[last] and starts[one] < ends[last]:
            if ends[one] - starts[one] <= ends[last] - starts[last]:
                kept[one] = False
                continue
            kept[last] = False
        last = one
    return kept


@compiled
def _groups(
    data: Any, starts: Any, finishes: Any, order: Any, people: Any, kinds: Any, certain: Any, rows: Any,
    bounds: Any, hashes: Any, reach: int, binary: Any, strong: int,
) -> Any:  # fmt: skip
    made, count, size = np.empty((len(order), 9), np.int64), 0, len(order)
    begins, ends = starts[order], finishes[order]
    at = 0
    while at < size:
        start, end = begins[at], ends[at]
        first, last = at, at + 1
        while first > 0 and people[first - 1] == people[at] and ends[first - 1] + reach > start:
            first -= 1
        while last < size and people[last] == people[at] and begins[last] <= end + reach:
            last += 1
        if binary:
            low, high = max(0, start - reach), min(len(data), ends[last - 1] + reach)
            may_low, may_high = low, high
        else:
            low, high, may_low, may_high = record(data, start, end, reach, begins, ends, first, last)
        kind, sure = 1 << kinds[at], certain[at]
        past = at + 1
        while past < last and (begins[past] < high or (kind | 1 << kinds[past]) & strong != kind & strong):
            kind |= 1 << kinds[past]
            sure = sure or certain[past]
            past += 1
        found = 0
        one = rows[at]
        if not binary and bounds[one + 1] > bounds[one]:
            # All hits in the window are left out, whoever's: they are in order of place in the columns themselves.
            hit = np.searchsorted(starts, may_low - 400)
            top = np.searchsorted(starts, may_high)
            found = named(data, may_low, may_high, starts, finishes, hit, top, hashes, bounds[one], bounds[one + 1])
        made[count, 0], made[count, 1], made[count, 2], made[count, 3], made[count, 4] = at, past, kind, sure, found
        made[count, 5], made[count, 6], made[count, 7], made[count, 8] = low, high, may_low, may_high
        count += 1
        at = past
    return made[:count].copy()
