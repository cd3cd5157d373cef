"""PDF: each of its streams decompressed where it stands, and the text of its pages put together.

Streams are found by looking through the file and not by its tables, so that old versions of a document and objects
that nothing names any more are searched too. The text of pages needs fonts and their tables: pypdf reads it, held to a
number of steps.
"""

import binascii
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

from beholden.backends.evidence.archives.engines import Deflate
from beholden.backends.evidence.archives.spool import (
    FAULTS,
    STEP,
    Stopped,
    as_written,
    handle,
    lying_there,
    made,
    without,
)
from beholden.forensics.containers import Budget, Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.region import Ranges, Region
from beholden.forensics.source import Held, Part, Source

MAX_STREAMS = 100_000
MAX_PAGES = 5_000
MAX_READ = 64 << 20
"""Of a larger document only the streams are searched, not the text of its pages."""
STEPS = 30_000_000
"""Calls that pypdf may make over one document; about half a minute."""
_START = re.compile(rb"(?<!end)stream\r?\n")
_FILTERS = re.compile(rb"/(ASCII85Decode|A85|ASCIIHexDecode|AHx|FlateDecode|Fl|LZWDecode|LZW|RunLengthDecode|RL|Crypt"
                      rb"|CCITTFaxDecode|CCF|JBIG2Decode|DCTDecode|DCT|JPXDecode)\b")  # fmt: skip
_LENGTH = re.compile(rb"/Length\s+(\d{1,12})(?!\s+\d+\s+R)")
_AS_THEY_ARE = frozenset({b"DCTDecode", b"DCT", b"JPXDecode"})


@dataclass(frozen=True, slots=True)
class _Stream:
    start: int
    size: int
    filters: tuple[bytes, ...]
    table: bool
    """Whether it is one of the file's own tables, which are never encrypted."""


def pdf(budget: Budget, source: Source) -> Iterator[Entry]:
    """The streams, the text of the pages and the attached files; then all that stands around them, as written."""
    sealed = _sealed(source)
    streams = list(_streams(source))
    reading = made(budget, "text of its pages", partial(_pages, source, sealed), measure=source.size)
    if sealed:
        opened = _opens(source)
        ranges: Ranges = ((0, source.size),)
        if not opened:
            yield Entry("encrypted document", ranges, lying_there(Unpacked(Held(b""), 0, Stop.ENCRYPTED)))
            return
        yield reading
        yield made(budget, "streams decrypted", partial(_decrypted, source), covers=ranges, region=Region.MEMBER)
        return
    for stream in streams:
        yield _entry(budget, source, stream)
    yield reading
    ranges = without(tuple((stream.start, stream.size) for stream in streams), source.size)
    yield as_written("document as written", source, ranges)


def _sealed(source: Source) -> bool:
    """Whether a trailer names a key. It stands at the end, or, for reading over the net, near the beginning."""
    ends = source.read(0, 4096) + source.read(max(0, source.size - (64 << 10)), 64 << 10)
    return re.search(rb"/Encrypt\s+(?:\d+\s+\d+\s+R|<<)", ends) is not None


def _streams(source: Source) -> Iterator[_Stream]:
    at, count = 0, 0
    while at < source.size and count < MAX_STREAMS:
        data = source.read(at, STEP)
        found = _START.search(data)
        if found is None:
            at += max(1, len(data) - 8)
            continue
        start = at + found.end()
        head = source.read(max(0, start - 2048), min(2048, start))
        head = head[max(0, head.rfind(b" obj")) :]
        end = _end(source, start, head)
        yield _Stream(start, end - start, tuple(one[1] for one in _FILTERS.finditer(head)), b"/XRef" in head)
        count += 1
        at = max(end, start)


def _end(source: Source, start: int, head: bytes) -> int:
    """Where a stream ends: where its length says so and it is true, otherwise before the word that ends it."""
    said = _LENGTH.search(head)
    if said is not None:
        end = start + int(said[1])
        if source.read(end, 16).lstrip().startswith(b"endstream"):
            return end
    at = start
    while at < source.size:
        place = source.read(at, STEP + 9).find(b"endstream")
        if place >= 0:
            return at + place
        at += STEP
    return source.size


def _entry(budget: Budget, source: Source, stream: _Stream) -> Entry:
    covers = ((stream.start, stream.size),)
    name = f"stream at {stream.start}"
    part = Part(source, stream.start, stream.size)
    if not stream.filters or stream.filters[0] in _AS_THEY_ARE:
        return Entry(name, covers, lying_there(Unpacked(part, part.size)))
    steps = [_DECODERS.get(one) for one in stream.filters if one not in _AS_THEY_ARE]
    if None in steps:
        return Entry(name, covers, lying_there(Unpacked(Held(b""), 0, Stop.METHOD)))
    pieces: Pieces = partial(_read, part)
    for step in steps:
        if step is not None:
            pieces = partial(step, pieces)
    return made(budget, name, pieces, covers=covers, region=Region.MEMBER)


Pieces = Callable[[], Iterator[bytes]]


def _read(part: Source) -> Iterator[bytes]:
    for at in range(0, part.size, STEP):
        yield part.read(at, STEP)


def _flate(before: Pieces) -> Iterator[bytes]:
    engine = Deflate(15)
    for data in before():
        piece = data
        while not engine.eof:
            yield engine.decompress(piece)
            piece = b""
            if engine.broken:
                raise Stopped(Stop.CORRUPT, engine.taken)
            if engine.needs_input:
                break
    if not engine.eof:
        raise Stopped(Stop.CORRUPT, engine.taken)


def _hex(before: Pieces) -> Iterator[bytes]:
    waiting = b""
    for data in before():
        waiting += re.sub(rb"[^0-9A-Fa-f]", b"", data.partition(b">")[0])
        yield binascii.unhexlify(waiting[: len(waiting) // 2 * 2])
        waiting = waiting[len(waiting) // 2 * 2 :]


def _ascii85(before: Pieces) -> Iterator[bytes]:
    held: list[int] = []
    for data in before():
        out = bytearray()
        for byte in data:
            if byte == 0x7E:
                break
            if byte == 0x7A and not held:
                out += bytes(4)
            elif 0x21 <= byte <= 0x75:
                held.append(byte - 0x21)
                if len(held) == 5:
                    out += _group(held)
                    held = []
        yield bytes(out)
    if len(held) > 1:
        yield _group(held + [84] * (5 - len(held)))[: len(held) - 1]


def _group(digits: list[int]) -> bytes:
    number = 0
    for digit in digits:
        number = number * 85 + digit
    return (number & 0xFFFFFFFF).to_bytes(4, "big")


def _runs(before: Pieces) -> Iterator[bytes]:
    data = b"".join(before())
    at = 0
    while at < len(data) and data[at] != 128:
        length = data[at]
        if length < 128:
            yield data[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            yield data[at + 1 : at + 2] * (257 - length)
            at += 2


def _lzw(before: Pieces) -> Iterator[bytes]:
    """LZW as PDF has it: the highest bit first, and the width grows one code early."""
    data = b"".join(before())
    table: list[bytes] = []
    last, bits, held, width = b"", 0, 0, 9
    for byte in data:
        bits, held = (bits << 8 | byte) & 0xFFFFFF, held + 8
        if held < width:
            continue
        held -= width
        code = bits >> held & (1 << width) - 1
        if code == 257:
            return
        if code == 256:
            table, last, width = [], b"", 9
            continue
        if code < 256:
            piece = bytes((code,))
        elif code - 258 < len(table):
            piece = table[code - 258]
        elif last and code - 258 == len(table):
            piece = last + last[:1]
        else:
            raise Stopped(Stop.CORRUPT)
        if last and len(table) < 4096 - 258:
            table.append(last + piece[:1])
        width = min(12, max(9, (len(table) + 259).bit_length()))
        last = piece
        yield piece


_DECODERS: dict[bytes, Callable[[Pieces], Iterator[bytes]]] = {
    b"FlateDecode": _flate, b"Fl": _flate, b"ASCIIHexDecode": _hex, b"AHx": _hex, b"ASCII85Decode": _ascii85,
    b"A85": _ascii85, b"RunLengthDecode": _runs, b"RL": _runs, b"LZWDecode": _lzw, b"LZW": _lzw,
}  # fmt: skip

# What needs pypdf


class _TooManySteps(BaseException):
    """More calls than are allowed; no Exception, so that no library swallows it."""


@contextmanager
def _steps(most: int) -> Iterator[None]:
    """Ends what calls too often, at the same place in every run: a limit of time would not."""
    left = most

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooManySteps

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


def _opens(source: Source) -> bool:
    """Whether an encrypted document opens without a password, as many do."""
    from pypdf import PdfReader

    if source.size > MAX_READ:
        return False
    try:
        with _quiet(), _steps(STEPS):
            reader = PdfReader(handle(source))
            return not reader.is_encrypted or bool(reader.decrypt(""))
    except (_TooManySteps, *FAULTS):
        return False
    except Exception:  # noqa: BLE001 - pypdf and what it uses raise their own over hostile bytes
        return False


def _pages(source: Source, sealed: bool) -> Iterator[bytes]:  # noqa: FBT001
    """The text of each page and form; attached files are streams and searched as such."""
    from pypdf import PdfReader

    if source.size > MAX_READ:
        raise Stopped(Stop.TOO_LARGE)
    texts: list[bytes] = []
    try:
        with _quiet(), _steps(STEPS):
            reader = PdfReader(handle(source))
            if sealed:
                reader.decrypt("")
            for number, page in enumerate(reader.pages):
                if number >= MAX_PAGES:
                    raise Stopped(Stop.TOO_LARGE)
                texts.append(page.extract_text().encode("utf-8", "replace") + b"\n\f\n")
            for name, value in (reader.metadata or {}).items():
                texts.append(f"{name}: {value}\n".encode("utf-8", "replace"))
            for name, value in (reader.get_form_text_fields() or {}).items():
                texts.append(f"{name}: {value}\n".encode("utf-8", "replace"))
    except Stopped:
        yield b"".join(texts)
        raise
    except _TooManySteps as error:
        yield b"".join(texts)
        raise Stopped(Stop.TOO_LARGE) from error
    except Exception as error:
        yield b"".join(texts)
        raise Stopped(Stop.CORRUPT) from error
    yield b"".join(texts)


def _decrypted(source: Source) -> Iterator[bytes]:
    """All streams of an encrypted document that opens without a password; those that its tables name, that is."""
    from pypdf import PdfReader
    from pypdf.generic import StreamObject

    left = sum(1 for stream in _streams(source) if not stream.table)
    with _quiet():
        reader = PdfReader(handle(source))
        reader.decrypt("")
        for number in sorted({key for keys in reader.xref.values() for key in keys} | set(reader.xref_objStm)):
            try:
                with _steps(STEPS // 10):
                    found = reader.get_object(number)
                    data = found.get_data() if isinstance(found, StreamObject) else repr(found).encode()
            except (_TooManySteps, Exception):  # noqa: BLE001
                left += 1
                continue
            left -= isinstance(found, StreamObject)
            yield data + b"\n"
    if left > 0:
        raise Stopped(Stop.CORRUPT)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without pypdf's warnings about what hostile bytes contain."""
    log = logging.getLogger("pypdf")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)
