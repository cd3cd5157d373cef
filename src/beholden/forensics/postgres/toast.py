"""TOAST tables: long values in chunks, put together again, live and dead (toast_internals.c)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.postgres.heap import ALONE, Block, Context, Heap, Zone, blocks
from beholden.forensics.postgres.infer import Sample
from beholden.forensics.postgres.layout import Column, decode
from beholden.forensics.postgres.page import Page, unclaimed
from beholden.forensics.postgres.tuples import Tuple, read_tuple
from beholden.forensics.postgres.types import BYTES, INT4, OID, guessed
from beholden.forensics.postgres.varlena import MAX_VALUE, Pointer, Unreadable, unpack
from beholden.forensics.region import State
from beholden.forensics.source import Source

COLUMNS = (Column("chunk_id", OID, 4, 4), Column("chunk_seq", INT4, 4, 4), Column("chunk_data", BYTES, -1, 4))
MAX_CHUNKS = 1_000_000
"""Chunks whose places are kept, about 250 MB. Beyond it all are given as bytes too, which the raw scan reads."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a value and where it lies."""

    value: int
    number: int
    offset: int
    length: int
    state: State


def most_of_a_chunk(size: int) -> int:
    """How long a chunk is at most on pages of this size: four of them fill one."""
    return (size - 24 - 4 * 4) // 4 // 8 * 8 - 24 - 4 - 4 - 4


def looks_toasted(samples: Iterable[Sample], size: int) -> bool:
    """Whether all rows are chunks: three columns, small numbers, nothing longer than a chunk, and one of its length.

    A value of a single, short chunk says nothing; a table of numbers and a text looks the same.
    """
    most, full = most_of_a_chunk(size), False
    for number, sample in enumerate(samples):
        one = sample.one
        found = decode(sample.data, sample.start, one, COLUMNS, sample.most) if one.columns == 3 else None
        if found is None or not found.whole or found.end < sample.least:
            return False
        _, place, data = found.values
        if not isinstance(place, int) or not isinstance(data, bytes) or not 0 <= place < 1 << 20 or len(data) > most:
            return False
        full = full or len(data) == most
        if number > 500 and not full:
            return False
    return full


class Toast:
    """A TOAST table. `rows` gives its values, each from its chunks; `value` the bytes of one."""

    def __init__(self, source: Source, size: int, context: Context = ALONE) -> None:
        self._source = source
        self._size = size
        self._context = context
        self._heap = Heap(source, size, Context(context.table, COLUMNS, context.transactions), rows_as_bytes=False)
        self._chunks: dict[int, list[Chunk]] | None = None
        self._full = False

    @property
    def faults(self) -> dict[str, int]:
        """What made no sense, counted."""
        return self._heap.faults

    @property
    def missing(self) -> int:
        """Bytes that are cut off from the last page."""
        return self._heap.missing

    unreadable = 0

    def rows(self) -> Iterator[Row | Leftover]:
        """All values that have a chunk left, then the bytes that no row owns."""
        for value, chunks in self._found().items():
            yield from self._put_together(value, chunks)
        for found in self._heap.rows():
            if isinstance(found, Leftover):
                yield found
            elif self._full and isinstance(found.values[-1], bytes):
                data = found.values[-1]
                yield Leftover(data, found.table, Zone.TOAST, found.page, found.offset, found.state)

    def value(self, pointer: Pointer) -> bytes:
        """What a pointer means, still packed where it is. Raises Unreadable."""
        chunks = self._found().get(pointer.value)
        if chunks is None:
            raise Unreadable(f"value {pointer.value} is not in its TOAST table")
        data, _ = self._joined(chunks)
        if len(data) < pointer.stored:
            raise Unreadable(f"value {pointer.value} has lost a part")
        return data[: pointer.stored]

    def _put_together(self, value: int, chunks: list[Chunk]) -> Iterator[Row | Leftover]:
        data, whole = self._joined(chunks)
        states = {chunk.state for chunk in chunks}
        state = states.pop() if len(states) == 1 else State.DELETED
        try:
            plain = unpack(data)
        except Unreadable:
            plain = data
        place = chunks[0].offset
        page = place // self._size
        yield Row(self._context.table, None, (value, guessed(plain)), state, Zone.TOAST, page, place, whole)
        taken = 0
        for chunk in chunks:  # pieces that do not continue the first
            taken += chunk.length
            if taken > len(data):
                raw = self._source.read(chunk.offset, chunk.length)
                yield Leftover(raw, self._context.table, Zone.TOAST, page, chunk.offset, chunk.state)

    def _joined(self, chunks: list[Chunk]) -> tuple[bytes, bool]:
        """The chunks from the first on as far as they follow one another, and whether that is all."""
        parts: list[bytes] = []
        length = 0
        for expected, chunk in enumerate(chunks):
            if chunk.number != expected or length > MAX_VALUE:
                return b"".join(parts), False
            parts.append(self._source.read(chunk.offset, chunk.length))
            length += chunk.length
        return b"".join(parts), True

    def _found(self) -> dict[int, list[Chunk]]:
        """The chunks by value, in order; of two with the same number the one that lives."""
        if self._chunks is None:
            best: dict[tuple[int, int], Chunk] = {}
            for chunk in self._all():
                key = chunk.value, chunk.number
                if len(best) >= MAX_CHUNKS:
                    self._full = True
                elif key not in best or chunk.state is State.LIVE:
                    best[key] = chunk
            self._chunks = {}
            for key in sorted(best):
                self._chunks.setdefault(key[0], []).append(best[key])
        return self._chunks

    def _all(self) -> Iterator[Chunk]:
        for block in blocks(self._source, self._size):
            if block.page is None:
                continue
            for item in block.page.items:
                one = read_tuple(block.data, item.start) if item.stored else None
                if one is not None:
                    state = self._heap.fate_of(one, item, block.number).state
                    yield from self._chunk(block, item.start, one, item.start + item.length, state)
            yield from self._dead(block, block.page)

    def _dead(self, block: Block, page: Page) -> Iterator[Chunk]:
        for start, end in unclaimed(page):
            for found in self._heap.carve(block.data, start, end):
                if found.decoded.whole:
                    yield from self._chunk(block, found.start, found.one, found.decoded.end, State.DELETED)

    def _chunk(self, block: Block, at: int, one: Tuple, end: int, state: State) -> Iterator[Chunk]:
        found = decode(block.data, at, one, COLUMNS, end) if one.columns == 3 else None
        if found is None or not found.whole:
            return
        value, number, data = found.values
        if isinstance(value, int) and isinstance(number, int) and isinstance(data, bytes) and 0 <= number < 1 << 20:
            yield Chunk(value, number, block.offset + end - len(data), len(data), state)
