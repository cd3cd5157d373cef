"""Made-up people in the files of databases, in rows that are there and in what is left of others."""

import sqlite3
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from beholden.backends.evidence.seeds.texts import Format
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
        padded = _aligned(one)
        upper -= len(padded)
        pointers.append(upper | 1 << 15 | len(one) << 17)
        body = padded + body
    below = b"".join(map(_aligned, dead))
    lower = 24 + 4 * len(pointers)
    head = struct.pack("<IIHHHHHHI", 0, 1, 0, 0, lower, upper, size, size | 4, 0)
    head += struct.pack(f"<{len(pointers)}I", *pointers)
    return head.ljust(upper - len(below), b"\x00") + below + body


def _aligned(one: bytes) -> bytes:
    return one.ljust(-(-len(one) // 8) * 8, b"\x00")


def _live(one: Sought, number: int) -> bytes:
    return heap_tuple(_values(one), number=number)


def _removed(one: Sought, number: int) -> bytes:
    return heap_tuple(_values(one), xmax=701, mask=0x0502, number=number)


def _values(one: Sought) -> list[bytes]:
    return [value.encode() for value in (one.scoped_id, one.email, one.name, "Rome")]


def _vacuumed(tuples: Sequence[bytes]) -> bytes:
    """A page whose rows VACUUM gave back, and others that are there."""
    return heap_page([heap_tuple([b"-", b"-", b"no one", b"Rome"], number=n) for n in range(1, 6)], dead=tuples)


def _heap(row: Callable[[Sought, int], bytes], page: Callable[[Sequence[bytes]], bytes] = heap_page) -> Format:
    def made(people: Sequence[Sought]) -> bytes:
        pages = (people[at : at + _ON_A_PAGE] for at in range(0, len(people), _ON_A_PAGE))
        return b"".join(page([row(one, number) for number, one in enumerate(some, 1)]) for some in pages)

    return made


DATABASES: Mapping[str, Format] = {
    "SQLite, live rows": _sqlite,
    "SQLite, deleted rows": lambda people: _sqlite(people, "delete from people"),
    "PostgreSQL, live rows": _heap(_live),
    "PostgreSQL, deleted rows": _heap(_removed),
    "PostgreSQL, vacuumed rows": _heap(_removed, _vacuumed),
}
