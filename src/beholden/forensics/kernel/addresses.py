"""Addresses about an @ or what stands for one: where they may begin and end, and who has them."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.hashing import (
    SMALL,
    bits_of,
    ended,
    local,
    local_tail,
    seeded,
    step,
    tail,
    text,
    word_at,
)
from beholden.forensics.kernel.lanes import (
    ADDRESS,
    MAX_DOMAIN,
    MAX_LOCAL,
    NONE,
    ONE,
    WIDE,
    count,
    keep,
    noted,
    owned,
    push,
)
from beholden.forensics.kernel.letters import DOMAIN, ESCAPED, HIGH, LOCAL, MARK, TABLE, character, foreign
from beholden.forensics.kernel.machine import (
    alike,
    apart,
    dots,
    hexes,
    hosts,
    inner,
    leading,
    load1,
    load8,
    marks,
    percents,
    plains,
    poke,
    trailing,
)

_U0040: Final = np.uint64(int.from_bytes(b"\\u0040\0\0", "little"))
_SIX_BYTES: Final = np.uint64(0xFFFF_FFFF_FFFF)


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
def _is_whole(plan: Any, previous: Any) -> Any:
    """Whether no address that is sought goes on to the left of plain characters and what stands before them."""
    kind = TABLE[previous]
    marked = (kind & MARK != 0) & ((previous == 37) | ((plan.marks >> np.uint64(previous & 63)) & ONE != NONE))
    return (kind & HIGH == 0) & ~marked


@inner
def _bounds(mode: Any, plan: Any, base: Any, at: Any, after: Any) -> Any:
    """Where the address about an @ begins and ends, and whether that is clear: it stands between characters that no
    address has."""
    before = leading(~plains(mode, base + at - 64))
    ones = hosts(mode, base + after)
    behind = trailing(~ones)
    named = ones & ~dots(mode, base + after) & ((ONE << np.uint64(behind & 63)) - ONE)
    start = at - before
    previous, following, first = load1(base + start - 1), load1(base + after + behind), load1(base + start)
    clear = (before < 64) & (behind < 64) & (following < 128) & ((first - 45) >> 1 != 0) & _is_whole(plan, previous)
    start += np.int64((previous == 92) & (TABLE[first] & ESCAPED != 0))
    return start, after + 64 - leading(named), clear


@apart
def unusual(mode: Any, box: Any, plan: Any, base: Any, at: Any, sign: Any) -> None:
    """The address about an @ in text where it is long, or where it is not clear at once where it begins and ends."""
    after = at + sign
    start, end, clear = _bounds(mode, plan, base, at, after)
    if clear:
        if start == at or end - after < 3 or not owned(box, start):
            return
        found = local(text(seeded(plan.seed, ADDRESS), base + after, end - after), base + at, at - start)
        count(box, ADDRESS, at - start)
        push(box, start, end, noted(ADDRESS, sign, at - start), ended(found))
        return
    behind = trailing(~hosts(mode, base + after))
    beyond = HIGH if box.wide else 0  # nobody is looked for whose address has such letters
    if behind < 3 and TABLE[load1(base + after + behind)] & beyond == 0:
        return
    if TABLE[load1(base + at - 1)] & (LOCAL | beyond) and TABLE[load1(base + after)] & (DOMAIN | beyond):
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
    found |= (percents(mode, base + at - 64) & live & (hexed >> ONE) & (hexed >> np.uint64(2))) << np.uint64(3)
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
        if (plan.addresses >> np.uint64(min(length + 1 + behind, 63))) & ONE != NONE:
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
                    keep(box, place, after + behind, noted(WIDE, sign, at - place))
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
        if load8(word_at(plan.domains, plan.domains_size, hashed)) & wanted != wanted:
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
