"""Damaged bzip2: its blocks stand on their own, so those behind a broken one are read as well.

A block begins with 48 bits of pi, at any bit. It is put into a stream of its own: a head, the block, the mark of the
end, and the block's checksum once more, which for one block is that of the stream.
"""

import bz2
from collections.abc import Iterator

from beholden.forensics.source import Source

STEP = 1 << 20
LONGEST = 2 << 20
"""A block holds at most 900,000 bytes and takes hardly more."""
_BLOCK, _END = 0x314159265359, 0x177245385090


def blocks(source: Source, start: int) -> Iterator[tuple[int, bytes]]:
    """The blocks behind a byte: how many bytes each takes, and what it holds. Those that are broken are left out."""
    before: int | None = None
    for mark in _marks(source, start):
        if before is not None and mark - before <= 8 * LONGEST:
            held = _held(source, before, mark)
            if held:
                yield (mark - before) // 8, held
        before = mark


def _marks(source: Source, start: int) -> Iterator[int]:
    """Where blocks begin and streams end, in bits, in order; last of all the end of the source."""
    inside = [(value >> shift & (1 << 40) - 1).to_bytes(5, "big") for value in (_BLOCK, _END) for shift in range(8)]
    at = start
    while data := source.read(at, STEP + 8):
        found: set[int] = set()
        for number, five in enumerate(inside):
            shift, wanted = number % 8, (_BLOCK, _END)[number // 8]
            place = data.find(five)
            while place >= 0:
                seven = int.from_bytes(data[max(0, place - 1) : place + 6], "big")
                if place >= 1 and seven >> 8 - shift & (1 << 48) - 1 == wanted and place <= STEP:
                    found.add((at + place - 1) * 8 + shift)
                place = data.find(five, place + 1)
        yield from sorted(found)
        at += STEP
    yield source.size * 8


def _held(source: Source, start: int, end: int) -> bytes:
    """What a block holds; nothing where it is broken or no block."""
    first, last = start // 8, (end + 7) // 8
    data = source.read(first, last - first)
    bits = int.from_bytes(data, "big") >> (8 * len(data) - (end - 8 * first))
    length = end - start
    bits &= (1 << length) - 1
    if length < 80 or bits >> length - 48 != _BLOCK:
        return b""
    checksum = bits >> length - 80 & 0xFFFFFFFF
    bits = (bits << 48 | _END) << 32 | checksum
    length += 80
    padded = bits << -length % 8
    try:
        return bz2.BZ2Decompressor().decompress(b"BZh9" + padded.to_bytes((length + 7) // 8, "big"))
    except (OSError, ValueError, EOFError):
        return b""
