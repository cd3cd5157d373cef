"""Bytes as text: one view for each way in which they may be written, with the way back to their place.

Searching works on a narrow view: one byte a character, ASCII as it is, everything else 0x80 and above. A find that
has such characters, and every comparison of names, goes back to the original bytes and decodes them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_UTF16 = {0: "utf-16-le", 1: "utf-16-be"}


@dataclass(frozen=True)
class Lane:
    """One view of a buffer. Character `i` is at byte `phase + i * width` of it.

    `binary` means that values may stand side by side without anything between them, as in database pages.
    """

    data: bytes
    raw: bytes
    encoding: str
    binary: bool
    width: int = 1
    phase: int = 0
    low: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", self.data.lower())

    def place(self, index: int) -> int:
        """The byte of the buffer at which a character stands."""
        return self.phase + index * self.width

    def text(self, start: int, end: int) -> str:
        """The characters from start to end, decoded. Bytes that are not UTF-8 are read as Windows-1252."""
        if self.width == 2:
            return self.raw[self.place(start) : self.place(end)].decode(self.encoding, "replace")
        cut = self.raw[start:end]
        try:
            return cut.decode("utf-8")
        except UnicodeDecodeError as error:
            # A window may begin or end within a character; that is not yet another encoding.
            if error.start >= len(cut) - 3 or error.end <= 3:
                return cut.decode("utf-8", "replace")
            return cut.decode("cp1252", "replace")


def lanes(raw: bytes, *, binary: bool | None = None) -> Iterator[Lane]:
    """All views of a buffer that may hold text: bytes as they are, and UTF-16 of both orders wherever there are zeros.

    Both phases are tried, so a text may begin at any byte. `binary` None decides by the control characters.
    """
    zeros = b"\x00" in raw
    only = _one_order(raw) if zeros else None
    if binary is None:
        binary = only is None and (zeros or looks_binary(raw))
    yield Lane(raw, raw, "utf-8", binary)
    if not zeros:
        return
    views = [(only, 0)] if only is not None else [(order, phase) for order in _UTF16 for phase in (0, 1)]
    for order, phase in views:
        narrow = _narrow(raw, order, phase)
        if b"@" in narrow or _has_run(narrow):
            yield Lane(narrow, raw, _UTF16[order], binary, 2, phase)


def _one_order(raw: bytes) -> int | None:
    """0 or 1 where the whole buffer plainly is UTF-16 of one order: zeros at nearly every other byte, nowhere else."""
    if len(raw) < 64:
        return None
    even, odd = raw[::2].count(0) * 2, raw[1::2].count(0) * 2
    if odd > 0.9 * len(raw) and even < 0.001 * len(raw):
        return 0
    return 1 if even > 0.9 * len(raw) and odd < 0.001 * len(raw) else None


def _has_run(narrow: bytes) -> bool:
    return re.search(rb"[0-9A-Za-z_-]{8}", narrow) is not None


def _narrow(raw: bytes, order: int, phase: int) -> bytes:
    if (len(raw) - phase) % 2:
        raw += b"\x00"  # the last character of a text may lack its other byte
    usable = (len(raw) - phase) // 2 * 2
    pairs = np.frombuffer(raw, np.uint8, usable, phase).reshape(-1, 2)
    low, high = (pairs[:, 0], pairs[:, 1]) if order == 0 else (pairs[:, 1], pairs[:, 0])
    return np.where(high == 0, low, np.uint8(0xFF)).tobytes()


def looks_binary(raw: bytes) -> bool:
    """Whether more than one byte in 300 of the beginning is a control character that texts do not have."""
    sample = raw[:65536]
    return len(_CONTROL.findall(sample)) * 300 > len(sample)


def is_text(block: bytes) -> bool:
    """Whether a block reads as text in UTF-8, apart from characters cut at its ends."""
    if b"\x00" in block or looks_binary(block):
        return False
    for skip in range(4):
        try:
            block[skip:].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start >= len(block) - skip - 3:
                return True
            if error.start > 0:
                return False
        else:
            return True
    return False
