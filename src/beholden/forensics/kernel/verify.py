"""Candidates become hits where the digest of the whole value is in the index; and what says that a hit is whole."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.addresses import next_mark
from beholden.forensics.kernel.blake import LANES, sixteen
from beholden.forensics.kernel.digests import ROW, kind, long_digest, person, place, put, taken
from beholden.forensics.kernel.lanes import ADDRESS, BOTH, INTEGER, MAX_LOCAL, NUMBER, PHONE, WIDE
from beholden.forensics.kernel.letters import DOMAIN, ESCAPED, LOCAL, TABLE
from beholden.forensics.kernel.machine import apart, compiled, inner, load1, load8, prefetch, put8
from beholden.forensics.kernel.values import MAX_LENGTH, Shape
from beholden.native.blake2s import BLOCK

_SCOPED, _TOKEN, _HEX = int(Shape.SCOPED), int(Shape.TOKEN), int(Shape.HEX)
_ONE_BLOCK: Final = BLOCK - 1
_LONGEST_SHORT: Final = 126
_AHEAD: Final = 12
_LINE: Final = 64
"""Bytes of a line of memory."""
_LOW_SEVEN: Final = np.uint64(0x7F7F_7F7F_7F7F_7F7F)
_FROM_A: Final = np.uint64(0x3F3F_3F3F_3F3F_3F3F)
_BEYOND_Z: Final = np.uint64(0x2525_2525_2525_2525)


@inner
def _small(word: Any) -> Any:
    """Eight bytes with small letters for capitals."""
    low = word & _LOW_SEVEN
    capital = (low + _FROM_A) & ~(low + _BEYOND_Z) & ~word & ~_LOW_SEVEN
    return word | (capital >> np.uint64(2))


@inner
def _copied(out: Any, size: Any, base: Any, start: Any, end: Any) -> Any:
    """Bytes put behind so many others, with up to seven more; there is room for those."""
    to = np.int64(out.ctypes.data) + size
    for at in range(0, end - start, 8):
        put8(to + at, _small(load8(base + start + at)))
    return size + end - start


@inner
def _phone(out: Any, base: Any, start: Any, end: Any) -> Any:
    """The digits of a phone as `values.canonical` has them."""
    size = 0
    for at in range(start, end):
        byte = load1(base + at)
        dropped = byte == 48 and at > start and load1(base + at - 1) == 40 and load1(base + at + 1) == 41
        if 48 <= byte <= 57 and not dropped and (size or byte != 48):
            out[size] = byte
            size += 1
    if size == 11 and out[0] == 49 and out[1] >= 50 and out[4] >= 50:
        for n in range(10):
            out[n] = out[n + 1]
        size = 10
    return size


@inner
def _integer(out: Any, base: Any, at: Any, size: Any, lowest_first: Any) -> Any:
    value = np.uint64(0)
    for n in range(size):
        byte = load1(base + at + (size - 1 - n if lowest_first else n))
        value = value << np.uint64(8) | np.uint64(byte)
    length, left = 0, value
    while left != np.uint64(0):
        left //= np.uint64(10)
        length += 1
    for n in range(length):
        out[length - 1 - n] = np.uint8(48) + np.uint8(value % np.uint64(10))
        value //= np.uint64(10)
    return length


@apart
def _spelt(out: Any, base: Any, start: Any, end: Any, shape: Any, note: Any) -> Any:
    """The spelling of a candidate as an index has it, and its length."""
    if shape == ADDRESS:
        at = start + (note >> 16)
        size = _copied(out, 0, base, start, at)
        out[size] = 64
        return _copied(out, size + 1, base, at + ((note >> 8) & 255), end)
    if shape == PHONE:
        return _phone(out, base, start, end)
    if shape == INTEGER:
        return _integer(out, base, start, (note >> 8) & 255, note >> 16)
    return _copied(out, 0, base, start, end)


@inner
def _left(base: Any, start: Any, at: Any) -> Any:
    """Whether an address can begin here: its characters do, or there is a mark before it."""
    begin = start
    while at - begin <= MAX_LOCAL and TABLE[load1(base + begin - 1)] & LOCAL:
        begin -= 1
    if at - begin <= MAX_LOCAL and load1(base + begin - 1) == 92 and TABLE[load1(base + begin)] & ESCAPED:
        begin += 1
    if begin >= start:
        return at - begin <= MAX_LOCAL
    mark = begin
    while mark < start:
        mark = next_mark(base, mark, begin, at)
    return mark == start


@inner
def _right(base: Any, end: Any) -> Any:
    """Whether an address can end here: its characters do, but for dots, or a capital begins something new."""
    last, following = load1(base + end - 1), load1(base + end)
    if 97 <= last <= 122 and 65 <= following <= 90:
        return True
    at = end
    while at - end < 8 and (load1(base + at) - 45) >> 1 == 0:
        at += 1
    return TABLE[load1(base + at)] & DOMAIN == 0


@inner
def _is_digit(byte: Any) -> Any:
    return 48 <= byte <= 57


@inner
def _in_class(shape: Any, byte: Any) -> Any:
    """Whether a byte goes on what has this shape."""
    if shape in (NUMBER, PHONE):
        return _is_digit(byte)
    letter = 97 <= (byte | 32) <= 122
    if shape == _HEX:
        return _is_digit(byte) or 97 <= (byte | 32) <= 102
    return _is_digit(byte) or letter or byte in (45, 95)


@apart
def explained(base: Any, start: Any, end: Any, note: Any) -> Any:
    """Whether the left and the right end of a hit in binary are explained, as two bits."""
    shape = note & 255
    if shape == INTEGER:
        return 0
    if shape == _SCOPED:
        return 3
    if shape == ADDRESS:
        left, right = _left(base, start, start + (note >> 16)), _right(base, end)
    else:
        left = not _in_class(shape, load1(base + start - 1))
        right = not _in_class(shape, load1(base + end))
    length = end - start
    # PostgreSQL writes a short value's length before it, as (length + 1) * 2 + 1.
    if length < _LONGEST_SHORT and load1(base + start - 1) == (length + 1) * 2 + 1:
        left = True
    return (1 if left else 0) | (2 if right else 0)


@apart
def _kept(hits: Any, size: Any, row: Any, known: Any, start: Any, end: Any, ends: Any, sign: Any) -> Any:
    """Everyone whose value a row is the first of."""
    at = row
    while at < len(known) and known[at, 0] == known[row, 0] and known[at, 1] == known[row, 1]:
        if size < len(hits):
            hits[size, 0], hits[size, 1], hits[size, 2] = start, end, kind(known, at)
            hits[size, 3], hits[size, 4], hits[size, 5] = person(known, at), ends, sign
        size += 1
        at += 1
    return size


@apart
def _digested(mode: Any, state: Any, words: Any, counted: Any, out: Any, held: Any, contents: Any, shift: Any,
              firsts: Any, seconds: Any, total: Any) -> Any:  # fmt: skip
    """Put the digests of so many messages behind the others, and ask for where the contents say their rows begin."""
    sixteen(mode, state, words, counted, out)
    for lane in range(held):
        first, second = taken(out, lane)
        prefetch(np.int64(contents.ctypes.data) + 4 * np.int64(first >> shift))
        firsts[total + lane], seconds[total + lane] = first, second
    return total + held


@inner
def _digests(mode: Any, base: Any, starts: Any, ends: Any, notes: Any, size: Any, state: Any, contents: Any,
             shift: Any, firsts: Any, seconds: Any, whose: Any, shapes: Any) -> Any:  # fmt: skip
    """The digests of all candidates, of what may be two things both; whose they are and as what. How many."""
    words, counted = np.zeros(16 * LANES, np.uint32), np.zeros(LANES, np.uint32)
    out = np.zeros(4 * LANES, np.uint32)
    spelling = np.zeros(MAX_LENGTH + 16, np.uint8)
    spelling_at = np.int64(spelling.ctypes.data)
    held, total = 0, 0
    for n in range(size):
        shape = notes[n] & 255
        if shape == WIDE:
            continue
        for sought in (NUMBER, PHONE) if shape == BOTH else (shape, 0):
            if sought == 0:
                continue
            length = _spelt(spelling, base, starts[n], ends[n], sought, notes[n])
            named = NUMBER if sought == INTEGER else sought
            if length <= _ONE_BLOCK:
                put(words, counted, held, named, spelling_at, length)
                whose[total + held], shapes[total + held] = n, sought
                held += 1
                if held == LANES:
                    total = _digested(mode, state, words, counted, out, held, contents, shift, firsts, seconds, total)
                    held = 0
            else:
                total = _digested(mode, state, words, counted, out, held, contents, shift, firsts, seconds, total)
                held = 0
                firsts[total], seconds[total] = long_digest(state, named, spelling_at, length)
                whose[total], shapes[total] = n, sought
                total += 1
    return _digested(mode, state, words, counted, out, held, contents, shift, firsts, seconds, total)


@inner
def _placed(contents: Any, shift: Any, known: Any, firsts: Any, seconds: Any, rows: Any, total: Any) -> None:
    """The row of each digest, -1 where there is none. Each line of memory is asked for well before it is read."""
    base = np.int64(known.ctypes.data)
    for n in range(total + _AHEAD):
        if n < total:
            at = base + 8 * ROW * np.int64(contents[np.int64(firsts[n] >> shift)])
            prefetch(at)
            prefetch(at + _LINE)
        m = n - _AHEAD
        if m >= 0:
            rows[m] = place(contents, shift, known, firsts[m], seconds[m])


@compiled()
def verified(mode: Any, base: Any, binary: Any, starts: Any, ends: Any, notes: Any, size: Any, state: Any,
             contents: Any, shift: Any, known: Any, digests: Any, told: Any, own: Any, hits: Any,
             held: Any) -> Any:  # fmt: skip
    """Put hits, as `scan.Hits` has them, behind so many others: how many there are then, perhaps more than room; and
    whether each begins in what is owned, and no two of addresses are about one @, by their order.

    `known` are the rows of an index. `digests` and `told` are room for two and three numbers of each candidate as each
    thing that it may be.
    """
    firsts, seconds = digests[0], digests[1]
    whose, shapes, rows = told[0], told[1], told[2]
    by = np.uint64(shift)
    total = _digests(mode, base, starts, ends, notes, size, state, contents, by, firsts, seconds, whose, shapes)
    _placed(contents, by, known, firsts, seconds, rows, total)
    found, settled, last = held, True, np.int64(-1)
    for m in range(total):
        if rows[m] >= 0:
            n = whose[m]
            start, end, note = starts[n], ends[n], notes[n]
            sign = np.int64(-1)
            if shapes[m] == ADDRESS:
                sign = start + (note >> 16)
                settled = settled and sign > last
                last = sign
            settled = settled and own[0] <= start < own[1]
            whole = explained(base, start, end, (note & ~255) | shapes[m]) if binary else 3
            found = _kept(hits, found, rows[m], known, start, end, whole, sign)
    return found, settled


@inner
def _by_place(rows: Any, size: Any, order: Any, other: Any) -> Any:
    """The order of rows by where they begin: digit by digit, as sorting machines did it."""
    top, counted = np.int64(0), np.zeros(257, np.int64)
    for n in range(size):
        order[n] = n
        top = max(top, rows[n, 0])
    shift = 0
    while top >> shift:
        counted[:] = 0
        for n in range(size):
            counted[((rows[n, 0] >> shift) & 255) + 1] += 1
        for n in range(256):
            counted[n + 1] += counted[n]
        for n in range(size):
            which = (rows[order[n], 0] >> shift) & 255
            other[counted[which]] = order[n]
            counted[which] += 1
        order, other = other, order
        shift += 8
    return order


@inner
def _compared(rows: Any, left: Any, right: Any, columns: Any) -> Any:
    """Below 0 where the left row comes first by its first so many columns, 0 where they are the same."""
    for n in range(columns):
        if rows[left, n] != rows[right, n]:
            return rows[left, n] - rows[right, n]
    return np.int64(0)


@compiled()
def in_order(rows: Any, size: Any, orders: Any, starts: Any, ends: Any, kinds: Any, people: Any, whole: Any) -> Any:
    """So many hits as columns, by place, end, kind and person, each once: how many there are then."""
    order = _by_place(rows, size, orders[0], orders[1])
    for n in range(1, size):
        m = n
        while m > 0 and _compared(rows, order[m], order[m - 1], 4) < 0:
            order[m], order[m - 1] = order[m - 1], order[m]
            m -= 1
    held = 0
    for n in range(size):
        row = order[n]
        if n > 0 and _compared(rows, row, order[n - 1], 6) == 0:
            continue  # reached in two ways
        starts[held], ends[held], kinds[held] = rows[row, 0], rows[row, 1], rows[row, 2]
        people[held], whole[held] = rows[row, 3], rows[row, 4]
        held += 1
    return held
