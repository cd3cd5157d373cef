"""Hashes of 64 bits that are quick and decide nothing: they only say which candidates are worth a digest.

A text is taken in words of eight bytes with bit 5 of each set, so that capitals count as small letters; its length is
in the last word. A local part is taken from the @ leftwards, so that every cut of a run costs one step.
"""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.machine import apart, compiled, gathered, inner, load1, load8, prefetch, put8
from beholden.forensics.kernel.values import Shape

STEP: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
END: Final = np.uint64(0xC2B2_AE3D_27D4_EB4F)
SMALL: Final = np.uint64(0x2020_2020_2020_2020)
_HALF: Final = np.uint64(32)
_ONE: Final = np.uint64(1)
_SIX: Final = np.uint64(63)
_ADDRESS, _NUMBER, _PHONE, _HEX = (int(one) for one in (Shape.ADDRESS, Shape.NUMBER, Shape.PHONE, Shape.HEX))
HEX_TAKEN: Final = 16
"""Of a digest's hexadecimal digits so many are enough to tell it from all others."""
_E8: Final = np.uint64(10**8)
_NIBBLES: Final = np.uint64(0x0F0F_0F0F_0F0F_0F0F)
_AHEAD: Final = 32
_TENTHS: Final = np.array([10.0 ** min(0, 3 - n) * (1 + 1e-12) for n in range(64)])
"""What makes a number of so many digits one of three; a touch more, since a tenth has no end in binary."""


@inner
def step(state: Any, word: Any) -> Any:
    """One word more."""
    state = (state ^ word) * STEP
    return state ^ (state >> _HALF)


@inner
def ended(state: Any) -> Any:
    """A state as a hash: spread over all its bits."""
    state = state * END
    return state ^ (state >> _HALF)


@inner
def tail(address: Any, length: Any) -> Any:
    """The last word of a text that goes on at an address: up to seven bytes, and the whole length."""
    some = np.uint64(length & 7)
    kept = (_ONE << (some << np.uint64(3))) - _ONE
    return ((load8(address) | SMALL) & kept) | (np.uint64(length) << np.uint64(56))


@inner
def text(seed: Any, address: Any, length: Any) -> Any:
    """The state after a text."""
    state = seed
    at = address
    for _ in range(length >> 3):
        state = step(state, load8(at) | SMALL)
        at += 8
    return step(state, tail(at, length))


@inner
def local_tail(at: Any, length: Any) -> Any:
    """The last word of a local part of this length before an @: its first one to seven bytes."""
    some = length & 7
    word = ((load8(at - (length - some) - 8) | SMALL) >> np.uint64(8)) >> np.uint64(56 - 8 * some)
    return word | (np.uint64(length) << np.uint64(56))


@inner
def local(state: Any, at: Any, length: Any) -> Any:
    """The state after a local part that ends before `at`, on top of its domain's."""
    place = at
    for _ in range(length >> 3):
        place -= 8
        state = step(state, load8(place) | SMALL)
    return step(state, local_tail(at, length))


@inner
def number(seed: Any, value: Any, length: Any) -> Any:
    """The hash of a number of so many digits; phones have the same."""
    return ended(step(seed ^ (np.uint64(length) * END), value))


@inner
def seeded(seed: Any, shape: Any) -> Any:
    """Where the hashes of a shape begin."""
    return seed ^ (np.uint64(shape) * STEP)


@inner
def word_at(words: Any, size: Any, value: Any) -> Any:
    """The address of a hash's word in a filter of so many, at most 2^32."""
    return words + np.int64((((value >> _HALF) * size) >> _HALF) << np.uint64(3))


@inner
def bits_of(value: Any) -> Any:
    """The four bits of a hash in its word of a filter."""
    found = _ONE << (value & _SIX)
    found |= _ONE << ((value >> np.uint64(6)) & _SIX)
    found |= _ONE << ((value >> np.uint64(12)) & _SIX)
    return found | (_ONE << ((value >> np.uint64(18)) & _SIX))


@inner
def decimal(address: Any, length: Any) -> Any:
    """What one digit or more say, modulo 2^64; separators must not be among them."""
    if length <= 8:
        return _eight(load8(address) << np.uint64(64 - 8 * length))
    upper = length - 8
    at = address + upper
    if upper <= 8:
        return _eight(load8(address) << np.uint64(64 - 8 * upper)) * _E8 + _eight(load8(at))
    return _long_decimal(address, length)


@apart
def _long_decimal(address: Any, length: Any) -> Any:
    value, at = np.uint64(0), address
    first = length & 7
    if first:
        value = _eight(load8(at) << np.uint64(8 * (8 - first)))
        at += first
    for _ in range(length >> 3):
        value = value * _E8 + _eight(load8(at))
        at += 8
    return value


@inner
def _eight(word: Any) -> Any:
    """Eight digits, the first one lowest; zero bytes count as the digit 0."""
    word = word & np.uint64(0x0F0F_0F0F_0F0F_0F0F)
    word = (word * np.uint64(10)) + (word >> np.uint64(8))
    pairs = np.uint64(0x0000_00FF_0000_00FF)
    upper = (word & pairs) * np.uint64(0x000F_4240_0000_0064)
    lower = ((word >> np.uint64(16)) & pairs) * np.uint64(0x0000_2710_0000_0001)
    return (upper + lower) >> np.uint64(32)


@inner
def packed_digits(mode: Any, address: Any, length: Any) -> Any:
    """Up to 16 digits side by side in four bits each, the first one lowest."""
    low, top = gathered(mode, load8(address), _NIBBLES), gathered(mode, load8(address + 8), _NIBBLES)
    return (low | (top << _HALF)) & (np.uint64(0xFFFF_FFFF_FFFF_FFFF) >> np.uint64(64 - 4 * length))


@compiled("void(uint8[::1], int64, int64[::1], uint64, uint64[::1], uint64[::1], int64[::1])")
def hash_values(shapes: Any, blob: Any, offsets: Any, seed: Any, hashes: Any, domains: Any, locals_: Any) -> None:
    """The hash of each value; of an address also its domain's and the length of its local part.

    `blob` is the address of the values, with eight readable bytes before and after them.
    """
    for n in range(len(shapes)):
        shape = np.int64(shapes[n])
        start, length = blob + offsets[n], offsets[n + 1] - offsets[n]
        if shape == _ADDRESS:
            size = length
            while size > 0 and load1(start + size - 1) != 64:
                size -= 1
            state = text(seeded(seed, _ADDRESS), start + size, length - size)
            domains[n] = ended(state)
            locals_[n] = size - 1
            hashes[n] = ended(local(state, start + size - 1, size - 1))
        elif shape in (_NUMBER, _PHONE):
            hashes[n] = number(seeded(seed, _NUMBER), decimal(start, length), length)
        elif shape == _HEX:
            hashes[n] = ended(text(seeded(seed, _HEX) + np.uint64(length), start, HEX_TAKEN))
        else:
            hashes[n] = ended(text(seeded(seed, shape), start, length))


@compiled("void(uint64[::1], uint64[::1])")
def fill(words: Any, hashes: Any) -> None:
    """Set each hash's bits in a filter."""
    size = np.uint64(len(words))
    base = np.int64(words.ctypes.data)
    for n in range(len(hashes)):
        if n + _AHEAD < len(hashes):
            prefetch(word_at(base, size, hashes[n + _AHEAD]))
        word = word_at(base, size, hashes[n])
        put8(word, load8(word) | bits_of(hashes[n]))


@inner
def first_three(value: Any, length: Any) -> Any:
    """The first three digits of a number of so many."""
    return np.int64(np.float64(np.int64(value)) * _TENTHS[length])


@compiled("UniTuple(uint64, 2)(uint8[::1], int64, int64[::1], int64[:, ::1])")
def decimal_values(shapes: Any, blob: Any, offsets: Any, leading: Any) -> Any:
    """The least and the greatest id that is a whole number below 10^18; phones are counted by their first digits."""
    low, top = np.uint64(0xFFFF_FFFF_FFFF_FFFF), np.uint64(0)
    for n in range(len(shapes)):
        shape = np.int64(shapes[n])
        start, length = blob + offsets[n], offsets[n + 1] - offsets[n]
        if shape == _PHONE and length <= 15:
            leading[length, first_three(decimal(start, length), length)] += 1
        elif shape == _NUMBER and length <= 18 and load1(start) != 48:
            value = decimal(start, length)
            low, top = min(low, value), max(top, value)
    return low, top
