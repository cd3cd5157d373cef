"""The same few steps for eight candidates at once, where nothing depends on what they are.

What is known of many candidates is in lists that lie side by side. All of them begin with what the filter is asked by:
where a candidate begins, where it ends, its note; the word of the filter, and its bits there; what is counted up.
"""

# ruff: noqa: ARG001 - an intrinsic is given the types of its arguments, used or not

from typing import Any, Final

from llvmlite import ir
from numba import types

from beholden.forensics.kernel.found import LENGTHS
from beholden.forensics.kernel.hashing import END, SMALL, STEP
from beholden.forensics.kernel.lanes import ADDRESS, NUMBER, PHONE
from beholden.forensics.kernel.letters import MARKS
from beholden.forensics.kernel.machine import intrinsic
from beholden.forensics.kernel.words import ALL, EIGHT, LONG, Part, Told, Words, parts

_MOST: Final = 64 * 64
"""Places that a list has room for."""
LIST: Final = 8 * (_MOST + 2 * EIGHT)
"""How far one list lies from the next, in bytes."""
START, STOP, NOTE, PLACE, WANTED, COUNT = (n * LIST for n in range(6))
"""`PLACE` is the address of a word of the filter, `COUNT` of the number that is counted up."""
FIRST, PACKED, LENGTH = (n * LIST for n in range(6, 9))
"""Of digits: another number that is counted up; the digits in four bits each, the first one lowest; how many are
written."""
AT, AFTER, AROUND, DOTS, WORDS = (n * LIST for n in range(6, 11))
"""Of addresses: where the @ stands and what is behind it; which of 32 bytes before and, in the upper half, behind may
belong to an address; which of those behind are dots or hyphens; the first two words of the domain, the last three of
the local part."""
DIGIT_LISTS, ADDRESS_LISTS = 9, 15
_DOMAIN, _LOCAL = 24, 32
"""Domains and local parts that are shorter are in those words."""
_MOST_PACKED: Final = 16


def _onward(ones: Words, following: Words, by: Words | int) -> tuple[Words, Words]:
    """Where bits are set both here and so many further on, below 64; of the next word as far as can be known."""
    over = (following << 1) << (-by + 63)
    return ones & ((ones >> by) | over), following & (following >> by)


def _following(ones: Words, following: Words, *steps: Words | int) -> Words:
    """Where as many bits in a row are set as these steps reach, and one."""
    for by in steps:
        ones, following = _onward(ones, following, by)
    return ones


@intrinsic
def listable(_: Any, mode: Any, masks: Any, apart: Any, short: Any, more: Any, chained: Any, most: Any) -> Any:
    """Of eight blocks, where a 40 is and where long runs of digits and phones of several groups may begin.

    Masks of one class lie `apart` bytes from those of the next: digits, digits and separators, 4, 0; there go 40, runs,
    groups. The words before and behind are read too. A run has at least `short` + `more` + 4 digits; a phone begins
    with less than `most` + 8 digits or with a 0, and at least `chained` + 8 digits and separators follow.
    """

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        lists = [b.mul(arguments[2], ir.Constant(LONG, n)) for n in range(7)]
        nearby = [[b.add(one, ir.Constant(LONG, 8 * by)) for by in (-1, 0, 1)] for one in lists]
        for part in parts(b, arguments[1], mode):
            previous, ones, after = (part.load(one) for one in nearby[0])
            either, beyond = (part.load(one) for one in nearby[1][1:])
            noughts_before, nought, noughts = (part.load(one) for one in nearby[3])
            least, further, long, top = (part.all(one) for one in arguments[3:])
            starts = ones & ~((ones << 1) | (previous >> 63))
            # Three separators in a row end a chain.
            apart, others = either & ~ones, beyond & ~after
            either, beyond = either & ~_following(apart, others, 1, 1), beyond & ~_following(others, others & 0, 1, 1)
            # Before what stands for an @ is no digit but a 0.
            before = (nought << 1) | (noughts_before >> 63) | starts
            found = (
                part.load(lists[2]) & ((nought >> 1) | (noughts << 63)) & before,
                starts & _following(ones, after, 1, 2, least, further),
                starts & _following(either, beyond, 1, 2, 4, long) & (nought | ~_following(ones, after, 1, 2, 4, top)),
            )
            for which, one in enumerate(found):
                part.store(lists[4 + which], one)
        return context.get_dummy_value()

    taken = (types.int64, types.int64, types.uint64, types.uint64, types.uint64, types.uint64)
    return types.void(mode, *taken), code


def _sixteen(word: Words) -> Words:
    """What 16 digits of four bits say, the first one lowest."""
    low = 0x0F0F_0F0F_0F0F_0F0F
    word = (word & low) * 10 + ((word >> 4) & low)
    low = 0x00FF_00FF_00FF_00FF
    word = (word & low) * 100 + ((word >> 8) & low)
    low = 0x0000_FFFF_0000_FFFF
    word = (word & low) * 10_000 + ((word >> 16) & low)
    return (word & 0xFFFF_FFFF) * 10**8 + (word >> 32)


def _stepped(state: Words, word: Words) -> Words:
    """One word more, as `hashing.step` has it."""
    state = (state ^ word) * int(STEP)
    return state ^ (state >> 32)


def _ended(state: Words) -> Words:
    """A state as a hash, as `hashing.ended` has it."""
    state = state * int(END)
    return state ^ (state >> 32)


def _seeded(plan: Told, shape: int) -> Words:
    """Where the hashes of a shape begin, as `hashing.seeded` has it."""
    return plan.seed ^ (shape * int(STEP) & ALL)


def _owned(box: Told, start: Words) -> Words:
    """Flags: which begin in what counts."""
    return ~start.below(box.own_from) & start.below(box.own_to)


def _asked(part: Part, box: Told, live: Words, hashed: Words, spare: Any) -> None:
    """Put what the filter is asked by, as `hashing` has it; of what is not live, a word of zeros."""
    place = box.words + (((hashed >> 32) * box.size >> 32) << 3)
    part.store(PLACE, place.where(live, part.all(spare)))
    one = part.all(1)
    wanted = one << (hashed & 63)
    for by in (6, 12, 18):
        wanted = wanted | (one << ((hashed >> by) & 63))
    part.store(WANTED, wanted)


def _counted(part: Part, which: int, live: Words, first: Words, row: Words, spare: Any) -> None:
    """Put the address of a number that is counted up; of what is not live, one that nobody reads."""
    part.store(which, (first + (row << 3)).where(live, part.all(spare) + 8))


def _asked_digits(part: Part, box: Told, plan: Told, digits: Words, size: Words, live: Words, phone: Words,
                  spare: Any) -> None:  # fmt: skip
    """The same of numbers, some of them phones: hashed as `hashing.number` has it. A phone loses the 1 of numbering
    plan 1, see `values.canonical`."""
    second, fifth = (digits >> 4) & 15, (digits >> 16) & 15
    ours = phone & size.is_(11) & (digits & 15).is_(1) & second.above(1) & fifth.above(1)
    digits, size = (digits >> 4).where(ours, digits), part.all(10).where(ours, size)
    live = live & _owned(box, part.load(START)) & (~phone | plan.phones.bit(size))
    state = _seeded(plan, NUMBER) ^ (size * int(END))
    _asked(part, box, live, _ended(_stepped(state, _sixteen(digits << (-(size << 2) & 63)))), spare)
    shape = part.all(PHONE).where(phone, NUMBER)
    part.store(NOTE, shape)
    _counted(part, COUNT, live, box.counts, shape * LENGTHS + size, spare)
    three = (digits & 15) * 100 + ((digits >> 4) & 15) * 10 + ((digits >> 8) & 15)
    length = part.all(15).where(size.above(15), size)
    _counted(part, FIRST, live & phone, box.firsts, length * 1000 + three, spare)


@intrinsic
def eight_runs(_: Any, mode: Any, box: Any, plan: Any, lists: Any, zeros: Any, spare: Any) -> Any:
    """Of eight runs of digits, which may be an id and a phone both or begin with zeros, as bits; the others are made
    ready for the filter. They have `START`, `PACKED` and `LENGTH`; `zeros` says how many digits a phone may be written
    with that begins with a 0; at `spare` is a zero, and behind it room to count what does not count."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        odd = ir.Constant(LONG, 0)
        for part in parts(b, arguments[3], mode):
            told, known = Told(part, box, arguments[1]), Told(part, plan, arguments[2])
            length = part.load(LENGTH)
            packed = part.load(PACKED) & (part.all(ALL) >> (-(length << 2) & 63))
            zero = (packed & 15).is_(0)
            sought = known.runs | part.all(arguments[4]).where(zero, 0)
            number, phone = known.numbers.bit(length), known.dials.bit(length)
            listed = sought.bit(length) & length.below(64)
            plain = listed & (number ^ phone) & length.below(_MOST_PACKED + 1) & ~zero
            odd = b.or_(odd, b.shl((listed & ~plain).told(), ir.Constant(LONG, part.n)))
            part.store(STOP, part.load(START) + length)
            _asked_digits(part, told, known, packed, length, plain, phone, arguments[5])
        return odd

    return types.uint64(mode, box, plan, types.int64, types.uint64, types.int64), code


@intrinsic
def eight_groups(_: Any, mode: Any, box: Any, plan: Any, lists: Any, spare: Any) -> Any:
    """Make eight phones ready for the filter that have `START`, `STOP`, `PACKED` and `LENGTH`, perhaps with zeros
    before them."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        for part in parts(b, arguments[3], mode):
            told, known = Told(part, box, arguments[1]), Told(part, plan, arguments[2])
            packed, length = part.load(PACKED), part.load(LENGTH)
            zeros = packed.low_zeros() >> 2
            zeros = zeros.where(zeros.below(length), length)
            digits, size, every = packed >> ((zeros << 2) & 63), length - zeros, packed.is_(packed)
            _asked_digits(part, told, known, digits, size, every, every, arguments[4])
        return context.get_dummy_value()

    return types.void(mode, box, plan, types.int64, types.int64), code


@intrinsic
def eight_addresses(_: Any, mode: Any, box: Any, plan: Any, base: Any, lists: Any, spare: Any) -> Any:
    """Of eight addresses about an @, which take more than a look to say where they begin and end, as bits; the others
    are made ready for the filter. They have all that `AT` and `WORDS` say."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        odd = ir.Constant(LONG, 0)
        for part in parts(b, arguments[4], mode):
            told, known = Told(part, box, arguments[1]), Told(part, plan, arguments[2])
            at, after, around = part.load(AT), part.load(AFTER), part.load(AROUND)
            before, behind = (~(around << 32)).high_zeros(), (~(around >> 32)).low_zeros()
            named = (around >> 32) & ~part.load(DOTS) & ((part.all(1) << behind) - 1)
            size, start = part.all(64) - named.high_zeros(), at - before
            text = part.all(arguments[3])
            head, foot = (text + start - 1).there(), (text + after + behind - 7).there()
            previous, first, following, dotted = head & 255, (head >> 8) & 255, foot >> 56, behind - size
            clear = before.below(_LOCAL) & behind.below(32) & size.below(_DOMAIN) & following.below(128)
            clear = clear & ~((first - 45) >> 1).is_(0) & _is_whole(known, previous)
            clear = clear & (dotted + (size & 7)).below(8)
            likely = behind.above(2) | following.above(127)
            odd = b.or_(odd, b.shl((likely & ~clear).told(), ir.Constant(LONG, part.n)))
            live = clear & before.above(0) & size.above(2) & _owned(told, start)
            # The last word of the domain, and the first of the local part: up to seven bytes and the whole length.
            last = (((foot << (((dotted + 1) << 3) & 63)) | int(SMALL)) >> 8) >> (-((size & 7) << 3) + 56)
            rest = ((head >> 8) | int(SMALL)) & ((part.all(1) << ((before & 7) << 3)) - 1)
            words = [part.load(WORDS + n * LIST) | int(SMALL) for n in range(5)]
            state = _seeded(known, ADDRESS)
            for least, word in ((8, words[0]), (16, words[1])):
                state = _stepped(state, word).where(size.above(least - 1), state)
            state = _stepped(state, last | (size << 56))
            for least, word in ((8, words[2]), (16, words[3]), (24, words[4])):
                state = _stepped(state, word).where(before.above(least - 1), state)
            _asked(part, told, live, _ended(_stepped(state, rest | (before << 56))), arguments[5])
            part.store(START, start)
            part.store(STOP, after + size)
            part.store(NOTE, ((after - at) << 8) | (before << 16) | ADDRESS)
            _counted(part, COUNT, live, told.counts, before + ADDRESS * LENGTHS, arguments[5])
        return odd

    return types.uint64(mode, box, plan, types.int64, types.int64, types.int64), code


def _is_whole(plan: Told, previous: Words) -> Words:
    """Flags: where no address that is sought goes on to the left of plain characters and what stands before them.

    Behind a backslash an address may begin one further on, which takes another look.
    """
    low, top = (sum(1 << (mark & 63) for mark in MARKS if mark >> 6 == half) for half in (0, 1))
    marks = plan.marks | (1 << ord("%"))
    marks = (marks & top).where(previous.above(63), marks & low)
    return ~marks.bit(previous) & previous.below(128) & ~previous.is_(ord("\\"))


@intrinsic
def eight_integers(_: Any, mode: Any, box: Any, plan: Any, base: Any, start: Any, lists: Any, length: Any, least: Any,
                   most: Any, spare: Any) -> Any:  # fmt: skip
    """Of eight bytes from `start` on, which begin an integer of six, the highest first, from the least to the most, as
    bits; all of them are ids of so many digits. Only `PLACE` and `WANTED` are put."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        found = ir.Constant(LONG, 0)
        for part in parts(b, arguments[5], mode):
            told, known = Told(part, box, arguments[1]), Told(part, plan, arguments[2])
            value = part.six_bytes(b.add(arguments[3], arguments[4]))
            live = ~value.below(part.all(arguments[7])) & ~value.above(part.all(arguments[8]))
            live = live & _owned(told, part.all(arguments[4]) + part.places())
            state = _seeded(known, NUMBER) ^ (part.all(arguments[6]) * int(END))
            _asked(part, told, live, _ended(_stepped(state, value)), arguments[9])
            found = b.or_(found, b.shl(live.told(), ir.Constant(LONG, part.n)))
        return found

    taken = (types.int64, types.int64, types.int64, types.int64, types.uint64, types.uint64, types.int64)
    return types.uint64(mode, box, plan, *taken), code
