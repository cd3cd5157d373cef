"""Containers opened with Python's own libraries, within bounds, into memory or an unnamed file.

A member's name is only ever shown. What a member holds is spooled: up to 16 MiB in memory, beyond that in a temporary
file that has no name on disk and is gone when it is closed, whatever happens.
"""

import bz2
import io
import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import IO, Protocol

from beholden.forensics.containers import (
    Budget,
    Form,
    Limits,
    Stop,
    tar_member,
    zip_directory_size,
)
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.source import Held, Part, Source
from beholden.model.errors import BadInput

STEP = 256 << 10
IN_MEMORY = 16 << 20
_TAIL = 65536 + 22 + 56 + 20
LZMA_MEMORY = 512 << 20


class _Decompressor(Protocol):
    """What bz2, lzma and the wrapped zlib have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Deflate:
    """zlib's decompressor in the manner of bz2 and lzma; `window` 31 is gzip, -15 the bare stream in a zip."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)
        self._waiting = b""
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        produced = self._inner.decompress(self._waiting + data, max_length)
        self._waiting = self._inner.unconsumed_tail
        self._full = len(produced) == max_length  # zlib may hold more that it has already made
        return produced


_STREAMS: dict[Form, tuple[Callable[[], _Decompressor], bytes]] = {
    Form.GZIP: (lambda: _Deflate(31), b"\x1f\x8b"),
    Form.BZIP2: (bz2.BZ2Decompressor, b"BZh"),
    Form.XZ: (lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_MEMORY), b"\xfd7zXZ\x00"),
}
# Not LZMA: its header alone decides how much memory is taken.
_ZIP_METHODS: dict[int, Callable[[], _Decompressor]] = {
    zipfile.ZIP_DEFLATED: lambda: _Deflate(-15),
    zipfile.ZIP_BZIP2: bz2.BZ2Decompressor,
}
_FAULTS = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Spool:
    """A Source over a spooled file."""

    file: IO[bytes]
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        self.file.seek(offset)
        return self.file.read(max(0, min(length, self.size - offset)))


class Unpacker:
    """Opens containers; one budget for all that one examination unpacks."""

    def __init__(self, limits: Limits) -> None:
        self._budget = Budget(limits)

    @property
    def budget(self) -> Budget:
        """What has been unpacked, here and by whoever else opens containers for the same examination."""
        return self._budget

    def entries(self, form: Form, source: Source) -> Iterator[Entry]:
        """The members of a container. Raises BadInput where there is no readable list of them."""
        if form is Form.ZIP:
            return self._zip(source)
        if form is Form.TAR:
            return _tar(source)
        return iter([Entry("content", ((0, source.size),), partial(self._stream, form, source))])

    # Streams: gzip, bzip2, xz; several may follow one another in a file

    @contextmanager
    def _stream(self, form: Form, source: Source) -> Iterator[Unpacked]:
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            packed, stop = self._inflate(form, source, file)
            yield Unpacked(Spool(file, file.tell()), packed, stop)

    def _inflate(self, form: Form, source: Source, file: IO[bytes]) -> tuple[int, Stop | None]:
        """Write what the streams hold; how many packed bytes were used, and why it ended early if it did."""
        make, magic = _STREAMS[form]
        read = 0
        while True:
            engine = make()
            used, stop = self._one_stream(engine, source, read, file)
            read += used
            if stop is not None or source.read(read, len(magic)) != magic:
                return read, stop

    def _one_stream(
        self, engine: _Decompressor, source: Source, start: int, file: IO[bytes]
    ) -> tuple[int, Stop | None]:
        at = start
        while not engine.eof:
            data = source.read(at, STEP) if engine.needs_input else b""
            if engine.needs_input and not data:
                return at - start, Stop.CORRUPT
            stop = self._budget.allows(file.tell(), max(1, at - start), STEP)
            if stop is not None:
                return at - start, stop
            try:
                produced = engine.decompress(data, STEP)
            except _FAULTS:
                return at - start, Stop.CORRUPT
            at += len(data)
            file.write(produced)
            self._budget.spend(len(produced))
        return at - start - len(engine.unused_data), None

    # Zip

    def _zip(self, source: Source) -> Iterator[Entry]:
        tail = source.read(max(0, source.size - _TAIL), _TAIL)
        size = zip_directory_size(tail, source.size)
        if size is None:
            raise BadInput("The zip has no list of members at its end.")
        if size > self._budget.limits.directory:
            raise BadInput(f"The zip's list of members says that it takes {size} bytes.")
        try:
            infos = zipfile.ZipFile(io.BufferedReader(_Stream(source))).infolist()
        except _FAULTS as error:
            raise BadInput(f"The zip's list of members cannot be read ({type(error).__name__}).") from error
        for info in infos:
            start = _data_start(source, info.header_offset)
            part = Part(source, start, max(0, info.compress_size))
            yield Entry(info.filename, ((start, part.size),), partial(self._zip_member, info, part))

    @contextmanager
    def _zip_member(self, info: zipfile.ZipInfo, part: Part) -> Iterator[Unpacked]:
        """Read here, not by zipfile, so that a wrong checksum or a broken end costs nothing of the rest."""
        if info.flag_bits & 0x41:
            yield Unpacked(Held(b""), 0, Stop.ENCRYPTED)
        elif info.compress_type == zipfile.ZIP_STORED:
            yield self._stored(info, part)
        elif info.compress_type in _ZIP_METHODS:
            with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
                packed, stop = self._one_stream(_ZIP_METHODS[info.compress_type](), part, 0, file)
                spool = Spool(file, file.tell())
                yield Unpacked(spool, packed, stop or _checked(spool, info))
        else:
            yield Unpacked(Held(b""), 0, Stop.METHOD)

    def _stored(self, info: zipfile.ZipInfo, part: Part) -> Unpacked:
        """A member that lies in the archive as it is. It counts all the same: many may name the same bytes."""
        stop = self._budget.allows(0, part.size, part.size)
        if stop is not None:
            return Unpacked(Held(b""), 0, stop)
        self._budget.spend(part.size)
        return Unpacked(part, part.size, _checked(part, info))


def _checked(source: Source, info: zipfile.ZipInfo) -> Stop | None:
    """Whether a member has the size and checksum that the archive's list says."""
    crc = 0
    for start in range(0, source.size, STEP):
        crc = zlib.crc32(source.read(start, STEP), crc)
    return None if source.size == info.file_size and crc == info.CRC else Stop.CORRUPT


def _data_start(source: Source, header: int) -> int:
    """Where a member's packed bytes begin: behind its own header, name and extra field."""
    local = source.read(header, 30)
    if len(local) < 30:
        return min(header, source.size)
    length = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    return min(header + 30 + length, source.size)


def _tar(source: Source) -> Iterator[Entry]:
    """The members of a tar, which lie in it as they are: nothing is copied."""
    offset = 0
    found = False
    while offset + 512 <= source.size:
        member = tar_member(source.read(offset, 512), offset)
        if member is None:
            break
        found = True
        part = Part(source, member.start, member.size)
        if member.size:
            stop = Stop.CORRUPT if part.size < member.size else None
            yield Entry(member.name, ((member.start, part.size),), _lying_there(Unpacked(part, part.size, stop)))
        offset = member.start + (member.size + 511) // 512 * 512
    if not found:
        raise BadInput("The tar has no member that can be read.")


def _lying_there(unpacked: Unpacked) -> Callable[[], AbstractContextManager[Unpacked]]:
    return lambda: nullcontext(unpacked)


class _Stream(io.RawIOBase):
    """A Source as a seekable raw stream, which zipfile wants."""

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
