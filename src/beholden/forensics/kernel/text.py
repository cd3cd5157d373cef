"""A pass over text: first where anything can be, by masks of 64 bytes, then what is there."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.addresses import bounds, sign_at, unusual
from beholden.forensics.kernel.eights import (
    ADDRESS_LISTS,
    ADDRESS_WITHIN,
    EIGHT,
    hash_addresses,
    hash_numbers,
    hash_phones,
    listable,
)
from beholden.forensics.kernel.hashing import packed_digits
from beholden.forensics.kernel.lanes import (
    ADDRESS,
    KEPT,
    NUMBER,
    PHONE,
    ask,
    ask_one,
    count,
    flushed,
    keep,
    noted,
    owned,
    passes,
)
from beholden.forensics.kernel.machine import (
    alnums,
    anchored,
    bits,
    compiled,
    crowded,
    digits,
    gathered,
    inner,
    load1,
    load8,
    named,
    names,
    noted_classes,
    peek,
    poke,
    prefetch,
    scattered,
    separators,
    trailing,
)
from beholden.forensics.kernel.numbers import (
    MOST_PACKED,
    PACKED_WITHIN,
    gathered_digits,
    grouped_phone,
    packed_group,
    phone_totals,
    phones_from,
    run_of_digits,
)
from beholden.forensics.kernel.runs import long_runs, shifted, tokens

_0, _1, _2 = np.uint64(0), np.uint64(1), np.uint64(2)
_EIGHTHS: Final = np.uint64(0x0101_0101_0101_0101)
_ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
BLOCKS: Final = 64
"""Blocks of 64 bytes of a text that are done at once, in eights."""
_MASKS: Final = 8 * (BLOCKS + 2 * EIGHT)
"""How far the masks of one class lie from those of the next, in bytes; there is room before the first and behind the
last, for the blocks about a part."""
_LIST: Final = 8 * (64 * BLOCKS + 2 * EIGHT)
"""How far one list of places lies from the next."""
_CLASSES, _LISTS = 8, 17 + ADDRESS_LISTS
WORK: Final = (_CLASSES * _MASKS + _LISTS * _LIST) // 8
"""Words that a pass over text needs for its masks and lists."""
_DIGITS, _CHAINS, _FOURS, _ZEROS, _FORTIES, _RUNS, _GROUPS, _SIGNS = (8 * EIGHT + n * _MASKS for n in range(_CLASSES))
(_FOUND, _ADDRESSES, _ADDRESS_ENDS, _ADDRESS_NOTES, _ADDRESS_HASHES, _NUMBERS, _NUMBERS_PACKED,
 _NUMBER_LENGTHS, _NUMBER_HASHES, _PHONES, _PHONE_ENDS, _PHONES_PACKED, _PHONE_LENGTHS, _PHONE_HASHES, _FIRSTS,
 _ODD, _ODD_SIGNS, _WORDS) = (_CLASSES * _MASKS + n * _LIST for n in range(18))  # fmt: skip
_EITHER, _EITHER_LENGTHS = _ADDRESS_HASHES, _FIRSTS
"""These are done with before what else goes there is begun."""
_TOKEN_FILLS: Final = 16
"""A token so long has eight aligned bytes, wherever it begins."""
BEYOND: Final = 128
"""An @ stands at most 64 bytes behind where its address begins, so blocks are read so much further."""


@inner
def _masked(mode: Any, work: Any, text: Any, blocks: Any) -> None:
    """Masks of so many blocks, of one before them and of one behind. The next part is asked for meanwhile."""
    for n in range(-1, blocks + 1):
        at, block = work + 8 * n, text + 64 * n
        prefetch(block + 64 * BLOCKS)
        noted_classes(mode, block, at + _DIGITS, _MASKS)


@inner
def _seen(masks: Any, place: Any) -> Any:
    """The mask as seen from a place in a part."""
    at, by = masks + (place >> 6 << 3), np.uint64(place & 63)
    return (load8(at) >> by) | ((load8(at + 8) << _1) << (np.uint64(63) - by))


@inner
def _listed(masks: Any, blocks: Any, places: Any) -> Any:
    """List the places of all bits. Two are written always, so that little depends on how many there are."""
    held = 0
    for n in range(blocks):
        found = load8(masks + 8 * n)
        at, place = places + 8 * held, 64 * n
        held += bits(found)
        poke(at, place + trailing(found))
        found &= found - _1
        poke(at + 8, place + trailing(found))
        found &= found - _1
        while found != _0:
            at += 8
            poke(at + 8, place + trailing(found))
            found &= found - _1
    return held


@inner
def _listed_addresses(mode: Any, box: Any, plan: Any, base: Any, p: Any, signs: Any, found: Any, phones: Any) -> Any:
    """List addresses with all that their hashes need, and in another list those that take more: how many of both.

    The places found are of each @, and from `signs` on of what stands for one.
    """
    work = box.work
    held: Any = 0
    odd: Any = 0
    for n in range(found):
        ask_one(box, work + _PHONE_HASHES, 2 * n, phones)
        ask_one(box, work + _PHONE_HASHES, 2 * n + 1, phones)
        at = p + peek(work + _FOUND + 8 * n)
        sign = 1 if n < signs else sign_at(base, at)
        after = at + sign
        start, end, clear, likely = bounds(mode, plan, base, at, after)
        before, behind = at - start, end - after
        listed = work + 8 * held
        poke(listed + _WORDS, load8(base + after))
        poke(listed + _WORDS + _LIST, load8(base + after + 8))
        poke(listed + _WORDS + 2 * _LIST, load8(base + after + (behind & ~7)))
        poke(listed + _WORDS + 3 * _LIST, load8(base + at - 8))
        poke(listed + _WORDS + 4 * _LIST, load8(base + at - 16))
        poke(listed + _WORDS + 5 * _LIST, load8(base + at - 24))
        poke(listed + _WORDS + 6 * _LIST, load8(base + at - (before & ~7) - 8))
        poke(listed + _WORDS + 7 * _LIST, behind)
        poke(listed + _WORDS + 8 * _LIST, before)
        poke(listed + _ADDRESSES, start)
        poke(listed + _ADDRESS_ENDS, end)
        poke(listed + _ADDRESS_NOTES, noted(ADDRESS, sign, before))
        poke(work + _ODD + 8 * odd, at)
        poke(work + _ODD_SIGNS + 8 * odd, sign)
        clear = clear & (before < ADDRESS_WITHIN[1]) & (behind < ADDRESS_WITHIN[0])
        held += np.int64(clear & (before >= 1) & (behind >= 3) & owned(box, start))
        odd += np.int64(~clear & likely)
    ask(box, work + _PHONE_HASHES, 2 * found, phones)
    return held, odd


@inner
def _listed_escapes(work: Any, base: Any, p: Any, blocks: Any, held: Any) -> Any:
    """Put the places of what stands for an @ behind those of each @; how many there are then."""
    for n in range(blocks):
        found = load8(work + _FORTIES + 8 * n)
        while found != _0:
            place = 64 * n + trailing(found)
            found &= found - _1
            first = load1(base + p + place - 1)
            if first in (37, 61):
                poke(work + _FOUND + 8 * held, place - 1)
                held += 1
            elif first == 48 and sign_at(base, p + place - 4) == 6:
                poke(work + _FOUND + 8 * held, place - 4)
                held += 1
    return held


@inner
def _addresses(mode: Any, box: Any, plan: Any, base: Any, p: Any, blocks: Any, phones: Any) -> Any:
    """Every address in a part, about an @ or about what stands for one: how many. The filter is asked for the phones
    meanwhile."""
    work = box.work
    signs = _listed(work + _SIGNS, blocks, work + _FOUND)
    found = _listed_escapes(work, base, p, blocks, signs)
    held, odd = _listed_addresses(mode, box, plan, base, p, signs, found, phones)
    for n in range(odd):
        unusual(mode, box, plan, base, peek(work + _ODD + 8 * n), peek(work + _ODD_SIGNS + 8 * n))
    hash_addresses(mode, plan.seed, held, work + _WORDS, _LIST, work + _ADDRESS_HASHES)
    return held


@inner
def _listed_runs(mode: Any, box: Any, plan: Any, base: Any, p: Any, found: Any) -> Any:
    """Put each run of digits where it belongs: it can be nothing but an id, nothing but a phone, or either."""
    work = box.work
    numbers: Any = 0
    phones: Any = 0
    either: Any = 0
    for n in range(found):
        place = peek(work + _FOUND + 8 * n)
        at = p + place
        length, first = trailing(~_seen(work + _DIGITS, place)), load1(base + at)
        some = np.uint64(length & 63)
        known = ((plan.runs | phone_totals(plan, first) << _1) >> some) & np.uint64(length < 64)
        is_number, is_phone = (plan.numbers >> some) & _1, (plan.dials >> some) & _1
        # With zeros before it, it may be another phone.
        plain = known & (is_number ^ is_phone) & np.uint64((length <= MOST_PACKED) & (first != 48))
        packed = packed_digits(mode, base + at, min(length, MOST_PACKED))
        poke(work + _NUMBERS + 8 * numbers, at)
        poke(work + _NUMBERS_PACKED + 8 * numbers, packed)
        poke(work + _NUMBER_LENGTHS + 8 * numbers, length)
        poke(work + _PHONES + 8 * phones, at)
        poke(work + _PHONE_ENDS + 8 * phones, at + length)
        poke(work + _PHONES_PACKED + 8 * phones, packed)
        poke(work + _PHONE_LENGTHS + 8 * phones, length)
        poke(work + _EITHER + 8 * either, at)
        poke(work + _EITHER_LENGTHS + 8 * either, length)
        numbers += np.int64(plain & is_number)
        phones += np.int64(plain & is_phone)
        either += np.int64(known & ~plain & _1)
    return numbers, phones, either


@inner
def _listed_groups(mode: Any, box: Any, plan: Any, base: Any, p: Any, found: Any, phones: Any, numbers: Any) -> Any:
    """Put the phones of several groups of digits behind the others; how many there are then."""
    work = box.work
    for n in range(found):
        ask_one(box, work + _NUMBER_HASHES, 2 * n, numbers)
        ask_one(box, work + _NUMBER_HASHES, 2 * n + 1, numbers)
        place = peek(work + _FOUND + 8 * n)
        at = p + place
        ones, chain = _seen(work + _DIGITS, place), _seen(work + _CHAINS, place)
        parts = chain & ~ones
        crowd = parts & (parts >> _1) & (parts >> _2)
        ones &= (_1 << np.uint64(min(trailing(~chain | crowd), 60))) - _1
        ends = ones & ~(ones >> _1) & ~((_1 << np.uint64(trailing(~ones))) - _1)
        if ends & ~(ones << _1) != _0:  # single digits, perhaps a 0 that is not dialled
            phones_from(box, plan, base, at, digits(mode, base + at), separators(mode, base + at), False)
            continue
        totals, first = gathered(mode, ends, ones) & phone_totals(plan, load1(base + at)), True
        while totals != _0:
            total = trailing(totals) + 1
            end = trailing(scattered(mode, totals & (~totals + _1), ones)) + 1
            totals &= totals - _1
            taken = ones & ((_1 << np.uint64(end)) - _1)
            if first and total <= MOST_PACKED and end <= PACKED_WITHIN:
                packed = packed_group(mode, base + at, taken)
                none = min(trailing(packed) >> 2, total)
                poke(work + _PHONES + 8 * phones, at)
                poke(work + _PHONE_ENDS + 8 * phones, at + end)
                poke(work + _PHONES_PACKED + 8 * phones, packed >> np.uint64((4 * none) & 63))
                poke(work + _PHONE_LENGTHS + 8 * phones, total - none)
                phones += 1
            elif owned(box, at):
                grouped_phone(box, plan, at, at + end, gathered_digits(base, at, taken), total)
            first = False
    ask(box, work + _NUMBER_HASHES, 2 * found, numbers)
    return phones


@inner
def _digits(mode: Any, box: Any, plan: Any, base: Any, p: Any, blocks: Any) -> Any:
    """Every id and phone in a part, how many of each; the filter is asked for the ids."""
    work = box.work
    found = _listed(work + _RUNS, blocks, work + _FOUND)
    numbers, phones, either = _listed_runs(mode, box, plan, base, p, found)
    for n in range(0, 8 * either, 8):
        run_of_digits(box, plan, base, peek(work + _EITHER + n), peek(work + _EITHER_LENGTHS + n))
    hash_numbers(mode, plan.seed, numbers, work + _NUMBERS_PACKED, work + _NUMBER_LENGTHS, work + _NUMBER_HASHES)
    found = 0 if plan.phones == _0 else _listed(work + _GROUPS, blocks, work + _FOUND)
    phones = _listed_groups(mode, box, plan, base, p, found, phones, numbers)
    if plan.phones != _0:
        lists = (work + _PHONES_PACKED, work + _PHONE_LENGTHS, work + _PHONE_HASHES, work + _FIRSTS)
        hash_phones(mode, plan.seed, phones, *lists)
    return numbers, phones


@inner
def _looked_up(box: Any, plan: Any, addresses: Any, numbers: Any, phones: Any) -> None:
    """Keep what the filter lets pass; last what it was asked for last."""
    work = box.work
    for n in range(numbers):
        at = work + 8 * n
        ask_one(box, work + _ADDRESS_HASHES, n, addresses)
        start, length = peek(at + _NUMBERS), peek(at + _NUMBER_LENGTHS)
        if owned(box, start):
            count(box, NUMBER, length)
            if passes(box, load8(at + _NUMBER_HASHES)):
                keep(box, start, start + length, NUMBER)
    for n in range(phones):
        at = work + 8 * n
        ask_one(box, work + _ADDRESS_HASHES, numbers + n, addresses)
        start, length = peek(at + _PHONES), peek(at + _PHONE_LENGTHS)
        if (plan.phones >> np.uint64(length)) & _1 != _0 and owned(box, start):
            count(box, PHONE, length)
            first = box.firsts + 8 * peek(at + _FIRSTS)
            poke(first, peek(first) + 1)
            if passes(box, load8(at + _PHONE_HASHES)):
                keep(box, start, peek(at + _PHONE_ENDS), PHONE)
    ask(box, work + _ADDRESS_HASHES, numbers + phones, addresses)
    for at in range(work, work + 8 * addresses, 8):
        note = peek(at + _ADDRESS_NOTES)
        count(box, ADDRESS, note >> 16)
        if passes(box, load8(at + _ADDRESS_HASHES)):
            keep(box, peek(at + _ADDRESSES), peek(at + _ADDRESS_ENDS), note)


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
def _long(mode: Any, box: Any, plan: Any, base: Any, p: Any, blocks: Any) -> None:
    """Every token, app-scoped id and digest in a part, at once."""
    with_tokens, with_runs = plan.tokens != _0, plan.scoped != _0 or plan.digests != _0
    further = min(trailing(plan.tokens) + 1, 16) - 8
    for q in range(p, p + 64 * blocks, 64):
        if with_tokens:
            ones, after = names(mode, base + q), names(mode, base + q + 64)
            near, far = ones, after
            for by in (1, 2, 4):
                near, far = near & shifted(near, far, by), far & (far >> np.uint64(by))
            if further > 0:
                near &= shifted(near, far, further)
            if near != _0:
                tokens(mode, box, plan, base, q, near, ones, False)
        if with_runs and _is_crowded(mode, base, q):
            long_runs(mode, box, plan, base, q, _ALL, False)


@inner
def _is_quiet(mode: Any, plan: Any, base: Any, p: Any) -> Any:
    """Whether nothing can begin in 256 bytes."""
    if anchored(mode, base + p):
        return False
    if (plan.scoped != _0 or plan.digests != _0) and crowded(mode, base + p + 8):
        return False
    return plan.tokens == _0 or (trailing(plan.tokens) + 1 >= _TOKEN_FILLS and not named(mode, base + p + 8))


@compiled()
def sweep_text(mode: Any, base: Any, plan: Any, box: Any) -> Any:
    """Candidates that begin in what is owned, and how many (more than there was room for, perhaps).

    `base` is an address about which 512 bytes before and after what is owned may be read. A text is gone through in
    parts: first where anything can be, then what is there. So nothing is guessed from block to block, which costs a
    processor more than the work itself.
    """
    least = min(trailing(plan.runs), MOST_PACKED)
    short, more = np.uint64(min(least, 8) - 4), np.uint64(least - min(least, 8))
    chained, most = np.uint64(min(plan.least + 1, 16) - 8), np.uint64(plan.most - 8)
    end = box.own_to + BEYOND
    p = box.own_from
    numbers: Any = 0
    phones: Any = 0
    addresses: Any = 0
    while True:
        while p < end and _is_quiet(mode, plan, base, p):
            p += 256
        blocks = min(BLOCKS, (end - p + 63) >> 6)
        if blocks > 0:
            _masked(mode, box.work, base + p, blocks)
        _looked_up(box, plan, addresses, numbers, phones)  # of the part before: the filter has had time to answer
        if blocks <= 0:
            break
        for n in range(0, 8 * blocks, 8 * EIGHT):
            listable(mode, box.work + _DIGITS + n, _MASKS, short, more, chained, most)
        if plan.runs != _0:
            numbers, phones = _digits(mode, box, plan, base, p, blocks)
        addresses = _addresses(mode, box, plan, base, p, blocks, phones)
        if plan.tokens != _0 or plan.scoped != _0 or plan.digests != _0:
            _long(mode, box, plan, base, p, blocks)
        p += 64 * blocks
    flushed(box)
    return peek(box.state + 8 * KEPT)
