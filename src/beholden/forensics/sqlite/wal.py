"""Page images outside the database file: the write-ahead log and the rollback journal (fileformat2.html, 3 and 4)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from beholden.forensics.source import Source
from beholden.forensics.sqlite.format import page_size_of

WAL_HEADER, FRAME_HEADER = 32, 24
WAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


@dataclass(frozen=True, slots=True)
class Image:
    """One page as a log holds it, at `offset` of the log. `current` means that SQLite would read this one."""

    page: int
    offset: int
    current: bool


@dataclass(frozen=True, slots=True)
class Log:
    """A log's page images, in order, and what it says of its page size."""

    page_size: int
    images: tuple[Image, ...]


def read_wal(source: Source) -> Log | None:
    """The frames of a write-ahead log, old generations too; None when it has no valid header.

    The newest committed frame of a page is current. Frames with another salt are left from before the last
    checkpoint; frames after a broken checksum were never committed. Both are kept here: they are evidence.
    """
    head = source.read(0, WAL_HEADER)
    size = page_size_of(int.from_bytes(head[8:12], "big")) if len(head) == WAL_HEADER else None
    if size is None or head[:4] not in WAL_MAGIC:
        return None
    order = ">" if head[3] & 1 else "<"
    frames = list(_frames(source, size))
    newest: dict[int, int] = {}
    pending: dict[int, int] = {}
    sums = _checksum(head[:24], (0, 0), order)
    for page, offset in frames:
        header = source.read(offset - FRAME_HEADER, FRAME_HEADER)
        sums = _checksum(header[:8] + source.read(offset, size), sums, order)
        if header[8:16] != head[16:24] or struct.unpack(">II", header[16:24]) != sums:
            break
        pending[page] = offset
        if header[4:8] != bytes(4):
            newest.update(pending)
            pending = {}
    return Log(size, tuple(Image(page, offset, newest.get(page) == offset) for page, offset in frames))


def _frames(source: Source, size: int) -> Iterator[tuple[int, int]]:
    """Page number and image offset of every frame that is there in full."""
    for start in range(WAL_HEADER, source.size - FRAME_HEADER - size + 1, FRAME_HEADER + size):
        page = int.from_bytes(source.read(start, 4), "big")
        if page:
            yield page, start + FRAME_HEADER


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def read_journal(source: Source, page_size: int) -> Log | None:
    """The page images of a rollback journal; None when it holds none.

    A journal whose header is intact is hot: SQLite would put its pages back, so they are current. After a commit the
    header is zeroed (journal_mode=PERSIST) and the images are the past.
    """
    head = source.read(0, 28)
    if head == bytes(28):
        sector = 512
        places = range(sector, source.size - page_size - 8 + 1, page_size + 8)
        images = [Image(page, place + 4, False) for place in places if (page := _number(source, place))]
    else:
        images = list(_hot_images(source, page_size))
    return Log(page_size, tuple(images)) if images else None


def _number(source: Source, place: int) -> int:
    return int.from_bytes(source.read(place, 4), "big")


def _hot_images(source: Source, page_size: int) -> Iterator[Image]:
    """The records of all headers; each sync of a large transaction begins a new one at the next sector.

    A page counts once, by its first image: that is how it was before the transaction.
    """
    seen: set[int] = set()
    at = 0
    while (head := source.read(at, 28)).startswith(JOURNAL_MAGIC) and len(head) == 28:
        count, nonce, _, sector, size = struct.unpack(">IIIII", head[8:])
        if not 32 <= sector <= 65536 or page_size_of(size) != page_size:
            return
        place = at + sector
        # Records that were never synced (a count of 0) cannot have reached the database; they end with the file.
        limit = count or source.size
        number = 0
        while number < limit and (page := _number(source, place)) and place + size + 8 <= source.size:
            if count == 0 and source.read(place, 8) == JOURNAL_MAGIC:
                break
            record = source.read(place, size + 8)
            valid = _journal_sum(record[4:-4], nonce) == int.from_bytes(record[-4:], "big")
            yield Image(page, place + 4, valid and count > 0 and page not in seen)
            seen.add(page)
            place += size + 8
            number += 1
        at = (place + sector - 1) // sector * sector


def _journal_sum(page: bytes, nonce: int) -> int:
    """The journal's checksum samples one byte in 200, from the end (fileformat2.html, 3)."""
    total = nonce
    place = len(page) - 200
    while place > 0:
        total += page[place]
        place -= 200
    return total & 0xFFFFFFFF
