"""The old Unix `compress` (.Z): LZW with codes of 9 to 16 bits, as ncompress writes them."""

from collections.abc import Iterator

from beholden.backends.evidence.archives.spool import STEP, Stopped
from beholden.forensics.containers import Stop
from beholden.forensics.source import Source

_CLEAR = 256


def lzw(source: Source) -> Iterator[bytes]:
    """What a .Z file holds. Raises Stopped where a code means nothing."""
    flags = source.read(2, 1)[0]
    most, block = flags & 0x1F, bool(flags & 0x80)
    if not 10 <= most <= 16:
        raise Stopped(Stop.METHOD)  # programs do not agree on what 9 means
    table: list[bytes] = []
    last = b""
    made: list[bytes] = []
    held = 0
    for code, at in _codes(source, most, table, block=block):
        if block and code == _CLEAR:
            last = b""
            continue
        known = 257 if block else 256
        if code < 256:
            piece = bytes((code,))
        elif code - known < len(table):
            piece = table[code - known]
        elif code - known == len(table) and last:
            piece = last + last[:1]
        else:
            yield b"".join(made)
            raise Stopped(Stop.CORRUPT, at)
        if last and len(table) + known < 1 << most:
            table.append(last + piece[:1])
        last = piece
        made.append(piece)
        held += len(piece)
        if held >= STEP:
            yield b"".join(made)
            made, held = [], 0
    yield b"".join(made)


def _codes(source: Source, most: int, table: list[bytes], *, block: bool) -> Iterator[tuple[int, int]]:
    """The codes, and how many bytes were used. They come in groups of eight; a group is left early when the width
    changes, and its rest is filling."""
    at, width = 3, 9
    known = 257 if block else 256
    while True:
        group = source.read(at, width)
        bits = int.from_bytes(group, "little")
        count = len(group) * 8 // width
        if not count:
            return
        cleared = False
        for number in range(count):
            code = bits >> number * width & (1 << width) - 1
            yield code, at
            if block and code == _CLEAR:
                table.clear()
                cleared = True
                break
            # The table grows by one behind each code but the first after a clearing.
            if len(table) + known > (1 << width) - 1 and width < most:
                break
        at += width
        if cleared:
            width = 9
        elif len(table) + known > (1 << width) - 1 and width < most:
            width += 1
