"""Compressed streams in the midst of other bytes: in unallocated space, in damaged archives, in files of unknown form.

What begins like gzip, like a member of a zip or like zlib is inflated for a trial (optimistic decompression, as
bulk_extractor does); what comes apart is a fragment, however it ends.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from beholden.backends.evidence.archives.engines import Deflate, Engine, run
from beholden.backends.evidence.archives.spool import STEP, spooled
from beholden.forensics.containers import Budget
from beholden.forensics.ports import Entry
from beholden.forensics.region import Region
from beholden.forensics.source import Part, Source, chunks
from beholden.forensics.text import places_of

MARK = 192
"""The longest head of a fragment that is looked at together."""
MAX_FRAGMENTS = 10_000
TRIAL = 256
PATIENCE = 16 << 20
LEAST = 64
"""A fragment that gives less says nothing and is most probably none."""
SURE = 1024
"""A fragment that is not whole, with the checksum at its end, has to give as much: noise comes apart for some bytes."""
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How streams of zlib begin, by how hard it tried (RFC 1950, 2.2)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a stream takes and gives, found by decompressing it once."""

    taken: int
    made: int
    whole: bool


def measured(budget: Budget, make: Callable[[], Engine], source: Source) -> Measure:
    """How far a stream goes. It is decompressed within the same budget and kept nowhere."""
    engine, sizes = make(), [0]

    def count(data: bytes) -> None:
        sizes[0] += len(data)

    stop = run(budget, engine, source, 0, count)
    return Measure(min(engine.taken, source.size), sizes[0], stop is None)


def fragments(budget: Budget, source: Source) -> Iterator[Entry]:
    """The compressed streams in a source, in the order in which they stand, none inside another."""
    found = end = vain = 0
    for start in chunks(source, STEP):
        data = source.read(start, STEP + MARK)
        for at, window, head in _starts(data):
            place = start + at
            if at >= STEP or place < end:
                continue
            body = Part(source, place + head, source.size - place - head)
            if not _comes_apart(body, window):
                continue
            measure = measured(budget, partial(Deflate, window), body)
            if measure.made < (LEAST if measure.whole else SURE):
                vain += measure.taken
                if vain > source.size + PATIENCE:
                    return  # made to be tried again and again; what is compressed here counts as disorder
                continue
            end = place + head + measure.taken
            covers = ((place, end - place),)
            part = Part(source, place + head, measure.taken)
            pieces = partial(_pieces, part, window)
            yield Entry(f"stream at {place}", covers, partial(spooled, budget, end - place, pieces), Region.UNALLOCATED)
            found += 1
            if found >= MAX_FRAGMENTS:
                return


def _starts(data: bytes) -> list[tuple[int, int, int]]:
    """Where streams may begin, how zlib is to read them, and how long a head stands before."""
    if data.isascii():
        return []  # as most evidence is: no stream of any length is
    places = [(at, 15, 0) for mark in _ZLIB for at in places_of(data, mark)]
    places += [(at, 31, 0) for at in places_of(data, b"\x1f\x8b\x08")]
    for at in places_of(data, b"PK\x03\x04"):
        head = _zip_head(data, at)
        if head is not None:
            places.append((at, -15, head))
    return sorted(places)


def _zip_head(data: bytes, at: int) -> int | None:
    """How long the header of a deflated member of a zip is; None where it is another."""
    if data[at + 8 : at + 10] != b"\x08\x00" or data[at + 6 : at + 7] > b"\x0f" or len(data) < at + 30:
        return None
    return 30 + int.from_bytes(data[at + 26 : at + 28], "little") + int.from_bytes(data[at + 28 : at + 30], "little")


def _comes_apart(body: Source, window: int) -> bool:
    """A first trial with little: most of what begins by chance like a stream fails here."""
    try:
        return len(zlib.decompressobj(window).decompress(body.read(0, TRIAL), 1 << 16)) >= LEAST
    except zlib.error:
        return False


def _pieces(part: Part, window: int) -> Iterator[bytes]:
    """What a fragment holds, to where it breaks off."""
    engine = Deflate(window)
    at = 0
    while not engine.eof and not engine.broken:
        data = part.read(at, STEP) if engine.needs_input else b""
        if engine.needs_input and not data:
            return
        yield engine.decompress(data)
        at += len(data)
