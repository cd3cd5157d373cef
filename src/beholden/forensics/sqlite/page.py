"""B-tree pages: where their cells are, and which of their bytes no cell owns."""

from collections.abc import Iterator
from dataclasses import dataclass

from beholden.forensics.sqlite.format import (
    HEADER,
    INDEX_INTERIOR,
    INDEX_LEAF,
    TABLE_INTERIOR,
    TABLE_LEAF,
    local_payload,
    signed,
    varint,
)

_TYPES = frozenset({TABLE_LEAF, TABLE_INTERIOR, INDEX_LEAF, INDEX_INTERIOR})


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its extent in the page, the child page of an interior cell, and its payload.

    `local` bytes of the payload stand from `body` on; `overflow` is the first page of the rest, or 0.
    """

    start: int
    end: int
    child: int = 0
    rowid: int | None = None
    payload: int = 0
    body: int = 0
    local: int = 0
    overflow: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed b-tree page. `content` is where the cell area begins; `faulty` counts cells that make no sense."""

    kind: int
    cells: tuple[Cell, ...]
    pointers_end: int
    content: int
    right: int
    faulty: int

    @property
    def interior(self) -> bool:
        """Whether the page points to others."""
        return self.kind in (TABLE_INTERIOR, INDEX_INTERIOR)

    @property
    def index(self) -> bool:
        """Whether its cells are index entries (or rows of a WITHOUT ROWID table)."""
        return self.kind in (INDEX_LEAF, INDEX_INTERIOR)


def parse_page(data: bytes, number: int, usable: int) -> Page | None:
    """The page as a b-tree page; None when its header cannot be one. Cells that overlap nothing real are left out.

    A hostile page may point 30,000 times at overlapping cells; the work stops once they claim twice the page.
    """
    at = HEADER if number == 1 else 0
    if len(data) < at + 12 or data[at] not in _TYPES:
        return None
    kind = data[at]
    count = int.from_bytes(data[at + 3 : at + 5], "big")
    content = int.from_bytes(data[at + 5 : at + 7], "big") or 65536
    header_end = at + (12 if kind in (TABLE_INTERIOR, INDEX_INTERIOR) else 8)
    pointers_end = header_end + 2 * count
    if pointers_end > usable or content > max(usable, 65536) or content < pointers_end:
        return None
    right = int.from_bytes(data[at + 8 : at + 12], "big") if header_end == at + 12 else 0
    cells, faulty = _cells(data, kind, header_end, pointers_end, usable)
    return Page(kind, cells, pointers_end, min(content, usable), right, faulty)


def _cells(data: bytes, kind: int, first: int, end: int, usable: int) -> tuple[tuple[Cell, ...], int]:
    found: dict[int, Cell] = {}
    faulty = claimed = 0
    for place in range(first, end, 2):
        start = int.from_bytes(data[place : place + 2], "big")
        if start in found or claimed > 2 * usable:
            faulty += 1
            continue
        cell = read_cell(data, start, kind, usable) if end <= start < usable else None
        if cell is None:
            faulty += 1
            continue
        claimed += cell.end - cell.start
        found[start] = cell
    return tuple(found[start] for start in sorted(found)), faulty


def read_cell(data: bytes, start: int, kind: int, usable: int) -> Cell | None:
    """The cell at `start` of a page of this kind; None when it does not fit."""
    try:
        at, child = start, 0
        if kind in (TABLE_INTERIOR, INDEX_INTERIOR):
            child, at = int.from_bytes(data[start : start + 4], "big"), start + 4
        if kind == TABLE_INTERIOR:
            rowid, at = varint(data, at)
            return Cell(start, at, child, signed(rowid)) if at <= usable else None
        payload, at = varint(data, at)
        key = None
        if kind == TABLE_LEAF:
            raw, at = varint(data, at)
            key = signed(raw)
    except IndexError:
        return None
    local = local_payload(payload, usable, index=kind != TABLE_LEAF)
    end = at + local + (4 if local < payload else 0)
    if end > min(usable, len(data)):
        return None
    overflow = int.from_bytes(data[end - 4 : end], "big") if local < payload else 0
    return Cell(start, max(end, start + 4), child, key, payload, at, local, overflow)


def free_ranges(page: Page, usable: int) -> Iterator[tuple[int, int]]:
    """The ranges of the page that no cell owns: the gap, freeblocks and fragments, in order."""
    at = page.pointers_end
    for cell in page.cells:
        if cell.start > at:
            yield at, cell.start
        at = max(at, cell.end)
    if at < usable:
        yield at, usable
