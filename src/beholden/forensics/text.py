"""Whether bytes read as text."""

import numpy as np

_CONTROL = np.zeros(256, np.uint8)
_CONTROL[[*range(9), *range(14, 27), *range(28, 32), 127]] = 1


def looks_binary(raw: bytes) -> bool:
    """Whether more than one byte in 300 of the beginning is a control character that texts do not have."""
    sample = raw[:65536]
    return int(np.count_nonzero(_CONTROL[np.frombuffer(sample, np.uint8)])) * 300 > len(sample)


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
