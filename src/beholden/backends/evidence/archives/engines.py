"""Decompressors in one manner: fed piece by piece, bounded in what they make at a time, exact in what they used."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

from beholden.backends.evidence.archives.spool import LZMA_MEMORY, STEP
from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.source import Source

ZSTD_WINDOW = 128 << 20
FAULTS = (OSError, EOFError, ValueError, MemoryError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class Engine(Protocol):
    """A decompressor of one stream. `taken` are the bytes of it that were used; `piece` is how much to feed at once."""

    taken: int
    piece: int

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes) -> bytes:
        """What comes next, at most about STEP bytes. Raises one of FAULTS where the stream is broken."""
        ...


class Deflate:
    """zlib's decompressor; `window` 31 is gzip, 15 zlib, -15 the bare stream in a zip.

    Where the stream is broken, everything up to the broken byte is given out first.
    """

    piece = STEP

    def __init__(self, window: int, limit: int = STEP) -> None:
        self._inner = zlib.decompressobj(window)
        self._limit = limit
        self._waiting = b""
        self._full = False
        self.broken = False
        self.taken = 0

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting and not self._full and not self.broken

    def decompress(self, data: bytes) -> bytes:
        if self.broken:
            raise zlib.error("broken")
        before = self._inner.copy()
        data = self._waiting + data
        try:
            produced = self._inner.decompress(data, self._limit)
        except zlib.error:
            return self._salvaged(before, data)
        self._waiting = self._inner.unconsumed_tail
        self._full = len(produced) == self._limit  # zlib may hold more that it has already made
        self.taken += len(data) - len(self._waiting) - len(self._inner.unused_data)
        return produced

    def _salvaged(self, engine: "zlib._Decompress", data: bytes) -> bytes:
        """What comes before the broken byte: the same again in ever smaller pieces."""
        self.broken, self._waiting = True, b""
        produced = b""
        for size in (4096, 64, 1):
            while data:
                trial = engine.copy()
                try:
                    more = trial.decompress(data[:size])
                except zlib.error:
                    break
                produced += more
                self.taken += size
                engine, data = trial, data[size:]
        return produced


class Wrapped:
    """bz2's and lzma's decompressors."""

    piece = STEP

    def __init__(self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor, before: bytes = b"") -> None:
        self._inner = inner
        self._before = before
        self.taken = 0

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner.needs_input

    def decompress(self, data: bytes) -> bytes:
        before, self._before = self._before, b""
        produced = self._inner.decompress(before + data, STEP)
        self.taken += len(data) - (len(self._inner.unused_data) if self._inner.eof else 0)
        return produced


class Zstd:
    """Zstandard. It cannot be told how much to make at a time, so it is fed little: 1 KiB makes at most 32 MiB."""

    piece = 1024

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        self.taken = 0

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return True

    def decompress(self, data: bytes) -> bytes:
        produced = self._inner.decompress(data)
        self.taken += len(data) - (len(self._inner.unused_data) if self._inner.eof else 0)
        return produced


def zip_lzma(properties: bytes) -> Engine:
    """LZMA as zip has it, behind its own header of `properties`; the end is marked or is that of the member."""
    return Wrapped(lzma.LZMADecompressor(lzma.FORMAT_ALONE, LZMA_MEMORY), properties + b"\xff" * 8)


STREAMS: dict[Form, tuple[Callable[[], Engine], tuple[bytes, ...]]] = {
    Form.GZIP: (lambda: Deflate(31), (b"\x1f\x8b\x08",)),
    Form.BZIP2: (lambda: Wrapped(bz2.BZ2Decompressor()), (b"BZh",)),
    Form.XZ: (lambda: Wrapped(lzma.LZMADecompressor(lzma.FORMAT_XZ, LZMA_MEMORY)), (b"\xfd7zXZ\x00",)),
    Form.LZMA: (lambda: Wrapped(lzma.LZMADecompressor(lzma.FORMAT_ALONE, LZMA_MEMORY)), ()),
    Form.ZLIB: (lambda: Deflate(15), ()),
    Form.ZSTD: (Zstd, (b"\x28\xb5\x2f\xfd", *(bytes([n]) + b"\x2a\x4d\x18" for n in range(0x50, 0x60)))),
}
"""How each is decompressed, and what a further stream in the same file begins with."""


def run(budget: Budget, engine: Engine, source: Source, start: int, write: Callable[[bytes], object]) -> Stop | None:
    """Decompress one stream from `start`; why it ended early, if it did. `engine.taken` says how much it used."""
    at, produced = start, 0
    while not engine.eof:
        data = source.read(at, engine.piece) if engine.needs_input else b""
        if engine.needs_input and not data:
            return Stop.CORRUPT
        stop = budget.allows(produced, max(1, at - start), STEP)
        if stop is not None:
            return stop
        try:
            more = engine.decompress(data)
        except FAULTS:
            return Stop.CORRUPT
        at += len(data)
        write(more)
        produced += len(more)
        budget.spend(len(more))
    return None
