"""A pass over text: first where anything can be, by masks of 64 bytes, then what is there."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.addresses import address, sign_at
from beholden.forensics.kernel.machine import (
    alnums,
    anchored,
    at_signs,
    backslashes,
    bits,
    crowded,
    digits,
    equals,
    fours,
    inner,
    load1,
    named,
    names,
    peek,
    poke,
    separators,
    trailing,
    zeros,
)
from beholden.forensics.kernel.numbers import (
    grouped,
    run_as_number,
    run_as_phone,
    run_of_digits,
)
from beholden.forensics.kernel.runs import long_runs, shifted, tokens

_0, _1, _2, _3 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_EIGHTHS: Final = np.uint64(0x0101_0101_0101_0101)
PART: Final = 4096
"""About so many bytes of a text are done at once."""
STEP: Final = 48
ROOM: Final = PART + 512
"""Places that a part can have, with two more."""
_WINDOW: Final = np.uint64(((1 << STEP) - 1) << 1)
_TOKEN_FILLS: Final = 16
"""A token so long has eight aligned bytes, wherever it begins."""
BEYOND: Final = 128
"""An @ stands at most 64 bytes behind where its address begins, so blocks are read so much further."""


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
    shortest = trailing(plan.tokens) + 1
    with_runs = plan.scoped != _0 or plan.digests != _0
    signs, escaped, runs, groups, held, busy = 0, 0, 0, 0, 0, False
    while p < stop:
        quiet = not busy and not anchored(mode, base + p) and not (with_runs and crowded(mode, base + p + 8))
        if quiet and not (with_tokens and (shortest < _TOKEN_FILLS or named(mode, base + p + 8))):
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
                found &= (found >> np.uint64(min(shortest, 16) - 8)) & ~(ones << _1) & _WINDOW
                if found != _0:
                    tokens(mode, box, plan, base, q, found, ones, False)
            if with_runs and _is_crowded(mode, base, q + 1):
                long_runs(mode, box, plan, base, q, _WINDOW, False)
        p += 5 * STEP
        busy, held = signs + escaped + runs + groups > held, signs + escaped + runs + groups
    return p, signs, escaped, runs, groups


@inner
def _runs(mode: Any, box: Any, plan: Any, base: Any, runs: Any) -> None:
    """Every whole run of digits that was listed: first those that can be ids, then phones, then either."""
    numbers: Any = 0
    phones: Any = 0
    either: Any = 0
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
def sweep_text(mode: Any, base: Any, plan: Any, box: Any) -> None:
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
