"""Pages of a relation: their header, their line pointers, and which of their bytes nothing points to."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

HEADER = 24
SIZES = (1024, 2048, 4096, 8192, 16384, 32768)
_VERSIONS = frozenset({3, 4})
_FIELDS = struct.Struct("<IIHHHHHHI")
_FLAGS = 0x0007
MAX_SPECIAL = 64


class Kind(IntEnum):
    """What a relation's page belongs to, as far as the page says."""

    HEAP = 0
    BTREE = 1
    OTHER = 2


class Use(IntEnum):
    """What a line pointer says of its item (itemid.h)."""

    UNUSED = 0
    NORMAL = 1
    REDIRECT = 2
    DEAD = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One line pointer: its number, from 1, and where its item lies."""

    number: int
    start: int
    length: int
    use: Use

    @property
    def stored(self) -> bool:
        """Whether it points to bytes."""
        return self.length > 0 and self.use is not Use.REDIRECT


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page. `lower` to `upper` is its hole; from `special` on stands what an index notes of itself."""

    size: int
    lsn: int
    lower: int
    upper: int
    special: int
    items: tuple[Item, ...]
    faulty: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Head:
    size: int
    lsn: int
    lower: int
    upper: int
    special: int


def _head(data: bytes) -> _Head | None:
    if len(data) < HEADER:
        return None
    high, low, _, flags, lower, upper, special, written, _ = _FIELDS.unpack_from(data)
    size, version = written & 0xFF00, written & 0x00FF
    if size not in SIZES or version not in _VERSIONS or flags & ~_FLAGS:
        return None
    # A hole may have been filled to its last byte, hence no strict order.
    if not HEADER <= lower <= upper <= special <= size or lower % 4 or special % 8:
        return None
    return _Head(size, high << 32 | low, lower, upper, special) if size - special <= MAX_SPECIAL else None


def page_size(head: bytes) -> int | None:
    """The page size of the relation that begins so; None where its first page cannot be one.

    A relation has no magic. Size and version stand in two bytes, and everything else in the header has to agree; as
    far as `head` reaches, so have the line pointers.
    """
    found = _head(head)
    if found is None or (found.lower == HEADER and found.upper == found.special == found.size):
        return None
    seen = min(found.lower, len(head) // 4 * 4)
    pointers = [_item(head, place) for place in range(HEADER, seen, 4)]
    wrong = sum(1 for item in pointers if not _makes_sense(item, found))
    return found.size if wrong * 10 <= len(pointers) else None


def parse_page(data: bytes) -> Page | None:
    """The page; None where its header makes no sense. Items that lie outside or overlap are counted and left out."""
    head = _head(data)
    if head is None or len(data) < head.size:
        return None
    items: list[Item] = []
    faulty = claimed = 0
    for place in range(HEADER, head.lower, 4):
        item = _item(data, place)
        # Many pointers may name the same bytes in a hostile page; the work ends once they claim twice the page.
        if not _makes_sense(item, head) or claimed > 2 * head.size:
            faulty += 1
            continue
        claimed += item.length
        items.append(item)
    return Page(head.size, head.lsn, head.lower, head.upper, head.special, tuple(items), faulty, _kind(data, head))


def _item(data: bytes, place: int) -> Item:
    word = int.from_bytes(data[place : place + 4], "little")
    return Item((place - HEADER) // 4 + 1, word & 0x7FFF, word >> 17, Use(word >> 15 & 3))


def _makes_sense(item: Item, head: _Head) -> bool:
    if not item.stored:
        return True
    return head.upper <= item.start and item.start + item.length <= head.special and item.start % 8 == 0


def _kind(data: bytes, head: _Head) -> Kind:
    """By the end of the page: a heap has nothing there, a b-tree two links, its level, flags and a cycle number.

    Other index kinds put a number of their own, 0xFF80 and above, into the last two bytes.
    """
    if head.special == head.size:
        return Kind.HEAP
    last = int.from_bytes(data[head.size - 2 : head.size], "little")
    return Kind.BTREE if head.size - head.special == 16 and last <= 0xFF7F else Kind.OTHER


def unclaimed(page: Page) -> Iterator[tuple[int, int]]:
    """The ranges that no line pointer names: the hole, and what lies between items."""
    at = page.lower
    for item in sorted((item for item in page.items if item.stored), key=lambda item: item.start):
        if item.start > at:
            yield at, item.start
        at = max(at, item.start + item.length)
    if at < page.special:
        yield at, page.special
