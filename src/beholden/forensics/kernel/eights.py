"""Eight words of 64 bits at once: the same few steps for many places, where nothing depends on what they hold.

The steps are written once, over `Words`. In vector code eight of them are done together, in plain code one after the
other. Arrays are addresses of words; their lengths are rounded up to eights.
"""

# ruff: noqa: ARG001 - an intrinsic is given the types of its arguments, used or not

from collections.abc import Callable, Iterator
from typing import Any, Final

from llvmlite import ir
from numba import types

from beholden.forensics.kernel.hashing import END, SMALL, STEP, seeded
from beholden.forensics.kernel.lanes import ADDRESS, NUMBER
from beholden.forensics.kernel.machine import inner, intrinsic

EIGHT: Final = 8
ADDRESS_LISTS: Final = 9
"""Words about an address: the first two of its domain and the last; the last three of its local part and the first;
how long both are."""
ADDRESS_WITHIN: Final = 24, 32
"""Domains and local parts that are shorter are in these words."""
_LONG = ir.IntType(64)
_ALL: Final = (1 << 64) - 1


class Words:
    """Words side by side, in code that is being made; a number stands for as many of itself."""

    def __init__(self, b: Any, value: Any) -> None:
        self.b, self.value = b, value

    def _done(self, step: Callable[[Any, Any], Any], other: "Words | int") -> "Words":
        return Words(self.b, step(self.value, self._same(other)))

    def _same(self, other: "Words | int") -> Any:
        if isinstance(other, Words):
            return other.value
        kind = self.value.type
        return ir.Constant(kind, [other] * kind.count if isinstance(kind, ir.VectorType) else other)

    def __and__(self, other: "Words | int") -> "Words":
        return self._done(self.b.and_, other)

    def __or__(self, other: "Words | int") -> "Words":
        return self._done(self.b.or_, other)

    def __xor__(self, other: "Words | int") -> "Words":
        return self._done(self.b.xor, other)

    def __add__(self, other: "Words | int") -> "Words":
        return self._done(self.b.add, other)

    def __mul__(self, other: "Words | int") -> "Words":
        return self._done(self.b.mul, other)

    def __rshift__(self, other: "Words | int") -> "Words":
        return self._done(self.b.lshr, other)

    def __lshift__(self, other: "Words | int") -> "Words":
        return self._done(self.b.shl, other)

    def __invert__(self) -> "Words":
        return self ^ _ALL

    def __neg__(self) -> "Words":
        return ~self + 1

    def is_(self, other: int) -> "Words":
        """Which are equal to it, for `or_else`."""
        return Words(self.b, self.b.icmp_unsigned("==", self.value, self._same(other)))

    def above(self, other: int) -> "Words":
        """Which are greater, for `or_else`."""
        return Words(self.b, self.b.icmp_unsigned(">", self.value, self._same(other)))

    def where(self, which: "Words", other: "Words | int") -> "Words":
        """These where something holds, others elsewhere."""
        return Words(self.b, self.b.select(which.value, self.value, self._same(other)))


def _wide(mode: Any) -> int:
    """How many words are done together."""
    return EIGHT if isinstance(mode, types.Boolean) else 1


def _pointer(b: Any, address: Any, n: int, lanes: int) -> Any:
    kind = _LONG if lanes == 1 else ir.VectorType(_LONG, lanes)
    return b.inttoptr(b.add(address, ir.Constant(_LONG, 8 * n)), kind.as_pointer())


def _load(b: Any, address: Any, n: int, lanes: int) -> Words:
    return Words(b, b.load(_pointer(b, address, n, lanes), align=8))


def _store(b: Any, words: Words, address: Any, n: int, lanes: int) -> None:
    b.store(words.value, _pointer(b, address, n, lanes), align=8)


def _spread(b: Any, value: Any, lanes: int) -> Words:
    if lanes == 1:
        return Words(b, value)
    kind, places = ir.VectorType(_LONG, lanes), ir.VectorType(ir.IntType(32), lanes)
    first = b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return Words(b, b.shuffle_vector(first, ir.Constant(kind, ir.Undefined), ir.Constant(places, [0] * lanes)))


def _groups(mode: Any) -> Iterator[tuple[int, int]]:
    """Where in eight words to go on, and how many are done then."""
    return ((n, _wide(mode)) for n in range(0, EIGHT, _wide(mode)))


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
        def masks(which: int, at: int, lanes: int) -> Words:
            return _load(b, b.add(arguments[1], b.mul(arguments[2], ir.Constant(_LONG, which))), at, lanes)

        for n, lanes in _groups(mode):
            ones, after, either, beyond = (masks(which, at, lanes) for which in (0, 1) for at in (n, n + 1))
            nought, noughts = masks(3, n, lanes), masks(3, n + 1, lanes)
            least, further, long, top = (_spread(b, one, lanes) for one in arguments[3:])
            starts = ones & ~((ones << 1) | (masks(0, n - 1, lanes) >> 63))
            # Three separators in a row end a chain.
            parts, others = either & ~ones, beyond & ~after
            either, beyond = either & ~_following(parts, others, 1, 1), beyond & ~_following(others, others & 0, 1, 1)
            # Before what stands for an @ is no digit but a 0.
            before = (nought << 1) | (masks(3, n - 1, lanes) >> 63) | starts
            found = (
                masks(2, n, lanes) & ((nought >> 1) | (noughts << 63)) & before,
                starts & _following(ones, after, 1, 2, least, further),
                starts & _following(either, beyond, 1, 2, 4, long) & (nought | ~_following(ones, after, 1, 2, 4, top)),
            )
            for which, one in enumerate(found):
                out = b.add(arguments[1], b.mul(arguments[2], ir.Constant(_LONG, 4 + which)))
                _store(b, one, out, n, lanes)
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


def _hashed(seed: Words, packed: Words, length: Words) -> Words:
    """The hash of a number, as `hashing.number` has it."""
    value = _sixteen(packed << (-(length << 2) & 63))
    return _ended(_stepped(seed ^ (length * int(END)), value))


@intrinsic
def _eight_numbers(_: Any, mode: Any, packed: Any, lengths: Any, hashes: Any, seed: Any) -> Any:
    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        for n, lanes in _groups(mode):
            digits, length = (_load(b, one, n, lanes) for one in arguments[1:3])
            _store(b, _hashed(_spread(b, arguments[4], lanes), digits, length), arguments[3], n, lanes)
        return context.get_dummy_value()

    return types.void(mode, types.int64, types.int64, types.int64, types.uint64), code


@intrinsic
def _eight_phones(_: Any, mode: Any, packed: Any, lengths: Any, hashes: Any, firsts: Any, seed: Any) -> Any:
    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        for n, lanes in _groups(mode):
            digits, length = (_load(b, one, n, lanes) for one in arguments[1:3])
            second, fifth = (digits >> 4) & 15, (digits >> 16) & 15
            zero = digits & 0
            ours = zero.where((digits & 15).is_(1), 1)
            ours = ours | zero.where(second.above(1), 1) | zero.where(fifth.above(1), 1)
            ours = (ours | (length ^ 11)).is_(0)
            digits, length = (digits >> 4).where(ours, digits), (zero + 10).where(ours, length)
            _store(b, _hashed(_spread(b, arguments[5], lanes), digits, length), arguments[3], n, lanes)
            _store(b, length, arguments[2], n, lanes)
            first = (digits & 15) * 100 + ((digits >> 4) & 15) * 10 + ((digits >> 8) & 15)
            _store(b, first + (zero + 15).where(length.above(15), length) * 1000, arguments[4], n, lanes)
        return context.get_dummy_value()

    return types.void(mode, types.int64, types.int64, types.int64, types.int64, types.uint64), code


@intrinsic
def _eight_addresses(_: Any, mode: Any, lists: Any, apart: Any, hashes: Any, seed: Any) -> Any:
    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        for n, lanes in _groups(mode):
            words = [
                _load(b, b.add(arguments[1], b.mul(arguments[2], ir.Constant(_LONG, which))), n, lanes)
                for which in range(ADDRESS_LISTS)
            ]
            (first, second, last), (near, middle, far, rest), (behind, before) = words[:3], words[3:7], words[7:]
            state = _spread(b, arguments[4], lanes)
            for least, word in ((8, first), (16, second)):
                state = _stepped(state, word | int(SMALL)).where(behind.above(least - 1), state)
            some = (((behind & 0) + 1) << ((behind & 7) << 3)) + _ALL
            state = _stepped(state, ((last | int(SMALL)) & some) | (behind << 56))
            for least, word in ((8, near), (16, middle), (24, far)):
                state = _stepped(state, word | int(SMALL)).where(before.above(least - 1), state)
            some = ((rest | int(SMALL)) >> 8) >> (-((before & 7) << 3) + 56)
            _store(b, _ended(_stepped(state, some | (before << 56))), arguments[3], n, lanes)
        return context.get_dummy_value()

    return types.void(mode, types.int64, types.int64, types.int64, types.uint64), code


@inner
def hash_numbers(mode: Any, seed: Any, size: Any, packed: Any, lengths: Any, hashes: Any) -> None:
    """The hashes of so many numbers of at most 16 digits, each in four bits, the first one lowest."""
    for n in range(0, 8 * size, 8 * EIGHT):
        _eight_numbers(mode, packed + n, lengths + n, hashes + n, seeded(seed, NUMBER))


@inner
def hash_phones(mode: Any, seed: Any, size: Any, packed: Any, lengths: Any, hashes: Any, firsts: Any) -> None:
    """The same of phones that begin with no zero, without the 1 of numbering plan 1 (see `values.canonical`): lengths
    are changed too. `firsts` are their places in `Tested.leading`."""
    for n in range(0, 8 * size, 8 * EIGHT):
        _eight_phones(mode, packed + n, lengths + n, hashes + n, firsts + n, seeded(seed, NUMBER))


@inner
def hash_addresses(mode: Any, seed: Any, size: Any, lists: Any, apart: Any, hashes: Any) -> None:
    """The same of addresses, see `ADDRESS_LISTS`."""
    for n in range(0, 8 * size, 8 * EIGHT):
        _eight_addresses(mode, lists + n, apart, hashes + n, seeded(seed, ADDRESS))
