"""One pass over a buffer: 64 bytes at once say where anything could be, and only there is anything looked at."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.hashing import HEX_TAKEN, ended, number, seeded, text
from beholden.forensics.kernel.lanes import (
    INTEGER,
    KEPT,
    address,
    any_address,
    count,
    flushed,
    grouped,
    noted,
    owned,
    phones_from,
    push,
    run_as_number,
    run_as_phone,
    run_of_digits,
    sign_at,
    windows_of_digits,
)
from beholden.forensics.kernel.machine import (
    alnums,
    anchored,
    apart,
    at_signs,
    backslashes,
    between,
    bits,
    compiled,
    crowded,
    digits,
    equals,
    escapes,
    fours,
    hexes,
    inner,
    leading,
    load1,
    load8,
    names,
    nothings,
    peek,
    poke,
    scoped,
    separators,
    swapped,
    trailing,
    zeros,
)
from beholden.forensics.kernel.values import Shape

_SCOPED, _TOKEN, _HEX, _NUMBER = int(Shape.SCOPED), int(Shape.TOKEN), int(Shape.HEX), int(Shape.NUMBER)
_SCOPED_LENGTH: Final = 26
_0, _1, _2, _3 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_EIGHTHS: Final = np.uint64(0x0101_0101_0101_0101)
_SHORT: Final = np.uint64(16)
_BELOW_6: Final = np.uint64(1 << 48)
_LAST: Final = np.uint64(1 << 63)
PART: Final = 4096
"""About so many bytes of a text are done at once."""
STEP: Final = 48
ROOM: Final = PART + 512
"""Places that a part can have, with two more."""
_WINDOW: Final = np.uint64(((1 << STEP) - 1) << 1)
BEYOND: Final = 128
"""An @ stands at most 64 bytes behind where its address begins, so blocks are read so much further."""


@inner
def shifted(ones: Any, following: Any, by: Any) -> Any:
    """A mask as seen from so many bytes further on; `following` is that of the next block."""
    return (ones >> np.uint64(by)) | (following << np.uint64(64 - by))


@inner
def _starts(ones: Any, previous: Any) -> Any:
    return ones & ~((ones << _1) | (previous >> np.uint64(63)))


@inner
def _runs16(ones: Any, following: Any) -> Any:
    """Where 16 or more bytes of a class follow; of the next block too, as far as it can be known."""
    near, far = ones, following
    for by in (1, 2, 4, 8):
        near, far = near & shifted(near, far, by), far & (far >> np.uint64(by))
    return near, far


@inner
def _at_signs(mode: Any, box: Any, plan: Any, base: Any, p: Any, binary: Any) -> None:
    """Every address about an @ in a block, and about what stands for one."""
    found = at_signs(mode, base + p)
    other = escapes(mode, base + p)
    if other != _0:
        short = fours(mode, base + p + 1) & zeros(mode, base + p + 2)
        found |= other & (short | (fours(mode, base + p + 4) & zeros(mode, base + p + 5)))
    while found != _0:
        at = p + trailing(found)
        found &= found - _1
        sign = sign_at(base, at)
        if sign:
            if binary:
                any_address(box, plan, base, at, sign, True)
            else:
                address(mode, box, plan, base, at, sign)


@inner
def _digit_runs(box: Any, plan: Any, base: Any, p: Any, ones: Any, before: Any, after: Any) -> None:
    """Every run of digits that begins in a block and is as long as something sought."""
    m2, n2 = ones & shifted(ones, after, 1), after & (after >> _1)
    m4, n4 = m2 & shifted(m2, n2, 2), n2 & (n2 >> _2)
    found = _starts(ones, before) & m4 & shifted(m4, n4, 3)
    while found != _0:
        at = trailing(found)
        found &= found - _1
        rest = ~shifted(ones, after, at) if at else ~ones
        length = trailing(rest)
        if length < 64 and (plan.runs >> np.uint64(length)) & _1 != _0:
            run_of_digits(box, plan, base, p + at, length)


@inner
def moved(ones: Any, following: Any, by: Any) -> Any:
    """`shifted`, by 0 to 63 bytes."""
    return (ones >> np.uint64(by)) | ((following << _1) << np.uint64(63 - by))


@inner
def _listed(places: Any, held: Any, p: Any, found: Any) -> Any:
    """Put the places of a mask behind those held; two are written always, so that nothing depends on how many."""
    at = places + (held << 3)
    poke(at, p + trailing(found))
    rest = found & (found - _1)
    poke(at + 8, p + trailing(rest))
    rest &= rest - _1
    while rest != _0:
        at += 8
        poke(at + 8, p + trailing(rest))
        rest &= rest - _1
    return held + bits(found)


@inner
def _run8(ones: Any) -> Any:
    """Where eight or more bytes of a class follow, in a window; and where four do."""
    two = ones & (ones >> _1)
    four = two & (two >> _2)
    return four & (four >> np.uint64(4)), four


@inner
def _listed_digits(mode: Any, box: Any, plan: Any, base: Any, p: Any, ones: Any, runs: Any, groups: Any) -> Any:
    """List every run of digits that begins in a window of text, and every first group of a phone's digits."""
    eight, four = _run8(ones)
    begins = ones & ~(ones << _1) & _WINDOW
    runs = _listed(box.runs, runs, p, begins & four & (four >> _3))
    if plan.phones == _0:
        return runs, groups
    # A phone of groups is a run of digits and separators that is longer than its digits; no group is all of it.
    chain, _ = _run8(ones | separators(mode, base + p))
    found = begins & chain & (chain >> np.uint64(min(plan.least + 1, 16) - 8))
    found &= ~(eight & (eight >> np.uint64(plan.most - 8)))
    return runs, _listed(box.groups, groups, p, found)


@inner
def _words(ones: Any) -> Any:
    """At least those eighths of a mask that are all ones, as the highest bit of each."""
    rest = ~ones
    return (rest - _EIGHTHS) & ~rest & (_EIGHTHS << np.uint64(7))


@inner
def _is_crowded(mode: Any, base: Any, p: Any) -> Any:
    """Whether a run of 26 letters and digits may begin in a block: it has two words of eight side by side."""
    near, far = _words(alnums(mode, base + p + 8)), _words(alnums(mode, base + p + 72))
    return near & shifted(near, far, 8) != _0


@inner
def _listed_text(mode: Any, box: Any, plan: Any, base: Any, p: Any, stop: Any) -> Any:
    """List where anything can be, up to `stop` or a little further: 256 bytes at once where there is nothing.

    Windows of 64 bytes begin a byte before what they are for and end 15 behind it: so no run of 16 needs two of them.
    Tokens and other long runs are done at once.
    """
    with_digits, with_tokens = plan.runs != _0, plan.tokens != _0
    with_runs = plan.scoped != _0 or plan.digests != _0
    signs, escaped, runs, groups, held, busy = 0, 0, 0, 0, 0, False
    while p < stop:
        quiet = not busy and not with_tokens and not anchored(mode, base + p)
        if quiet and not (with_runs and crowded(mode, base + p + 8)):
            p += 256
            continue
        for q in range(p - 1, p + 5 * STEP - 1, STEP):
            ones = digits(mode, base + q)
            signs = _listed(box.signs, signs, q, at_signs(mode, base + q) & _WINDOW)
            # What stands for an @ has a 40 in it.
            found = fours(mode, base + q) & (zeros(mode, base + q) >> _1) & _WINDOW
            if found != _0:
                found &= equals(mode, base + q - 1) | backslashes(mode, base + q - 4)
                escaped = _listed(box.escaped, escaped, q, found)
            if with_digits:
                runs, groups = _listed_digits(mode, box, plan, base, q, ones, runs, groups)
            if with_tokens:
                ones = names(mode, base + q)
                found, _ = _run8(ones)
                if found & _WINDOW != _0:
                    _tokens(mode, box, plan, base, q, found & _WINDOW, ones, False)
            if with_runs and _is_crowded(mode, base, q + 1):
                _long_runs(mode, box, plan, base, q, _WINDOW, False)
        p += 5 * STEP
        busy, held = signs + escaped + runs + groups > held, signs + escaped + runs + groups
    return p, signs, escaped, runs, groups


@inner
def _runs(mode: Any, box: Any, plan: Any, base: Any, runs: Any) -> None:
    """Every whole run of digits that was listed: first those that can be ids, then phones, then either."""
    numbers, phones, either = 0, 0, 0
    for n in range(runs):
        at = peek(box.runs + 8 * n)
        length = trailing(~digits(mode, base + at))
        some = np.uint64(length & 63)
        known = (plan.runs >> some) & _1
        is_number = (plan.numbers >> some) & _1
        is_phone = (plan.dials >> some) & _1
        short = length <= 16 and load1(base + at) != 48  # with zeros before it, it may be another phone
        place = at << 6 | np.int64(some)
        poke(box.numbers + 8 * numbers, place)
        poke(box.dialled + 8 * phones, place)
        poke(box.either + 8 * either, place)
        plain = known & np.uint64(short)
        numbers += np.int64(plain & ~is_phone)
        phones += np.int64(plain & ~is_number)
        either += np.int64(known & ~(plain & (is_phone ^ is_number)) & np.uint64(length < 64))
    for n in range(numbers):
        place = peek(box.numbers + 8 * n)
        run_as_number(mode, box, plan, base, place >> 6, place & 63)
    for n in range(phones):
        place = peek(box.dialled + 8 * n)
        run_as_phone(mode, box, plan, base, place >> 6, place & 63)
    for n in range(either):
        place = peek(box.either + 8 * n)
        run_of_digits(box, plan, base, place >> 6, place & 63)


@inner
def _text(mode: Any, base: Any, plan: Any, box: Any) -> None:
    """All of a text, in parts: first where anything can be, then what is there. So nothing is guessed from block to
    block, which costs a processor more than the work itself."""
    end = box.own_to + BEYOND
    p = box.own_from
    while p < end:
        p, signs, escaped, runs, groups = _listed_text(mode, box, plan, base, p, min(p + PART, end))
        for n in range(signs):
            address(mode, box, plan, base, peek(box.signs + 8 * n), 1)
        for n in range(escaped):
            at = peek(box.escaped + 8 * n)
            if equals(mode, base + at - 1) & _1 != _0:
                address(mode, box, plan, base, at - 1, 3)
            if sign_at(base, at - 4) == 6:
                address(mode, box, plan, base, at - 4, 6)
        _runs(mode, box, plan, base, runs)
        for n in range(groups):
            at = peek(box.groups + 8 * n)
            grouped(mode, box, plan, base, at, digits(mode, base + at), separators(mode, base + at))


@apart
def _digit_windows(mode: Any, box: Any, plan: Any, base: Any, p: Any, ones: Any, before: Any, after: Any) -> None:
    """Every cut of the runs of digits in a block."""
    m2, n2 = ones & shifted(ones, after, 1), after & (after >> _1)
    m4, n4 = m2 & shifted(m2, n2, 2), n2 & (n2 >> _2)
    found = m4 & shifted(m4, n4, 3)
    first = _starts(ones, before)
    while found != _0:
        at = trailing(found)
        found &= found - _1
        length = trailing(~digits(mode, base + p + at))
        windows_of_digits(box, plan, base, p + at, length, (first >> np.uint64(at)) & _1 != _0)


@apart
def _cut_groups(mode: Any, box: Any, plan: Any, base: Any, start: Any, end: Any) -> None:
    """In binary: what comes before the first group may be digits too."""
    for at in range(start, end):
        phones_from(box, plan, base, at, digits(mode, base + at), separators(mode, base + at), True)


@inner
def _groups(mode: Any, box: Any, plan: Any, base: Any, p: Any, ones: Any, before: Any, after: Any,
            binary: Any) -> None:  # fmt: skip
    """Every phone of several groups of digits of which the first one ends in a block."""
    parts, others = separators(mode, base + p), separators(mode, base + p + 64)
    apart = shifted(parts, others, 1)
    found = ones & apart & (shifted(ones, after, 2) | (shifted(parts, others, 2) & shifted(ones, after, 3)))
    begins = _starts(ones, before)
    while found != _0:
        at = trailing(found)
        found &= found - _1
        own = begins & ((_2 << np.uint64(at)) - _1)
        if own != _0:
            first = 63 - leading(own)
            start = p + first
            near, between_them = ones, parts
            if first:
                near, between_them = shifted(ones, after, first), shifted(parts, others, first)
        else:
            start = p + at
            while p + at - start <= 20 and (digits(mode, base + start - 1) & _1) != _0:
                start -= 1
            near, between_them = digits(mode, base + start), separators(mode, base + start)
        if not binary:
            phones_from(box, plan, base, start, near, between_them, False)
        else:
            _cut_groups(mode, box, plan, base, start, p + at + 1)


@apart
def _long_runs(mode: Any, box: Any, plan: Any, base: Any, p: Any, where: Any, binary: Any) -> None:
    """App-scoped ids and digests that begin at some places of a block."""
    if plan.scoped & _1 != _0:
        ones, after = scoped(mode, base + p), scoped(mode, base + p + 64)
        near, far = _runs16(ones, after)
        found = near & shifted(near, far, _SCOPED_LENGTH - 16) & where
        while found != _0:
            at = p + trailing(found)
            found &= found - _1
            if owned(box, at):
                count(box, _SCOPED, _SCOPED_LENGTH)
                value = ended(text(seeded(plan.seed, _SCOPED), base + at, _SCOPED_LENGTH))
                push(box, at, at + _SCOPED_LENGTH, noted(_SCOPED, 0, 0), value)
    if plan.digests != _0:
        ones, after = hexes(mode, base + p), hexes(mode, base + p + 64)
        near, far = _runs16(ones, after)
        found = near & shifted(near, far, 16) & where
        if not binary:
            found &= _starts(ones, hexes(mode, base + p - 64))
        while found != _0:
            at = p + trailing(found)
            found &= found - _1
            length = trailing(~hexes(mode, base + at))
            if length == 64 and hexes(mode, base + at + 64) & _1 != _0:
                length = 65
            for size in (32, 40, 64):
                wanted = length == size or (binary and length > size)
                if wanted and (plan.digests >> np.uint64(size - 1)) & _1 != _0 and owned(box, at):
                    count(box, _HEX, size)
                    value = ended(text(seeded(plan.seed, _HEX) + np.uint64(size), base + at, HEX_TAKEN))
                    push(box, at, at + size, noted(_HEX, 0, 0), value)


@apart
def _tokens(mode: Any, box: Any, plan: Any, base: Any, p: Any, found: Any, ones: Any, binary: Any) -> None:
    """Other ids: whole tokens; in binary every cut of them. `found` are the places where eight or more go on."""
    previous = names(mode, base + p - 64)
    first = _starts(ones, previous)
    if not binary:
        found &= first
    while found != _0:
        bit = trailing(found)
        at = p + bit
        found &= found - _1
        length = trailing(~names(mode, base + at))
        if length == 64 and names(mode, base + at + 64) & _1 != _0:
            length = 65
        if binary:
            left = plan.tokens & ((_2 << np.uint64(min(length, 64) - 1)) - _1)
        else:
            left = plan.tokens & (_1 << np.uint64(length - 1)) if length <= 64 else _0
        while left != _0 and owned(box, at):
            size = trailing(left) + 1
            left &= left - _1
            count(box, _TOKEN, size)
            push(box, at, at + size, noted(_TOKEN, 0, 0), ended(text(seeded(plan.seed, _TOKEN), base + at, size)))


@apart
def _integer(box: Any, plan: Any, at: Any, size: Any, value: Any, lowest_first: Any) -> None:
    if value < plan.low or value > plan.top or not owned(box, at):
        return
    length, power = 1, np.uint64(10)
    while length < 19 and value >= power:
        length += 1
        power *= np.uint64(10)
    if (plan.numbers >> np.uint64(length)) & _1 != _0:
        count(box, _NUMBER, length)
        note = noted(INTEGER, size, 1 if lowest_first else 0)
        push(box, at, at + size, note, number(seeded(plan.seed, _NUMBER), value, length))


@apart
def _integers(mode: Any, box: Any, plan: Any, base: Any, p: Any, end: Any) -> None:
    """Ids that stand as integers of 6 or 8 bytes, as SQLite writes them, or of 8 the other way, as PostgreSQL does."""
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
        most = min(top, _BELOW_6 - _1)
        first, least = np.int64(most >> np.uint64(40)), np.int64(low >> np.uint64(40))
        found = between(mode, base + p, least, first - least)
        while found != _0:
            at = p + trailing(found)
            found &= found - _1
            if at + 6 <= end:
                _integer(box, plan, at, 6, swapped(load8(base + at)) >> _SHORT, False)


@compiled()
def sweep_block(mode: Any, base: Any, end: Any, binary: Any, plan: Any, box: Any) -> Any:
    """Candidates that begin in what is owned, and how many (more than there was room for, perhaps).

    `base` is an address about which 512 bytes before and after what is owned may be read; what is real ends at `end`.
    """
    if not binary:
        _text(mode, base, plan, box)
        flushed(box)
        return peek(box.state + 8 * KEPT)
    own_from, own_to = box.own_from, box.own_to
    before, ones = digits(mode, base + own_from - 64), digits(mode, base + own_from)
    with_digits, with_phones = plan.runs != _0, plan.phones != _0
    with_runs, with_tokens = plan.scoped != _0 or plan.digests != _0, plan.tokens != _0
    with_integers = binary and plan.low <= plan.top
    some, more = names(mode, base + own_from), _0
    for p in range(own_from, own_to + BEYOND, 64):
        _at_signs(mode, box, plan, base, p, binary)
        after = digits(mode, base + p + 64)
        if ones != _0 and with_digits:
            _digit_runs(box, plan, base, p, ones, before, after)
            if binary:
                _digit_windows(mode, box, plan, base, p, ones, before, after)
            if with_phones and bits(before) + bits(ones) + bits(after) >= plan.least:
                _groups(mode, box, plan, base, p, ones, before, after, binary)
        before, ones = ones, after
        if with_runs or with_tokens:
            more = names(mode, base + p + 64)
            near, far = some, more
            for by in (1, 2, 4):
                near, far = near & shifted(near, far, by), far & (far >> np.uint64(by))
            if near != _0:
                if with_tokens:
                    _tokens(mode, box, plan, base, p, near, some, binary)
                if with_runs and near & shifted(near, far, 8) != _0:
                    _long_runs(mode, box, plan, base, p, ~_0, binary)
            some = more
        if with_integers:
            _integers(mode, box, plan, base, p, end)
    flushed(box)
    return peek(box.state + 8 * KEPT)
