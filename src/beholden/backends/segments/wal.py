"""The segment log: files of frames, a head that says how much of them was acknowledged, a lock around each change.

`segments/<first place>.seg` hold the frames. `head` says where the log ends; it is written after a frame is on disk
and before anybody is told, and never synced itself. So what stands below the head was acknowledged: bad bytes there are
damage, and refused. What stands above it was not: whole frames are taken over, a torn end is cut off. After a power
cut the head may be old; then the frames above it are whole, since they were synced, and are taken over too.

There is no state in memory: every change reads the head under the lock, so that processes may come and go.
"""

import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from beholden.backends.segments import disk
from beholden.backends.segments.frame import (
    FILE_HEADER_SIZE,
    HEADER_SIZE,
    Frame,
    body,
    encode,
    file_header,
    header,
    headers_within,
)
from beholden.ledger.batch import Batch
from beholden.ledger.verify import Defect
from beholden.model.errors import Damaged, Unavailable

SEGMENT_ENTRIES = 65_536
"""A segment that holds this many takes no further frame."""
RESTORE = "Run `beholden ledger verify`, keep a copy, and restore the segment from a backup."
_HEAD = struct.Struct(">4sQQQqQ")
_HEAD_MAGIC = b"BHH1"
_CRC = struct.Struct(">I")
_UNKNOWN = 1 << 63


class Head(NamedTuple):
    """Where the log ends.

    `size` entries are acknowledged; the last of them is at `latest` microseconds and ends at byte `tail_end` of the
    segment that begins with `tail_first`. `generation` changes with every erasure.
    """

    size: int
    tail_first: int
    tail_end: int
    latest: int
    generation: int


class _Span(NamedTuple):
    """A segment: its first place, the place where it must end, and whether another one follows."""

    first: int
    end: int
    closed: bool


class Wal:
    """The segment log in a folder. `floor` says how many entries were published: never to be cut off."""

    def __init__(self, folder: Path, floor: Callable[[], int]) -> None:
        self._folder = folder
        self._segments = folder / "segments"
        self._floor = floor
        self._refusal = ""

    @contextmanager
    def locked(self) -> Iterator[Head]:
        """Hold the log against every other writer, brought up to date; the head as it then is."""
        with disk.locked(self._folder / "lock"):
            if self._refusal:
                raise Unavailable(self._refusal, "Check the disk, then start this process again.")
            with disk.failing("The ledger cannot be brought up to date"):
                found = self._caught_up()
            yield found

    def head(self) -> Head:
        """What is acknowledged now; read without the lock."""
        return self._read_head() or self._measured()

    def acknowledged(self) -> int | None:
        """How many entries are acknowledged, None where the head does not say; nothing is changed by asking."""
        found = self._read_head()
        return None if found is None else found.size

    def _measured(self) -> Head:
        with self.locked() as found:
            return found

    def append(self, held: Head, frame: Frame, latest: int, *, erasure: bool = False) -> Head:
        """Write a frame durably, under the lock; the head after it. Raises Unavailable, and then it is not there."""
        if held.size - held.tail_first >= SEGMENT_ENTRIES:
            held = self.roll(held)
        assert frame.first == held.size, "frames follow each other"
        data = encode(frame)
        after = Head(
            frame.end, held.tail_first, held.tail_end + len(data), latest, held.generation + (1 if erasure else 0)
        )
        with disk.failing("The ledger cannot be written; nothing was recorded"):
            handle = os.open(self._path(held.tail_first), os.O_RDWR | os.O_CLOEXEC)
            try:
                disk.write_all(handle, data, held.tail_end)
                os.fdatasync(handle)
                self._write_head(after)
            except OSError:
                self._take_back(handle, held)
                raise
            finally:
                os.close(handle)
        return after

    def _take_back(self, handle: int, held: Head) -> None:
        """Remove what was written of a frame that failed; refuse from then on where even that fails.

        The header is overwritten first: a whole frame above the head would be taken over by the next writer.
        """
        try:
            written = os.fstat(handle).st_size - held.tail_end
            if written > 0:
                disk.write_all(handle, bytes(min(written, HEADER_SIZE)), held.tail_end)  # needs no new room
                os.ftruncate(handle, held.tail_end)
                os.fdatasync(handle)
            self._write_head(held)
        except OSError as error:
            self._refusal = f"A failed write to the ledger could not be taken back ({error.strerror})."

    def roll(self, held: Head) -> Head:
        """Begin the next segment, under the lock.

        This head is synced: what is closed now may be rewritten, and an older head would call that damage.
        """
        after = held._replace(tail_first=held.size, tail_end=FILE_HEADER_SIZE)
        with disk.failing("The ledger cannot begin a segment; nothing was recorded"):
            self._begin_segment(held.size)
            self._write_head(after, sync=True)
        return after

    def _begin_segment(self, first: int) -> None:
        self._segments.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.replace(self._path(first), file_header(first), 0o600)
        disk.sync_folder(self._segments)

    def _path(self, first: int) -> Path:
        return self._segments / f"{first:016d}.seg"

    def segments(self) -> list[int]:
        """The first place of each segment, in order."""
        try:
            return _firsts(self._segments)
        except OSError as error:
            raise Unavailable(f"{self._segments} cannot be read ({error.strerror}).") from error

    # The head.

    def _read_head(self) -> Head | None:
        data = disk.read(self._folder / "head")
        if data is None or len(data) != _HEAD.size + _CRC.size:
            return None
        magic, *numbers = _HEAD.unpack(data[: -_CRC.size])
        if magic != _HEAD_MAGIC or _CRC.unpack(data[-_CRC.size :])[0] != zlib.crc32(data[: -_CRC.size]):
            return None
        return Head(*numbers)

    def _write_head(self, head: Head, *, sync: bool = False) -> None:
        data = _HEAD.pack(_HEAD_MAGIC, *head)
        handle = os.open(self._folder / "head", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            disk.write_all(handle, data + _CRC.pack(zlib.crc32(data)), 0)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)

    # Coming up to date, under the lock.

    def _caught_up(self) -> Head:
        """The head, with whole frames above it taken over and a torn end cut off."""
        held = self._read_head()
        if held is None:
            held = self._beginning()
        elif self._settled(held):
            return held
        found = held
        while True:
            found = self._take_over(found)
            if found.tail_first == found.size or not self._path(found.size).exists():
                break
            found = found._replace(tail_first=found.size, tail_end=FILE_HEADER_SIZE)
        if self._floor() > found.size:
            raise Damaged(f"The segments end at entry {found.size}, but {self._floor()} were published.", RESTORE)
        if found.tail_first != max(self.segments()):
            raise Damaged(f"The segments have a gap at entry {found.size}.", RESTORE)
        self._write_head(found)
        return found

    def _beginning(self) -> Head:
        """The head of a log that is new, or whose head was lost: everything in it is read again."""
        firsts = self.segments()
        if (not firsts and self._floor()) or (firsts and firsts[0]):
            raise Damaged("The first segment is missing.", RESTORE)
        if not firsts:
            self._begin_segment(0)
        return Head(0, 0, FILE_HEADER_SIZE, 0, secrets.randbits(62))

    def _settled(self, held: Head) -> bool:
        """Whether nothing stands above the head; raises Damaged when what stands below it is gone."""
        try:
            size = self._path(held.tail_first).stat().st_size
        except FileNotFoundError:
            size = 0
        if size < held.tail_end:
            raise Damaged(f"The segment {self._path(held.tail_first).name} is shorter than what was recorded.", RESTORE)
        return size == held.tail_end and (held.tail_first == held.size or not self._path(held.size).exists())

    def _take_over(self, held: Head) -> Head:
        """Read the tail segment above the head: whole frames are taken over, a torn end is cut off."""
        path = self._path(held.tail_first)
        with path.open("r+b") as file:
            if file.read(FILE_HEADER_SIZE) != file_header(held.tail_first):
                raise Damaged(f"The segment {path.name} does not begin as one.", RESTORE)
            file.seek(held.tail_end)
            found = held
            for frame, end in _whole_frames(file.read(), held.size, held.tail_end):
                latest = int.from_bytes(frame.entry(frame.count - 1)[1:9], "big", signed=True)
                # It may hold an erasure: with another generation every writer reads person keys again.
                found = Head(frame.end, held.tail_first, end, latest, held.generation + 1)
            file.seek(found.tail_end)
            rest = file.read()
            if rest:
                self._refuse_damage(path, found, rest)
                file.truncate(found.tail_end)
            os.fdatasync(file.fileno())
        return found

    def _refuse_damage(self, path: Path, found: Head, rest: bytes) -> None:
        """A torn end has nothing behind it and was never published; what has is damage, and stays as it is."""
        later = any(h.first > found.size for h in headers_within(rest))
        if later or self._floor() > found.size or max(self.segments()) > found.tail_first:
            raise Damaged(f"The segment {path.name} is damaged at byte {found.tail_end}.", RESTORE)

    # Reading.

    def frames(self, start: int, upto: int) -> Iterator[Frame]:
        """The frames that hold entries from `start` to before `upto`; raises Damaged at the first bad one."""
        spans = self._spans(upto)
        if upto and (not spans or spans[0].first):
            raise Damaged("The first segment is missing.", RESTORE)
        for span in spans:
            if span.end > start:
                yield from self._sound(span, start)

    def batches(self) -> Iterator[Batch | Defect]:
        """All that the segments hold, a defect in the place of what cannot be read. Nothing is changed by it."""
        upto = self.acknowledged()
        if upto is None:
            if not self.segments():
                return  # a log that has not begun
            yield Defect("head", "it is missing or damaged")
            upto = _UNKNOWN
        spans = self._spans(upto)
        if upto and (not spans or spans[0].first):
            yield Defect("segments", "the first segment is missing")
        for span in spans:
            for found in self._scan(span, 0):
                if isinstance(found, Defect):
                    yield found
                else:
                    yield Batch(
                        found.first, found.entries(), list(found.persons), list(found.throughs), found.records()
                    )

    def _spans(self, upto: int) -> list[_Span]:
        """The segments below `upto`, in order."""
        firsts = [first for first in self.segments() if first < upto]
        ends = [*firsts, upto][1:]
        return [_Span(first, end, end != upto) for first, end in zip(firsts, ends, strict=True)]

    def _sound(self, span: _Span, start: int) -> Iterator[Frame]:
        """The frames of one segment that end after `start`; raises Damaged."""
        for found in self._scan(span, start):
            if isinstance(found, Defect):
                raise Damaged(f"{found.where}: {found.what}.", RESTORE)
            yield found

    def _scan(self, span: _Span, start: int) -> Iterator[Frame | Defect]:
        """The frames of one segment that end after `start`, a defect where one cannot be read."""
        path = self._path(span.first)
        try:
            with path.open("rb", buffering=1 << 18) as file:
                if file.read(FILE_HEADER_SIZE) != file_header(span.first):
                    yield Defect(f"segments/{path.name}", "it does not begin as a segment")
                yield from _frames(file, span, start, f"segments/{path.name}")
        except OSError as error:
            raise Unavailable(f"The segment {path.name} cannot be read ({error.strerror}).") from error

    # Rewriting private halves, under the lock.

    def rewrite(self, held: Head, firsts: Set[int], change: Callable[[Frame], Frame]) -> None:
        """Replace segments by ones whose frames were changed; the tail, whose end the head knows, is closed first."""
        if held.tail_first in firsts:
            held = self.roll(held)
        spans = {span.first: span for span in self._spans(held.size)}
        with disk.failing("A segment cannot be rewritten"):
            self._sweep()
            for first in sorted(firsts):
                frames = b"".join(encode(change(frame)) for frame in self._sound(spans[first], 0))
                disk.replace(self._path(first), file_header(first) + frames, 0o600)
            disk.sync_folder(self._segments)

    def segment_of(self, place: int) -> int:
        """The first place of the segment that holds a place."""
        return max(first for first in self.segments() if first <= place)

    def _sweep(self) -> None:
        """Remove what a killed process left of a segment that it was writing; a person may still be in it."""
        for scratch in self._segments.glob("*.new-*"):
            with suppress(OSError):
                scratch.unlink()


def segments_begun(folder: Path) -> bool:
    """Whether the log in a folder has any segment; raises OSError."""
    return bool(_firsts(folder / "segments"))


def _firsts(segments: Path) -> list[int]:
    return sorted(int(path.stem) for path in segments.glob("*.seg") if path.stem.isdecimal())


def _whole_frames(data: bytes, place: int, offset: int) -> Iterator[tuple[Frame, int]]:
    """The whole frames at the beginning of these bytes that follow `place`, each with the offset where it ends."""
    at = 0
    while True:
        head = header(data[at : at + HEADER_SIZE])
        if head is None or head.first != place:
            return
        found = body(head, data[at + HEADER_SIZE : at + HEADER_SIZE + head.body_size])
        if found is None:
            return
        at, place = at + HEADER_SIZE + head.body_size, head.end
        yield found, offset + at


def _frames(file: BinaryIO, span: _Span, start: int, where: str) -> Iterator[Frame | Defect]:
    """The frames of an opened segment, read from behind its header on."""
    place = span.first
    while place < span.end:
        at = file.tell()
        raw = file.read(HEADER_SIZE)
        if not raw and span.end == _UNKNOWN:
            return
        head = header(raw)
        if head is None or head.first != place or (span.closed and head.end > span.end):
            yield Defect(where, f"no frame with entry {place} stands at byte {at}")
            return
        place = head.end
        if place <= start:
            file.seek(head.body_size, os.SEEK_CUR)
            continue
        found = body(head, file.read(head.body_size))
        yield found or Defect(where, f"entries {head.first} to {head.end - 1} at byte {at} are damaged")
    if span.closed and file.read(1):
        yield Defect(where, "something stands behind its last frame")
