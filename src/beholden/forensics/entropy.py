"""Bytes that nobody can read: encrypted, or compressed in a way that is not known here."""

import math

import numpy as np

from beholden.forensics.text import byte_counts, is_text

BLOCK = 65536
_LIMITS = ((16384, 7.9), (4096, 7.8), (1024, 7.6), (256, 6.9))


def entropy(block: bytes) -> float:
    """Shannon entropy of a block in bits a byte."""
    if not block:
        return 0.0
    counts = byte_counts(block)
    shares = counts[counts > 0] / len(block)
    return float(-(shares * np.log2(shares)).sum())


def is_opaque(block: bytes) -> bool:
    """Whether a block is as disordered as a random one of its length, and is not text.

    A random block of n bytes cannot show more than log2(n) bits, so the limit falls with the length. Under 64 bytes
    nothing can be said.
    """
    if len(block) < 64 or is_text(block):
        return False
    limit = next((bits for length, bits in _LIMITS if len(block) >= length), 0.88 * math.log2(len(block)))
    return entropy(block) >= limit
