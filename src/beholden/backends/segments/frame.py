"""Bytes of the segment log: frames, one a group commit, each holding both halves of its entries.

A segment is a file header and frames; a frame is a header, the public half and the private half:

    file header   "BHSEG001" | first place 8 | CRC-32 of those 16 bytes
    frame header  "BHF1" | first place 8 | entries 4 | private bytes 4 | CRC public 4 | CRC private 4 | CRC of these 28
    public half   45 bytes an entry
    private half  persons 8 each | granting persons 8 each | record lengths 4 each | records

All numbers are big-endian. The halves have a CRC each, so that an erasure changes the private one and leaves the
public one alone. A blanked record has length 0 and both its persons 0; a record that lost its granting person has a 0
there. Acts and erasures name nobody beside their record.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from beholden.ledger.entry import SIZE

MAX_ENTRIES = 65_536
"""Entries of one frame."""
_MAGIC = b"BHF1"
_FILE_MAGIC = b"BHSEG001"
_HEADER = struct.Struct(">4sQIIII")
_FILE_HEADER = struct.Struct(">8sQ")
_CRC = struct.Struct(">I")
HEADER_SIZE = _HEADER.size + _CRC.size
FILE_HEADER_SIZE = _FILE_HEADER.size + _CRC.size
_COLUMNS = 20  # bytes an entry in the private half, beside its record


class Header(NamedTuple):
    """A frame's header."""

    first: int
    entries: int
    private_size: int
    public_crc: int
    private_crc: int

    @property
    def body_size(self) -> int:
        """Bytes of both halves."""
        return self.entries * SIZE + self.private_size

    @property
    def end(self) -> int:
        """The place after the last."""
        return self.first + self.entries


@dataclass(frozen=True)
class Frame:
    """One whole frame. The halves are read when they are asked for."""

    first: int
    count: int
    public: bytes
    private: bytes

    @property
    def end(self) -> int:
        """The place after the last."""
        return self.first + self.count

    @cached_property
    def persons(self) -> Sequence[int]:
        """The person of each record, 0 for none."""
        return struct.unpack_from(f">{self.count}Q", self.private)

    @cached_property
    def throughs(self) -> Sequence[int]:
        """The granting person of each record, 0 for none."""
        return struct.unpack_from(f">{self.count}Q", self.private, 8 * self.count)

    @cached_property
    def _ends(self) -> list[int]:
        ends, at = list[int](), _COLUMNS * self.count
        for length in struct.unpack_from(f">{self.count}I", self.private, 16 * self.count):
            at += length
            ends.append(at)
        return ends

    def entry(self, place: int) -> bytes:
        """The public entry at a place within the frame."""
        return self.public[place * SIZE : (place + 1) * SIZE]

    def record(self, place: int) -> bytes:
        """The record at a place within the frame; empty when it was blanked."""
        start = self._ends[place - 1] if place else _COLUMNS * self.count
        return self.private[start : self._ends[place]]

    def entries(self) -> list[bytes]:
        """All public entries."""
        return [self.entry(place) for place in range(self.count)]

    def records(self) -> list[bytes]:
        """All records."""
        return [self.record(place) for place in range(self.count)]

    @property
    def sound(self) -> bool:
        """Whether the private half adds up."""
        return len(self.private) >= _COLUMNS * self.count and self._ends[-1] == len(self.private)


def frame(
    first: int, entries: Sequence[bytes], persons: Sequence[int], throughs: Sequence[int], records: Sequence[bytes]
) -> Frame:
    """A frame of these entries."""
    return Frame(first, len(entries), b"".join(entries), private_half(persons, throughs, records))


def private_half(persons: Sequence[int], throughs: Sequence[int], records: Sequence[bytes]) -> bytes:
    """The private half of a frame."""
    n = len(records)
    columns = struct.pack(f">{n}Q{n}Q{n}I", *persons, *throughs, *map(len, records))
    return columns + b"".join(records)


def encode(frame_: Frame) -> bytes:
    """The bytes of a frame."""
    header = _HEADER.pack(
        _MAGIC,
        frame_.first,
        frame_.count,
        len(frame_.private),
        zlib.crc32(frame_.public),
        zlib.crc32(frame_.private),
    )
    return header + _CRC.pack(zlib.crc32(header)) + frame_.public + frame_.private


def header(data: bytes) -> Header | None:
    """Read a frame's header; None when it is not one."""
    if len(data) != HEADER_SIZE or _CRC.unpack(data[-4:])[0] != zlib.crc32(data[:-4]):
        return None
    magic, *numbers = _HEADER.unpack(data[:-4])
    found = Header(*numbers)
    return found if magic == _MAGIC and 0 < found.entries <= MAX_ENTRIES else None


def body(head: Header, data: bytes) -> Frame | None:
    """The frame of a header and the bytes behind it; None when they are not those that were written."""
    cut = head.entries * SIZE
    public, private = data[:cut], data[cut:]
    if len(data) != head.body_size or zlib.crc32(public) != head.public_crc or zlib.crc32(private) != head.private_crc:
        return None
    found = Frame(head.first, head.entries, public, private)
    return found if found.sound else None


def file_header(first: int) -> bytes:
    """The header of a segment."""
    data = _FILE_HEADER.pack(_FILE_MAGIC, first)
    return data + _CRC.pack(zlib.crc32(data))


def headers_within(data: bytes) -> Iterator[Header]:
    """Every sound frame header that stands anywhere in these bytes: what tells damage from a torn end."""
    at = data.find(_MAGIC)
    while at >= 0:
        found = header(data[at : at + HEADER_SIZE])
        if found is not None:
            yield found
        at = data.find(_MAGIC, at + 1)
