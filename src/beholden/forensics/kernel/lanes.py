"""Candidates of each shape at one place: their hashes go through the filter in batches, what it lets pass is kept.

Places count from `base`, an address. A candidate is kept as where it begins, where it ends, and its shape with how it
is written: see `noted`.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from beholden.forensics.kernel.found import LENGTHS
from beholden.forensics.kernel.hashing import (
    SMALL,
    bits_of,
    decimal,
    ended,
    first_three,
    local,
    local_tail,
    number,
    packed_digits,
    seeded,
    short_local,
    short_text,
    sixteen_digits,
    step,
    tail,
    text,
)
from beholden.forensics.kernel.letters import DOMAIN, ESCAPED, HIGH, LOCAL, MARK, TABLE, character, foreign
from beholden.forensics.kernel.machine import (
    alike,
    apart,
    bits,
    chosen,
    dots,
    gathered,
    hexes,
    high,
    hosts,
    inner,
    leading,
    load1,
    load8,
    marks,
    peek,
    percents,
    plains,
    poke,
    prefetch,
    scattered,
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
HELD, KEPT = 0, 1
"""Places in `state`: candidates in the batch, candidates kept."""


class Box(NamedTuple):
    """Where candidates go: addresses of columns of eight bytes, and what begins where counts.

    A batch (`hashes` to `notes`) goes through the filter of `size` words; what it lets pass is kept, up to `room`.
    `counts` and `firsts` are those of `Tested`; `wide` says whether WIDE ones are kept. `scratch` is for partial
    hashes; `signs` to `either` are for places in a part of a text.
    """

    hashes: int
    starts: int
    ends: int
    notes: int
    state: int
    words: int
    size: Any
    kept_starts: int
    kept_ends: int
    kept_notes: int
    room: int
    own_from: int
    own_to: int
    counts: int
    firsts: int
    scratch: int
    wide: int
    signs: int
    escaped: int
    runs: int
    groups: int
    numbers: int
    dialled: int
    either: int


class Plan(NamedTuple):
    """What of an index a pass needs: lengths as bits, where hashes begin, the filter of domains, the range of ids.

    Bit n of `numbers` and `phones` stands for n digits; `runs` says which runs of digits may be either. No phone has
    fewer digits than `least`, none
    is written with more than `most`, or 16; `dials` says with how many, but for more zeros before them. Of `digests` and `tokens` bit n stands for n + 1 characters.
    """

    numbers: Any
    phones: Any
    least: int
    most: int
    dials: Any
    runs: Any
    scoped: Any
    digests: Any
    seed: Any
    domains: int
    domains_size: Any
    tokens: Any
    low: Any
    top: Any


_TENS: Final = np.array([10**n for n in range(20)], np.uint64)
_ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_TEN_DIGITS: Final = np.uint64(10**10)
_E6, _E9, _TEN, _TWO = np.uint64(10**6), np.uint64(10**9), np.uint64(10), np.uint64(2)
ONE, NONE = np.uint64(1), np.uint64(0)
_U0040: Final = np.uint64(int.from_bytes(b"\\u0040\0\0", "little"))
_DIGIT: Final = np.uint64(15)
_PHONE_TOTALS: Final = np.uint64((1 << MAX_DIGITS) - 1)
_SIX_BYTES: Final = np.uint64(0xFFFF_FFFF_FFFF)


@inner
def noted(shape: Any, sign: Any, before: Any) -> Any:
    """A shape, how many bytes an address's @ takes, and how many its local part."""
    return shape | sign << 8 | before << 16


@apart
def flushed(box: Any) -> None:
    """Ask the filter for a batch; when there is no more room, only count."""
    held, kept = peek(box.state), peek(box.state + 8 * KEPT)
    for n in range(0, 8 * held, 8):
        value = load8(box.hashes + n)
        wanted = bits_of(value)
        if load8(box.words + (high(value, box.size) << 3)) & wanted == wanted:
            if kept < box.room:
                poke(box.kept_starts + 8 * kept, peek(box.starts + n))
                poke(box.kept_ends + 8 * kept, peek(box.ends + n))
                poke(box.kept_notes + 8 * kept, peek(box.notes + n))
            kept += 1
    poke(box.state + 8 * KEPT, kept)
    poke(box.state, 0)


@inner
def push(box: Any, start: Any, end: Any, note: Any, value: Any) -> None:
    """One more candidate."""
    held = peek(box.state)
    at = 8 * held
    poke(box.hashes + at, value)
    poke(box.starts + at, start)
    poke(box.ends + at, end)
    poke(box.notes + at, note)
    prefetch(box.words + (high(value, box.size) << 3))
    poke(box.state, held + 1)
    if held + 1 == BATCH:
        flushed(box)


@inner
def owned(box: Any, start: Any) -> Any:
    """Whether what begins here counts."""
    return box.own_from <= start < box.own_to


@inner
def count(box: Any, shape: Any, length: Any) -> None:
    """One more was tested."""
    at = box.counts + 8 * (shape * LENGTHS + min(length, LENGTHS - 1))
    poke(at, peek(at) + 1)


@inner
def count_phone(box: Any, value: Any, length: Any) -> None:
    """One more that may be a phone."""
    count(box, PHONE, length)
    at = box.firsts + 8 * (min(length, 15) * 1000 + first_three(value, length))
    poke(at, peek(at) + 1)


@inner
def dialled(value: Any, length: Any) -> Any:
    """A phone's digits as they are sought, see `values.canonical`: as a number, and how many."""
    while length > 0 and value < _TENS[length - 1]:
        length -= 1
    bare = value - _TEN_DIGITS
    ours = (length == 11) & (bare < _TEN_DIGITS) & (bare // _E9 >= _TWO) & ((bare // _E6) % _TEN >= _TWO)
    return chosen(ours, bare, value), np.int64(chosen(ours, np.uint64(10), np.uint64(length)))


@inner
def run_of_digits(box: Any, plan: Any, base: Any, start: Any, length: Any) -> None:
    """A whole run of digits, as an id and as a phone."""
    numbers, phones, seed = plan.numbers, plan.phones, plan.seed
    if not owned(box, start):
        return
    value = decimal(base + start, length)
    is_number = (numbers >> np.uint64(length)) & ONE != NONE
    plain, size = value, length
    is_phone = False
    if length <= MAX_DIGITS and ((plan.dials >> np.uint64(length)) & ONE != NONE or load1(base + start) == 48):
        plain, size = dialled(value, length)
        is_phone = (phones >> np.uint64(size)) & ONE != NONE
    state = seeded(seed, NUMBER)
    if is_phone:
        count_phone(box, plain, size)
    if is_number:
        count(box, NUMBER, length)
        both = is_phone and size == length
        push(box, start, start + length, BOTH if both else NUMBER, number(state, value, length))
        is_phone = is_phone and not both
    if is_phone:
        push(box, start, start + length, PHONE, number(state, plain, size))


@apart
def windows_of_digits(box: Any, plan: Any, base: Any, start: Any, length: Any, whole: Any) -> None:
    """Every id and phone that begins here within a run of which so many digits are left."""
    if not owned(box, start):
        return
    state = seeded(plan.seed, NUMBER)
    left = (plan.numbers | plan.phones) & ((_TWO << np.uint64(min(length, 62))) - np.uint64(1))
    while left != np.uint64(0):
        size = trailing(left)
        left &= left - np.uint64(1)
        if whole and size == length:
            continue
        value = decimal(base + start, size)
        is_number = (plan.numbers >> np.uint64(size)) & ONE != NONE
        is_phone = (plan.phones >> np.uint64(size)) & ONE != NONE
        if is_number:
            count(box, NUMBER, size)
        if is_phone:
            count_phone(box, value, size)
        push(box, start, start + size, BOTH if is_number and is_phone else NUMBER if is_number else PHONE,
             number(state, value, size))  # fmt: skip


@inner
def _gathered(base: Any, start: Any, ones: Any) -> Any:
    """What single digits say; `ones` are their places."""
    value = np.uint64(0)
    while ones != NONE:
        value = value * _TEN + np.uint64(load1(base + start + trailing(ones)) - 48)
        ones &= ones - ONE
    return value


@inner
def _is_trunk(address: Any) -> Any:
    """Whether a digit is the 0 of "+49 (0)151", which is not dialled from abroad."""
    return load1(address) == 48 and load1(address - 1) == 40 and load1(address + 1) == 41


@inner
def phones_from(box: Any, plan: Any, base: Any, start: Any, ones: Any, parts: Any, binary: Any) -> None:
    """Every phone of two groups of digits or more that begins here: masks of digits, of separators.

    In binary the last group may be cut too, since what comes after it may be digits.
    """
    crowd = parts & (parts >> ONE) & (parts >> _TWO)
    reach = min(trailing(~(ones | parts) | crowd), 60)
    ones &= (ONE << np.uint64(reach)) - ONE
    if bits(ones) < plan.least:
        return
    ends = ones & ~((ONE << np.uint64(trailing(~ones))) - ONE)
    if not binary:
        ends &= ~(ones >> ONE)
    while ends != NONE:
        end = trailing(ends) + 1
        ends &= ends - ONE
        if _is_trunk(base + start + end - 1):
            ones &= ~(ONE << np.uint64(end - 1))
            continue
        taken = ones & ((ONE << np.uint64(end)) - ONE)
        total = bits(taken)
        if total > MAX_DIGITS:
            return
        if (plan.runs >> np.uint64(total)) & ONE != NONE and owned(box, start):
            _phone(box, plan, start, start + end, _gathered(base, start, taken), total)


@inner
def _packed(mode: Any, address: Any, taken: Any) -> Any:
    """Single digits side by side in four bits each, the first one lowest: at most 16, no further than 24 bytes."""
    low, ones = np.uint64(0xFF), np.uint64(0x0101_0101_0101_0101)
    first, second, third = taken & low, (taken >> np.uint64(8)) & low, taken >> np.uint64(16)
    found = gathered(mode, load8(address), scattered(mode, first, ones) * np.uint64(15))
    at = bits(first)
    found |= gathered(mode, load8(address + 8), scattered(mode, second, ones) * np.uint64(15)) << np.uint64(4 * at)
    at += bits(second)
    rest = gathered(mode, load8(address + 16), scattered(mode, third, ones) * np.uint64(15))
    return found | (rest << np.uint64((4 * at) & 63))


@inner
def _packed_phone(box: Any, plan: Any, start: Any, end: Any, found: Any, total: Any) -> None:
    """A phone of so many digits, at most 16, as `dialled` has it, without a branch that depends on the digits."""
    none = min(trailing(found) >> 2, total)
    found >>= np.uint64((4 * none) & 63)
    total -= none
    ours = (total == 11) & (found & _DIGIT == ONE)
    ours = ours & ((found >> np.uint64(4)) & _DIGIT >= _TWO) & ((found >> np.uint64(16)) & _DIGIT >= _TWO)
    found = chosen(ours, found >> np.uint64(4), found)
    length = np.int64(chosen(ours, np.uint64(10), np.uint64(total)))
    if (plan.phones >> np.uint64(length)) & ONE != NONE:
        value = sixteen_digits(found << np.uint64(64 - 4 * length))
        begin = (found & _DIGIT) * np.uint64(100) + ((found >> np.uint64(4)) & _DIGIT) * _TEN
        begin += (found >> np.uint64(8)) & _DIGIT
        count(box, PHONE, length)
        at = box.firsts + 8 * (min(length, 15) * 1000 + np.int64(begin))
        poke(at, peek(at) + 1)
        push(box, start, end, PHONE, number(seeded(plan.seed, NUMBER), value, length))


@inner
def run_as_phone(mode: Any, box: Any, plan: Any, base: Any, start: Any, length: Any) -> None:
    """A whole run of at most 16 digits that can be nothing but a phone."""
    if owned(box, start):
        _packed_phone(box, plan, start, start + length, packed_digits(mode, base + start, length), length)


@inner
def run_as_number(mode: Any, box: Any, plan: Any, base: Any, start: Any, length: Any) -> None:
    """A whole run of at most 16 digits that can be nothing but an id."""
    if owned(box, start):
        value = sixteen_digits(packed_digits(mode, base + start, length) << np.uint64(64 - 4 * length))
        count(box, NUMBER, length)
        push(box, start, start + length, NUMBER, number(seeded(plan.seed, NUMBER), value, length))


@inner
def grouped(mode: Any, box: Any, plan: Any, base: Any, start: Any, ones: Any, parts: Any) -> None:
    """The same in text, quicker: by how many digits each group ends with."""
    crowd = parts & (parts >> ONE) & (parts >> _TWO)
    reach = min(trailing(~(ones | parts) | crowd), 60)
    ones &= (ONE << np.uint64(reach)) - ONE
    ends = ones & ~((ONE << np.uint64(trailing(~ones))) - ONE) & ~(ones >> ONE)
    if ends & ~(ones << ONE) != NONE:  # single digits, perhaps a 0 that is not dialled
        phones_from(box, plan, base, start, ones, parts, False)
        return
    totals = gathered(mode, ends, ones) & (plan.runs >> ONE) & _PHONE_TOTALS
    while totals != NONE:
        total = trailing(totals) + 1
        end = trailing(scattered(mode, totals & (~totals + ONE), ones)) + 1
        totals &= totals - ONE
        taken = ones & ((ONE << np.uint64(end)) - ONE)
        if owned(box, start):
            if total <= 16 and end <= 24:
                _packed_phone(box, plan, start, start + end, _packed(mode, base + start, taken), total)
            else:
                _phone(box, plan, start, start + end, _gathered(base, start, taken), total)


@inner
def _phone(box: Any, plan: Any, start: Any, end: Any, value: Any, total: Any) -> None:
    plain, length = dialled(value, total)
    if (plan.phones >> np.uint64(length)) & ONE != NONE:
        count_phone(box, plain, length)
        push(box, start, end, PHONE, number(seeded(plan.seed, NUMBER), plain, length))


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
        if TABLE[previous] & (MARK | HIGH) == 0 and following < 128 and first not in (45, 46):
            if previous == 92 and TABLE[first] & ESCAPED:
                start += 1
            while behind > 0 and (load1(base + after + behind - 1) - 45) >> 1 == 0:
                behind -= 1
            if start < at and behind >= 3 and owned(box, start):
                count(box, ADDRESS, at - start)
                state = seeded(plan.seed, ADDRESS)
                if behind < 24 and at - start < 32:
                    found = short_local(short_text(state, base + after, behind), base + at, at - start)
                else:
                    found = local(text(state, base + after, behind), base + at, at - start)
                push(box, start, after + behind, noted(ADDRESS, sign, at - start), ended(found))
            return
    elif behind < 3 and load1(base + after + behind) < 128:
        return
    if TABLE[load1(base + at - 1)] & (LOCAL | HIGH) and TABLE[load1(base + after)] & (DOMAIN | HIGH):
        marked(mode, box, plan, base, at, sign)


@apart
def marked(mode: Any, box: Any, plan: Any, base: Any, at: Any, sign: Any) -> None:
    """The same where quotes or punctuation stand before the address: it may begin behind each of them."""
    after = at + sign
    allowed = alike(mode, base + at - 64)
    size, behind = leading(~allowed), trailing(~hosts(mode, base + after))
    previous = load1(base + at - size - 1)
    if TABLE[previous] & HIGH or behind == 64 or load1(base + after + behind) > 127:
        any_address(box, plan, base, at, sign, False)
        return
    endless = size == MAX_LOCAL and TABLE[previous] & LOCAL != 0
    while behind > 0 and (load1(base + after + behind - 1) - 45) >> 1 == 0:
        behind -= 1
    if previous == 92 and size > 0 and TABLE[load1(base + at - size)] & ESCAPED:
        size -= 1
    if size == 0 or behind < 3:
        return
    begin = ONE << np.uint64(64 - size)
    live = ~(begin - ONE)
    hexed = hexes(mode, base + at - 64)
    found = (marks(mode, base + at - 64) & live) << ONE
    found |= (percents(mode, base + at - 64) & live & (hexed >> ONE) & (hexed >> _TWO)) << np.uint64(3)
    led = dots(mode, base + at - 64) & live
    if led & begin != NONE:
        found |= (led + begin) & ~led  # the first place behind dots
    if not endless:
        found |= begin
    state, held = text(seeded(plan.seed, ADDRESS), base + after, behind), 0
    while found != NONE:
        length = leading(found) + 1
        found ^= ONE << np.uint64(64 - length)
        while held < length >> 3:
            held += 1
            state = step(state, load8(base + at - 8 * held) | SMALL)
        if owned(box, at - length):
            count(box, ADDRESS, length)
        hashed = ended(step(state, local_tail(base + at, length)))
        push(box, at - length, after + behind, noted(ADDRESS, sign, length), hashed)


@inner
def _run_before(base: Any, at: Any, binary: Any) -> Any:
    """Where the run of a local part's characters before an @ begins, and whether it is longer than any."""
    allowed = LOCAL if binary else LOCAL | HIGH
    start = at
    while at - start <= MAX_LOCAL and TABLE[load1(base + start - 1)] & allowed:
        start -= 1
    return start, at - start > MAX_LOCAL


@apart
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


@apart
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


@apart
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


@inner
def _keep_wide(box: Any, start: Any, end: Any, note: Any) -> None:
    kept = peek(box.state + 8 * KEPT)
    if kept < box.room:
        poke(box.kept_starts + 8 * kept, start)
        poke(box.kept_ends + 8 * kept, end)
        poke(box.kept_notes + 8 * kept, note)
    poke(box.state + 8 * KEPT, kept + 1)


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
    domain = text(seeded(plan.seed, ADDRESS), base + after, behind)
    place = begin
    while place < at:
        if place > begin or not endless:  # those too that begin before what counts: the longest is chosen of all
            if owned(box, place):
                count(box, ADDRESS, at - place)
            if wide_after or place < wide_until:
                if box.wide:
                    _keep_wide(box, place, after + behind, noted(WIDE, sign, at - place))
            else:
                found = ended(local(domain, base + at, at - place))
                push(box, place, after + behind, noted(ADDRESS, sign, at - place), found)
        place = next_mark(base, place, begin, at)
    if binary:
        _cuts(box, plan, base, begin, at, after, behind)


@apart
def _cuts(box: Any, plan: Any, base: Any, begin: Any, at: Any, after: Any, behind: Any) -> None:
    """Every local part in a run before an @ at every sought domain that the run behind it begins with."""
    states, heads = box.scratch, box.scratch + 8 * (MAX_DOMAIN // 8 + 2)
    poke(states, seeded(plan.seed, ADDRESS))
    for n in range(behind >> 3):
        poke(states + 8 * n + 8, step(load8(states + 8 * n), load8(base + after + 8 * n) | SMALL))
    for length in range(behind, 2, -1):
        domain = step(load8(states + (length & ~7)), tail(base + after + (length & ~7), length))
        hashed = ended(domain)
        wanted = bits_of(hashed)
        if load8(plan.domains + (high(hashed, plan.domains_size) << 3)) & wanted != wanted:
            continue
        poke(heads, domain)
        for n in range((at - begin) >> 3):
            poke(heads + 8 * n + 8, step(load8(heads + 8 * n), load8(base + at - 8 * n - 8) | SMALL))
        for start in range(begin, at):
            before = at - start
            if owned(box, start):
                count(box, ADDRESS, before)
            found = ended(step(load8(heads + (before & ~7)), local_tail(base + at, before)))
            push(box, start, after + length, noted(ADDRESS, after - at, before), found)


any_address = apart(_any_address)
