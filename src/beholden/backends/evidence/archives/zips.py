"""Zip: the members of the list at its end, and those that stand in the file but in no list any more."""

import bz2
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from beholden.backends.evidence.archives.engines import Deflate, Engine, Wrapped, Zstd, run, zip_lzma
from beholden.backends.evidence.archives.fragments import measured
from beholden.backends.evidence.archives.spool import IN_MEMORY, LZMA_MEMORY, STEP, Spool, without
from beholden.forensics.containers import Budget, Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.region import Region
from beholden.forensics.source import Held, Part, Source
from beholden.model.errors import BadInput

_TAIL = 65536 + 22 + 56 + 20
LOCAL, LISTED, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_STORED, _DEFLATED, _LZMA = 0, 8, 14
_METHODS: dict[int, Callable[[], Engine]] = {
    _DEFLATED: lambda: Deflate(-15),
    12: lambda: Wrapped(bz2.BZ2Decompressor()),
    93: Zstd,
    95: lambda: Wrapped(lzma.LZMADecompressor(lzma.FORMAT_XZ, LZMA_MEMORY)),
}
MAX_FORGOTTEN = 100_000
_BIG = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """What a header says of a member. `packed` and `size` are in bytes; `checksum` is None where it is not known."""

    name: str
    flags: int
    method: int
    checksum: int | None
    packed: int
    size: int
    header: int
    here: bool = True


@dataclass(frozen=True, slots=True)
class _End:
    """Where the list of members is, as the end of the file says. `shift` are bytes that stand before the archive."""

    start: int
    size: int
    shift: int
    disk: int


class Zips:
    """Opens zips within a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def entries(self, source: Source) -> Iterator[Entry]:
        """The members; then those that are in no list. Raises BadInput where there is neither."""
        end = _end(source)
        listed = self._listed(source, end) if end is not None else []
        entries = [self._entry(source, member) for member in listed]
        covered = [entry.covers for entry in entries]
        if end is not None and listed:
            covered.append(((end.start, min(end.size, max(0, source.size - end.start))),))
        known = {member.header for member in listed if member.here}
        forgotten = list(self._forgotten(source, [one for ranges in covered for one in ranges], known))
        if not listed and not forgotten and not (end is not None and end.size == 0):
            raise BadInput("The zip has no list of members at its end, and none stand without one.")
        if end is None or (end.size and not listed):
            entries.append(_no_list(forgotten))
        yield from entries
        yield from forgotten

    # The list

    def _listed(self, source: Source, end: _End) -> list[Member]:
        if end.size > self._budget.limits.directory:
            raise BadInput(f"The zip's list of members says that it takes {end.size} bytes.")
        data = source.read(end.start, end.size)
        found: list[Member] = []
        at = 0
        while data[at : at + 4] == LISTED and at + 46 <= len(data) and len(found) <= self._budget.limits.members:
            name, extra, comment = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (28, 30, 32))
            found.append(_member(data[at : at + 46 + name + extra], end))
            at += 46 + name + extra + comment
        return found

    def _entry(self, source: Source, member: Member) -> Entry:
        if not member.here:
            return Entry(member.name, (), partial(_elsewhere))
        start = _data_start(source, member.header)
        part = Part(source, start, max(0, member.packed))
        return Entry(member.name, ((start, part.size),), partial(self._open, member, part))

    # Members that are in no list

    def _forgotten(self, source: Source, covered: list[tuple[int, int]], known: set[int]) -> Iterator[Entry]:
        """Members whose own header stands where no listed member is. Each is measured by unpacking it once."""
        count = 0
        for start, length in without(tuple(covered), source.size):
            at, end = start, start + length
            while count < MAX_FORGOTTEN:
                header = _find(source, LOCAL, at, end)
                if header is None:
                    break
                at = header + 4
                if header in known:
                    continue
                member = _local(source, header)
                if member is None:
                    continue
                entry = self._forgotten_entry(source, member, end)
                if entry is not None:
                    count += 1
                    yield entry
                    at = max(at, sum(entry.covers[0]))

    def _forgotten_entry(self, source: Source, member: Member, end: int) -> Entry | None:
        start = _data_start(source, member.header)
        name = f"{member.name} (in no list)"
        if member.flags & 0x41 or member.method not in (_STORED, _LZMA, *_METHODS):
            size = min(member.packed, end - start)
            covers = ((start, max(0, size)),)
            return Entry(name, covers, partial(self._open, member, Part(source, *covers[0])), Region.DELETED_FILE)
        if member.method == _DEFLATED:
            taken = measured(self._budget, partial(Deflate, -15), Part(source, start, end - start)).taken
        else:
            taken = min(member.packed, end - start)
        if taken <= 0:
            return None
        part = Part(source, start, taken)
        return Entry(name, ((start, taken),), partial(self._open_forgotten, member, part), Region.DELETED_FILE)

    @contextmanager
    def _open_forgotten(self, member: Member, part: Part) -> Iterator[Unpacked]:
        """What is left of it. That its end is missing is no news: the bytes behind it are searched as they stand."""
        with self._open(member, part) as unpacked:
            stop = None if unpacked.stop is Stop.CORRUPT and unpacked.packed == part.size else unpacked.stop
            yield Unpacked(unpacked.source, unpacked.packed, stop)

    # Content

    @contextmanager
    def _open(self, member: Member, part: Part) -> Iterator[Unpacked]:
        """Read here, not by a library, so that a wrong checksum or a broken end costs nothing of the rest."""
        if member.flags & 0x41 or member.method == 99:
            yield Unpacked(Held(b""), 0, Stop.ENCRYPTED)
        elif member.method == _STORED:
            yield self._stored(member, part)
        else:
            engine, start = _engine(member, part)
            if engine is None:
                yield Unpacked(Held(b""), 0, Stop.METHOD)
                return
            with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
                stop = run(self._budget, engine, part, start, file.write)
                spool = Spool(file, file.tell())
                if stop is Stop.CORRUPT and member.method == _LZMA and spool.size == member.size:
                    stop = None  # without a mark of its end it is only over when all of it is there
                yield Unpacked(spool, min(part.size, start + engine.taken), stop or _checked(spool, member))

    def _stored(self, member: Member, part: Part) -> Unpacked:
        """A member that lies in the archive as it is. It counts all the same: many may name the same bytes."""
        stop = self._budget.allows(0, part.size, part.size)
        if stop is not None:
            return Unpacked(Held(b""), 0, stop)
        self._budget.spend(part.size)
        return Unpacked(part, part.size, _checked(part, member))


def _engine(member: Member, part: Part) -> tuple[Engine | None, int]:
    """The decompressor of a method, and where its stream begins in the member."""
    if member.method == _LZMA:
        length = int.from_bytes(part.read(2, 2), "little")
        return (zip_lzma(part.read(4, 5)), 9) if length == 5 else (None, 0)
    make = _METHODS.get(member.method)
    return (make() if make is not None else None), 0


@contextmanager
def _elsewhere() -> Iterator[Unpacked]:
    yield Unpacked(Held(b""), 0, Stop.ELSEWHERE)


def _no_list(found: list[Entry]) -> Entry:
    """What says that the archive's list is not there, so that there may have been more than was found."""

    @contextmanager
    def opened() -> Iterator[Unpacked]:
        yield Unpacked(Held(b""), 0, Stop.CORRUPT)

    return Entry(f"list of members, of which {len(found)} were found without it", (), opened)


def _end(source: Source) -> _End | None:
    """The end record, the 64-bit one where there is one; None where there is none."""
    tail = source.read(max(0, source.size - _TAIL), _TAIL)
    base = source.size - len(tail)
    at = tail.rfind(END)
    if at < 0 or at + 22 > len(tail):
        return None
    disk = int.from_bytes(tail[at + 4 : at + 6], "little")
    size, start = (int.from_bytes(tail[at + n : at + n + 4], "little") for n in (12, 16))
    before = base + at
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        record = source.read(int.from_bytes(tail[at - 12 : at - 4], "little"), 56)
        if not record.startswith(b"PK\x06\x06"):
            record = source.read(before - 20 - 56, 56)  # something stands before the archive
        if not record.startswith(b"PK\x06\x06"):
            return None
        disk = int.from_bytes(record[16:20], "little")
        size, start = int.from_bytes(record[40:48], "little"), int.from_bytes(record[48:56], "little")
        before -= 20 + 56
    place = before - size
    if place >= 0 and source.read(place, 4) == LISTED:
        return _End(place, size, place - start, disk)
    return _End(start, size, 0, disk)


def _member(record: bytes, end: _End) -> Member:
    """A member as the list has it."""
    flags, method = (int.from_bytes(record[n : n + 2], "little") for n in (8, 10))
    checksum, packed, size = (int.from_bytes(record[n : n + 4], "little") for n in (16, 20, 24))
    length = int.from_bytes(record[28:30], "little")
    disk = int.from_bytes(record[34:36], "little")
    header = int.from_bytes(record[42:46], "little")
    size, packed, header = _extended(record[46 + length :], size, packed, header)
    here = disk in (end.disk, 0xFFFF)
    return Member(
        _name(record[46 : 46 + length], flags), flags, method, checksum, packed, size, header + end.shift, here
    )


def _local(source: Source, at: int) -> Member | None:
    """A member as its own header has it; None where the header makes no sense."""
    head = source.read(at, 30)
    if len(head) < 30:
        return None
    version, flags, method = (int.from_bytes(head[n : n + 2], "little") for n in (4, 6, 8))
    checksum, packed, size = (int.from_bytes(head[n : n + 4], "little") for n in (14, 18, 22))
    name, extra = (int.from_bytes(head[n : n + 2], "little") for n in (26, 28))
    if version > 100 or method > 99 or not 0 < name <= 4096 or at + 30 + name + extra > source.size:
        return None
    rest = source.read(at + 30, name + extra)
    size, packed, _ = _extended(rest[name:], size, packed, 0)
    unknown = flags & 8
    return Member(_name(rest[:name], flags), flags, method, None if unknown else checksum, packed, size, at)


def _extended(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """The same numbers, from the field for 64 bits where they are too large for 32."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = (int.from_bytes(extra[at + n : at + n + 2], "little") for n in (0, 2))
        if kind == 1:
            numbers = iter([int.from_bytes(extra[n : n + 8], "little") for n in range(at + 4, at + 4 + length - 7, 8)])
            size = next(numbers, size) if size == _BIG else size
            packed = next(numbers, packed) if packed == _BIG else packed
            header = next(numbers, header) if header == _BIG else header
            break
        at += 4 + length
    return size, packed, header


def _name(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8", "surrogateescape") if flags & 0x800 or raw.isascii() else raw.decode("cp437")


def _checked(source: Source, member: Member) -> Stop | None:
    """Whether a member has the size and checksum that its header says."""
    if member.checksum is None:
        return None
    crc = 0
    for start in range(0, source.size, STEP):
        crc = zlib.crc32(source.read(start, STEP), crc)
    return None if source.size == member.size and crc == member.checksum else Stop.CORRUPT


def _data_start(source: Source, header: int) -> int:
    """Where a member's packed bytes begin: behind its own header, name and extra field."""
    local = source.read(header, 30) if header >= 0 else b""
    if len(local) < 30:
        return max(0, min(header, source.size))
    length = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    return min(header + 30 + length, source.size)


def _find(source: Source, wanted: bytes, start: int, end: int) -> int | None:
    """Where something stands next, wholly within start and end."""
    while start < end:
        data = source.read(start, min(STEP + len(wanted) - 1, end - start))
        found = data.find(wanted)
        if found >= 0:
            return start + found
        start += STEP
    return None
