"""Ids that are digits, and phones: whole runs, every cut of them, and groups with something between."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.hashing import (
    decimal,
    first_three,
    number,
    seeded,
)
from beholden.forensics.kernel.lanes import (
    BOTH,
    MAX_DIGITS,
    NONE,
    NUMBER,
    ONE,
    PHONE,
    count,
    owned,
    push,
)
from beholden.forensics.kernel.machine import (
    apart,
    bits,
    chosen,
    gathered,
    inner,
    load1,
    load8,
    peek,
    poke,
    scattered,
    trailing,
)

_TENS: Final = np.array([10**n for n in range(20)], np.uint64)
_TEN_DIGITS: Final = np.uint64(10**10)
_E6, _E9, _TEN, _TWO = np.uint64(10**6), np.uint64(10**9), np.uint64(10), np.uint64(2)
MOST_PACKED, PACKED_WITHIN = 16, 24
"""A phone of so many digits within so many bytes can be packed."""
_PHONE_TOTALS: Final = np.uint64((1 << MAX_DIGITS) - 1)


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
def gathered_digits(base: Any, start: Any, ones: Any) -> Any:
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
def phone_totals(plan: Any, first: Any) -> Any:
    """How many digits a phone may be written with, bit n for n + 1. Behind a 0 there may be more of them."""
    any_more = (first == 48) & (plan.phones != NONE)
    return chosen(any_more, _PHONE_TOTALS & ~((ONE << np.uint64(plan.least - 1)) - ONE), plan.dials >> ONE)


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
        if (phone_totals(plan, load1(base + start)) >> np.uint64(total - 1)) & ONE != NONE and owned(box, start):
            grouped_phone(box, plan, start, start + end, gathered_digits(base, start, taken), total)


@inner
def packed_group(mode: Any, address: Any, taken: Any) -> Any:
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
def grouped_phone(box: Any, plan: Any, start: Any, end: Any, value: Any, total: Any) -> None:
    """A phone of several groups, by its digits."""
    plain, length = dialled(value, total)
    if (plan.phones >> np.uint64(length)) & ONE != NONE:
        count_phone(box, plain, length)
        push(box, start, end, PHONE, number(seeded(plan.seed, NUMBER), plain, length))
