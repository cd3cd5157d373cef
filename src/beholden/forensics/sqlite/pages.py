"""The pages of a database: which version of each SQLite would read, and which versions are the past."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from beholden.forensics.source import Source
from beholden.forensics.sqlite import wal
from beholden.forensics.sqlite.format import Header
from beholden.forensics.sqlite.page import Page, parse_page


class Zone(StrEnum):
    """What part of a database something was found in."""

    TREE = "b-tree"
    FREE = "free space of a page"
    UNUSED = "unused page"
    SUPERSEDED = "superseded page"
    LOG = "write-ahead log"
    JOURNAL = "rollback journal"


@dataclass(frozen=True, slots=True)
class Image:
    """One version of one page: where it lies, and in which file (`zone` tells)."""

    number: int
    source: Source
    offset: int
    zone: Zone


class Pages:
    """The file with its logs laid over it. `old` are the page images that SQLite would no longer read; `logs` are
    the logs that belong to this database."""

    def __init__(self, header: Header, source: Source, log: Source | None, journal: Source | None) -> None:
        self._header = header
        self._source = source
        self._laid_over: dict[int, Image] = {}
        self.old: list[Image] = []
        self.logs: dict[Zone, Source] = {}
        self.count = source.size // header.page_size
        if log is not None and (frames := wal.read_wal(log)) is not None and frames.page_size == header.page_size:
            self._lay_over(frames, log, Zone.LOG)
        if journal is not None and (before := wal.read_journal(journal, header.page_size)) is not None:
            self._lay_over(before, journal, Zone.JOURNAL)

    def _lay_over(self, log: wal.Log, source: Source, zone: Zone) -> None:
        self.logs[zone] = source
        # A log that grows the file names at most one new page a frame; a larger number is a lie, kept as evidence.
        limit = self.count + len(log.images)
        for image in log.images:
            laid = Image(image.page, source, image.offset, zone)
            if not image.current or image.page > limit:
                self.old.append(laid)
                continue
            if image.page <= self.count:
                self.old.append(replace(self.current(image.page), zone=Zone.SUPERSEDED))
            self._laid_over[image.page] = laid
        self.count = max([self.count, *self._laid_over])

    def __contains__(self, number: int) -> bool:
        return 1 <= number <= self.count

    def __iter__(self) -> Iterator[Image]:
        """The current version of every page, by number."""
        return map(self.current, range(1, self.count + 1))

    def current(self, number: int) -> Image:
        """The version of a page that SQLite would read."""
        laid = self._laid_over.get(number)
        return laid or Image(number, self._source, (number - 1) * self._header.page_size, Zone.TREE)

    def outside(self, zone: Zone) -> Iterator[tuple[int, bytes]]:
        """The bytes of a log that are no page image: headers, and whatever else was put there."""
        log, size = self.logs[zone], self._header.page_size
        images = [image for image in (*self.old, *self._laid_over.values()) if image.zone is zone]
        at = 0
        for start in [*sorted(image.offset for image in images), log.size]:
            for place in range(at, start, size):
                yield place, log.read(place, min(size, start - place))
            at = start + size

    def read(self, image: Image) -> bytes:
        """The bytes of a page; fewer where the file was cut off."""
        return image.source.read(image.offset, self._header.page_size)

    def parse(self, image: Image) -> tuple[bytes, Page | None]:
        """The bytes of a page, and what they are as a b-tree page."""
        data = self.read(image)
        return data, parse_page(data, image.number, self._header.usable)
