"""A file system as members: live files, deleted files, slack, unallocated space, and the structures of the rest.

Together they cover every byte of the volume once. Nothing is copied: a file is a Source over its runs; only what a
file system keeps inside a table, or compressed, is read through The Sleuth Kit.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from beholden.backends.evidence.filesystems_map import DELETED, FREE, LIVE, STRUCTURE, BlockMap, mark_used
from beholden.backends.evidence.filesystems_ntfs import FileTable, file_table
from beholden.backends.evidence.filesystems_tsk import Decoded, Stream, Volume
from beholden.forensics import filesystems
from beholden.forensics.containers import Budget, Stop
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage, Entry, Unpacked
from beholden.forensics.region import Ranges, Region, merged, without
from beholden.forensics.source import Held, Runs, Source

LARGE = 1 << 20
"""From this size on, free space is a member of its own; smaller pieces are taken together."""
TOGETHER = 64 << 20
_MFT, _BITMAPS = "$MFT", ("$Bitmap", "$ALLOC_BITMAP")


def entries(source: Source, budget: Budget) -> Iterator[Entry]:
    """The members of a file system. Raises BadInput where it cannot be opened."""
    yield from _Opened(source, budget).entries()


@dataclass(slots=True)
class _Piece:
    """A stretch of a file: `start` in bytes of the volume (None: a hole), and whether it is this file's alone."""

    start: int | None
    length: int
    mine: bool


@dataclass(slots=True)
class _Opened:
    """One file system while its members are listed."""

    source: Source
    budget: Budget
    volume: Volume = field(init=False)
    blocks: BlockMap = field(init=False)
    deleted: list[Stream] = field(default_factory=list)
    resident: list[Stream] = field(default_factory=list)
    empty: list[tuple[int, int]] = field(default_factory=list)
    """Slack that is all zeros."""
    inside: list[tuple[int, int]] = field(default_factory=list)
    """Bytes within the structures that are a file's all the same."""
    sectors: set[int] = field(default_factory=set)
    """Sectors in which they stand; no other file may have its own there."""

    def __post_init__(self) -> None:
        self.volume = Volume(self.source)
        self.blocks = BlockMap(self.volume.blocks)

    def entries(self) -> Iterator[Entry]:
        for stream in self.volume.streams():
            if stream.deleted:
                self.deleted.append(stream)
            elif stream.resident:
                self.resident.append(stream)
            elif not stream.folder:
                yield from self._file(stream, LIVE)
        known = mark_used(self.source, self.blocks, self.volume.block, self._bitmap())
        if not known:  # at least the descriptors: unallocated space must not begin like a file system
            self.blocks.allocate_all(0, -(-filesystems.HEAD // self.volume.block))
        table = self._table()
        for stream in self.resident:
            yield from self._small(stream, table)
        for stream in self.deleted:
            yield from self._small(stream, table) if stream.resident else self._file(stream, DELETED)
        yield from self._remains(table)
        yield from self._rest(known=known)

    # Files

    def _file(self, stream: Stream, owner: int) -> Iterator[Entry]:
        pieces = list(self._pieces(stream, owner))
        if not any(piece.start is not None for piece in pieces):
            return
        content, slack = _cut(pieces, stream.size)
        region = Region.DELETED_FILE if owner == DELETED else Region.FILE
        covers = tuple((p.start, p.length) for p in content if p.mine and p.start is not None)
        yield Entry(_named(stream), covers, partial(self._opened, stream, content, covers), region, stream.modified)
        yield from self._slack(stream, [(p.start, p.length) for p in slack if p.mine and p.start is not None])

    def _pieces(self, stream: Stream, owner: int) -> Iterator[_Piece]:
        """A file's stretches. Of a deleted one, what is in use again is another's content: a hole in this one."""
        block = self.volume.block
        for run in stream.runs:
            if run.start is None:
                yield _Piece(None, run.count * block, False)
                continue
            for start, count, mine in self.blocks.claim(run.start, run.count, owner):
                lost = owner == DELETED and not mine and self.blocks.owner(start) != DELETED
                yield _Piece(None if lost else start * block, count * block, mine)

    def _opened(self, stream: Stream, content: list[_Piece], covers: Ranges) -> AbstractContextManager[Unpacked]:
        taken = sum(length for _, length in covers)
        if stream.encrypted:
            return nullcontext(Unpacked(Held(b""), 0, Stop.ENCRYPTED))
        size = stream.size if stream.compressed else sum(piece.length for piece in content)
        stop = self.budget.allows(0, taken, size - taken) if size > taken else None
        if stop is None and size > taken:
            self.budget.spend(size - taken)
        if stream.compressed:
            if stop is not None:
                return nullcontext(Unpacked(Held(b""), 0, stop))
            return _through(self.volume.content(stream), taken)
        if stop is not None:  # holes, and what another file was read with: nothing is lost without them
            return nullcontext(Unpacked(Runs(self.source, covers), taken))
        runs = Runs(self.source, ((piece.start, piece.length) for piece in content))
        return nullcontext(Unpacked(runs, taken))

    def _slack(self, stream: Stream, ranges: list[tuple[int, int]]) -> Iterator[Entry]:
        """What stands behind a file's end in its last block, where that is anything."""
        size = sum(length for _, length in ranges)
        if not size:
            return
        held = Runs(self.source, ranges)
        if size <= LARGE and not any(held.read(0, size)):
            self.empty += ranges
            return
        yield _lying(f"{_named(stream)}, slack", self.source, tuple(ranges), Region.SLACK)

    def _small(self, stream: Stream, table: FileTable | None) -> Iterator[Entry]:
        """A file whose content stands in the file system's own table."""
        if stream.folder or not stream.size:
            return
        covers = table.resident(stream.inode, stream.id) if table is not None else ()
        sectors = {at // 512 for start, length in covers for at in range(start, start + length, 512)}
        sectors |= {(start + length - 1) // 512 for start, length in covers if length}
        if sectors & self.sectors or not all(self._is_structure(sector * 512) for sector in sectors):
            covers = ()  # a table that lies: those bytes are another's already
        self.sectors |= sectors
        self.inside += covers
        region = Region.DELETED_FILE if stream.deleted else Region.FILE
        taken = sum(length for _, length in covers)
        opened = partial(_through, self.volume.content(stream), taken)
        yield Entry(_named(stream), covers, opened, region, stream.modified)

    # What is no file

    def _bitmap(self) -> Source | None:
        """The content of the file in which the file system says what is in use."""
        for name in _BITMAPS:
            stream = self.volume.virtual.get(name)
            if stream is not None:
                return self.volume.content(stream) if stream.resident else self._whole(stream)
        return None

    def _table(self) -> FileTable | None:
        stream = self.volume.virtual.get(_MFT)
        boot = self.source.read(0, 512)
        if stream is None or not filesystems.is_ntfs(boot):
            return None
        return file_table(boot, self._whole(stream))

    def _whole(self, stream: Stream) -> Runs:
        block = self.volume.block
        runs = [(None if run.start is None else run.start * block, run.count * block) for run in stream.runs]
        return Runs(self.source, _cut_runs(runs, stream.size))

    def _remains(self, table: FileTable | None) -> Iterator[Entry]:
        """What NTFS's table of files holds of deleted ones, where no deleted file was made of it."""
        if table is None:
            return
        others = without(((0, self.source.size),), [tuple(self._in_bytes(STRUCTURE))])
        deleted, slack = (merged(ranges) for ranges in table.remains())
        deleted = without(deleted, [others, tuple(self.inside)])
        slack = without(slack, [others, tuple(self.inside), deleted])
        self.inside += [*deleted, *slack]
        if deleted:
            yield _lying("records of deleted files", self.source, deleted, Region.UNALLOCATED)
        if slack:
            yield _lying("unused ends of file records", self.source, slack, Region.SLACK)

    def _rest(self, *, known: bool) -> Iterator[Entry]:
        block = self.volume.block
        if self.empty:
            yield _lying("slack that is empty", self.source, tuple(self.empty), Region.SLACK)
        free = self._in_bytes(FREE)
        name = "unallocated space" if known else "space that no file uses"
        yield from _gathered(name, self.source, free, Region.UNALLOCATED)
        end = self.volume.blocks * block
        if end < self.source.size:
            behind = ((end, self.source.size - end),)
            # NTFS keeps the copy of its boot sector there
            region = Region.STRUCTURE if filesystems.is_ntfs(self.source.read(0, 512)) else Region.UNALLOCATED
            yield _lying(f"space behind the file system, from byte {end}", self.source, behind, region)
        tables = without(tuple(self._in_bytes(STRUCTURE)), [tuple(self.inside)])
        made = Runs(self.source, tables)
        opened = partial(self._structure, made)
        yield Entry("structures of the file system", tables, opened, Region.STRUCTURE)

    def _structure(self, held: Runs) -> AbstractContextManager[Unpacked]:
        """The last member: it says what could not be read of the others."""
        damage: list[Damage] = []
        if self.volume.faults:
            said = f"{self.volume.faults} files or folders could not be read as such"
            damage.append(Damage(0, 0, Reason.DAMAGED_VOLUME, said))
        if self.volume.left_out:
            damage.append(Damage(0, 0, Reason.TOO_DEEP, f"{self.volume.left_out} folders"))
        return nullcontext(Unpacked(held, held.size, damage=lambda: damage))

    def _is_structure(self, offset: int) -> bool:
        block = offset // self.volume.block
        return block < self.blocks.blocks and self.blocks.owner(block) == STRUCTURE

    def _in_bytes(self, owner: int) -> Iterator[tuple[int, int]]:
        block = self.volume.block
        return ((start * block, count * block) for start, count in self.blocks.runs(owner))


def _named(stream: Stream) -> str:
    """A name that no other stream has: a live file may stand where a deleted one stood."""
    return f"{stream.path} (deleted, inode {stream.inode})" if stream.deleted else stream.path


def _cut(pieces: list[_Piece], size: int) -> tuple[list[_Piece], list[_Piece]]:
    """The stretches that are the file's first `size` bytes, and those behind them."""
    content: list[_Piece] = []
    slack: list[_Piece] = []
    for piece in pieces:
        take = max(0, min(size, piece.length))
        if take:
            content.append(_Piece(piece.start, take, piece.mine))
        if take < piece.length:
            start = None if piece.start is None else piece.start + take
            slack.append(_Piece(start, piece.length - take, piece.mine))
        size -= take
    return content, slack


def _cut_runs(runs: Iterable[tuple[int | None, int]], size: int) -> Iterator[tuple[int | None, int]]:
    for start, length in runs:
        if size <= 0:
            return
        yield start, min(length, size)
        size -= length


def _through(content: Decoded, taken: int) -> AbstractContextManager[Unpacked]:
    """A stream that the library reads; what it could not read is said afterwards."""

    def damage() -> tuple[Damage, ...]:
        failed = min(content.failed, content.size)
        return (Damage(0, failed, Reason.DAMAGED_VOLUME, "the file system's own reading failed"),) if failed else ()

    return nullcontext(Unpacked(content, taken, damage=damage))


def _lying(name: str, source: Source, covers: Ranges, region: Region) -> Entry:
    """Bytes that lie in the volume as they are."""
    return Entry(name, covers, _held(source, covers), region)


def _held(source: Source, covers: Ranges) -> Callable[[], AbstractContextManager[Unpacked]]:
    return lambda: nullcontext(Unpacked(Runs(source, covers), sum(length for _, length in covers)))


def _gathered(name: str, source: Source, ranges: Iterable[tuple[int, int]], region: Region) -> Iterator[Entry]:
    """Each large stretch by itself, so that its name says where it is; small ones together."""
    small: list[tuple[int, int]] = []
    size = 0
    for start, length in ranges:
        if length >= LARGE:
            yield _lying(f"{name} at byte {start}", source, ((start, length),), region)
            continue
        small.append((start, length))
        size += length
        if size >= TOGETHER:
            yield _lying(f"{name} in pieces, from byte {small[0][0]}", source, tuple(small), region)
            small, size = [], 0
    if small:
        yield _lying(f"{name} in pieces, from byte {small[0][0]}", source, tuple(small), region)
