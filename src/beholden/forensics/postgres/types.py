"""Values of PostgreSQL's own types, as a person would read them (pg_type.dat; the send functions of each type)."""

import ipaddress
import json
import re
import struct
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from beholden.forensics.database_rows import Value
from beholden.forensics.postgres.varlena import extent

MAX_DEPTH, MAX_PARTS = 32, 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  PostgreSQL counts from here, in whichever zone the column means
_TEXTS = frozenset({18, 25, 114, 142, 1042, 1043, 705})
_ARRAYS = {1000: 16, 1005: 21, 1007: 23, 1016: 20, 1009: 25, 1015: 1043, 1014: 1042, 2951: 2950, 1028: 26, 199: 114}
_SIZES = {16: (1, 1), 21: (2, 2), 23: (4, 4), 26: (4, 4), 20: (8, 8), 2950: (16, 1)}

OID, INT2, INT4, INT8, BOOL, UUID, NAME, TEXT, BYTES = 26, 21, 23, 20, 16, 2950, 19, 25, 17
GUESS = 0
"""No type of PostgreSQL's: bytes of a column that nothing describes."""


def value_of(kind: int, raw: bytes) -> Value:
    """The value that these bytes are of the type with this oid.

    Text where they are text, the bytes where nothing better is known of the type.
    """
    try:
        reader = _READERS.get(kind)
        if reader is not None:
            return reader(raw)
    except (ValueError, OverflowError, IndexError, struct.error, RecursionError):
        return raw
    return raw if kind == BYTES else text_or_bytes(raw)


def text_or_bytes(raw: bytes) -> Value:
    """Text, if all of it is."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
    return raw if _CONTROL.search(text) else text


def guessed(raw: bytes) -> Value:
    """What bytes may be that nothing describes: text, a document or an array; else themselves."""
    found = text_or_bytes(raw)
    if isinstance(found, str) or len(raw) < 12:
        return found
    head, _, element = struct.unpack_from("<III", raw)
    if 1 <= head <= 6 and element in _ARRAYS.values():
        return _array(element)(raw)
    # Of a document only the three highest bits of its first number mean anything but a count.
    return _jsonb(raw) if head >> 28 in (2, 4, 5) and 0 < head & 0x0FFFFFFF <= len(raw) // 4 else raw


def _text(raw: bytes) -> Value:
    return raw.decode("utf-8", "replace")


def _integer(raw: bytes) -> Value:
    return int.from_bytes(raw, "little", signed=True)


def _oid(raw: bytes) -> Value:
    return int.from_bytes(raw, "little")


def _name(raw: bytes) -> Value:
    return raw.split(b"\x00")[0].decode("utf-8", "replace")


def _float4(raw: bytes) -> Value:
    return float(struct.unpack("<f", raw)[0])


def _float8(raw: bytes) -> Value:
    return float(struct.unpack("<d", raw)[0])


def _date(raw: bytes) -> Value:
    return (date(2000, 1, 1) + timedelta(days=int.from_bytes(raw, "little", signed=True))).isoformat()


def _timestamp(raw: bytes) -> Value:
    return (_EPOCH + timedelta(microseconds=int.from_bytes(raw, "little", signed=True))).isoformat(" ")


def _uuid(raw: bytes) -> Value:
    return str(uuid.UUID(bytes=raw))


def _inet(raw: bytes) -> Value:
    family, bits, address = raw[0], raw[1], ipaddress.ip_address(raw[2:])
    return str(address) if bits == (32 if family == 2 else 128) else f"{address}/{bits}"


def _numeric(raw: bytes) -> Value:
    """Digits of base 10,000 behind a short or a long header (numeric.c)."""
    head = int.from_bytes(raw[:2], "little")
    if head & 0xC000 == 0xC000:
        return "NaN" if head == 0xC000 else "infinite"
    if head & 0x8000:
        negative, weight, digits = head & 0x2000, (head & 0x3F) - (head & 0x40), raw[2:]
    else:
        negative, weight, digits = head & 0x4000, int.from_bytes(raw[2:4], "little", signed=True), raw[4:]
    number = 0
    for digit in struct.unpack(f"<{len(digits[:400]) // 2}h", digits[:400]):
        number = number * 10_000 + digit
    exponent = 4 * (weight + 1) - 4 * (len(digits[:400]) // 2)
    if abs(exponent) > 400:
        return raw
    value = Decimal(-number if negative else number).scaleb(exponent)
    return int(value) if value == value.to_integral_value() else str(value.normalize())


def _array(element: int) -> Callable[[bytes], Value]:
    """A reader of arrays: dimensions, perhaps a bitmap of NULLs, then the elements (array.h)."""

    def read(raw: bytes) -> Value:
        dimensions, offset, _ = struct.unpack_from("<iiI", raw)
        if not 0 <= dimensions <= 6:
            return raw
        count = 1 if dimensions else 0
        for size in struct.unpack_from(f"<{dimensions}i", raw, 12):
            count *= size
        at = offset - 4 if offset else -(-(16 + 8 * dimensions) // 8) * 8 - 4
        nulls = raw[12 + 8 * dimensions :] if offset else b""
        if not 0 <= count <= MAX_PARTS or at < 0:
            return raw
        parts = []
        for number in range(count):
            if nulls and not nulls[number >> 3] >> (number & 7) & 1:
                continue
            body, at = _element(raw, at, element)
            parts.append(str(value_of(element, body)))
        return ", ".join(parts)

    return read


def _element(raw: bytes, at: int, element: int) -> tuple[bytes, int]:
    if element in _SIZES:
        size, align = _SIZES[element]
        at = -(-(at + 4) // align) * align - 4  # alignment counts from the header before `raw`
        return raw[at : at + size], at + size
    found = extent(raw, at, 4, 0)
    if found is None or found.end > len(raw) or found.packed or found.pointer:
        raise ValueError("no element")
    return raw[found.body : found.end], found.end


def _jsonb(raw: bytes) -> Value:
    """A document as JSON text (jsonb.h): its entries first, then what they mean."""
    return json.dumps(_Document(raw).read(0, 0), ensure_ascii=False)


class _Document:
    """One jsonb value. The work is bounded by the number of parts."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._left = MAX_PARTS

    def read(self, at: int, depth: int) -> object:
        """The container at a place."""
        (head,) = struct.unpack_from("<I", self._raw, at)
        count = head & 0x0FFFFFFF
        pieces = count * 2 if head & 0x20000000 else count
        self._left -= pieces
        if depth > MAX_DEPTH or self._left < 0:
            raise ValueError("too deep or too many")
        entries = struct.unpack_from(f"<{pieces}I", self._raw, at + 4)
        base = at + 4 + 4 * pieces
        values: list[object] = []
        end = 0
        for entry in entries:
            start = end
            end = entry & 0x0FFFFFFF if entry & 0x80000000 else start + (entry & 0x0FFFFFFF)
            values.append(self._value(entry >> 28 & 7, base + start, base + end, depth))
        if head & 0x20000000:
            return dict(zip(map(str, values[:count]), values[count:], strict=True))
        return values[0] if head & 0x10000000 and values else values

    def _value(self, kind: int, start: int, end: int, depth: int) -> object:
        if end > len(self._raw) or end < start:
            raise ValueError("outside")
        if kind == 0:
            return self._raw[start:end].decode("utf-8", "replace")
        if kind in (2, 3):
            return kind == 3
        if kind == 4:
            return None
        start = -(-start // 4) * 4
        if kind == 5:
            return self.read(start, depth + 1)
        found = extent(self._raw[:end], start, 1, 0)
        if found is None:
            raise ValueError("no number")
        number = _numeric(self._raw[found.body : end])
        return number if isinstance(number, int | str) else None


_READERS: dict[int, Callable[[bytes], Value]] = {
    GUESS: guessed,
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys((16, 20, 21, 23, 790), _integer),
    **dict.fromkeys((24, 26, 28, 29, 2202, 2205, 2206, 4089), _oid),
    **{array: _array(element) for array, element in _ARRAYS.items()},
    17: lambda raw: raw,
    19: _name,
    700: _float4,
    701: _float8,
    869: _inet,
    1082: _date,
    1114: _timestamp,
    1184: _timestamp,
    1700: _numeric,
    2950: _uuid,
    3802: _jsonb,
}
