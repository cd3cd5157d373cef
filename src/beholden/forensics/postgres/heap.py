"""A table's heap: its rows, then what deleting and vacuuming left behind.

VACUUM gives space back without overwriting it. The bytes of a removed row stand in the hole of its page until a new
row needs the place; its header still says who wrote and who removed it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from beholden.forensics.database_rows import Known, Leftover, Row
from beholden.forensics.postgres import xact
from beholden.forensics.postgres.infer import Sample, infer
from beholden.forensics.postgres.layout import Column, Decoded, Fetch, decode, not_here
from beholden.forensics.postgres.page import HEADER, Item, Page, Use, parse_page, unclaimed
from beholden.forensics.postgres.tuples import FIXED, Fate, Tuple, fate, looks_written, read_tuple
from beholden.forensics.region import State
from beholden.forensics.source import Source
from beholden.forensics.text import is_blank

SAMPLED_PAGES = 64
MAX_SHAPES = 6
"""Numbers of columns for which rows are understood without a catalog; the rows of others are given as their bytes."""
SEGMENT = 1 << 30
"""A relation's file holds so many bytes; the next one has `.1` at the end of its name."""


class Zone(StrEnum):
    """What part of PostgreSQL's files something was found in."""

    HEAP = "heap"
    FREE = "free space of a page"
    DAMAGED = "page that makes no sense"
    INDEX = "index"
    TOAST = "TOAST"
    LOG = "write-ahead log"


@dataclass(frozen=True)
class Context:
    """What is known of a relation from the files beside it; the defaults are for a file alone."""

    table: str = ""
    columns: tuple[Column, ...] | None = None
    transactions: xact.Transactions = xact.NOBODY
    fetch: Fetch = not_here


ALONE = Context()


@dataclass(frozen=True, slots=True)
class Block:
    """One page of a relation as it was read; `offset` is its place in the file."""

    number: int
    offset: int
    data: bytes
    page: Page | None


def blocks(source: Source, size: int) -> Iterator[Block]:
    """The pages of a relation, in order; the last may be cut off. Pages that were never used are left out."""
    for number, offset in enumerate(range(0, source.size, size)):
        data = source.read(offset, size)
        if not is_blank(data):
            yield Block(number, offset, data, parse_page(data))


@dataclass
class Layouts:
    """How rows look: by the catalog, else inferred from rows, by their number of columns."""

    declared: tuple[Column, ...] | None = None
    inferred: dict[int, tuple[Column, ...]] = field(default_factory=dict)

    def of(self, one: Tuple) -> tuple[Column, ...] | None:
        """The columns of a tuple; None where they are not known."""
        if self.declared is not None:
            return self.declared if one.columns <= len(self.declared) else None
        return self.inferred.get(one.columns)

    def learn(self, samples: list[Sample]) -> None:
        """Infer the columns of every number of columns that occurs."""
        by_count: dict[int, list[Sample]] = {}
        for sample in samples:
            by_count.setdefault(sample.one.columns, []).append(sample)
        # A hostile file has rows of every number of columns; real ones have a few.
        for count in sorted(by_count, key=lambda count: -len(by_count[count]))[:MAX_SHAPES]:
            found = infer(_varied(by_count[count])) if count not in self.inferred else None
            if found is not None:
                self.inferred[count] = found


def _varied(samples: list[Sample], most: int = 24) -> list[Sample]:
    """Samples from all over, not only from the beginning."""
    return samples[:: max(1, len(samples) // most)]


@dataclass(frozen=True, slots=True)
class Carved:
    """A tuple found where nothing points to it."""

    start: int
    one: Tuple
    decoded: Decoded


class Heap:
    """A heap file. Go through `rows` once; `faults` then counts, in words, what made no sense.

    A row with values that stayed bytes is given as its bytes as well, unless `rows_as_bytes` says otherwise.
    """

    def __init__(self, source: Source, size: int, context: Context = ALONE, *, rows_as_bytes: bool = True) -> None:
        self._source = source
        self._rows_as_bytes = rows_as_bytes
        self._size = size
        self._context = context
        self.faults: dict[str, int] = {}
        self.unreadable = 0
        self.missing = source.size % size
        self.known = Known()
        self._blocks = source.size // size
        self.layouts = Layouts(context.columns)

    def rows(self) -> Iterator[Row | Leftover]:
        """Rows that are or may be live, then deleted ones and leftover bytes."""
        self.prepare()
        for block in blocks(self._source, self._size):
            if block.page is not None:
                self._fault("line pointers that point nowhere", block.page.faulty)
                yield from self._pointed(block, block.page, dead=False)
        for block in blocks(self._source, self._size):
            if block.page is None:
                self._fault("pages whose header makes no sense")
                yield Leftover(block.data, self._context.table, Zone.DAMAGED, block.number, block.offset)
            else:
                yield from self._pointed(block, block.page, dead=True)
                yield from self._unpointed(block, block.page)

    def prepare(self) -> None:
        """Learn how rows look, where no catalog says it."""
        if self.layouts.declared is None:
            samples = list(self.samples())
            self.layouts.learn(samples)

    def _fault(self, what: str, times: int = 1) -> None:
        if times:
            self.faults[what] = self.faults.get(what, 0) + times

    def samples(self) -> Iterator[Sample]:
        """Tuples whose end is known: those that are pointed to, and those that others follow directly."""
        step = max(1, self._blocks // SAMPLED_PAGES)
        for number in range(0, self._blocks, step):
            data = self._source.read(number * self._size, self._size)
            page = parse_page(data)
            if page is None:
                continue
            for item in page.items:
                one = read_tuple(data, item.start) if item.stored and item.use is Use.NORMAL else None
                if one is None or not one.columns:
                    continue
                self._blocks = max(self._blocks, one.block + 1 if one.block % self._segment_blocks == number else 0)
                end = item.start + item.length
                yield Sample(data, item.start, one, end, end)
            yield from self._samples_between(data, page)

    @property
    def _segment_blocks(self) -> int:
        return SEGMENT // self._size

    def _samples_between(self, data: bytes, page: Page) -> Iterator[Sample]:
        for start, end in unclaimed(page):
            heads = self._heads(data, start, end)
            for (at, one), (follows, _) in pairwise(heads):
                yield Sample(data, at, one, follows - 7, follows)

    # What line pointers name

    def _pointed(self, block: Block, page: Page, *, dead: bool) -> Iterator[Row | Leftover]:
        for item in page.items:
            if not item.stored:
                continue
            one = read_tuple(block.data, item.start)
            if one is None:
                if not dead:
                    self._fault("tuples whose header makes no sense")
                    yield self._bytes(block, item.start, item.start + item.length, State.UNKNOWN)
                continue
            became = self.fate_of(one, item, block.number)
            if (became.state is State.DELETED) is dead:
                yield from self._told(block, item, one, became)

    def fate_of(self, one: Tuple, item: Item, block: int) -> Fate:
        """What became of a tuple that a line pointer names."""
        if item.use in (Use.DEAD, Use.UNUSED):
            return Fate(State.DELETED, f"pruned (xmin {one.xmin}, xmax {one.xmax})")
        same = one.block % self._segment_blocks == block % self._segment_blocks
        return fate(one, self._context.transactions, (one.block if same else block, item.number))

    def _told(self, block: Block, item: Item, one: Tuple, became: Fate) -> Iterator[Row | Leftover]:
        end = item.start + item.length
        key = key_of(block.data, item.start, one, end)
        if became.state is State.DELETED:
            if not self.known.is_news(key):
                return
        else:
            self.known.live([key])
        columns = self.layouts.of(one)
        found = decode(block.data, item.start, one, columns, end, self._context.fetch) if columns else None
        if found is None:
            yield self._bytes(block, item.start, end, became.state)
            return
        self.unreadable += found.unreadable
        yield self._row(block, item.start, found, became, Zone.HEAP)
        if self._rows_as_bytes and (found.raw or not found.whole):
            yield self._bytes(block, item.start, end, became.state)

    def _row(self, block: Block, at: int, found: Decoded, became: Fate, zone: Zone) -> Row:
        return Row(
            self._context.table,
            None,
            found.values,
            became.state,
            zone,
            block.number,
            block.offset + at,
            found.whole,
            became.why,
        )

    def _bytes(self, block: Block, start: int, end: int, state: State) -> Leftover:
        zone = Zone.FREE if state is State.DELETED else Zone.HEAP
        data = block.data[start:end]
        return Leftover(data, self._context.table, zone, block.number, block.offset + start, state)

    # What nothing names

    def _unpointed(self, block: Block, page: Page) -> Iterator[Row | Leftover]:
        for start, end in unclaimed(page):
            if not block.data[start:end].strip(b"\x00"):
                continue
            for found in self.carve(block.data, start, end):
                stop = found.decoded.end
                key = key_of(block.data, found.start, found.one, stop)
                if self._copy_on_page(block, page, found, stop) or not self.known.is_news(key):
                    continue
                why = f"vacuumed (xmin {found.one.xmin}, xmax {found.one.xmax})"
                yield self._row(block, found.start, found.decoded, Fate(State.DELETED, why), Zone.FREE)
            yield self._bytes(block, start, end, State.DELETED)
        if page.special < page.size:
            yield self._bytes(block, page.special, page.size, State.DELETED)

    def _copy_on_page(self, block: Block, page: Page, found: Carved, stop: int) -> bool:
        """Whether a tuple that was cut off is the beginning of one that is live on this page: it was only moved."""
        if found.decoded.whole:
            return False
        rest = block.data[found.start + FIXED : stop]
        return any(
            item.stored
            and block.data[item.start : item.start + 4] == block.data[found.start : found.start + 4]
            and block.data.startswith(rest, item.start + FIXED)
            and (one := read_tuple(block.data, item.start)) is not None
            and self.fate_of(one, item, block.number).state is not State.DELETED
            for item in page.items
        )

    def carve(self, data: bytes, start: int, end: int) -> Iterator[Carved]:
        """The tuples in a range that nothing points to. One that a later tuple was written over ends there."""
        heads = self._heads(data, start, end)
        done = start
        for number, (at, one) in enumerate(heads):
            columns = self.layouts.of(one)
            if at < done or columns is None:
                continue
            border = heads[number + 1][0] if number + 1 < len(heads) else end
            found = decode(data, at, one, columns, border, self._context.fetch)
            if found is not None and any(value not in (None, "", b"") for value in found.values):
                done = found.end
                yield Carved(at, one, found)

    def _heads(self, data: bytes, start: int, end: int) -> list[tuple[int, Tuple]]:
        """Places, eight bytes apart, at which a tuple may begin."""
        most = (self._size - HEADER) // 28
        found: list[tuple[int, Tuple]] = []
        for at in range((start + 7) // 8 * 8, end - FIXED, 8):
            if 24 <= data[at + 22] <= 248:  # its own length; most places end here
                one = read_tuple(data, at)
                if one is not None and at + one.body < end and looks_written(one, self._blocks, most):
                    found.append((at, one))
        return found


def key_of(data: bytes, at: int, one: Tuple, end: int) -> tuple[int, bytes, bytes]:
    """What makes a row the same row wherever it is copied to: its values, not who wrote it when."""
    return one.columns, one.nulls, data[at + one.body : end]
