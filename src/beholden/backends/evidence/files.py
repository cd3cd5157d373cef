"""Evidence in folders: what is there, its digests, and reading it without changing it.

Nothing is opened that is not a regular file; no link is followed. Files are opened with O_NOFOLLOW and, where the
system allows it, without changing their time of access. A file is the one that was taken in only while device, inode
and size are the same.
"""

import hashlib
import os
import resource
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from beholden.backends.evidence import filesystems
from beholden.backends.evidence.images import lvm, opening, partitions, segments
from beholden.backends.evidence.unpack import Unpacker
from beholden.forensics import filesystems as known
from beholden.forensics.containers import Form, Limits, shown
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Entry, Exhibit, Intake, NotTaken, Open, Progress
from beholden.forensics.source import Joined, Source
from beholden.model.errors import BadInput, Unavailable

BLOCK = 1 << 20
MAX_EXHIBITS = 1_000_000
MAX_DEPTH = 200
SPARE = 256
"""Open files that are left to everything else."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A Source over a file descriptor; every read says where, so nothing depends on a position."""

    descriptor: int
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        try:
            return os.pread(self.descriptor, max(0, min(length, self.size - offset)), offset)
        except OSError as error:
            raise Unavailable(f"The evidence cannot be read at byte {offset} ({error.strerror}).") from error


class FileEvidence:
    """Evidence in files and folders of this host; one for each examination. `limits` are those of `entries`,
    `hashers` how many exhibits are hashed at the same time."""

    def __init__(self, limits: Limits | None = None, hashers: int = 1) -> None:
        self._unpacker = Unpacker(limits or Limits())
        self._hashers = hashers
        self._identity: dict[int, tuple[int, int]] = {}
        self._segments: dict[int, tuple[Exhibit, ...]] = {}

    def take_in(self, paths: Sequence[str], progress: Progress) -> Intake:
        """See Evidence."""
        walk = _Walk()
        for path in sorted(set(paths)):
            walk.start(Path(path))
        refused = list(walk.refused)
        exhibits: list[Exhibit] = []
        hashed = _Hashed(progress, "hashing", sum(size for _, size in walk.files))
        with ThreadPoolExecutor(self._hashers) as pool:
            files = pool.map(lambda one: _hashed(one[0], hashed), walk.files)
            for (found, size), file in zip(walk.files, files, strict=True):
                name, number = os.fsdecode(found), len(exhibits) + 1
                if file is None:
                    refused.append(NotTaken(shown(name), Reason.NOT_READABLE, size))
                    continue
                digest, state = file
                self._identity[number] = (state.st_dev, state.st_ino)
                exhibits.append(Exhibit(number, name, shown(name), state.st_size, digest, _modified(state)))
        return Intake(self._joined(exhibits), tuple(refused))

    def _joined(self, exhibits: Sequence[Exhibit]) -> tuple[Exhibit, ...]:
        """The exhibits, with those marked that are further segments of an image."""
        self._segments = segments.sets(exhibits, self._head)
        whole = {one.number: number for number, further in self._segments.items() for one in further}
        return tuple(replace(exhibit, segment_of=whole.get(exhibit.number)) for exhibit in exhibits)

    def _head(self, exhibit: Exhibit, length: int) -> bytes:
        with suppress(Unavailable), self._file(exhibit) as source:
            return source.read(0, length)
        return b""

    @contextmanager
    def open(self, exhibit: Exhibit) -> Iterator[Source]:
        """See Evidence."""
        further = self._segments.get(exhibit.number)
        if further is None:
            with self._file(exhibit) as source:
                yield source
            return
        parts = (exhibit, *further)
        _make_room(len(parts))
        with ExitStack() as stack:
            opened = tuple(stack.enter_context(self._file(one)) for one in parts)
            yield Joined(opened, tuple(Path(one.path).name for one in parts))

    @contextmanager
    def _file(self, exhibit: Exhibit) -> Iterator[Source]:
        try:
            opened = _opened(os.fsencode(exhibit.path))
            with opened as (descriptor, state):
                if (state.st_dev, state.st_ino) != self._identity.get(exhibit.number):
                    raise Unavailable(f"{exhibit.name} is another file than the one that was taken in.")
                yield OpenFile(descriptor, min(state.st_size, exhibit.size))
        except OSError as error:
            raise Unavailable(f"{exhibit.name} cannot be opened ({error.strerror}).") from error

    def opener(self, limits: Limits) -> Open:
        """See Evidence."""
        return opener(limits)

    def entries(self, form: Form, source: Source) -> Iterator[Entry]:
        """See Open."""
        if form is Form.DISK_IMAGE:
            is_exhibit = isinstance(source, OpenFile | Joined)
            return opening.disk(source, None if is_exhibit else self._unpacker.budget)
        if form is Form.DISK:
            is_lvm = known.is_lvm(source.read(0, known.HEAD))
            return lvm.entries(source) if is_lvm else partitions.entries(source)
        if form is Form.FILE_SYSTEM:
            return filesystems.entries(source, self._unpacker.budget)
        return self._unpacker.entries(form, source)

    def digest(self, exhibit: Exhibit, progress: Progress) -> str | None:
        """See Evidence."""
        try:
            with _opened(os.fsencode(exhibit.path)) as (descriptor, state):
                if (state.st_dev, state.st_ino) != self._identity.get(exhibit.number):
                    return None
                return _digest(descriptor, lambda more: progress("hashing again", more, exhibit.size))
        except (OSError, Unavailable):
            return None

    def digests(self, exhibits: Sequence[Exhibit], progress: Progress) -> Iterator[str | None]:
        """See Evidence."""
        hashed = _Hashed(progress, "hashing again", sum(exhibit.size for exhibit in exhibits))
        with ThreadPoolExecutor(self._hashers) as pool:
            yield from pool.map(lambda one: self.digest(one, lambda _stage, more, _total: hashed(more)), exhibits)


def opener(limits: Limits) -> Open:
    """How containers are opened, wherever that is done."""
    return FileEvidence(limits).entries


class _Walk:
    """Everything under the given paths, each file once, in the order of names."""

    def __init__(self) -> None:
        self.files: list[tuple[bytes, int]] = []
        self.refused: list[NotTaken] = []
        self._seen: set[tuple[int, int]] = set()
        self._paths: set[bytes] = set()
        self._roots: list[Path] = []

    def start(self, path: Path) -> None:
        """A path that was given: a link here is what the operator named, so it is followed."""
        try:
            resolved = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise BadInput(f"The evidence {shown(str(path))} cannot be found.", "Check the path.") from error
        self._roots.append(resolved)
        self._take(os.fsencode(resolved), 0)

    def _take(self, path: bytes, depth: int) -> None:
        name = shown(os.fsdecode(path))
        try:
            state = os.lstat(path)
        except OSError:
            self.refused.append(NotTaken(name, Reason.NOT_READABLE))
            return
        kind = state.st_mode
        if stat.S_ISLNK(kind):
            self.refused.append(NotTaken(name, self._link(path)))
        elif stat.S_ISREG(kind):
            self._file(path, name, state)
        elif stat.S_ISDIR(kind):
            self._folder(path, name, state, depth)
        elif stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            self.refused.append(NotTaken(name, Reason.NO_CONTENT))
        else:
            self.refused.append(NotTaken(name, Reason.DEVICE))

    def _file(self, path: bytes, name: str, state: os.stat_result) -> None:
        if path in self._paths:
            return  # given twice
        self._paths.add(path)
        if (state.st_dev, state.st_ino) in self._seen:
            self.refused.append(NotTaken(name, Reason.SAME_FILE))
        elif len(self.files) >= MAX_EXHIBITS:
            self.refused.append(NotTaken(name, Reason.TOO_MANY, state.st_size))
        else:
            self._seen.add((state.st_dev, state.st_ino))
            self.files.append((path, state.st_size))

    def _folder(self, path: bytes, name: str, state: os.stat_result, depth: int) -> None:
        if (state.st_dev, state.st_ino) in self._seen:
            return  # given twice, or mounted within itself
        self._seen.add((state.st_dev, state.st_ino))
        if depth >= MAX_DEPTH:
            self.refused.append(NotTaken(name, Reason.TOO_DEEP))
            return
        try:
            entries = sorted(os.listdir(path))  # noqa: PTH208 - bytes: a name need not be text
        except OSError:
            self.refused.append(NotTaken(name, Reason.NOT_READABLE))
            return
        for entry in entries:
            self._take(path + b"/" + entry, depth + 1)

    def _link(self, path: bytes) -> Reason:
        """Whether a link stays within what is examined anyway. Nothing is read through it."""
        with suppress(OSError, RuntimeError):
            target = Path(os.fsdecode(path)).resolve(strict=True)
            if any(target == root or root in target.parents for root in self._roots):
                return Reason.LINK_IN
        return Reason.LINK_OUT


def _make_room(files: int) -> None:
    """Let so many files be open at once: all segments of an image are, since whoever reads it may open none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files + SPARE
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    with suppress(ValueError, OSError):  # more than this host allows: opening them says so
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


@contextmanager
def _opened(path: bytes) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor on a regular file, read-only. Raises OSError, or Unavailable when it has become something else."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        descriptor = os.open(path, flags)  # O_NOATIME is for the owner of a file only
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise Unavailable("It is no regular file any more.")
        yield descriptor, state
    finally:
        os.close(descriptor)


class _Hashed:
    """Counts what several threads have hashed, and tells it."""

    def __init__(self, progress: Progress, stage: str, total: int) -> None:
        self._progress, self._stage, self._total = progress, stage, total
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, more: int) -> None:
        with self._lock:
            self._done += more
            self._progress(self._stage, self._done, max(self._total, self._done))


def _hashed(path: bytes, progress: Callable[[int], None]) -> tuple[str, os.stat_result] | None:
    """A file's digest, and what it was when it was opened; None where it cannot be read."""
    try:
        with _opened(path) as (descriptor, state):
            return _digest(descriptor, progress), state
    except (OSError, Unavailable):
        return None


def _modified(state: os.stat_result) -> datetime | None:
    """When the file system says that it was written last, to the second; None for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(int(state.st_mtime), UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _digest(descriptor: int, progress: Callable[[int], None]) -> str:
    """Hash a file; `progress` is told how many more bytes were hashed."""
    digest = hashlib.sha256()
    offset = 0
    while block := os.pread(descriptor, BLOCK, offset):
        digest.update(block)
        offset += len(block)
        progress(len(block))
    return digest.hexdigest()
