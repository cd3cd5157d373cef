"""Text with some characters written another way: %40, \\u0040, \\x40, \\100, &#64;, &commat;, =40 and soft line breaks.

Two families, since `=4` of a query is no quoted-printable: *escapes* (percent, backslash, entities, told apart by
their first character and therefore read together) and *quoted-printable*. Only the surroundings of an escape are
decoded; the text as it stands is searched anyway.
"""

from html.entities import html5
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.machine import mode, trailing
from beholden.forensics.readings.blocks import BEYOND, BLOCK, escape_begins
from beholden.forensics.readings.compiled import compiled, inner
from beholden.forensics.readings.reading import BREAK, Allowance, Bytes, Reading, Windows, put, split

REACH = 1024
"""Bytes around an escape that are decoded with it: its record."""
ESCAPES, QUOTED_PRINTABLE = "escapes", "quoted-printable"
_FAMILIES = {ESCAPES: 0, QUOTED_PRINTABLE: 1}
_LONGEST_NAME = 8
_MAX_DIGITS = 7


def _entities() -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """The names of entities, packed into a number each, in order, and their characters."""
    chosen = {
        int.from_bytes(name[:-1].encode(), "big"): ord(text)
        for name, text in html5.items()
        if name.endswith(";") and len(name) <= _LONGEST_NAME + 1 and len(text) == 1
    }
    packed = sorted(chosen)
    return np.array(packed, np.uint64), np.array([chosen[name] for name in packed], np.int32)


_NAMES, _CHARACTERS = _entities()
_HEX = np.full(256, 255, np.uint8)
for _value in range(16):
    _HEX[ord("0123456789abcdef"[_value])] = _HEX[ord("0123456789ABCDEF"[_value])] = _value
_SIMPLE = np.full(256, 255, np.uint8)
"""What a backslash and a letter mean; 255 for nothing."""
for _letter, _meant in {
    "n": 10, "r": 13, "t": 9, "b": 32, "f": 32, "v": 32, "0": 0, "a": 32,
    '"': 34, "'": 39, "/": 47, "\\": 92, "@": 64, ".": 46, "-": 45, "_": 95, "+": 43,
}.items():  # fmt: skip
    _SIMPLE[ord(_letter)] = _meant
_BREAK = np.frombuffer(BREAK, np.uint8)
_ALL, _ONE, _NONE = np.uint64(2**64 - 1), np.uint64(1), np.uint64(0)


def escapes(reading: Reading, family: str, allowance: Allowance) -> list[Reading]:
    """A reading with the escapes of a family undone, as far as there are any."""
    windows = escaped(reading, family)
    if not len(windows):
        return []
    windows = allowance.grant(windows)
    fresh = reading.fresh if reading.fresh is not None else _ALL_FRESH
    room = int(windows[:, 3].sum()) + len(BREAK) * len(windows)
    data, spots, changed, ends = _undone(
        mode(), reading.array, fresh, windows, _FAMILIES[family], room, _HEX, _SIMPLE, _NAMES, _CHARACTERS, _BREAK
    )
    return split(reading, family, data, spots, changed, ends)


_ALL_FRESH = np.empty(0, np.uint8)


def escaped(reading: Reading, family: str, *, fresh: Bytes | None = None) -> Windows:
    """The surroundings of the escapes of a family that touch something fresh."""
    signs = b"%\\&" if family == ESCAPES else b"="
    if not any(sign in reading.data for sign in signs):
        return np.empty((0, 4), np.int32)
    chosen = fresh if fresh is not None else reading.fresh
    found: Windows = _surroundings(
        mode(),
        reading.array,
        chosen if chosen is not None else _ALL_FRESH,
        _FAMILIES[family],
        REACH,
        _HEX,
        _SIMPLE,
        _NAMES,
        _CHARACTERS,
    )
    return found


@inner
def _hex(data: Any, at: int, digits: int, hexes: Any) -> int:
    """The number that so many hexadecimal digits write; -1 where they are none."""
    if at + digits > len(data):
        return -1
    value = 0
    for index in range(at, at + digits):
        digit = hexes[data[index]]
        if digit == 255:
            return -1
        value = value * 16 + digit
    return value


@inner
def _unit(data: Any, at: int, sign: int, hexes: Any) -> int:
    """The UTF-16 unit written at `at` as `\\u` or `%u` and four digits; -1 where none is."""
    if at + 6 > len(data) or data[at] != sign or data[at + 1] != 117:
        return -1
    return int(_hex(data, at + 2, 4, hexes))


@inner
def _wide(data: Any, at: int, sign: int, hexes: Any) -> tuple[int, int, bool]:
    """A character written in one or two UTF-16 units; see `_escape`."""
    first = _unit(data, at, sign, hexes)
    if first < 0:
        return 0, 0, False
    if 0xD800 <= first < 0xDC00:
        second = _unit(data, at + 6, sign, hexes)
        if 0xDC00 <= second < 0xE000:
            return 12, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), True
    return 6, first, True


@inner
def _backslash(data: Any, at: int, hexes: Any, simple: Any) -> tuple[int, int, bool]:
    """See `_escape`."""
    size = len(data)
    if at + 1 >= size:
        return 0, 0, False
    letter = data[at + 1]
    if letter == 117:  # u
        if at + 2 < size and data[at + 2] == 123:  # \u{40}
            value, index = 0, at + 3
            while index < size and index < at + 9 and hexes[data[index]] != 255:
                value = value * 16 + hexes[data[index]]
                index += 1
            return (index + 1 - at, value, True) if index < size and data[index] == 125 else (0, 0, False)
        return _wide(data, at, 92, hexes)  # type: ignore[no-any-return]
    if letter == 85:  # \U00000040
        value = _hex(data, at + 2, 8, hexes)
        return (10, value, True) if value >= 0 else (0, 0, False)
    if letter == 120:  # \x40
        value = _hex(data, at + 2, 2, hexes)
        return (4, value, False) if value >= 0 else (0, 0, False)
    if 48 <= letter <= 51 and at + 3 < size and 48 <= data[at + 2] <= 55 and 48 <= data[at + 3] <= 55:  # \100
        return 4, (letter - 48) * 64 + (data[at + 2] - 48) * 8 + data[at + 3] - 48, False
    if simple[letter] != 255:
        return 2, simple[letter], False
    return 0, 0, False


@inner
def _entity(data: Any, at: int, hexes: Any, names: Any, characters: Any) -> tuple[int, int, bool]:
    """See `_escape`."""
    size, index, value = len(data), at + 1, 0
    if index < size and data[index] == 35:  # &#
        index += 1
        ten = not (index < size and (data[index] == 120 or data[index] == 88))
        base = 10 if ten else 16
        index += 0 if ten else 1
        first = index
        while index < size and index - first < 7 and hexes[data[index]] < base:
            value = value * base + hexes[data[index]]
            index += 1
        if index == first:
            return 0, 0, False
        return (index + 1 if index < size and data[index] == 59 else index) - at, value, True
    name = np.uint64(0)
    while index < size and index - at <= 8:
        letter = data[index]
        if letter == 59:
            place = np.searchsorted(names, name)
            if place < len(names) and names[place] == name:
                return index + 1 - at, characters[place], True
            return 0, 0, False
        if not (48 <= letter <= 57 or 65 <= letter <= 90 or 97 <= letter <= 122):
            return 0, 0, False
        name = np.uint64((name << np.uint64(8)) | np.uint64(letter))
        index += 1
    if index < size and data[index] == 59:
        place = np.searchsorted(names, name)
        if place < len(names) and names[place] == name:
            return index + 1 - at, characters[place], True
    return 0, 0, False


@inner
def _soft_break(data: Any, at: int) -> int:
    """How long the soft line break at `at` is, white space before the end of the line and all; 0 where none is."""
    size, index = len(data), at + 1
    while index < size and index < at + 9 and (data[index] == 32 or data[index] == 9):
        index += 1
    if index < size and data[index] == 10:
        return index + 1 - at
    if index + 1 < size and data[index] == 13 and data[index + 1] == 10:
        return index + 2 - at
    return 0


@inner
def _escape(
    data: Any, at: int, family: int, hexes: Any, simple: Any, names: Any, characters: Any
) -> tuple[int, int, bool]:
    """How long the escape at `at` is (0: there is none), what it means (-1: nothing), and whether that is a
    character (else a byte)."""
    sign = data[at]
    if family == 1:
        if sign != 61:
            return 0, 0, False
        value = _hex(data, at + 1, 2, hexes)
        if value >= 0:
            return 3, value, False
        return _soft_break(data, at), -1, False
    if sign == 37:
        value = _hex(data, at + 1, 2, hexes)
        return (3, value, False) if value >= 0 else _wide(data, at, 37, hexes)
    if sign == 92:
        return _backslash(data, at, hexes, simple)  # type: ignore[no-any-return]
    if sign == 38:
        return _entity(data, at, hexes, names, characters)  # type: ignore[no-any-return]
    return 0, 0, False


@inner
def _touches(fresh: Any, at: int, length: int) -> bool:
    if len(fresh) == 0:
        return True
    for index in range(at, at + length):  # noqa: SIM110 (numba compiles no generator here)
        if fresh[index]:
            return True
    return False


@inner
def _is_sign(letter: Any, family: int) -> Any:
    return letter == 61 if family == 1 else ((letter == 37) | (letter == 92) | (letter == 38))


@compiled
def _surroundings(
    mode: Any, data: Any, fresh: Any, family: int, reach: int, hexes: Any, simple: Any, names: Any, characters: Any
) -> Any:
    """Where escapes stand, `reach` bytes to both sides, what overlaps as one."""
    windows, count, size = np.empty((16, 4), np.int32), 0, len(data)
    opened, closes, at, base = -1, -1, 0, data.ctypes.data
    for start in range(0, size, BLOCK):
        begins = _ALL
        if start + BLOCK + BEYOND <= size:
            begins = escape_begins(mode, base + start, family)
        while begins != _NONE:
            place = start + trailing(begins)
            begins &= begins - _ONE
            if place < at:  # within the escape before
                continue
            if place >= size:
                break
            length = _escape(data, place, family, hexes, simple, names, characters)[0]
            at = place + max(1, length)
            if not length or not _touches(fresh, place, length):
                continue
            if opened >= 0 and place - reach > closes:
                windows = put(windows, count, opened, closes, 0, closes - opened)
                count += 1
                opened = -1
            if opened < 0:
                opened = max(0, place - reach, closes)
            closes = min(size, at + reach)
    if opened >= 0:
        windows = put(windows, count, opened, closes, 0, closes - opened)
        count += 1
    return windows[:count].copy()


@inner
def _utf8(made: Any, size: int, character: int) -> int:
    """Write a character; where its bytes end. What is no character is written as one that is in no value."""
    if character > 0x10FFFF or 0xD800 <= character < 0xE000:
        character = 0xFFFD
    if character < 0x80:
        made[size] = character
        return size + 1
    if character < 0x800:
        made[size], made[size + 1] = 0xC0 | character >> 6, 0x80 | character & 63
        return size + 2
    if character < 0x10000:
        made[size], made[size + 1] = 0xE0 | character >> 12, 0x80 | character >> 6 & 63
        made[size + 2] = 0x80 | character & 63
        return size + 3
    made[size], made[size + 1] = 0xF0 | character >> 18, 0x80 | character >> 12 & 63
    made[size + 2], made[size + 3] = 0x80 | character >> 6 & 63, 0x80 | character & 63
    return size + 4


@inner
def _next(mode: Any, data: Any, at: int, end: int, family: int) -> int:
    """Where the next escape may begin, or the end."""
    base = data.ctypes.data
    while at < end and at + BLOCK + BEYOND <= len(data):
        begins = escape_begins(mode, base + at, family)
        if begins != _NONE:
            return int(min(at + trailing(begins), end))
        at += BLOCK
    while at < end and not _is_sign(data[at], family):
        at += 1
    return min(at, end)


@compiled
def _undone(
    mode: Any, data: Any, fresh: Any, windows: Any, family: int, room: int,
    hexes: Any, simple: Any, names: Any, characters: Any, pause: Any,
) -> Any:  # fmt: skip
    """The windows with their escapes undone and a pause after each; places, what changed, and where each ends."""
    made, spots, changed = np.empty(room, np.uint8), np.empty(room, np.int32), np.zeros(room, np.uint8)
    ends, size = np.empty(len(windows), np.int32), 0
    for number in range(len(windows)):
        at, joint, end = windows[number, 0], False, windows[number, 1]
        while at < end:
            length, meant, whole = _escape(data, at, family, hexes, simple, names, characters)
            if length and not _touches(fresh, at, length):
                length = 0
            before = size
            if not length:
                following = _next(mode, data, at + 1, end, family)
                # Slices begin at 0, which lets loops over them be done many bytes at once.
                plain, copied, places = data[at:following], made[size:], spots[size:]
                for index in range(len(plain)):
                    copied[index] = plain[index]
                for index in range(len(plain)):
                    places[index] = at + index
                changed[size] = joint
                size += len(plain)
                at, joint = following, False
                continue
            if meant < 0:
                joint = True
            else:
                size = _utf8(made, size, meant) if whole else _byte(made, size, meant)
                joint = False
                for index in range(before, size):
                    changed[index] = 1
            for index in range(before, size):
                spots[index] = at
            at += length
        for index in range(len(pause)):
            made[size], spots[size] = pause[index], end - 1
            size += 1
        ends[number] = size
    return made[:size].copy(), spots[:size].copy(), changed[:size].copy(), ends


@inner
def _byte(made: Any, size: int, value: int) -> int:
    made[size] = value
    return size + 1
