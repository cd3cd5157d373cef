"""A pass over binary: 64 bytes at once say where anything could be, and only there is anything looked at."""

from typing import Any

import numpy as np

from beholden.forensics.kernel.addresses import any_address, sign_at
from beholden.forensics.kernel.integers import begin_integers, integers, integers_looked_up
from beholden.forensics.kernel.lanes import KEPT, flushed
from beholden.forensics.kernel.machine import (
    apart,
    at_signs,
    bits,
    compiled,
    digits,
    escapes,
    fours,
    inner,
    leading,
    load1,
    names,
    peek,
    separators,
    trailing,
    zeros,
)
from beholden.forensics.kernel.numbers import (
    phone_totals,
    phones_from,
    run_of_digits,
    windows_of_digits,
)
from beholden.forensics.kernel.runs import long_runs, shifted, starts, tokens
from beholden.forensics.kernel.text import BEYOND

_0, _1, _2 = np.uint64(0), np.uint64(1), np.uint64(2)


@inner
def _at_signs(mode: Any, box: Any, plan: Any, base: Any, p: Any) -> None:
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
            any_address(box, plan, base, at, sign, True)


@inner
def _digit_runs(box: Any, plan: Any, base: Any, p: Any, ones: Any, before: Any, after: Any) -> None:
    """Every run of digits that begins in a block and is as long as something sought."""
    m2, n2 = ones & shifted(ones, after, 1), after & (after >> _1)
    m4, n4 = m2 & shifted(m2, n2, 2), n2 & (n2 >> _2)
    found = starts(ones, before) & m4 & shifted(m4, n4, 3)
    while found != _0:
        at = trailing(found)
        found &= found - _1
        rest = ~shifted(ones, after, at) if at else ~ones
        length = trailing(rest)
        sought = plan.runs | phone_totals(plan, load1(base + p + at)) << _1
        if length < 64 and (sought >> np.uint64(length)) & _1 != _0:
            run_of_digits(box, plan, base, p + at, length)


@apart
def _digit_windows(mode: Any, box: Any, plan: Any, base: Any, p: Any, ones: Any, before: Any, after: Any) -> None:
    """Every cut of the runs of digits in a block."""
    m2, n2 = ones & shifted(ones, after, 1), after & (after >> _1)
    m4, n4 = m2 & shifted(m2, n2, 2), n2 & (n2 >> _2)
    found = m4 & shifted(m4, n4, 3)
    first = starts(ones, before)
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
def _groups(mode: Any, box: Any, plan: Any, base: Any, p: Any, ones: Any, before: Any, after: Any) -> None:
    """Every phone of several groups of digits of which the first one ends in a block."""
    parts, others = separators(mode, base + p), separators(mode, base + p + 64)
    apart = shifted(parts, others, 1)
    found = ones & apart & (shifted(ones, after, 2) | (shifted(parts, others, 2) & shifted(ones, after, 3)))
    begins = starts(ones, before)
    while found != _0:
        at = trailing(found)
        found &= found - _1
        own = begins & ((_2 << np.uint64(at)) - _1)
        if own != _0:
            start = p + 63 - leading(own)
        else:
            start = p + at
            while p + at - start <= 20 and (digits(mode, base + start - 1) & _1) != _0:
                start -= 1
        _cut_groups(mode, box, plan, base, start, p + at + 1)


@compiled()
def sweep_binary(mode: Any, base: Any, end: Any, plan: Any, box: Any) -> Any:
    """Candidates that begin in what is owned, and how many (more than there was room for, perhaps).

    `base` is an address about which 512 bytes before and after what is owned may be read; what is real ends at `end`.
    """
    own_from, own_to = box.own_from, box.own_to
    before, ones = digits(mode, base + own_from - 64), digits(mode, base + own_from)
    with_digits, with_phones = plan.runs != _0, plan.phones != _0
    with_runs, with_tokens = plan.scoped != _0 or plan.digests != _0, plan.tokens != _0
    with_integers = plan.low <= plan.top
    some, more = names(mode, base + own_from), _0
    begin_integers(box)
    for p in range(own_from, own_to + BEYOND, 64):
        _at_signs(mode, box, plan, base, p)
        after = digits(mode, base + p + 64)
        if ones != _0 and with_digits:
            _digit_runs(box, plan, base, p, ones, before, after)
            _digit_windows(mode, box, plan, base, p, ones, before, after)
            if with_phones and bits(before) + bits(ones) + bits(after) >= plan.least:
                _groups(mode, box, plan, base, p, ones, before, after)
        before, ones = ones, after
        if with_runs or with_tokens:
            more = names(mode, base + p + 64)
            near, far = some, more
            for by in (1, 2, 4):
                near, far = near & shifted(near, far, by), far & (far >> np.uint64(by))
            if near != _0:
                if with_tokens:
                    tokens(mode, box, plan, base, p, near, some, True)
                if with_runs and near & shifted(near, far, 8) != _0:
                    long_runs(mode, box, plan, base, p, ~_0, True)
            some = more
        if with_integers:
            integers(mode, box, plan, base, p, end)
    integers_looked_up(box)
    flushed(box)
    return peek(box.state + 8 * KEPT)
