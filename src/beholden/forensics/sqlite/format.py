"""The SQLite file format: header, varints, records, cells (sqlite.org/fileformat2.html, sections 1 and 2)."""

import struct
from dataclasses import dataclass

from beholden.forensics.database_rows import Value

MAGIC = b"SQLite format 3\x00"
HEADER = 100

TABLE_LEAF, TABLE_INTERIOR, INDEX_LEAF, INDEX_INTERIOR = 0x0D, 0x05, 0x0A, 0x02
ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}

_FIXED = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
MAX_COLUMNS = 2000  # SQLite's own default limit


@dataclass(frozen=True, slots=True)
class Header:
    """The first 100 bytes of a database. `usable` is what a page holds without its reserved end; `pages`
    is 0 where the file does not say reliably how many it has."""

    page_size: int
    usable: int
    encoding: str
    pages: int


def read_header(head: bytes) -> Header | None:
    """The database's header; None when these are not the first bytes of a database that can be walked."""
    if len(head) < HEADER or not head.startswith(MAGIC):
        return None
    size = page_size_of(int.from_bytes(head[16:18], "big"))
    if size is None or size - head[20] < 480:  # the format's own lower bound on usable bytes
        return None
    # The count of pages holds only if the version that wrote it was the last to change the file.
    pages = int.from_bytes(head[28:32], "big") if head[24:28] == head[92:96] else 0
    encoding = ENCODINGS.get(int.from_bytes(head[56:60], "big"), "utf-8")
    return Header(size, size - head[20], encoding, pages)


def page_size_of(written: int) -> int | None:
    """A page size as headers write it (1 means 65,536); None when it is no power of two from 512."""
    size = 65536 if written == 1 else written
    return size if 512 <= size <= 65536 and size & (size - 1) == 0 else None


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and the place after it; raises IndexError beyond the end."""
    value = 0
    for place in range(at, at + 8):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def signed(value: int) -> int:
    """A 64-bit varint as the signed number that a rowid is."""
    return value - (1 << 64) if value >> 63 else value


def serial_size(serial: int) -> int:
    """How many bytes a value of this serial type takes; -1 for the two types that must not occur."""
    if serial >= 12:
        return (serial - 12) >> 1
    return _FIXED[serial] if serial < 10 else -1


def record_header(data: bytes, at: int) -> tuple[list[int], int] | None:
    """Serial types of the record that begins at `at`, and where its body begins; None when it is no record."""
    try:
        length, place = varint(data, at)
        end = at + length
        if length < 1 or end > len(data) or length > 9 * MAX_COLUMNS:
            return None
        serials: list[int] = []
        while place < end:
            serial = data[place]
            if serial < 0x80:  # nearly always; half the time of a database goes by here
                place += 1
            else:
                serial, place = varint(data, place)
            if serial in {10, 11}:
                return None
            serials.append(serial)
    except IndexError:
        return None
    return (serials, end) if place == end and len(serials) <= MAX_COLUMNS else None


def value_of(serial: int, raw: bytes, encoding: str) -> Value:
    """One value of a record. Text that is not valid in the encoding keeps its readable characters."""
    if serial >= 12:
        return raw if serial % 2 == 0 else raw.decode(encoding, "replace")
    if serial == 0:
        return None
    if serial == 7:
        return float(struct.unpack(">d", raw)[0])
    return int.from_bytes(raw, "big", signed=True) if serial < 7 else serial - 8


def record_values(data: bytes, serials: list[int], body: int, encoding: str) -> tuple[tuple[Value, ...], bool]:
    """The values of a record, and whether all of it was there; values beyond the end are None."""
    values: list[Value] = []
    whole = True
    for serial in serials:
        end = body + serial_size(serial)
        if end <= len(data):
            values.append(value_of(serial, data[body:end], encoding))
        else:
            values.append(None)
            whole = False
        body = end
    return tuple(values), whole


def local_payload(payload: int, usable: int, *, index: bool) -> int:
    """How many bytes of a payload stand in the page itself; the rest is in a chain of overflow pages."""
    most = (usable - 12) * 64 // 255 - 23 if index else usable - 35
    if payload <= most:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    wanted = least + (payload - least) % (usable - 4)
    return wanted if wanted <= most else least


def tail_of(payload: bytes) -> bytes:
    """A record without its header's length and first type, which a deleted row may have lost."""
    if payload[0] < 0x80 and payload[1] < 0x80:  # nearly always
        return payload[2:]
    _, at = varint(payload, 0)
    _, at = varint(payload, at)
    return payload[at:]
