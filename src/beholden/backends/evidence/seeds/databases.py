"""Made-up people in the files of databases, in rows that are there and in what is left of others."""

import sqlite3
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from beholden.forensics.needles import Sought

_SCHEMA = "create table people (id integer primary key, uid text, email text, name text, city text)"
_ON_A_PAGE = 40


def _sqlite(people: Sequence[Sought], *after: str) -> bytes:
    """A file that SQLite itself wrote; deleted content stays, which Debian's SQLite must be told."""
    with tempfile.TemporaryDirectory(prefix="beholden-seeds-") as folder:
        path = Path(folder) / "seeds.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("pragma secure_delete=off")
            connection.execute(_SCHEMA)
            connection.execute("begin")
            rows = [(p.scoped_id, p.email, p.name, "Rome") for p in people]
            connection.executemany("insert into people (uid, email, name, city) values (?, ?, ?, ?)", rows)
            connection.execute("commit")
            for statement in after:
                connection.execute(statement)
        return path.read_bytes()


def heap_tuple(
    values: Sequence[bytes], *, xmin: int = 700, xmax: int = 0, mask: int = 0x0902, number: int = 1
) -> bytes:
    """A tuple of short texts, as PostgreSQL writes it (access/htup_details.h); by default one that is committed and
    not removed."""
    texts = b"".join(bytes([len(value) * 2 + 3]) + value for value in values)
    return struct.pack("<IIIHHHHHB", xmin, xmax, 0, 0, 0, number, len(values), mask, 24) + b"\x00" + texts


def heap_page(tuples: Sequence[bytes], size: int = 8192, dead: Sequence[bytes] = ()) -> bytes:
    """A page of tuples (storage/bufpage.h), and below them some that no line pointer names."""
    upper, pointers, body = size, [], b""
    for one in tuples:
        padded = one.ljust(-(-len(one) // 8) * 8, b"\x00")
        upper -= len(padded)
        pointers.append(upper | 1 << 15 | len(one) << 17)
        body = padded + body
    below = b"".join(one.ljust(-(-len(one) // 8) * 8, b"\x00") for one in dead)
    lower = 24 + 4 * len(pointers)
    head = struct.pack("<IIHHHHHHI", 0, 1, 0, 0, lower, upper, size, size | 4, 0)
    head += struct.pack(f"<{len(pointers)}I", *pointers)
    return head.ljust(upper - len(below), b"\x00") + below + body


def _values(one: Sought) -> list[bytes]:
    return [value.encode() for value in (one.scoped_id, one.email, one.name, "Rome")]


def _heap(people: Sequence[Sought], *, removed: bool = False) -> bytes:
    xmax, mask = (701, 0x0502) if removed else (0, 0x0902)
    pages = (people[at : at + _ON_A_PAGE] for at in range(0, len(people), _ON_A_PAGE))
    return b"".join(
        heap_page([heap_tuple(_values(one), xmax=xmax, mask=mask, number=n) for n, one in enumerate(some, 1)])
        for some in pages
    )


def _vacuumed(people: Sequence[Sought]) -> bytes:
    """Rows whose place VACUUM gave back, beside some that were never theirs."""
    others = [heap_tuple([b"-", b"-", b"no one", b"Rome"], number=n) for n in range(1, 6)]
    pages = (people[at : at + _ON_A_PAGE] for at in range(0, len(people), _ON_A_PAGE))
    return b"".join(
        heap_page(others, dead=[heap_tuple(_values(one), xmax=701, mask=0x0502) for one in some]) for some in pages
    )


DATABASES: Mapping[str, Callable[[Sequence[Sought]], bytes]] = {
    "SQLite, live rows": _sqlite,
    "SQLite, deleted rows": lambda people: _sqlite(people, "delete from people"),
    "PostgreSQL, live rows": _heap,
    "PostgreSQL, deleted rows": lambda people: _heap(people, removed=True),
    "PostgreSQL, vacuumed rows": _vacuumed,
}
