"""Ids that stand as integers in binary: of 6 or 8 bytes as SQLite writes them, of 8 the other way as PostgreSQL does.

Of six bytes of noise very many are an integer that may be an id, so those are made ready for the filter eight at a
time where a block has many, and looked up when the next block has been made ready.
"""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.eights import LIST, PLACE, WANTED, eight_integers
from beholden.forensics.kernel.found import LENGTHS
from beholden.forensics.kernel.hashing import number, seeded
from beholden.forensics.kernel.lanes import INTEGER, NUMBER, count, keep, noted, owned, push
from beholden.forensics.kernel.machine import (
    apart,
    between,
    bits,
    inner,
    load8,
    nothings,
    peek,
    poke,
    prefetch,
    swapped,
    trailing,
)
from beholden.forensics.kernel.words import EIGHT

_0, _1 = np.uint64(0), np.uint64(1)
_SHORT: Final = np.uint64(16)
_BELOW_6: Final = np.uint64(1 << 48)
_MANY: Final = 16
"""Where so many of 64 bytes may begin an id of six, all of them are looked at together."""
_LENGTHS_OF_6: Final = np.uint64((1 << 16) - 1)
"""How many digits an integer of six bytes has, as bits."""
_TENS: Final = np.array([10**n for n in range(17)], np.uint64)
_SPARE: Final = WANTED + LIST
_LIVE, _FIRST = _SPARE + 8 * EIGHT, _SPARE + 9 * EIGHT
"""Which of the 64 made ready last are looked up yet, and where they begin."""


@inner
def begin_integers(box: Any) -> None:
    """Nothing is made ready yet."""
    poke(box.work + _SPARE, 0)
    poke(box.work + _LIVE, 0)


@apart
def integers_looked_up(box: Any) -> None:
    """Keep what the filter lets pass of those made ready last."""
    live, first = load8(box.work + _LIVE), peek(box.work + _FIRST)
    poke(box.work + _LIVE, 0)
    while live != _0:
        n = trailing(live)
        live &= live - _1
        one = box.work + 8 * n
        if load8(peek(one + PLACE)) & load8(one + WANTED) == load8(one + WANTED):
            keep(box, first + n, first + n + 6, noted(INTEGER, 6, 0))


@apart
def _many(mode: Any, box: Any, plan: Any, base: Any, p: Any, length: Any, least: Any, most: Any) -> None:
    """Make every integer of six bytes in a block ready for the filter that has so many digits."""
    integers_looked_up(box)
    live = _0
    for n in range(0, 64, EIGHT):
        lists = box.work + 8 * n
        ready = eight_integers(mode, box, plan, base, p + n, lists, length, least, most, box.work + _SPARE)
        for one in range(lists, lists + 8 * EIGHT, 8):
            prefetch(peek(one + PLACE))
        live |= ready << np.uint64(n)
    poke(box.work + _LIVE, live)
    poke(box.work + _FIRST, p)
    counted = box.counts + 8 * (NUMBER * LENGTHS + length)
    poke(counted, peek(counted) + bits(live))


@apart
def _of_six(mode: Any, box: Any, plan: Any, base: Any, p: Any, end: Any, least: Any, most: Any) -> None:
    """Every integer of six bytes in a block, the highest first, from the least to the most."""
    low, top = np.int64(least >> np.uint64(40)), np.int64(most >> np.uint64(40))
    found = between(mode, base + p, low, top - low)
    if bits(found) >= _MANY and p + 64 + 6 <= end:
        lengths = plan.numbers & _LENGTHS_OF_6
        while lengths != _0:
            length = trailing(lengths)
            lengths &= lengths - _1
            first, last = max(least, _TENS[length - 1]), min(most, _TENS[length] - _1)
            if first <= last:
                _of_length(mode, box, plan, base, p, length, first, last)
        return
    while found != _0:
        at = p + trailing(found)
        found &= found - _1
        if at + 6 <= end:
            _integer(box, plan, at, 6, swapped(load8(base + at)) >> _SHORT, False)


@inner
def _of_length(mode: Any, box: Any, plan: Any, base: Any, p: Any, length: Any, least: Any, most: Any) -> None:
    low, top = np.int64(least >> np.uint64(40)), np.int64(most >> np.uint64(40))
    found = between(mode, base + p, low, top - low)
    if bits(found) >= _MANY:
        _many(mode, box, plan, base, p, length, least, most)
        return
    while found != _0:
        at = p + trailing(found)
        found &= found - _1
        value = swapped(load8(base + at)) >> _SHORT
        if least <= value <= most:
            _integer(box, plan, at, 6, value, False)


@apart
def _integer(box: Any, plan: Any, at: Any, size: Any, value: Any, lowest_first: Any) -> None:
    if value < plan.low or value > plan.top or not owned(box, at):
        return
    length, power = 1, np.uint64(10)
    while length < 19 and value >= power:
        length += 1
        power *= np.uint64(10)
    if (plan.numbers >> np.uint64(length)) & _1 != _0:
        count(box, NUMBER, length)
        note = noted(INTEGER, size, 1 if lowest_first else 0)
        push(box, at, at + size, note, number(seeded(plan.seed, NUMBER), value, length))


@apart
def integers(mode: Any, box: Any, plan: Any, base: Any, p: Any, end: Any) -> None:
    """Every id in a block that stands as an integer."""
    low, top = plan.low, plan.top
    nothing = nothings(mode, base + p)
    if nothing == ~_0 and nothings(mode, base + p + 64) & np.uint64(255) == np.uint64(255):
        return
    first, second = np.int64(top >> np.uint64(56)), np.int64((top >> np.uint64(48)) & np.uint64(255))
    least = np.int64(low >> np.uint64(56))
    if first == least:
        second_least = np.int64((low >> np.uint64(48)) & np.uint64(255))
    else:
        second, second_least = np.int64(255), np.int64(0)
    found = between(mode, base + p, least, first - least) & between(
        mode, base + p + 1, second_least, second - second_least
    )
    while found != _0:
        at = p + trailing(found)
        found &= found - _1
        if at + 8 <= end:
            _integer(box, plan, at, 8, swapped(load8(base + at)), False)
    found = between(mode, base + p + 7, least, first - least)
    found &= between(mode, base + p + 6, second_least, second - second_least)
    while found != _0:
        at = p + trailing(found)
        found &= found - _1
        if at + 8 <= end:
            _integer(box, plan, at, 8, load8(base + at), True)
    if low < _BELOW_6:
        _of_six(mode, box, plan, base, p, end, low, min(top, _BELOW_6 - _1))
