"""Where what was unpacked is kept while it is searched, and how its readers stop.

What a member holds is spooled: up to 16 MiB in memory, beyond that in a temporary file that has no name on disk and is
gone when it is closed, whatever happens.
"""

import io
import lzma
import os
import struct
import tempfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import IO

import zstandard

from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.region import Ranges, Region
from beholden.forensics.source import Part, Source

STEP = 256 << 10
IN_MEMORY = 16 << 20
LZMA_MEMORY = 512 << 20
FAULTS = (
    OSError, EOFError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError, NotImplementedError,
    MemoryError, RecursionError, RuntimeError, struct.error, zlib.error, lzma.LZMAError, zstandard.ZstdError,
)  # fmt: skip
"""What a library raises over bytes that are not what they seem. Hostile bytes reach all of these."""


class Stopped(Exception):
    """A reader ends early; `packed` is how many of its bytes of the container it had used."""

    def __init__(self, stop: Stop, packed: int = 0) -> None:
        super().__init__(stop)
        self.stop = stop
        self.packed = packed


@dataclass(frozen=True, slots=True)
class Spool:
    """A Source over a spooled file."""

    file: IO[bytes]
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        self.file.seek(offset)
        return self.file.read(max(0, min(length, self.size - offset)))


@dataclass(frozen=True)
class Spans:
    """Several ranges of a Source, one after the other, without a copy."""

    whole: Source
    ranges: Ranges
    _ends: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = [Part(self.whole, start, length).size for start, length in self.ranges]
        object.__setattr__(self, "_ends", list(accumulate(parts)))

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._ends[-1] if self._ends else 0

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        pieces: list[bytes] = []
        end = min(self.size, offset + max(0, length))
        at = bisect_right(self._ends, offset)
        while offset < end:
            begin = self._ends[at - 1] if at else 0
            more = min(end, self._ends[at]) - offset
            pieces.append(self.whole.read(self.ranges[at][0] + offset - begin, more))
            offset += more
            at += 1
        return b"".join(pieces)


def without(ranges: Ranges, size: int) -> Ranges:
    """The bytes of a container of `size` bytes that lie in none of the ranges."""
    left: list[tuple[int, int]] = []
    at = 0
    for start, length in [*sorted(ranges), (size, 0)]:
        if start > at:
            left.append((at, start - at))
        at = max(at, start + length)
    return tuple(left)


@contextmanager
def spooled(
    budget: Budget, packed: int, pieces: Callable[[], Iterator[bytes]], form: Form | None = None
) -> Iterator[Unpacked]:
    """What a reader makes of `packed` bytes, piece by piece, until it ends, fails, or the budget allows no more."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        used, stop = packed, None
        try:
            for piece in pieces():
                stop = budget.allows(file.tell(), packed, len(piece))
                if stop is not None:
                    used = 0
                    break
                file.write(piece)
                budget.spend(len(piece))
        except Stopped as ended:
            used, stop = ended.packed, ended.stop
        except FAULTS:
            used, stop = 0, Stop.CORRUPT
        yield Unpacked(Spool(file, file.tell()), used, stop, form)


def made(
    budget: Budget,
    name: str,
    pieces: Callable[[], Iterator[bytes]],
    *,
    covers: Ranges = (),
    measure: int = 0,
    region: Region = Region.DECODED,
    form: Form | None = None,
) -> Entry:
    """An entry whose bytes a reader makes. `measure` are the bytes it is made of, where others cover them."""
    packed = sum(length for _, length in covers)
    if packed or not measure:
        return Entry(name, covers, partial(spooled, budget, packed, pieces, form), region)

    @contextmanager
    def opened() -> Iterator[Unpacked]:
        with spooled(budget, measure, pieces, form) as unpacked:
            yield Unpacked(unpacked.source, 0, unpacked.stop, unpacked.form)

    return Entry(name, covers, opened, region)


def lying_there(unpacked: Unpacked) -> Callable[[], AbstractContextManager[Unpacked]]:
    """How to open what lies in the container as it is."""
    return lambda: nullcontext(unpacked)


def as_written(name: str, source: Source, ranges: Ranges, region: Region = Region.MEMBER) -> Entry:
    """Bytes of a document that are searched as they stand, whatever they begin with."""
    spans = Spans(source, ranges)
    return Entry(name, ranges, lying_there(Unpacked(spans, spans.size, None, Form.PLAIN)), region)


def handle(source: Source) -> io.BufferedReader:
    """A Source as the open file that libraries want."""
    return io.BufferedReader(_Stream(source), 64 << 10)


class _Stream(io.RawIOBase):
    """A Source as a seekable raw stream."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # the buffer protocol has no type before 3.12
        data = self._source.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
