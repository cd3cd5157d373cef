"""OLE compound files, in which older Office programs and Outlook store: their streams, each in one piece again.

[MS-CFB]. A stream lies in sectors that need not follow one another; what is searched is the stream, and it covers
exactly the sectors that it takes.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from beholden.backends.evidence.archives.spool import Spans, lying_there, made
from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.region import Ranges
from beholden.forensics.rows import line
from beholden.forensics.source import Held, Source
from beholden.model.errors import BadInput

_END = 0xFFFFFFFA
"""Sector numbers from here on mean something else than a sector."""
MAX_STREAMS = 100_000
LONGEST_PROPERTY = 64 << 10
_SEALED = ("EncryptedPackage",)


@dataclass(frozen=True, slots=True)
class _Stream:
    path: str
    folder: str
    start: int
    size: int


class _Compound:
    """The tables of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        head = source.read(0, 512)
        if len(head) < 512:
            raise BadInput("The compound file has no header.")
        major, shift, mini_shift = (struct.unpack_from("<H", head, n)[0] for n in (26, 30, 32))
        if (major, shift) not in ((3, 9), (4, 12)) or mini_shift != 6:
            raise BadInput("The header of the compound file makes no sense.")
        self.sector: int = 1 << shift
        self._steps = 4 * (source.size // 64 + 1000)  # many streams may claim the same sectors
        self._most = source.size // self.sector + 1
        directory, self.cutoff = struct.unpack_from("<I4xI", head, 48)
        mini_fat, _, difat, _ = struct.unpack_from("<4I", head, 60)
        self._fat = self._table(self._fat_sectors(head, difat))
        self._mini_fat = self._table(self._chain(mini_fat, self._fat))
        self._directory = self._chain(directory, self._fat)
        self._mini: Ranges = ()
        self._mini_ends: list[int] = []

    def _at(self, number: int) -> int:
        return (number + 1) * self.sector

    def _fat_sectors(self, head: bytes, difat: int) -> list[int]:
        found = list(struct.unpack_from("<109I", head, 76))
        seen: set[int] = set()
        while difat < _END and difat not in seen and len(seen) < self._most:
            seen.add(difat)
            data = self._source.read(self._at(difat), self.sector)
            if len(data) < self.sector:
                break
            *more, difat = struct.unpack(f"<{self.sector // 4}I", data)
            found += more
        return [number for number in found if number < self._most][: self._most]

    def _table(self, sectors: Sequence[int]) -> list[int]:
        table: list[int] = []
        for number in sectors:
            data = self._source.read(self._at(number), self.sector).ljust(self.sector, b"\xff")
            table += struct.unpack(f"<{self.sector // 4}I", data)
        return table

    def _chain(self, start: int, table: Sequence[int], most: int | None = None) -> list[int]:
        """The sectors of a chain, to its end or to where it bites itself, or the first `most` of it."""
        chain: list[int] = []
        seen: set[int] = set()
        while start < len(table) and start not in seen and len(chain) != most and self._steps > 0:
            self._steps -= 1
            seen.add(start)
            chain.append(start)
            start = table[start]
        return chain

    def streams(self) -> Iterator[_Stream]:
        """All streams, in the order of the directory, under the names of their storages."""
        entries: list[tuple[str, int, int, int, int, int, int]] = []
        for number in self._directory:
            data = self._source.read(self._at(number), self.sector)
            for at in range(0, len(data) - 127, 128):
                raw = data[at : at + 128]
                length, kind = struct.unpack_from("<HB", raw, 64)
                left, right, child = struct.unpack_from("<3I", raw, 68)
                start, size = struct.unpack_from("<IQ", raw, 116)
                size = size if self.sector == 4096 else size & 0xFFFFFFFF
                name = raw[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
                entries.append((name, kind, left, right, child, start, size))
        if entries:
            self._mini = self._ranges(self._chain(entries[0][5], self._fat), entries[0][6])
            self._mini_ends = list(accumulate(size for _, size in self._mini))
        parents = _parents([entry[2:5] for entry in entries])
        for number, (name, kind, _, _, _, start, size) in enumerate(entries[:MAX_STREAMS]):
            if kind == 2 and size:
                folder = _path(number, parents, [entry[0] for entry in entries])
                yield _Stream(f"{folder}{name}", folder, start, size)

    def _ranges(self, chain: Sequence[int], size: int) -> Ranges:
        found: list[tuple[int, int]] = []
        for number in chain:
            length = min(self.sector, size)
            if length <= 0:
                break
            start = self._at(number)
            if found and sum(found[-1]) == start:
                found[-1] = (found[-1][0], found[-1][1] + length)
            else:
                found.append((start, length))
            size -= length
        return tuple(found)

    def ranges(self, stream: _Stream) -> Ranges:
        """Where the bytes of a stream lie in the file."""
        if stream.size >= self.cutoff:
            most = stream.size // self.sector + 1
            return self._ranges(self._chain(stream.start, self._fat, most), stream.size)
        found: list[tuple[int, int]] = []
        left = stream.size
        for number in self._chain(stream.start, self._mini_fat, stream.size // 64 + 1):
            at = bisect_right(self._mini_ends, number * 64)
            if at == len(self._mini) or left <= 0:
                break
            start, size = self._mini[at]
            start += number * 64 - (self._mini_ends[at] - size)
            found.append((start, min(64, left)))
            left -= 64
        return tuple(found)


def _parents(links: Sequence[tuple[int, int, int]]) -> dict[int, int]:
    """The storage of each entry, by its number; siblings hang in a tree below the child of their storage."""
    parents: dict[int, int] = {}
    waiting = [(child, number) for number, (_, _, child) in enumerate(links) if child < len(links)]
    while waiting:
        one, parent = waiting.pop()
        if one in parents or one >= len(links):
            continue
        parents[one] = parent
        waiting += [(sibling, parent) for sibling in links[one][:2] if sibling < len(links)]
    return parents


def _path(number: int, parents: dict[int, int], names: Sequence[str]) -> str:
    path = ""
    for _ in range(20):
        number = parents.get(number, 0)
        if not number:
            break
        path = f"{names[number]}/{path}"
    return path


def ole(budget: Budget, source: Source) -> Iterator[Entry]:
    """The streams of a compound file; of a message from Outlook also its properties side by side."""
    compound = _Compound(source)
    found = list(compound.streams())
    if not found:
        raise BadInput("The compound file has no stream that can be read.")
    properties: dict[str, list[Spans]] = {}
    for stream in found:
        ranges = compound.ranges(stream)
        spans = Spans(source, ranges)
        stop = Stop.CORRUPT if spans.size < stream.size else None
        if stream.path in _SEALED:
            stop = Stop.ENCRYPTED
        unpacked = Unpacked(spans, spans.size, stop) if stop is not Stop.ENCRYPTED else Unpacked(Held(b""), 0, stop)
        yield Entry(stream.path, ranges, lying_there(unpacked))
        if "__substg1.0_" in stream.path and stream.path[-4:].upper() in ("001F", "001E"):
            properties.setdefault(stream.folder, []).append(spans)
    for folder, texts in properties.items():
        pieces = partial(_row, texts)
        yield made(budget, f"{folder}properties", pieces, measure=source.size, form=Form.ROWS)


def _row(texts: Sequence[Spans]) -> Iterator[bytes]:
    values = []
    for text in texts[:1000]:
        data = text.read(0, LONGEST_PROPERTY)
        wide = data[1::2].count(0) * 4 > len(data)
        values.append(data.decode("utf-16-le" if wide else "utf-8", "replace"))
    yield line(values)
