"""The Sleuth Kit, through pytsk3, behind a few typed words: a file system's files, live and deleted, and their bytes.

What it says is not believed: numbers are cut to the volume, folders are entered once each, and whatever it raises
ends a file or a folder, not the examination. It is C code that reads hostile bytes, so it belongs in a process of its
own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytsk3  # type: ignore[import-not-found]  # a C module without types

from beholden.forensics.source import Source
from beholden.model.errors import BadInput, Unavailable

MAX_DEPTH = 200
MAX_RUNS = 4_000_000
"""Runs of one file."""
DATA = frozenset({1, 128, 4352, 4353})
"""Kinds of attributes that are content: of ext, FAT, ISO and UFS; of NTFS; of HFS+, and its resource fork."""
_UNALLOCATED, _VIRTUAL, _FOLDER = 2, (10, 11), (2, 11)
_WITHOUT_ZONE = tuple(
    int(kind)
    for kind in (pytsk3.TSK_FS_TYPE_FAT12, pytsk3.TSK_FS_TYPE_FAT16, pytsk3.TSK_FS_TYPE_FAT32, pytsk3.TSK_FS_TYPE_EXFAT)
)
"""File systems whose times are those of some clock on some wall."""
_EXFAT = (b"$ALLOC_BITMAP", b"$UPCASE_TABLE")
_RESIDENT, _ENCRYPTED, _COMPRESSED = 4, 16, 32
_NO_BYTES = 1 | 2  # filler and sparse runs
_FAULTS = (OSError, RuntimeError, ValueError, OverflowError, SystemError, AttributeError, TypeError, Unavailable)


class _Image(pytsk3.Img_Info):  # type: ignore[misc]  # the C module has no types
    """A Source as the image that The Sleuth Kit reads."""

    def __init__(self, source: Source) -> None:
        self._source = source
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def close(self) -> None:
        """Nothing: the source is another's."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the volume; zeros where the library asks for more than there is."""
        return self._source.read(offset, size)

    def get_size(self) -> int:
        """The volume's size in bytes."""
        return self._source.size


@dataclass(frozen=True, slots=True)
class Run:
    """Blocks of a file. `start` is None where they stand nowhere."""

    start: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Stream:
    """Content of a file: `kind` and `id` name it within the file. `size` is in bytes. `modified` is when the file
    system says that it was written last; None where it does not say, or says it without a zone."""

    path: str
    inode: int
    kind: int
    id: int
    size: int
    runs: tuple[Run, ...]
    deleted: bool
    folder: bool
    resident: bool = False
    encrypted: bool = False
    compressed: bool = False
    modified: datetime | None = None


class Volume:
    """A file system. Raises BadInput where The Sleuth Kit does not open it."""

    def __init__(self, source: Source) -> None:
        try:
            self._image = _Image(source)
            self._fs = pytsk3.FS_Info(self._image)
            info = self._fs.info
            self.block, self.blocks = int(info.block_size), int(info.last_block) + 1
            self._root = int(info.root_inum)
            self._kind = int(info.ftype)
            self._size = source.size
        except _FAULTS as error:
            raise BadInput("The file system cannot be opened.") from error
        if not 0 < self.block <= 1 << 20:
            raise BadInput("The file system's blocks have a size that makes no sense.")
        self.blocks = max(0, min(self.blocks, source.size // self.block))
        self.faults = 0
        """Files and folders of which something could not be read."""
        self.left_out = 0
        """Folders that were too deep."""
        self.virtual: dict[str, Stream] = {}
        """What the library shows as files that are none: FAT's tables, exFAT's bitmap."""

    def streams(self) -> Iterator[Stream]:
        """The content of all files and folders, those that still have a name first."""
        seen: set[int] = {self._root}
        waiting: list[tuple[int, str, int]] = [(self._root, "", 0)]
        done: set[int] = set()
        while waiting:
            inode, path, depth = waiting.pop()
            for file in self._listed(inode):
                yield from self._entry(file, path, depth, seen, done, waiting)

    def _listed(self, inode: int) -> Iterator[Any]:
        """A folder's entries. One that says it is larger than the volume would keep the library busy for years."""
        try:
            if int(self._fs.open_meta(inode=inode).info.meta.size) > self._size:
                self.faults += 1
            else:
                yield from self._fs.open_dir(inode=inode)
        except _FAULTS:
            self.faults += 1

    def _entry(
        self, file: Any, path: str, depth: int, seen: set[int], done: set[int], waiting: list[tuple[int, str, int]]
    ) -> Iterator[Stream]:
        try:
            name, meta = file.info.name, file.info.meta
            raw = bytes(name.name)
            if meta is None:
                return
            inode, kind, flags, named = int(meta.addr), int(meta.type), int(meta.flags), int(name.flags)
        except _FAULTS:
            self.faults += 1
            return
        deleted = bool(flags & _UNALLOCATED)
        if named & _UNALLOCATED and not deleted:
            return  # the name was deleted, and what it named belongs to another by now
        full = f"{path}/{raw.decode('utf-8', 'surrogateescape')}"
        folder = kind in _FOLDER
        if folder and raw not in (b".", b"..") and inode not in seen:
            seen.add(inode)
            if depth < MAX_DEPTH:
                waiting.append((inode, full, depth + 1))
            else:
                self.left_out += 1
        if inode in done or (raw in (b".", b"..") and inode != self._root):
            return  # another name of what is known
        done.add(inode)
        shown = "/" if inode == self._root else full
        modified = self._modified(meta)
        for stream in self._streams(file, shown, inode, modified, deleted=deleted, folder=folder):
            if kind in _VIRTUAL or self._is_own(inode, raw, path):
                self.virtual[raw.decode("latin-1")] = stream
            else:
                yield stream

    def _is_own(self, inode: int, name: bytes, path: str) -> bool:
        """Whether a file is the file system's own: what NTFS and HFS+ number so, what exFAT shows by these names."""
        if self._kind in (int(pytsk3.TSK_FS_TYPE_NTFS), int(pytsk3.TSK_FS_TYPE_HFS)):
            return inode < 16 and inode != self._root
        return self._kind == int(pytsk3.TSK_FS_TYPE_EXFAT) and not path and name in _EXFAT

    def _modified(self, meta: Any) -> datetime | None:
        try:
            seconds = 0 if self._kind in _WITHOUT_ZONE else int(meta.mtime)
            return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
        except _FAULTS:
            return None

    def _streams(
        self, file: Any, path: str, inode: int, modified: datetime | None, *, deleted: bool, folder: bool
    ) -> Iterator[Stream]:
        try:
            for attribute in file:
                info = attribute.info
                kind, flags, size = int(info.type), int(info.flags), int(info.size)
                if kind not in DATA and not (folder and kind == 160):
                    continue
                name = bytes(info.name).decode("utf-8", "surrogateescape") if info.name else ""
                full = path
                if name and kind != 160:
                    full = f"{path}:{name}"
                elif kind == 4353:
                    full = f"{path}:rsrc"
                yield Stream(
                    full,
                    inode,
                    kind,
                    int(info.id),
                    max(0, size),
                    () if flags & _RESIDENT else tuple(self._runs(attribute)),
                    deleted,
                    folder and kind != 128,
                    bool(flags & _RESIDENT),
                    bool(flags & _ENCRYPTED),
                    bool(flags & _COMPRESSED),
                    modified,
                )
        except _FAULTS:
            self.faults += 1

    def _runs(self, attribute: Any) -> Iterator[Run]:
        """A file's runs in its order, cut to the volume; what lies between them is a hole."""
        at = 0
        for number, run in enumerate(attribute):
            if number >= MAX_RUNS:
                self.faults += 1
                return
            start, count, offset = int(run.addr), int(run.len), int(run.offset)
            if offset > at:
                yield Run(None, offset - at)
                at = offset
            if count <= 0 or offset < at:
                continue
            at += count
            if int(run.flags) & _NO_BYTES:
                yield Run(None, count)
                continue
            inside = max(0, min(count, self.blocks - start))
            if inside:
                yield Run(start, inside)
            if inside < count:
                yield Run(None, count - inside)

    def content(self, stream: Stream) -> "Decoded":
        """A stream that only the library can put together: resident in a table, or compressed."""
        return Decoded(self, stream)

    def read(self, stream: Stream, offset: int, length: int) -> bytes:
        """Bytes of a stream. Raises BadInput where they cannot be read."""
        try:
            file = self._fs.open_meta(inode=stream.inode)
            return bytes(file.read_random(offset, length, stream.kind, stream.id))
        except _FAULTS as error:
            raise BadInput("The file cannot be read.") from error


@dataclass
class Decoded:
    """A stream read through the library, as a Source; what it cannot read is zeros, and counted."""

    volume: Volume
    stream: Stream
    failed: int = 0

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.stream.size

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        length = max(0, min(length, self.size - offset))
        if not length:
            return b""
        try:
            data = self.volume.read(self.stream, offset, length)
        except BadInput:
            data = b""
        self.failed += length - len(data)
        return data[:length] + bytes(length - len(data[:length]))
