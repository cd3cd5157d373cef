"""Tar with all that was added to it: long names of GNU, pax headers, sparse files, several archives in a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

from beholden.backends.evidence.archives.spool import STEP, lying_there
from beholden.forensics.containers import Budget, Stop, TarMember, tar_member, tar_number
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.region import Ranges
from beholden.forensics.source import Part, Source
from beholden.model.errors import BadInput

BLOCK = 512
LONGEST_HEADER = 1 << 20
MAX_HOLES = 100_000
_ABOUT_THE_NEXT = (b"L", b"K", b"x", b"X", b"g")
Map = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Sparse:
    """A file with holes: `pieces` are where stored bytes belong in it, one after the other."""

    stored: Source
    pieces: Map
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """See Source. Holes are zeros."""
        end = min(self.size, offset + max(0, length))
        made = bytearray(max(0, end - offset))
        at = 0
        for start, size in self.pieces:
            low, high = max(start, offset), min(start + size, end)
            if low < high:
                made[low - offset : high - offset] = self.stored.read(at + low - start, high - low).ljust(
                    high - low, b"\0"
                )
            at += size
        return bytes(made)


def tar(budget: Budget, source: Source) -> Iterator[Entry]:
    """The members of a tar, which lie in it as they are: nothing is copied. Raises BadInput where there are none."""
    offset, found = 0, False
    said: dict[str, str] = {}
    while offset + BLOCK <= source.size:
        block = source.read(offset, BLOCK)
        member = tar_member(block, offset)
        if member is None:
            further = _further(source, offset)
            if further is None:
                break
            offset, said = further, {}
            continue
        found = True
        size = _number(said.get("size"), member.size)
        offset = member.start + (size + BLOCK - 1) // BLOCK * BLOCK
        if member.kind in _ABOUT_THE_NEXT:
            said |= _said(source, member)
            continue
        entry, extra = _entry(budget, source, block, member, said, size)
        offset += extra
        if entry is not None:
            yield replace(entry, modified=_modified(member, said))
        said = {}
    if not found:
        raise BadInput("The tar has no member that can be read.")


def _entry(
    budget: Budget, source: Source, block: bytes, member: TarMember, said: dict[str, str], size: int
) -> tuple[Entry | None, int]:
    """One member, and how many bytes its own map takes before its data."""
    name = said.get("GNU.sparse.name") or said.get("path") or member.name
    start, extra = member.start, 0
    pieces: Map | None = None
    full = 0
    if member.kind == b"S":
        pieces, full, extra = _gnu_map(source, block, start)
        start += extra
    elif said.get("GNU.sparse.major") == "1":
        pieces, used = _pax_map(source, start)
        start, size = start + used, max(0, size - used)
        full = _number(said.get("GNU.sparse.realsize"), 0)
    elif "GNU.sparse.map" in said:
        numbers = [_number(one, 0) for one in said["GNU.sparse.map"].split(",")[: 2 * MAX_HOLES]]
        pieces = tuple(zip(numbers[::2], numbers[1::2], strict=False))
        full = _number(said.get("GNU.sparse.size"), 0)
    if not size:
        return None, extra
    part = Part(source, start, size)
    stop = Stop.CORRUPT if part.size < size else None
    covers: Ranges = ((member.start, start - member.start), (start, part.size)) if start > member.start else ()
    covers = covers or ((start, part.size),)
    if pieces is None:
        return Entry(name, covers, lying_there(Unpacked(part, part.size, stop))), extra
    return Entry(name, covers, partial(_with_holes, budget, part, pieces, full, stop, sum(c for _, c in covers))), extra


@contextmanager
def _with_holes(
    budget: Budget, part: Part, pieces: Map, full: int, stop: Stop | None, packed: int
) -> Iterator[Unpacked]:
    """A file with its holes, if that is not beyond all measure; otherwise what is stored of it."""
    in_order = all(a + n <= b for (a, n), (b, _) in pairwise(pieces))
    if not in_order or budget.allows(0, part.size, full) is not None:
        yield Unpacked(part, packed, stop)
    else:
        budget.spend(full)
        yield Unpacked(Sparse(part, pieces, full), packed, stop)


def _said(source: Source, member: TarMember) -> dict[str, str]:
    """What a header before a header says of the next member."""
    data = source.read(member.start, min(member.size, LONGEST_HEADER))
    if member.kind == b"L":
        return {"path": data.split(b"\x00")[0].decode("utf-8", "surrogateescape")}
    if member.kind not in (b"x", b"X"):
        return {}
    said: dict[str, str] = {}
    at = 0
    offsets: list[str] = []
    while at < len(data):
        length = _number(data[at : at + 20].split(b" ")[0].decode("ascii", "replace"), 0)
        record = data[at : at + length].rstrip(b"\n").decode("utf-8", "surrogateescape")
        key, equals, value = record.partition(" ")[2].partition("=")
        if length < 5 or not equals:
            break
        if key in ("GNU.sparse.offset", "GNU.sparse.numbytes"):
            offsets.append(value)
        said[key] = value
        at += length
    if offsets and "GNU.sparse.map" not in said:
        said["GNU.sparse.map"] = ",".join(offsets)
    return said


def _gnu_map(source: Source, block: bytes, start: int) -> tuple[Map, int, int]:
    """The map of an old GNU sparse file, its full size, and how many bytes the map's further blocks take."""
    pieces = _map_in(block[386:482])
    more, extra = block[482:483] == b"\x01", 0
    while more and len(pieces) < MAX_HOLES:
        block_ = source.read(start + extra, BLOCK)
        if len(block_) < BLOCK:
            break
        pieces += _map_in(block_[:504])
        more = block_[504:505] == b"\x01"
        extra += BLOCK
    return tuple(pieces), tar_number(block[483:495]) or 0, extra


def _map_in(data: bytes) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    for at in range(0, len(data) - 23, 24):
        place, size = tar_number(data[at : at + 12]), tar_number(data[at + 12 : at + 24])
        if place is not None and size:
            pieces.append((place, size))
    return pieces


def _pax_map(source: Source, start: int) -> tuple[Map, int]:
    """The map that stands before the data of a sparse file of pax, and how many bytes it takes."""
    data = source.read(start, STEP)
    lines = data.split(b"\n", 2 * MAX_HOLES + 2)
    count = _number(lines[0].decode("ascii", "replace"), 0)
    numbers = [_number(one.decode("ascii", "replace"), 0) for one in lines[1 : 1 + 2 * min(count, MAX_HOLES)]]
    used = sum(len(one) + 1 for one in lines[: 1 + len(numbers)])
    return tuple(zip(numbers[::2], numbers[1::2], strict=False)), (used + BLOCK - 1) // BLOCK * BLOCK


def _modified(member: TarMember, said: dict[str, str]) -> datetime | None:
    """When a member was written last; None where that is not said, or is no time that a calendar has."""
    seconds = _number(said.get("mtime", "").partition(".")[0], member.modified)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


def _number(written: str | None, otherwise: int) -> int:
    return int(written) if written and written.isascii() and written.isdigit() and len(written) < 20 else otherwise


def _further(source: Source, offset: int) -> int | None:
    """The next header behind zeros or damage: another archive behind the end of the first, or the rest of this one."""
    at = offset + BLOCK
    while at < source.size:
        data = source.read(at, STEP)
        place = data.find(b"ustar")
        while place >= 0:
            header = place - 257
            if header >= 0 and header % BLOCK == 0 and tar_member(source.read(at + header, BLOCK), at + header):
                return at + header
            place = data.find(b"ustar", place + 1)
        at += STEP - BLOCK
    return None
