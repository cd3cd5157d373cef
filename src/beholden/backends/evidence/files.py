"""Evidence in folders: what is there, its digests, and reading it without changing it.

Nothing is opened that is not a regular file; no link is followed. Files are opened with O_NOFOLLOW and, where the
system allows it, without changing their time of access. A file is the one that was taken in only while device, inode
and size are the same.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from beholden.backends.evidence.unpack import Unpacker
from beholden.forensics.containers import Form, Limits, shown
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Entry, Exhibit, Intake, NotTaken, Progress
from beholden.forensics.source import Source
from beholden.model.errors import BadInput, Unavailable

BLOCK = 1 << 20
MAX_EXHIBITS = 1_000_000
MAX_DEPTH = 200


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
    """Evidence in files and folders of this host; one for each examination, whose limits it counts."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._unpacker = Unpacker(limits or Limits())
        self._identity: dict[int, tuple[int, int]] = {}

    def take_in(self, paths: Sequence[str], progress: Progress) -> Intake:
        """See Evidence."""
        walk = _Walk()
        for path in sorted(set(paths)):
            walk.start(Path(path))
        total = sum(size for _, size in walk.files)
        exhibits: list[Exhibit] = []
        refused = list(walk.refused)
        done = 0
        for found, size in walk.files:
            number = len(exhibits) + 1
            try:
                with _opened(found) as (descriptor, state):
                    self._identity[number] = (state.st_dev, state.st_ino)
                    digest = _digest(descriptor, _counted(progress, done, total))
                    name = os.fsdecode(found)
                    exhibits.append(Exhibit(number, name, shown(name), state.st_size, digest, _modified(state)))
            except (OSError, Unavailable):
                refused.append(NotTaken(shown(os.fsdecode(found)), Reason.NOT_READABLE, size))
            done += size
        return Intake(tuple(exhibits), tuple(refused))

    @contextmanager
    def open(self, exhibit: Exhibit) -> Iterator[Source]:
        """See Evidence."""
        try:
            opened = _opened(os.fsencode(exhibit.path))
            with opened as (descriptor, state):
                if (state.st_dev, state.st_ino) != self._identity.get(exhibit.number):
                    raise Unavailable(f"{exhibit.name} is another file than the one that was taken in.")
                yield OpenFile(descriptor, min(state.st_size, exhibit.size))
        except OSError as error:
            raise Unavailable(f"{exhibit.name} cannot be opened ({error.strerror}).") from error

    def entries(self, form: Form, source: Source) -> Iterator[Entry]:
        """See Evidence."""
        return self._unpacker.entries(form, source)

    def digest(self, exhibit: Exhibit, progress: Progress) -> str | None:
        """See Evidence."""
        try:
            with _opened(os.fsencode(exhibit.path)) as (descriptor, state):
                if (state.st_dev, state.st_ino) != self._identity.get(exhibit.number):
                    return None
                return _digest(descriptor, lambda n: progress("hashing again", n, state.st_size))
        except (OSError, Unavailable):
            return None


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


def _modified(state: os.stat_result) -> datetime | None:
    """When the file system says that it was written last, to the second; None for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(int(state.st_mtime), UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _counted(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    return lambda more: progress("hashing", done + more, total)


def _digest(descriptor: int, progress: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    offset = 0
    while block := os.pread(descriptor, BLOCK, offset):
        digest.update(block)
        offset += len(block)
        progress(offset)
    return digest.hexdigest()
