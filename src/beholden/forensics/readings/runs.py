"""Base64 and hexadecimal text: long runs of an alphabet whose letters are bits, at every alignment.

A run is decoded where some alignment of it gives a stretch of characters such as values are made of, and only around
there: names of functions, ids and digests are runs too and give noise. Lines of a run belong together (MIME, PEM),
with an indent before each. Both alphabets of base64 are read as one, with or without the padding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.machine import mode
from beholden.forensics.readings.blocks import BLOCK, letter_blocks
from beholden.forensics.readings.compiled import compiled, inner
from beholden.forensics.readings.reading import BREAK, Allowance, Reading, Windows, put, split

REACH = 2048
"""Decoded bytes around a legible stretch that are decoded with it: its record, and the next encoding within."""
LEGIBLE = 8
"""Characters of a value that make a stretch legible; every value that is sought has as many."""
LINE = 24
"""Letters that a line of a run has at least, for the next line to go on with it."""
INDENT = 16
_NO, _ZERO, _YES = 0, 1, 2


def _letters(*alphabets: str) -> NDArray[np.uint8]:
    """The bits of every letter; 255 for what is none."""
    bits = np.full(256, 255, np.uint8)
    for alphabet in alphabets:
        for value, letter in enumerate(alphabet):
            bits[ord(letter)] = value
    return bits


_ALPHA = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz" + "0123456789"


@dataclass(frozen=True)
class Alphabet:
    """How `bits` bits are written in a letter. `least` letters are a run; `soft` says at which of the alignments a
    letter could be part of ASCII text: a byte 1 for each that is left after it, 0 for each that is not."""

    name: str
    bits: int
    letters: NDArray[np.uint8]
    least: int
    soft: NDArray[np.uint32]


def _soft(letters: NDArray[np.uint8], bits: int) -> NDArray[np.uint32]:
    """For each place in a group and each letter, a mask of the alignments (a byte each) that it does not rule out.

    Alignment `a` of a run begins a group at its letter number `a`; letter number `k` then has place `(k - a) % group`.
    A letter is ruled out at a place where it would set the highest bit of a byte.
    """
    group = {6: 4, 4: 2}[bits]
    tops = [[bits - 1 - (8 * byte - bits * place) for byte in range(3)] for place in range(group)]
    table = np.zeros((group, 256), np.uint32)
    for turn in range(group):
        for letter in range(256):
            value, mask = int(letters[letter]), 0
            if value != 255:
                for alignment in range(group):
                    high = [bit for bit in tops[(turn - alignment) % group] if 0 <= bit < bits]
                    if not any(value >> bit & 1 for bit in high):
                        mask |= 0xFF << (8 * alignment)
            table[turn, letter] = mask
    return table


def _alphabet(name: str, bits: int, least: int, *alphabets: str) -> Alphabet:
    letters = _letters(*alphabets)
    return Alphabet(name, bits, letters, least, _soft(letters, bits))


BASE64 = _alphabet("base64", 6, 11, _ALPHA + "+/", _ALPHA + "-_")
HEX = _alphabet("hexadecimal", 4, 16, "0123456789abcdef", "0123456789ABCDEF")

_LEGIBLE = np.zeros(256, np.uint8)
_LEGIBLE[[ord(c) for c in _ALPHA + "@.-_+%=&\\#;:/ (),'\"\r\n\t|"]] = _YES
_LEGIBLE[0] = _ZERO


def runs(reading: Reading, alphabet: Alphabet, allowance: Allowance) -> list[Reading]:
    """What the runs of an alphabet in a reading say, where that is legible."""
    windows = legible(reading, alphabet)
    if not len(windows):
        return []
    windows = allowance.grant(windows)
    room = int(windows[:, 3].sum()) + len(BREAK) * len(windows)
    data, spots, ends = _decoded(reading.array, windows, alphabet.letters, alphabet.bits, room, _BREAK)
    return split(reading, alphabet.name, data, spots, None, ends)


def legible(reading: Reading, alphabet: Alphabet) -> Windows:
    """The stretches of runs that say something, each with its alignment."""
    if len(reading.data) < alphabet.least:
        return np.empty((0, 4), np.int32)
    fresh = reading.fresh if reading.fresh is not None else _ALL_FRESH
    live = letter_blocks(mode(), reading.array, alphabet.bits)
    found: Windows = _legible(
        reading.array, fresh, live, alphabet.letters, alphabet.soft, alphabet.bits, alphabet.least, _LEGIBLE
    )
    return found


_ALL_FRESH = np.empty(0, np.uint8)
_BREAK = np.frombuffer(BREAK, np.uint8)


@inner
def _next_line(data: Any, at: int, letters: Any) -> int:
    """Where a run goes on after the end of a line at `at`; -1 where it does not."""
    size = len(data)
    if at < size and data[at] == 13:
        at += 1
    if at >= size or data[at] != 10:
        return -1
    at += 1
    most = min(size, at + INDENT)
    while at < most and (data[at] == 32 or data[at] == 9):
        at += 1
    return at if at < size and letters[data[at]] != 255 else -1


@inner
def _run_end(data: Any, start: int, letters: Any) -> tuple[int, int]:
    """Where a run ends that goes over lines; and how many letters it has."""
    size, at, count, line = len(data), start, 0, start
    while True:
        while at < size and letters[data[at]] != 255:
            at += 1
        count += at - line
        if at - line < LINE:
            return at, count
        following = _next_line(data, at, letters)
        if following < 0:
            return at, count
        line = at = following


@inner
def _soft_run(data: Any, start: int, end: int, letters: Any, soft: Any) -> bool:
    """Whether some alignment of a run could be ASCII text for a while."""
    turn, streak, groups = np.uint64(0), np.uint32(0), np.uint64(len(soft) - 1)
    for at in range(np.uint64(start), np.uint64(end)):
        letter = data[at]
        allowed = soft[turn, letter]
        if allowed == 0 and letters[letter] == 255:
            continue
        streak = np.uint32((streak + np.uint32(0x01010101)) & allowed)
        if streak & np.uint32(0x08080808):
            return True
        turn = (turn + np.uint64(1)) & groups
    return False


@inner
def _aligned(
    data: Any, start: int, end: int, alignment: int, letters: Any, bits: int, classes: Any, windows: Any, count: int
) -> Any:
    """The windows with the legible stretches of one run at one alignment. A window begins at a group's first letter."""
    group = 4 if bits == 6 else 2
    back = (REACH * 8 // bits) // group * group
    held, width, streak, ordinal = 0, 0, 0, 0
    opened, closes, first = -1, -1, -1
    # Where the letters stand: a place so many letters back is needed, and line ends lie between.
    mark = -1
    for at in range(start, end):
        value = letters[data[at]]
        if value == 255:
            continue
        if ordinal >= alignment:
            if (ordinal - alignment) % back == 0:
                # Two marks are remembered, so that a window reaches back one to two reaches.
                first, mark = mark if mark >= 0 else at, at
            held = ((held << bits) | value) & 0xFFFF
            width += bits
            if width >= 8:
                width -= 8
                kind = classes[(held >> width) & 0xFF]
                streak = streak + 1 if kind == 2 else (streak if kind == 1 else 0)
                if streak >= LEGIBLE:
                    if opened < 0:
                        opened = first
                    closes = ordinal + back
            if opened >= 0 and ordinal > closes:
                windows = put(windows, count, opened, at, alignment, (at - opened + 1) * bits // 8 + 1)
                count += 1
                opened = -1
        ordinal += 1
    if opened >= 0:
        windows = put(windows, count, opened, end, alignment, (end - opened) * bits // 8 + 1)
        count += 1
    return windows, count


@compiled
def _legible(data: Any, fresh: Any, live: Any, letters: Any, soft: Any, bits: int, least: int, classes: Any) -> Any:
    """See `legible`. A run is found by looking at every `least`th byte first, between two that are none is no run; and
    in the `live` blocks alone, where it has what makes it one."""
    windows, count = np.empty((16, 4), np.int32), 0
    groups, size, free = len(soft), len(data), 0
    probe = least - 1
    while probe < size:
        if not live[probe // BLOCK]:
            probe = probe // BLOCK * BLOCK + BLOCK
            continue
        if letters[data[probe]] == 255:
            free = probe + 1
            probe += least
            continue
        start = probe
        while start > free and letters[data[start - 1]] != 255:
            start -= 1
        end, length = _run_end(data, start, letters)
        if length >= least and _is_fresh(fresh, start, end) and _soft_run(data, start, end, letters, soft):
            for alignment in range(groups):
                windows, count = _aligned(data, start, end, alignment, letters, bits, classes, windows, count)
        free = end
        probe = end + least
    return windows[:count].copy()


@inner
def _is_fresh(fresh: Any, start: int, end: int) -> bool:
    """Whether a run touches anything that the encoding around it changed."""
    if len(fresh) == 0:
        return True
    for at in range(start, end):  # noqa: SIM110 (numba compiles no generator here)
        if fresh[at]:
            return True
    return False


@compiled
def _decoded(data: Any, windows: Any, letters: Any, bits: int, room: int, pause: Any) -> Any:
    """The bytes of all windows with a pause after each, the place of every byte, and where each window's end."""
    made, spots = np.empty(room, np.uint8), np.empty(room, np.int32)
    ends, size = np.empty(len(windows), np.int32), 0
    for number in range(len(windows)):
        held, width, began = 0, 0, windows[number, 0]
        for at in range(windows[number, 0], windows[number, 1]):
            value = letters[data[at]]
            if value == 255:
                continue
            if width == 0:
                began = at
            held = ((held << bits) | value) & 0xFFFF
            width += bits
            if width >= 8:
                width -= 8
                made[size], spots[size] = (held >> width) & 0xFF, began
                size += 1
                began = at
        for index in range(len(pause)):
            made[size], spots[size] = pause[index], windows[number, 1] - 1
            size += 1
        ends[number] = size
    return made[:size].copy(), spots[:size].copy(), ends
