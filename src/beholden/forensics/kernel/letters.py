"""Which bytes and characters may be part of an address, and which are quotes or punctuation about it."""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.machine import inner, load1

LOCAL, DOMAIN, MARK, HIGH, ESCAPED = 1, 2, 4, 8, 16
MARKS: Final = b"%'=/&|{}?!*#$^~`"
"""Characters that an address may have but that nearly always are quotes or punctuation around it; % is one before two
hexadecimal digits."""


ANY_MARK: Final = (1 << 64) - 1
"""All marks, as `marks_in` says them."""


def marks_in(present: NDArray[np.bool_]) -> int:
    """Which marks are among some bytes, given by which of the 256 are: bit n stands for those that leave n of 64."""
    return sum(1 << n for n in {byte & 63 for byte in MARKS if present[byte]})


def _table() -> Any:
    made = np.zeros(256, np.int64)
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    for sign, some in ((LOCAL, letters + b"!#$%&'*+/=?^_`{|}~.-"), (DOMAIN, letters + b".-"), (MARK, MARKS)):
        made[list(some)] |= sign
    made[0x80:] |= HIGH
    made[list(b"ntrbfNTRBF")] |= ESCAPED
    return made


def _foreign() -> Any:
    """For each character of the basic plane, as a bit, whether it is neither ASCII nor a letter or digit."""
    pattern = re.compile(r"[^\x00-\x7f\w]")
    flags = [pattern.match(chr(n)) is not None for n in range(1 << 16)]
    return np.packbits(np.array(flags), bitorder="little")


TABLE: Final = _table()
_FOREIGN: Final = _foreign()
_WINDOWS: Final = np.array([ord(bytes([n]).decode("cp1252", "replace")) for n in range(256)], np.int64)
_PICTURES = 0x1F000
"""From here on characters are pictures or unassigned, to the end of their plane."""


@inner
def character(address: Any) -> Any:
    """The character that begins at a byte above 0x7f and its length; what is not UTF-8 is read as Windows-1252."""
    lead = load1(address)
    size = 2 if 0xC2 <= lead < 0xE0 else 3 if 0xE0 <= lead < 0xF0 else 4 if 0xF0 <= lead < 0xF5 else 1
    point = lead & (0xFF >> (size + 1))
    for n in range(1, size):
        byte = load1(address + n)
        if byte & 0xC0 != 0x80:
            return _WINDOWS[lead], 1
        point = point << 6 | (byte & 0x3F)
    if size == 1:
        return _WINDOWS[lead], 1
    return point, size


@inner
def foreign(point: Any) -> Any:
    """Whether a character beyond ASCII is a quotation mark, a space, a byte order mark, a picture."""
    if point >= 1 << 16:
        return _PICTURES <= point < 0x20000
    return (_FOREIGN[point >> 3] >> (point & 7)) & 1 != 0
