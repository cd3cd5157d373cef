"""Values of variable length: their headers, their compression, and the pointer to one that lies in a TOAST table.

Sources: varatt.h, pg_lzcompress.c, toast_compression.c; for LZ4 the description of its block format.
"""

from dataclasses import dataclass

MAX_VALUE = 64 << 20
"""The longest value that is put together, in bytes. What is longer stays as it lies, and counts as unreadable."""
MAX_RATIO = 256
"""Neither compression grows a value further; a header that says more is a lie."""
_ON_DISK = 18


class Unreadable(Exception):
    """A value that is there but cannot be read: damaged, cut off, or not to be found."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """A value in a TOAST table: its chunks have `value` as their id and are `stored` bytes together."""

    raw: int
    stored: int
    value: int
    relation: int

    @property
    def packed(self) -> bool:
        """Whether the chunks are compressed."""
        return self.stored < self.raw


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a value lies: its header's first byte, its own first byte, and its end. `packed` is compressed in place."""

    start: int
    body: int
    end: int
    packed: bool = False
    pointer: Pointer | None = None


def extent(data: bytes, at: int, align: int, origin: int, stop: int | None = None) -> Extent | None:
    """The value of variable length that stands at or, aligned, after `at`; None where no header makes sense.

    Alignment counts from `origin`. A short value is not aligned: its first byte is never zero, padding always is. The
    header lies before `stop`; the value may end behind it.
    """
    stop = len(data) if stop is None else min(stop, len(data))
    if at >= stop:
        return None
    if data[at] == 0 or (data[at] & 1 == 0 and align > 1):
        aligned = origin + -(-(at - origin) // align) * align
        if data[at:aligned].strip(b"\x00"):
            return None
        at = aligned
    if at >= stop:
        return None
    first = data[at]
    if first == 1:
        return _pointer(data, at, stop)
    if first & 1:
        return Extent(at, at + 1, at + (first >> 1))
    if at + 4 > stop:
        return None
    word = int.from_bytes(data[at : at + 4], "little")
    length = word >> 2
    packed = bool(word & 2)
    return Extent(at, at + 4, at + length, packed) if length >= (8 if packed else 4) else None


def _pointer(data: bytes, at: int, stop: int) -> Extent | None:
    if data[at + 1 : at + 2] != bytes([_ON_DISK]) or at + 18 > stop:
        return None
    raw, stored, value, relation = (int.from_bytes(data[at + n : at + n + 4], "little") for n in (2, 6, 10, 14))
    return Extent(at, at + 18, at + 18, pointer=Pointer(max(0, raw - 4), stored & 0x3FFFFFFF, value, relation))


def unpack(packed: bytes) -> bytes:
    """What a compressed value says: four bytes of size and method, then the data. Raises Unreadable."""
    if len(packed) < 4:
        raise Unreadable("no header")
    word = int.from_bytes(packed[:4], "little")
    size, method = word & 0x3FFFFFFF, word >> 30
    if size > MAX_VALUE or size > MAX_RATIO * len(packed):
        raise Unreadable("longer than the limit")
    if method > 1:
        raise Unreadable("a compression that is not known here")
    return lz4(packed[4:], size) if method else pglz(packed[4:], size)


def pglz(packed: bytes, size: int) -> bytes:
    """PostgreSQL's own compression: a byte of eight marks, then eight bytes or references. Raises Unreadable."""
    out = bytearray()
    at, end = 0, len(packed)
    while at < end and len(out) < size:
        marks = packed[at]
        at += 1
        for _ in range(8):
            if at >= end or len(out) >= size:
                break
            if marks & 1:
                at = _copy_pglz(packed, at, out)
            else:
                out.append(packed[at])
                at += 1
            marks >>= 1
    return _sized(out, size)


def _copy_pglz(packed: bytes, at: int, out: bytearray) -> int:
    if at + 2 > len(packed):
        raise Unreadable("cut off")
    length, back = (packed[at] & 0x0F) + 3, (packed[at] & 0xF0) << 4 | packed[at + 1]
    at += 2
    if length == 18:
        if at >= len(packed):
            raise Unreadable("cut off")
        length += packed[at]
        at += 1
    _copy(out, back, length)
    return at


def lz4(packed: bytes, size: int) -> bytes:
    """An LZ4 block: literals, then a reference, each with its length. Raises Unreadable."""
    out = bytearray()
    at, end = 0, len(packed)
    while at < end:
        token = packed[at]
        length, at = _length(packed, at + 1, token >> 4)
        out += packed[at : at + length]
        at += length
        if at >= end or len(out) > size:
            break
        if at + 2 > end:
            raise Unreadable("cut off")
        back = packed[at] | packed[at + 1] << 8
        length, at = _length(packed, at + 2, token & 15)
        if len(out) + length + 4 > size:
            raise Unreadable("longer than it says")
        _copy(out, back, length + 4)
    return _sized(out, size)


def _length(packed: bytes, at: int, length: int) -> tuple[int, int]:
    if length < 15:
        return length, at
    while at < len(packed):
        length += packed[at]
        at += 1
        if packed[at - 1] != 255:
            return length, at
    raise Unreadable("cut off")


def _copy(out: bytearray, back: int, length: int) -> None:
    """Repeat what was written `back` bytes ago; where it is shorter than `length`, over and over."""
    start = len(out) - back
    if back == 0 or start < 0:
        raise Unreadable("refers to before its beginning")
    piece = out[start : start + length]
    out += (piece * (length // len(piece) + 1))[:length]


def _sized(out: bytearray, size: int) -> bytes:
    if len(out) < size:
        raise Unreadable("cut off")
    return bytes(out[:size])
