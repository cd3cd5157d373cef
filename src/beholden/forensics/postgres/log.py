"""Rows in the write-ahead log: what was inserted and updated, and the pages as they once were.

A row in the log says nothing of whether it still lives. Where the table's file lies beside the log, that is looked up;
else it is not known.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from beholden.forensics.beside import NOTHING, Beside
from beholden.forensics.database_rows import Known, Leftover, Row
from beholden.forensics.postgres.catalog import Relation
from beholden.forensics.postgres.changes import Change, Changes, Place
from beholden.forensics.postgres.cluster import Catalogs, transactions
from beholden.forensics.postgres.heap import SEGMENT, Layouts, Zone, key_of
from beholden.forensics.postgres.infer import Sample
from beholden.forensics.postgres.layout import Decoded, decode
from beholden.forensics.postgres.page import Kind, Page, Use, page_size, parse_page, unclaimed
from beholden.forensics.postgres.toast import COLUMNS as CHUNK
from beholden.forensics.postgres.toast import looks_toasted
from beholden.forensics.postgres.tuples import Fate, Tuple, fate, read_tuple
from beholden.forensics.postgres.types import guessed
from beholden.forensics.postgres.varlena import Unreadable, unpack
from beholden.forensics.postgres.wal import Record, Reference, Segment, Shape, Stray, read_shape
from beholden.forensics.region import State
from beholden.forensics.source import Source
from beholden.forensics.text import is_blank

HEAD = 64
BATCH = 64 << 10
MARGIN = 512
MAX_SAMPLES, MAX_FILES, MAX_LEARNT = 200, 500, 40
MAX_CHUNK_BYTES = 64 << 20
MAX_PAGES = 256
_SMALLEST = 6

File = tuple[int, int]
"""A database and the number of a file in it."""


def read_log(source: Source, beside: Beside = NOTHING, catalogs: Catalogs | None = None) -> "Log | None":
    """The segment that a file is; None where its first page is none."""
    shape = read_shape(source.read(0, HEAD))
    return Log(source, shape, beside, catalogs or Catalogs()) if shape is not None else None


@dataclass(frozen=True, slots=True)
class _Found:
    """A tuple in the log: where it belongs, its bytes, and what became of it as far as the log says."""

    place: Place
    lsn: int
    offset: int
    data: bytes
    start: int
    end: int
    became: Fate


class Log:
    """A segment of the log. Go through `rows` once; `faults` then counts, in words, what made no sense."""

    def __init__(self, source: Source, shape: Shape, beside: Beside, catalogs: Catalogs) -> None:
        self._segment = Segment(source, shape)
        self._tables = _Tables(beside, catalogs)
        self._present = _Present(beside)
        self._known = Known(1_000_000)
        self._chunks = _Chunks()
        self._batch = _Batch()
        self._transactions = transactions(beside, "..")
        self.faults: dict[str, int] = {}
        self.unreadable = 0
        self.missing = 0

    def rows(self) -> Iterator[Row | Leftover]:
        """All rows, and all other bytes of records and pages."""
        self._learn()
        changes = Changes()
        for part in self._segment.parts():
            if isinstance(part, Stray):
                yield from self._batch.add(part.data, part.place)
                continue
            told = changes.of(part)
            for found in self._tuples(part, changes, told):
                yield from self._told(found)
            yield from self._others(part, unsaid=told is None)
        yield from self._chunks.rows()
        yield from self._batch.rest()

    def _learn(self) -> None:
        """Samples of the files that no catalog names, to infer their columns."""
        changes = Changes()
        for part in self._segment.parts():
            for found in self._tuples(part, changes, changes.of(part)) if isinstance(part, Record) else ():
                self._tables.sample(found.place[:2], found.data, found.start, found.end)
        self._tables.learn()

    # Tuples of a record

    def _tuples(self, record: Record, changes: Changes, told: list[Change] | None) -> Iterator[_Found]:
        for block in record.blocks:
            page = parse_page(block.image) if block.image is not None else None
            if page is not None and page.kind is Kind.HEAP and block.image is not None:
                yield from self._of_image(record, block, block.image, page, changes)
        for change in told or ():
            yield _of_change(record, change)

    def _of_image(
        self, record: Record, block: Reference, image: bytes, page: Page, changes: Changes
    ) -> Iterator[_Found]:
        for item in page.items:
            one = read_tuple(image, item.start) if item.stored else None
            if one is None:
                continue
            place = (block.database, block.file, block.block, item.number)
            end = item.start + item.length
            changes.remember(place, image[item.start : end])
            became = fate(one, self._transactions, (block.block, item.number))
            if item.use is Use.DEAD:
                became = Fate(State.DELETED, "pruned")
            yield _Found(place, record.lsn, record.place, image, item.start, end, became)

    def _told(self, found: _Found) -> Iterator[Row | Leftover]:
        one = read_tuple(found.data, found.start)
        if one is None or not one.columns:
            yield from self._batch.add(found.data[found.start : found.end], found.offset)
            return
        file = found.place[:2]
        key = key_of(found.data, found.start, one, found.end)
        became = self._present.judge(found.place, key, found.lsn, found.became)
        if not self._known.is_news((file, key)):
            return
        columns = self._tables.layouts(file).of(one)
        decoded = decode(found.data, found.start, one, columns, found.end) if columns else None
        if decoded is not None and self._tables.toasted(file):
            yield from self._chunks.add(file, decoded, became, found.offset)
            return
        if decoded is None or decoded.raw or not decoded.whole:
            yield from self._batch.add(found.data[found.start : found.end], found.offset)
        if decoded is not None:
            self.unreadable += decoded.unreadable
            yield _row(self._tables.name(file), found, one, decoded, became)

    # Everything else

    def _others(self, record: Record, *, unsaid: bool) -> Iterator[Leftover]:
        """Bytes of a record that were not told as tuples: those of indexes, of updates of unseen rows, and so on."""
        for block in record.blocks:
            if block.unreadable:
                self.unreadable += block.unreadable
            page = parse_page(block.image) if block.image is not None else None
            if block.image is not None and (page is None or page.kind is not Kind.HEAP):
                yield from self._batch.add(block.image, record.place)
            elif block.image is not None and page is not None:
                for start, end in unclaimed(page):
                    yield from self._batch.add(block.image[start:end], record.place)
            if unsaid:
                yield from self._batch.add(block.data, record.place)
        if unsaid:
            yield from self._batch.add(record.main, record.place)


def _of_change(record: Record, change: Change) -> _Found:
    became = Fate(State.DELETED if change.what == "deleted" else State.UNKNOWN, change.what)
    return _Found(change.place, record.lsn, record.place, change.data, 0, len(change.data), became)


def _row(table: str, found: _Found, one: Tuple, decoded: Decoded, became: Fate) -> Row:
    why = f"{became.why}, transaction {one.xmin}"
    return Row(table, None, decoded.values, became.state, Zone.LOG, found.place[2], found.offset, decoded.whole, why)


class _Tables:
    """What is known of the files that the log names, by the catalogs beside it or by inference."""

    def __init__(self, beside: Beside, catalogs: Catalogs) -> None:
        self._beside = beside
        self._catalogs = catalogs
        self._known = transactions(beside, "..")
        self._layouts: dict[File, Layouts] = {}
        self._relations: dict[File, Relation | None] = {}
        self._samples: dict[File, list[Sample]] = {}
        self._toasted: set[File] = set()

    def _relation(self, file: File) -> Relation | None:
        if file not in self._relations:
            if len(self._relations) > 10 * MAX_FILES:
                self._relations.clear()
            folder = f"../base/{file[0]}" if file[0] else "../global"
            self._relations[file] = self._catalogs.of(self._beside, folder, self._known).relations.get(file[1])
        return self._relations[file]

    def name(self, file: File) -> str:
        """The table's name; empty where nothing says it."""
        relation = self._relation(file)
        return relation.name if relation is not None else ""

    def layouts(self, file: File) -> Layouts:
        """How rows of a file look."""
        if file not in self._layouts:
            relation = self._relation(file)
            if relation is not None and relation.kind == "t":
                self._toasted.add(file)
            if len(self._layouts) > MAX_FILES:
                return Layouts()
            self._layouts[file] = Layouts(relation.columns if relation is not None else None)
        return self._layouts[file]

    def toasted(self, file: File) -> bool:
        """Whether the rows of a file are pieces of long values."""
        return file in self._toasted

    def sample(self, file: File, data: bytes, start: int, end: int) -> None:
        """Note a tuple of a file that no catalog describes."""
        if self.layouts(file).declared is not None:
            return
        kept = self._samples.setdefault(file, []) if len(self._samples) < MAX_FILES else self._samples.get(file)
        one = read_tuple(data, start)
        if kept is not None and one is not None and one.columns and len(kept) < MAX_SAMPLES:
            own = data[start:end]
            kept.append(Sample(own, 0, one, len(own), len(own)))

    def learn(self) -> None:
        """Infer what can be inferred."""
        for file in sorted(self._samples, key=lambda file: -len(self._samples[file]))[:MAX_LEARNT]:
            samples = self._samples[file]
            if looks_toasted(samples, 8192):
                self._toasted.add(file)
                self._layouts[file] = Layouts(CHUNK)
            else:
                self.layouts(file).learn(samples)
        self._samples.clear()


class _Present:
    """Whether a row of the log is still in its table."""

    def __init__(self, beside: Beside) -> None:
        self._beside = beside
        self._known = transactions(beside, "..")
        self._pages: OrderedDict[tuple[int, int, int], tuple[int, frozenset[int]] | None] = OrderedDict()

    def judge(self, place: Place, key: tuple[int, bytes, bytes], lsn: int, became: Fate) -> Fate:
        """What became of a row: live where its block has it, deleted where a later state of the block has not."""
        page = self._page(place[:3])
        if page is None:
            # An image was taken at a time when a row without a deleter lived; of now it says nothing.
            return became if became.state is State.DELETED else Fate(State.UNKNOWN, became.why)
        written, live = page
        if hash(key) in live:
            return Fate(State.LIVE, "live")
        if became.state is State.DELETED or written > lsn:
            return Fate(State.DELETED, became.why if became.state is State.DELETED else "no longer in its table")
        return Fate(State.UNKNOWN, "log not yet applied")

    def _page(self, place: tuple[int, int, int]) -> tuple[int, frozenset[int]] | None:
        """When a block was last written, and the rows in it that are not deleted; None where it is not there."""
        if place not in self._pages:
            self._pages[place] = self._read(*place)
            if len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
        return self._pages[place]

    def _read(self, database: int, file: int, block: int) -> tuple[int, frozenset[int]] | None:
        folder = f"../base/{database}" if database else "../global"
        first = self._beside.at(f"{folder}/{file}")
        size = page_size(first.read(0, 512)) if first is not None else None
        if size is None:
            return None
        number, within = divmod(block, SEGMENT // size)
        source = first if number == 0 else self._beside.at(f"{folder}/{file}.{number}")
        data = source.read(within * size, size) if source is not None else b""
        page = parse_page(data)
        if page is None:
            return None
        live: set[int] = set()
        for item in page.items:
            one = read_tuple(data, item.start) if item.stored and item.use is Use.NORMAL else None
            if one is not None and fate(one, self._known, (block, item.number)).state is not State.DELETED:
                live.add(hash(key_of(data, item.start, one, item.start + item.length)))
        return page.lsn, frozenset(live)


class _Chunks:
    """Long values, put together from their pieces as they come by."""

    def __init__(self) -> None:
        self._parts: dict[tuple[File, int], dict[int, tuple[bytes, State, int]]] = {}
        self._held = 0

    def add(self, file: File, decoded: Decoded, became: Fate, offset: int) -> Iterator[Row]:
        """Keep a piece; where too much is kept, everything is told first."""
        value, number, data = decoded.values[:3]
        if isinstance(value, int) and isinstance(number, int) and isinstance(data, bytes):
            self._parts.setdefault((file, value), {})[number] = (data, became.state, offset)
            self._held += len(data)
            if self._held > MAX_CHUNK_BYTES:
                yield from self.rows()

    def rows(self) -> Iterator[Row]:
        """All values, as far as their pieces follow one another; pieces that do not stand alone."""
        for (_, value), parts in self._parts.items():
            run: list[bytes] = []
            for number in sorted(parts):
                data, state, offset = parts[number]
                if number - 1 not in parts and run:
                    yield _value(value, run, state, offset)
                    run = []
                run.append(data)
            yield _value(value, run, state, offset)
        self._parts.clear()
        self._held = 0


def _value(value: int, run: list[bytes], state: State, offset: int) -> Row:
    joined = b"".join(run)
    with suppress(Unreadable):
        joined = unpack(joined)
    return Row("", None, (value, guessed(joined)), state, Zone.LOG, 0, offset)


class _Batch:
    """Gathers small pieces into larger ones, for a scan costs something each time. Zeros keep them apart."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._offset = 0

    def add(self, data: bytes, offset: int) -> Iterator[Leftover]:
        """Add a piece that stands at an offset; gives what is full."""
        if len(data) < _SMALLEST or is_blank(data):
            return
        if len(data) > 4 * BATCH:  # so that nothing grows with what a record says of its length
            for start in range(0, len(data), BATCH):
                yield Leftover(data[start : start + BATCH + MARGIN], "", Zone.LOG, 0, offset + start, State.UNKNOWN)
            return
        if not self._parts:
            self._offset = offset
        self._parts.append(data)
        self._size += len(data)
        if self._size >= BATCH:
            yield from self.rest()

    def rest(self) -> Iterator[Leftover]:
        """What is left."""
        if self._parts:
            yield Leftover(bytes(4).join(self._parts), "", Zone.LOG, 0, self._offset, State.UNKNOWN)
        self._parts, self._size = [], 0
