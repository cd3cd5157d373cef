"""Databases of every kind, opened in one way: rows, and the bytes around them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from beholden.forensics.beside import Beside
from beholden.forensics.containers import Form
from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.innodb import read_tablespace
from beholden.forensics.postgres.cluster import Catalogs, read_relation
from beholden.forensics.postgres.log import read_log
from beholden.forensics.source import Source
from beholden.forensics.sqlite.database import Database
from beholden.forensics.sqlite.format import HEADER, read_header
from beholden.forensics.sqlite.pages import Zone

DATABASES = frozenset({Form.SQLITE, Form.POSTGRES, Form.POSTGRES_LOG, Form.INNODB})
_ZONES = {"-wal": Zone.LOG, "-journal": Zone.JOURNAL}


class Reader(Protocol):
    """A database that was recognised. Go through `rows` once; then `faults` counts, in words, what made no sense, and
    `unreadable` the bytes of values that could not be unpacked. `missing` bytes were cut off at its end."""

    @property
    def faults(self) -> Mapping[str, int]: ...
    @property
    def unreadable(self) -> int: ...
    @property
    def missing(self) -> int: ...

    def rows(self) -> Iterator[Row | Leftover]:
        """Rows that are or may be live, then deleted ones and leftover bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A database, and the logs beside it that are part of it, by the end of their names."""

    reader: Reader
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Databases:
    """Opens databases, and remembers what one file says of others."""

    catalogs: Catalogs = field(default_factory=Catalogs)

    def open(self, form: Form, source: Source, logs: Mapping[str, Source], beside: Beside) -> Opened | None:
        """The database that a file is; None where its header makes no sense."""
        reader: Reader | None
        if form is Form.SQLITE:
            return _sqlite(source, logs)
        if form is Form.POSTGRES:
            reader = read_relation(source, beside, self.catalogs)
        elif form is Form.POSTGRES_LOG:
            reader = read_log(source, beside, self.catalogs)
        else:
            reader = read_tablespace(source)
        return Opened(reader) if reader is not None else None


def _sqlite(source: Source, logs: Mapping[str, Source]) -> Opened | None:
    if read_header(source.read(0, HEADER)) is None:
        return None
    database = Database(source, logs.get("-wal"), logs.get("-journal"))
    return Opened(database, frozenset(end for end, zone in _ZONES.items() if zone in database.pages.logs))
