"""Files that are one compressed stream, or several one after the other."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

from pyarrow import ArrowException, CompressedInputStream, PythonFile

from beholden.backends.evidence.archives.bzip2 import blocks
from beholden.backends.evidence.archives.engines import STREAMS, run
from beholden.backends.evidence.archives.lzw import lzw
from beholden.backends.evidence.archives.spool import IN_MEMORY, STEP, Spool, Stopped, handle, spooled
from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.source import Part, Source

_LZ4 = b"\x04\x22\x4d\x18"
MAX_RESTARTS = 1000


def stream(budget: Budget, form: Form, source: Source) -> Iterator[Entry]:
    """The one member of a file that is compressed."""
    covers = ((0, source.size),)
    pieces = {Form.LZ4: _lz4, Form.COMPRESS: lzw}.get(form)
    if pieces is not None:
        yield Entry("content", covers, partial(spooled, budget, source.size, partial(pieces, source)))
    else:
        yield Entry("content", covers, partial(_inflated, budget, form, source))


@contextmanager
def _inflated(budget: Budget, form: Form, source: Source) -> Iterator[Unpacked]:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        packed, stop = _inflate(budget, form, source, file)
        yield Unpacked(Spool(file, file.tell()), packed, stop)


def _inflate(budget: Budget, form: Form, source: Source, file: IO[bytes]) -> tuple[int, Stop | None]:
    """Write what the streams hold; how many packed bytes were used, and why not all if so.

    Behind a broken stream the next one is sought by its first bytes.
    """
    make, magics = STREAMS[form]
    at = packed = restarts = 0
    broken: Stop | None = None
    while True:
        engine, before = make(), file.tell()
        stop = run(budget, engine, source, at, file.write)
        if stop is Stop.CORRUPT and form is Form.BZIP2:
            file.seek(before)
            file.truncate()
            used, stop = _blocks(budget, source, at, file)
            return packed + used, stop
        packed += engine.taken
        at += engine.taken
        if stop is None:
            if not source.read(at, 6).startswith(magics or (b"\xff" * 6,)):
                return packed, broken
        elif stop is not Stop.CORRUPT or restarts >= MAX_RESTARTS:
            return packed, stop
        else:
            broken, restarts = stop, restarts + 1
            found = _next(source, at + 1, magics)
            if found is None:
                return packed, broken
            at = found


def _blocks(budget: Budget, source: Source, start: int, file: IO[bytes]) -> tuple[int, Stop]:
    """Write the sound blocks of damaged bzip2; how many packed bytes they took."""
    used = 0
    for size, held in blocks(source, start):
        stop = budget.allows(file.tell(), max(1, used), len(held))
        if stop is not None:
            return used, stop
        budget.spend(len(held))
        file.write(held)
        used += size
    return used, Stop.CORRUPT


def _next(source: Source, start: int, magics: tuple[bytes, ...]) -> int | None:
    """Where the next stream begins."""
    if not magics:
        return None
    while data := source.read(start, STEP + 16):
        found = [at for at in (data.find(magic) for magic in magics[:1]) if at >= 0]
        if found:
            return start + min(found)
        start += STEP
    return None


def _lz4(source: Source) -> Iterator[bytes]:
    """The frames of an LZ4 file. Where each ends is read off its blocks, so that the library sees nothing else."""
    at = 0
    while source.read(at, 4) == _LZ4:
        end = _lz4_end(source, at)
        try:
            with CompressedInputStream(PythonFile(handle(Part(source, at, end - at)), mode="r"), "lz4") as frame:
                while data := frame.read(STEP):
                    yield data
        except (ArrowException, OSError) as error:
            raise Stopped(Stop.CORRUPT, at) from error
        if end > source.size:
            raise Stopped(Stop.CORRUPT, source.size)
        at = end
    if at < source.size:
        raise Stopped(Stop.CORRUPT, at)


def _lz4_end(source: Source, start: int) -> int:
    """Where a frame ends; beyond the source where it is cut off."""
    flags = int.from_bytes(source.read(start + 4, 1), "little")
    at = start + 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
    while at + 4 <= source.size:
        size = int.from_bytes(source.read(at, 4), "little") & 0x7FFFFFFF
        at += 4
        if not size:
            return at + (4 if flags & 4 else 0)
        at += size + (4 if flags & 16 else 0)
    return source.size + 1
