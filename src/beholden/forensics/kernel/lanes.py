"""Candidates of each shape at one place: their hashes go through the filter in batches, what it lets pass is kept.

Places count from `base`, an address. A candidate is kept as where it begins, where it ends, and its shape with how it
is written: see `noted`.
"""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.hashing import (
    bits_of,
    decimal,
    ended,
    first_three,
    local,
    local_tail,
    number,
    seeded,
    step,
    tail,
    text,
)
from beholden.forensics.kernel.letters import DOMAIN, ESCAPED, HIGH, LOCAL, MARK, TABLE, character, foreign
from beholden.forensics.kernel.machine import (
    digits,
    high,
    hosts,
    inner,
    leading,
    load1,
    load8,
    plains,
    prefetch,
    separators,
    trailing,
)
from beholden.forensics.kernel.values import MAX_PHONE, Shape

ADDRESS, NUMBER, PHONE = int(Shape.ADDRESS), int(Shape.NUMBER), int(Shape.PHONE)
BOTH: Final = 8
"""A number that may be an id or a phone."""
INTEGER: Final = 9
"""An id as an integer; its bytes in the note, negative where the lowest comes first."""
WIDE: Final = 10
"""An address with letters beyond ASCII, which no filter can judge."""
BATCH: Final = 256
MAX_LOCAL, MAX_DOMAIN = 64, 255
MAX_DIGITS: Final = MAX_PHONE + 2
"""With an international prefix of two zeros."""
HELD, KEPT, OWN_FROM, OWN_TO, WIDE_TOO = range(5)
"""Places in `state`: candidates in the batch, candidates kept, what begins where counts, whether WIDE ones do."""
_TENS: Final = np.array([10**n for n in range(20)], np.uint64)
_ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_TEN_DIGITS: Final = np.uint64(10**10)
_E6, _E9, _TEN, _TWO = np.uint64(10**6), np.uint64(10**9), np.uint64(10), np.uint64(2)
_U0040: Final = np.uint64(int.from_bytes(b"\\u0040\0\0", "little"))
_SIX_BYTES: Final = np.uint64(0xFFFF_FFFF_FFFF)


@inner
def noted(shape: Any, sign: Any, before: Any) -> Any:
    """A shape, how many bytes an address's @ takes, and how many its local part."""
    return shape | sign << 8 | before << 16


@inner
def flushed(box: Any) -> None:
    """Ask the filter for a batch; when there is no more room, only count."""
    hashes, starts, ends, notes, state, words, kept_starts, kept_ends, kept_notes, _counts, _leading = box
    size, kept = np.uint64(len(words)), state[KEPT]
    for n in range(state[HELD]):
        wanted = bits_of(hashes[n])
        if words[high(hashes[n], size)] & wanted == wanted:
            if kept < len(kept_starts):
                kept_starts[kept], kept_ends[kept], kept_notes[kept] = starts[n], ends[n], notes[n]
            kept += 1
    state[KEPT], state[HELD] = kept, 0


@inner
def push(box: Any, start: Any, end: Any, note: Any, value: Any) -> None:
    """One more candidate, if it begins where it counts."""
    hashes, starts, ends, notes, state, words, _ks, _ke, _kn, _counts, _leading = box
    held = state[HELD]
    hashes[held], starts[held], ends[held], notes[held] = value, start, end, note
    prefetch(np.int64(words.ctypes.data) + (high(value, np.uint64(len(words))) << 3))
    state[HELD] = held + 1
    if held + 1 == BATCH:
        flushed(box)


@inner
def owned(box: Any, start: Any) -> Any:
    """Whether what begins here counts."""
    state = box[4]
    return state[OWN_FROM] <= start < state[OWN_TO]


@inner
def count(box: Any, shape: Any, length: Any) -> None:
    """One more was tested."""
    box[9][shape, min(length, 64)] += 1


@inner
def dialled(value: Any, length: Any) -> Any:
    """A phone's digits as they are sought, see `values.canonical`: as a number, and how many."""
    while length > 0 and value < _TENS[length - 1]:
        length -= 1
    if length == 11 and value - _TEN_DIGITS < _TEN_DIGITS:
        bare = value - _TEN_DIGITS
        if bare // _E9 >= _TWO and (bare // _E6) % _TEN >= _TWO:
            return bare, np.int64(10)
    return value, np.int64(length)


@inner
def run_of_digits(box: Any, plan: Any, base: Any, start: Any, length: Any) -> None:
    """A whole run of digits, as an id and as a phone."""
    numbers, phones, seed = plan[0], plan[1], plan[5]
    if not owned(box, start):
        return
    value = decimal(base + start, length)
    is_number = (numbers >> np.uint64(length)) & np.uint64(1) != np.uint64(0)
    plain, size = value, length
    is_phone = False
    if length <= MAX_DIGITS:
        plain, size = dialled(value, length)
        is_phone = (phones >> np.uint64(size)) & np.uint64(1) != np.uint64(0)
    state = seeded(seed, NUMBER)
    if is_phone:
        count(box, PHONE, size)
        box[10][size, first_three(plain, size)] += 1
    if is_number:
        count(box, NUMBER, length)
        both = is_phone and size == length
        push(box, start, start + length, BOTH if both else NUMBER, number(state, value, length))
        is_phone = is_phone and not both
    if is_phone:
        push(box, start, start + length, PHONE, number(state, plain, size))


@inner
def windows_of_digits(box: Any, plan: Any, base: Any, start: Any, length: Any, whole: Any) -> None:
    """Every id and phone that begins here within a run of which so many digits are left."""
    if not owned(box, start):
        return
    state = seeded(plan[5], NUMBER)
    left = (plan[0] | plan[1]) & ((_TWO << np.uint64(min(length, 62))) - np.uint64(1))
    while left != np.uint64(0):
        size = trailing(left)
        left &= left - np.uint64(1)
        if whole and size == length:
            continue
        value = decimal(base + start, size)
        is_number = (plan[0] >> np.uint64(size)) & np.uint64(1) != np.uint64(0)
        is_phone = (plan[1] >> np.uint64(size)) & np.uint64(1) != np.uint64(0)
        if is_number:
            count(box, NUMBER, size)
        if is_phone:
            count(box, PHONE, size)
            box[10][min(size, 15), first_three(value, size)] += 1
        push(box, start, start + size, BOTH if is_number and is_phone else NUMBER if is_number else PHONE,
             number(state, value, size))  # fmt: skip


@inner
def phones_from(mode: Any, box: Any, plan: Any, base: Any, start: Any) -> None:
    """Every phone of two groups of digits or more that begins with the group here."""
    if not owned(box, start):
        return
    ones = digits(mode, base + start)
    parts = separators(mode, base + start)
    length = trailing(~ones)
    if length > MAX_DIGITS:
        return
    value, total, at = decimal(base + start, length), length, length
    while at < 60:
        group = at
        while group < at + 2 and (parts >> np.uint64(group)) & np.uint64(1) != np.uint64(0):
            group += 1
        if group == at or (ones >> np.uint64(group)) & np.uint64(1) == np.uint64(0):
            return
        length = trailing(~(ones >> np.uint64(group)))
        total += length
        if total > MAX_DIGITS or group + length > 63:
            return
        at = group + length
        first = base + start + group
        if length == 1 and load1(first) == 48 and load1(first - 1) == 40 and load1(first + 1) == 41:
            total -= 1  # +49 (0)151: not dialled from abroad
            continue
        value = value * _TENS[length] + decimal(first, length)
        plain, size = dialled(value, total)
        if (plan[1] >> np.uint64(size)) & np.uint64(1) != np.uint64(0):
            count(box, PHONE, size)
            box[10][size, first_three(plain, size)] += 1
            push(box, start, start + at, PHONE, number(seeded(plan[5], NUMBER), plain, size))


@inner
def sign_at(base: Any, at: Any) -> Any:
    """How many bytes the @ here takes: 1, 3 for %40 and =40, 6 for \\u0040; 0 where there is none."""
    byte = load1(base + at)
    if byte == 64:
        return 1
    if byte == 92:
        return 6 if load8(base + at) & _SIX_BYTES == _U0040 else 0
    return 3 if load1(base + at + 1) == 52 and load1(base + at + 2) == 48 else 0


@inner
def address(mode: Any, box: Any, plan: Any, base: Any, at: Any, sign: Any) -> None:
    """The address about an @ in text: most of them stand between characters that no address has."""
    after = at + sign
    before = leading(~plains(mode, base + at - 64))
    behind = trailing(~hosts(mode, base + after))
    if before < 64 and behind < 64:
        start = at - before
        previous, following = load1(base + start - 1), load1(base + after + behind)
        first = load1(base + start)
        if TABLE[previous] & (MARK | HIGH) == 0 and following < 128 and first != 45 and first != 46:
            if previous == 92 and TABLE[first] & ESCAPED:
                start += 1
            while behind > 0 and (load1(base + after + behind - 1) - 45) >> 1 == 0:
                behind -= 1
            if start < at and behind >= 3 and owned(box, start):
                count(box, ADDRESS, at - start)
                found = local(text(seeded(plan[5], ADDRESS), base + after, behind), base + at, at - start)
                push(box, start, after + behind, noted(ADDRESS, sign, at - start), ended(found))
            return
    any_address(box, plan, base, at, sign, False)


@inner
def _run_before(base: Any, at: Any, binary: Any) -> Any:
    """Where the run of a local part's characters before an @ begins, and whether it is longer than any."""
    allowed = LOCAL if binary else LOCAL | HIGH
    start = at
    while at - start <= MAX_LOCAL and TABLE[load1(base + start - 1)] & allowed:
        start -= 1
    return start, at - start > MAX_LOCAL


@inner
def _after_foreign(base: Any, start: Any, at: Any) -> Any:
    """Where a run begins behind its last quotation mark or the like, and where its letters beyond ASCII end."""
    begin, wide, place = start, start, start
    while place < at:
        if TABLE[load1(base + place)] & HIGH:
            point, size = character(base + place)
            place += size
            if foreign(point):
                begin = place
            else:
                wide = place
        else:
            place += 1
    return min(begin, at), wide


@inner
def _run_after(base: Any, after: Any, binary: Any) -> Any:
    """The length of a domain without the dots behind it, and whether it has letters beyond ASCII."""
    wide, place = False, after
    while place - after < MAX_DOMAIN:
        kind = TABLE[load1(base + place)]
        if kind & DOMAIN:
            place += 1
        elif kind & HIGH and not binary:
            point, size = character(base + place)
            if foreign(point):
                break
            wide = True
            place += size
        else:
            break
    while place > after and (load1(base + place - 1) - 45) >> 1 == 0:
        place -= 1
    return place - after, wide


@inner
def _is_hex(byte: Any) -> Any:
    return 48 <= byte <= 57 or 97 <= (byte | 32) <= 102


@inner
def next_mark(base: Any, place: Any, begin: Any, at: Any) -> Any:
    """Behind the next quote or punctuation from `place` on; `at` where there is none."""
    if place == begin:
        while place < at and (load1(base + place) - 45) >> 1 == 0:
            place += 1
        if place > begin:
            return place
    while place < at:
        byte = load1(base + place)
        if byte == 37:
            if place + 2 < at and _is_hex(load1(base + place + 1)) and _is_hex(load1(base + place + 2)):
                return place + 3
        elif TABLE[byte] & MARK:
            return place + 1
        place += 1
    return at


def _any_address(box: Any, plan: Any, base: Any, at: Any, sign: Any, binary: Any) -> None:
    after = at + sign
    start, endless = _run_before(base, at, binary)
    begin, wide_until = (start, start) if binary else _after_foreign(base, start, at)
    if endless and begin == start:
        begin += 1
    else:
        endless = False
    behind, wide_after = _run_after(base, after, binary)
    if begin >= at or behind < 3:
        return
    if not endless and load1(base + begin - 1) == 92 and TABLE[load1(base + begin)] & ESCAPED:
        begin += 1
    domain = text(seeded(plan[5], ADDRESS), base + after, behind)
    place = begin
    while place < at:
        if place > begin or not endless:  # those too that begin before what counts: the longest is chosen of all
            if owned(box, place):
                count(box, ADDRESS, at - place)
            if wide_after or place < wide_until:
                if box[4][WIDE_TOO]:
                    kept, state = box[4][KEPT], box[4]
                    if kept < len(box[6]):
                        box[6][kept], box[7][kept], box[8][kept] = place, after + behind, noted(WIDE, sign, at - place)
                    state[KEPT] = kept + 1
            else:
                found = ended(local(domain, base + at, at - place))
                push(box, place, after + behind, noted(ADDRESS, sign, at - place), found)
        place = next_mark(base, place, begin, at)
    if binary:
        _cuts(box, plan, base, begin, at, after, behind)


@inner
def _cuts(box: Any, plan: Any, base: Any, begin: Any, at: Any, after: Any, behind: Any) -> None:
    """Every local part in a run before an @ at every sought domain that the run behind it begins with."""
    domains = plan[6]
    size = np.uint64(len(domains))
    states = np.empty(MAX_DOMAIN // 8 + 2, np.uint64)
    states[0] = seeded(plan[5], ADDRESS)
    for n in range(behind >> 3):
        states[n + 1] = step(states[n], load8(base + after + 8 * n) | np.uint64(0x2020_2020_2020_2020))
    heads = np.empty(MAX_LOCAL // 8 + 2, np.uint64)
    for length in range(behind, 2, -1):
        domain = step(states[length >> 3], tail(base + after + (length & ~7), length))
        hashed = ended(domain)
        wanted = bits_of(hashed)
        if domains[high(hashed, size)] & wanted != wanted:
            continue
        heads[0] = domain
        for n in range((at - begin) >> 3):
            heads[n + 1] = step(heads[n], load8(base + at - 8 * n - 8) | np.uint64(0x2020_2020_2020_2020))
        for start in range(begin, at):
            before = at - start
            if owned(box, start):
                count(box, ADDRESS, before)
            found = ended(step(heads[before >> 3], local_tail(base + at, before)))
            push(box, start, after + length, noted(ADDRESS, after - at, before), found)


any_address = inner(_any_address)
