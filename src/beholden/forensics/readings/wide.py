"""UTF-16 of either order at either phase: in a buffer that is all of it, or in stretches between other bytes."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any

import numpy as np

from beholden.forensics.kernel.machine import bits, mode, nothings
from beholden.forensics.readings.blocks import BLOCK, wide_blocks
from beholden.forensics.readings.compiled import compiled, inner
from beholden.forensics.readings.escapes import _utf8
from beholden.forensics.readings.reading import BREAK, Allowance, Reading, Windows, put, split

REACH = 2048
"""Bytes around characters of a value that are decoded with them: names in other scripts, the rest of a record."""
PLAIN = 6
"""Characters of a value in a row that make UTF-16 of bytes with zeros between."""
ZEROS = 3
"""Zero characters that may stand between two plain ones: UTF-16 that was taken for bytes and widened again."""
FAR = 0x0800
"""From here on a character is of no script that is written in one word with Latin letters."""
ORDERS = ("UTF-16 LE", "UTF-16 BE")
_BREAK = np.frombuffer(BREAK, np.uint8)
_EVEN = np.uint64(0x5555_5555_5555_5555)


def wide(reading: Reading, order: int, allowance: Allowance) -> list[Reading]:
    """What a reading says as UTF-16 of an order (0: the low byte first), where it has such text."""
    windows = stretches(reading, order)
    if not len(windows):
        return []
    windows = allowance.grant(windows)
    room = int(windows[:, 3].sum()) + len(BREAK) * len(windows)
    data, spots, ends = _narrowed(reading.array, windows, order, room, _BREAK)
    return split(reading, ORDERS[order], data, spots, None, ends)


def stretches(reading: Reading, order: int) -> Windows:
    """Where characters of a value stand in UTF-16 of this order."""
    raw, whole = reading.data, None
    if b"\x00" in raw:
        whole = one_order(raw)
    if b"\x00" not in raw or (whole is not None and whole != order):
        return np.empty((0, 4), np.int32)
    if whole is not None:
        return np.array([[0, len(raw), 0, len(raw) // 2 * 3 + 4]], np.int32)
    fresh = reading.fresh if reading.fresh is not None else _ALL_FRESH
    live = wide_blocks(mode(), reading.array, order)
    found: Windows = _stretches(reading.array, fresh, live, order, REACH)
    return found


_ALL_FRESH = np.empty(0, np.uint8)


def one_order(raw: bytes) -> int | None:
    """0 or 1 where the whole buffer plainly is UTF-16 of one order: zeros at nearly every other byte, nowhere else."""
    if len(raw) < 64:
        return None
    even, odd = (2 * count for count in _zeros(mode(), np.frombuffer(raw, np.uint8)))
    # A first character across the border would be lost: such a text begins at an odd place, and is looked for there.
    if odd > 0.9 * len(raw) and even < 0.001 * len(raw) and (raw[1] == 0 or raw[:2] == BOM_UTF16_LE):
        return 0
    if even > 0.9 * len(raw) and odd < 0.001 * len(raw) and (raw[0] == 0 or raw[:2] == BOM_UTF16_BE):
        return 1
    return None


@compiled
def _zeros(mode: Any, data: Any) -> Any:
    """How many zeros stand at even and at odd places."""
    even, odd, at, size, base = 0, 0, 0, len(data), data.ctypes.data
    while at + BLOCK <= size:
        found = nothings(mode, base + at)
        even, odd = even + bits(found & _EVEN), odd + bits(found & ~_EVEN)
        at += BLOCK
    while at < size:
        if data[at] == 0:
            even, odd = even + (at & 1 == 0), odd + (at & 1)
        at += 1
    return even, odd


@inner
def _plain(letter: Any) -> Any:
    return letter in {9, 10, 13} or 32 <= letter < 127


@compiled
def _stretches(data: Any, fresh: Any, live: Any, order: int, reach: int) -> Any:
    """Windows around runs of plain characters, for both phases, each beginning at a character of its phase; what is
    looked at are the `live` blocks."""
    windows, count, size = np.empty((16, 4), np.int32), 0, len(data)
    for phase in range(2):
        opened, closes, streak, zeros, touched = -1, -1, 0, 0, len(fresh) == 0
        at = phase - 2
        while at + 2 < size:
            at += 2
            if not live[at // BLOCK]:
                streak, zeros, touched = 0, 0, len(fresh) == 0
                at = at // BLOCK * BLOCK + BLOCK - 2 + phase
                continue
            high = data[at + 1 - order] if at + 1 - order < size else 0
            low = data[at + order] if at + order < size else 255
            if high == 0 and low == 0 and zeros < ZEROS:
                zeros += 1
                continue
            zeros = 0
            if high != 0 or not _plain(low):
                streak = 0
                touched = len(fresh) == 0
                continue
            streak += 1
            if not touched:
                touched = fresh[at] != 0 or (at + 1 < size and fresh[at + 1] != 0)
            if streak < PLAIN or not touched:
                continue
            if opened >= 0 and at - reach > closes:
                windows = put(windows, count, opened, closes, phase, (closes - opened) // 2 * 3 + 4)
                count += 1
                opened = -1
            if opened < 0:
                opened = max(phase, at - reach // 2 * 2, closes)
            closes = min(size, at + reach // 2 * 2 + 2)
        if opened >= 0:
            windows = put(windows, count, opened, closes, phase, (closes - opened) // 2 * 3 + 4)
            count += 1
    return windows[:count].copy()


@compiled
def _narrowed(data: Any, windows: Any, order: int, room: int, pause: Any) -> Any:
    """The characters of all windows in UTF-8 with a pause after each, the place of every byte, and where each ends.

    The last character of a text may lack its other byte, which then is a zero. Between ASCII and a character of a
    distant script goes a space: mostly that is where the text begins among other bytes, and no value goes over it.
    """
    made, spots, ends = np.empty(room, np.uint8), np.empty(room, np.int32), np.empty(len(windows), np.int32)
    total, size = len(data), 0
    for number in range(len(windows)):
        at, before_was = windows[number, 0], 32
        while at < windows[number, 1]:
            first, second = int(data[at]), int(data[at + 1]) if at + 1 < total else 0
            unit = second << 8 | first if order == 0 else first << 8 | second
            taken = 2
            if 0xD800 <= unit < 0xDC00 and at + 3 < total:
                first, second = int(data[at + 2]), int(data[at + 3])
                low = second << 8 | first if order == 0 else first << 8 | second
                if 0xDC00 <= low < 0xE000:
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                    taken = 4
            before = size
            if (32 < unit < 128 and before_was >= FAR) or (32 < before_was < 128 and unit >= FAR):
                made[size] = 32
                size += 1
            before_was = unit
            size = _utf8(made, size, unit)
            for index in range(before, size):
                spots[index] = at
            at += taken
        for index in range(len(pause)):
            made[size], spots[size] = pause[index], windows[number, 1] - 1
            size += 1
        ends[number] = size
    return made[:size].copy(), spots[:size].copy(), ends
