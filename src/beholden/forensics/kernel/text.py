"""A pass over text: first where anything can be, by masks of 64 bytes, then what is there."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.addresses import sign_at, unusual
from beholden.forensics.kernel.eights import (
    ADDRESS_LISTS,
    AFTER,
    AROUND,
    AT,
    COUNT,
    DIGIT_LISTS,
    DOTS,
    FIRST,
    LENGTH,
    LIST,
    NOTE,
    PACKED,
    PLACE,
    START,
    STOP,
    WANTED,
    WORDS,
    eight_addresses,
    eight_groups,
    eight_runs,
    listable,
)
from beholden.forensics.kernel.hashing import packed_digits
from beholden.forensics.kernel.lanes import KEPT, flushed, keep, owned
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
    near_dots,
    near_hosts,
    near_plains,
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
from beholden.forensics.kernel.words import EIGHT

_0, _1, _2, _HALF = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(32)
_EIGHTHS: Final = np.uint64(0x0101_0101_0101_0101)
_ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
BLOCKS: Final = 64
"""Blocks of 64 bytes of a text that are done at once, in eights."""
_MASKS: Final = 8 * (BLOCKS + 2 * EIGHT)
"""How far the masks of one class lie from those of the next, in bytes; there is room before the first and behind the
last, for the blocks about a part."""
_CLASSES = 8
_DIGITS, _CHAINS, _FOURS, _ZEROS, _FORTIES, _RUNS, _GROUPS, _SIGNS = (8 * EIGHT + n * _MASKS for n in range(_CLASSES))
_RUN_LISTS = _CLASSES * _MASKS
_GROUP_LISTS = _RUN_LISTS + DIGIT_LISTS * LIST
_ADDRESS_LISTS = _GROUP_LISTS + DIGIT_LISTS * LIST
_FOUND = _ADDRESS_LISTS + ADDRESS_LISTS * LIST
_SPARE = _FOUND + LIST
"""A zero, and behind it room to count what does not count."""
WORK: Final = (_SPARE + 8 * EIGHT) // 8
"""Words that a pass over text needs for its masks and lists."""
_TOKEN_FILLS: Final = 16
"""A token so long has eight aligned bytes, wherever it begins."""
BEYOND: Final = 128
"""An @ stands at most 64 bytes behind where its address begins, so blocks are read so much further."""


@inner
def _ask(lists: Any) -> None:
    """Ask for the words of the filter that eight will be looked up in, so that other work goes on meanwhile."""
    for n in range(0, 8 * EIGHT, 8):
        prefetch(peek(lists + PLACE + n))


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
def _listed_addresses(mode: Any, box: Any, base: Any, p: Any, signs: Any, found: Any) -> None:
    """List what is about each @, and from `signs` on about what stands for one."""
    lists = box.work + _ADDRESS_LISTS
    for n in range(signs):
        at = p + peek(box.work + _FOUND + 8 * n)
        _listed_address(mode, lists + 8 * n, base, at, at + 1)
    for n in range(signs, found):
        at = p + peek(box.work + _FOUND + 8 * n)
        _listed_address(mode, lists + 8 * n, base, at, at + sign_at(base, at))
    for n in range(8 * found, 8 * (found + -found % EIGHT), 8):
        poke(lists + AT + n, p)
        poke(lists + AFTER + n, p)
        poke(lists + AROUND + n, 0)


@inner
def _listed_address(mode: Any, listed: Any, base: Any, at: Any, after: Any) -> None:
    poke(listed + AT, at)
    poke(listed + AFTER, after)
    poke(listed + AROUND, near_plains(mode, base + at - 32) | near_hosts(mode, base + after) << _HALF)
    poke(listed + DOTS, near_dots(mode, base + after))
    poke(listed + WORDS, load8(base + after))
    poke(listed + WORDS + LIST, load8(base + after + 8))
    poke(listed + WORDS + 2 * LIST, load8(base + at - 8))
    poke(listed + WORDS + 3 * LIST, load8(base + at - 16))
    poke(listed + WORDS + 4 * LIST, load8(base + at - 24))


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
def _of(size: Any, n: Any) -> Any:
    """Which of eight are among so many, as bits."""
    return (_1 << np.uint64(min(size - n, EIGHT))) - _1


@inner
def _addresses(mode: Any, box: Any, plan: Any, base: Any, p: Any, blocks: Any) -> Any:
    """Every address in a part, about an @ or about what stands for one: how many."""
    work = box.work
    signs = _listed(work + _SIGNS, blocks, work + _FOUND)
    found = _listed_escapes(work, base, p, blocks, signs)
    _listed_addresses(mode, box, base, p, signs, found)
    for n in range(0, found, EIGHT):
        lists = work + _ADDRESS_LISTS + 8 * n
        odd = eight_addresses(mode, box, plan, base, lists, work + _SPARE) & _of(found, n)
        while odd != _0:
            one = lists + 8 * trailing(odd)
            odd &= odd - _1
            at = peek(one + AT)
            unusual(mode, box, plan, base, at, peek(one + AFTER) - at)
        _ask(lists)
    return found


@inner
def _runs(mode: Any, box: Any, plan: Any, base: Any, p: Any, blocks: Any) -> Any:
    """Every run of digits in a part, as an id or a phone: how many."""
    work = box.work
    found = _listed(work + _RUNS, blocks, work + _FOUND)
    for n in range(0, 8 * found, 8):
        place, lists = peek(work + _FOUND + n), work + _RUN_LISTS + n
        at = p + place
        poke(lists + START, at)
        poke(lists + LENGTH, trailing(~_seen(work + _DIGITS, place)))
        poke(lists + PACKED, packed_digits(mode, base + at, MOST_PACKED))
    zeros = phone_totals(plan, 48) << _1
    for n in range(0, found, EIGHT):
        lists = work + _RUN_LISTS + 8 * n
        odd = eight_runs(mode, box, plan, lists, zeros, work + _SPARE) & _of(found, n)
        while odd != _0:
            one = lists + 8 * trailing(odd)
            odd &= odd - _1
            run_of_digits(box, plan, base, peek(one + START), peek(one + LENGTH))
        _ask(lists)
    return found


@inner
def _groups(mode: Any, box: Any, plan: Any, base: Any, p: Any, blocks: Any) -> Any:
    """Every phone of several groups of digits in a part: how many."""
    work = box.work
    found = _listed(work + _GROUPS, blocks, work + _FOUND)
    held: Any = 0
    for n in range(found):
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
                lists = work + _GROUP_LISTS + 8 * held
                poke(lists + START, at)
                poke(lists + STOP, at + end)
                poke(lists + PACKED, packed_group(mode, base + at, taken))
                poke(lists + LENGTH, total)
                held += 1
            elif owned(box, at):
                grouped_phone(box, plan, at, at + end, gathered_digits(base, at, taken), total)
            first = False
    for n in range(0, held, EIGHT):
        lists = work + _GROUP_LISTS + 8 * n
        eight_groups(mode, box, plan, lists, work + _SPARE)
        _ask(lists)
    return held


@inner
def _looked_up(box: Any, lists: Any, size: Any, with_first: Any) -> None:
    """Keep what the filter lets pass, and count all."""
    for one in range(lists, lists + 8 * size, 8):
        _count_up(peek(one + COUNT))
        if with_first:
            _count_up(peek(one + FIRST))
        if load8(peek(one + PLACE)) & load8(one + WANTED) == load8(one + WANTED):
            keep(box, peek(one + START), peek(one + STOP), peek(one + NOTE))


@inner
def _count_up(at: Any) -> None:
    poke(at, peek(at) + 1)


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
    runs: Any = 0
    groups: Any = 0
    addresses: Any = 0
    poke(box.work + _SPARE, 0)
    while True:
        while p < end and _is_quiet(mode, plan, base, p):
            p += 256
        blocks = min(BLOCKS, (end - p + 63) >> 6)
        if blocks > 0:
            _masked(mode, box.work, base + p, blocks)
        # Of the part before: the filter has had time to answer.
        _looked_up(box, box.work + _RUN_LISTS, runs, True)
        _looked_up(box, box.work + _GROUP_LISTS, groups, True)
        _looked_up(box, box.work + _ADDRESS_LISTS, addresses, False)
        if blocks <= 0:
            break
        for n in range(0, 8 * blocks, 8 * EIGHT):
            listable(mode, box.work + _DIGITS + n, _MASKS, short, more, chained, most)
        if plan.runs != _0:
            runs = _runs(mode, box, plan, base, p, blocks)
        if plan.phones != _0:
            groups = _groups(mode, box, plan, base, p, blocks)
        addresses = _addresses(mode, box, plan, base, p, blocks)
        if plan.tokens != _0 or plan.scoped != _0 or plan.digests != _0:
            _long(mode, box, plan, base, p, blocks)
        p += 64 * blocks
    flushed(box)
    return peek(box.state + 8 * KEPT)
