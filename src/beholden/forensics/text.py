"""What bytes are at a glance: nothing but zeros, text, or neither."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from beholden.forensics.kernel.machine import between, bits, controls, mode
from beholden.native.compiling import compiler

SAMPLE = 65536
_BLOCK = 64
_HERE = Path(__file__).parent
_compiled: Callable[[Any], Any] = compiler(_HERE, _HERE / "kernel", nogil=True)()


def is_blank(raw: bytes) -> bool:
    """Whether there is nothing but zeros."""
    return not any(raw[:_BLOCK]) and raw == bytes(len(raw))


def looks_binary(raw: bytes) -> bool:
    """Whether more than one byte in 300 of the beginning is a control character that texts do not have."""
    sample = raw[:SAMPLE]
    return int(_controls(mode(), np.frombuffer(sample, np.uint8))) * 300 > len(sample)


def count_of(raw: bytes, letter: bytes) -> int:
    """How often one byte stands there; `bytes.count` begins anew after each."""
    return int(_count(mode(), np.frombuffer(raw, np.uint8), letter[0]))


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


@_compiled
def _controls(mode: Any, data: Any) -> Any:
    count, at, size = 0, 0, len(data)
    while at + _BLOCK <= size:
        count += bits(controls(mode, data.ctypes.data + at))
        at += _BLOCK
    while at < size:
        letter = data[at]
        count += (letter < 9) | ((letter > 13) & (letter < 32) & (letter != 27)) | (letter == 127)
        at += 1
    return count


@_compiled
def _count(mode: Any, data: Any, letter: int) -> Any:
    count, at, size = 0, 0, len(data)
    while at + _BLOCK <= size:
        count += bits(between(mode, data.ctypes.data + at, letter, 0))
        at += _BLOCK
    while at < size:
        count += data[at] == letter
        at += 1
    return count
