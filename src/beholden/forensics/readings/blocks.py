"""Which blocks of 64 bytes a reading can begin in, so that all others are passed over.

A block that is named may hold nothing of the kind; one that is not named holds nothing for certain.
"""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.machine import (
    ampersands,
    backslashes,
    base64_first,
    base64_letters,
    base64_second,
    base64_third,
    bits,
    blanks,
    entity_heads,
    equal_signs,
    hex_first,
    hexes,
    newlines,
    nothings,
    percents,
    trailing,
    us,
    written,
)
from beholden.forensics.readings.compiled import compiled, inner

BLOCK: Final = 64
BEYOND: Final = 1
"""Bytes after a block that are looked at with it."""
PAIRS: Final = 3
"""Of six characters of UTF-16, which lie in two blocks, so many are in one of them."""
_EVEN: Final = np.uint64(0x5555_5555_5555_5555)
_FOURTH: Final = np.uint64(0x1111_1111_1111_1111)
_LINE: Final = np.uint64(0xFF_FFFF)
"""So many letters (`runs.LINE`) before the end of a line."""
_TOP: Final = np.uint64(40)
_ONE: Final = np.uint64(1)
_NONE: Final = np.uint64(0)


@inner
def _shifted(mask: Any, before: Any, by: int) -> Any:
    """A mask moved up by so many bytes, with those of the block before it."""
    return mask << np.uint64(by) | before >> np.uint64(64 - by)


@inner
def _spread(live: Any) -> None:
    """Each block's neighbours with it."""
    was = False
    for block in range(len(live)):
        now = live[block]
        live[block] = was or now or (block + 1 < len(live) and live[block + 1])
        was = now


@compiled
def wide_blocks(mode: Any, data: Any, order: int) -> Any:
    """Where six plain characters of UTF-16 may stand in a row, at either phase; see `wide`."""
    size, base = len(data), data.ctypes.data
    live = np.ones((size + BLOCK - 1) // BLOCK, np.bool_)
    for block in range(max(0, size - BEYOND) // BLOCK):
        at = base + BLOCK * block
        pairs = written(mode, at + order) & nothings(mode, at + 1 - order)
        live[block] = bits(pairs) >= PAIRS
    _spread(live)
    return live


@inner
def _eight(open_: Any, before: Any) -> Any:
    """Where eight bytes in a row end that a mask has; `before` is what each step found in the block before."""
    for step in range(3):
        was, before[step] = before[step], open_
        open_ = open_ & _shifted(open_, was, 1 << step)
    return open_


@inner
def _goes_on(letters: Any, before: Any, ends: Any) -> bool:
    """Whether a line of letters, of this block and the one before, ends here and is so long that the next goes on."""
    while ends != _NONE:
        place = np.uint64(trailing(ends))
        ends &= ends - _ONE
        line = before if place == _NONE else letters << (np.uint64(64) - place) | before >> place
        # Or a carriage return stands between.
        if line >> _TOP == _LINE or (line << _ONE) >> _TOP == _LINE:
            return True
    return False


@compiled
def letter_blocks(mode: Any, data: Any, width: int) -> Any:
    """Where a run of letters of base64 (`width` 6) or hexadecimal (4) may say something: eight letters in a row that
    could all be of ASCII text at some alignment, or the end of a line after which a run may go on."""
    size, base = len(data), data.ctypes.data
    live = np.ones((size + BLOCK - 1) // BLOCK, np.bool_)
    streaks, before = np.zeros((4, 3), np.uint64), _NONE
    for block in range(size // BLOCK):
        at, found = base + BLOCK * block, _NONE
        if width == 6:
            letters = base64_letters(mode, at)
            first, second, third = base64_first(mode, at), base64_second(mode, at), base64_third(mode, at)
            for turn in range(4):
                one = _FOURTH << np.uint64(turn)
                two, three = _shifted(one, one, 1), _shifted(one, one, 2)
                soft = (first & one) | (second & two) | (third & three) | (letters & ~(one | two | three))
                found |= _eight(soft, streaks[turn])
        else:
            letters, first = hexes(mode, at), hex_first(mode, at)
            found = _eight((first & _EVEN) | (letters & ~_EVEN), streaks[0])
            found |= _eight((first & ~_EVEN) | (letters & _EVEN), streaks[1])
        live[block] = found != _NONE or _goes_on(letters, before, newlines(mode, at))
        before = letters
    _spread(live)
    return live


@inner
def escape_begins(mode: Any, at: Any, family: int) -> Any:
    """Where an escape of a family may begin among 64 bytes at an address, by the byte after its sign; see `escapes`."""
    following = at + BEYOND
    if family == 1:
        return equal_signs(mode, at) & (hexes(mode, following) | blanks(mode, following))
    written_as = percents(mode, at) & (hexes(mode, following) | us(mode, following))
    return written_as | backslashes(mode, at) | (ampersands(mode, at) & entity_heads(mode, following))
