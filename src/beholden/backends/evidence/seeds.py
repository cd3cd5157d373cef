"""Files that made-up people are planted in: one for each format and spelling that an examination says it reads."""

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from beholden.forensics.needles import Sought

_SCHEMA = "create table people (id integer primary key, uid text, email text, name text, city text)"


class FormatSeeds:
    """The formats that the examiner knows. See Seeds."""

    def planted(self, people: Sequence[Sought]) -> Iterator[tuple[str, bytes]]:
        """See Seeds."""
        table = _csv(people)
        for name, make in _SPELT.items():
            yield name, make(people)
        for name, pack in _PACKED.items():
            yield name, pack(table.encode())
        yield from _databases(people)


def _csv(people: Sequence[Sought]) -> str:
    return "id,email,name,city\n" + "".join(f"{p.scoped_id},{p.email},{p.name},Rome\n" for p in people)


def _json(people: Sequence[Sought]) -> str:
    return "\n".join(json.dumps({"id": p.scoped_id, "email": p.email, "name": p.name}) for p in people)


def _sql(people: Sequence[Sought]) -> str:
    rows = ",".join(f"({int(p.person)},'{p.email}','{p.name}',NULL)" for p in people)
    return f"INSERT INTO `people` VALUES {rows};\n"  # noqa: S608 - a text, never run


def _log(people: Sequence[Sought]) -> str:
    line = '10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /u/{}?mail={} HTTP/1.1" 200 512\n'
    return "".join(line.format(p.scoped_id, p.email.replace("@", "%40")) for p in people)


_SPELT: dict[str, Callable[[Sequence[Sought]], bytes]] = {
    "CSV in UTF-8": lambda people: _csv(people).encode(),
    "CSV in UTF-16": lambda people: _csv(people).encode("utf-16"),
    "CSV in UTF-16, big end first": lambda people: _csv(people).encode("utf-16-be"),
    "JSON": lambda people: _json(people).encode(),
    "JSON, signs escaped": lambda people: _json(people).replace("@", "\\u0040").encode(),
    "SQL dump": lambda people: _sql(people).encode(),
    "web log, signs escaped": lambda people: _log(people).encode(),
}


def _zip(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("people.csv", data)
    return packed.getvalue()


def _tar(data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        member = tarfile.TarInfo("people.csv")
        member.size = len(data)
        file.addfile(member, io.BytesIO(data))
    return packed.getvalue()


_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": _zip,
    "tar": _tar,
    "tar in gzip": lambda data: gzip.compress(_tar(data)),
}


def _databases(people: Sequence[Sought]) -> Iterator[tuple[str, bytes]]:
    yield "SQLite, live rows", _database(people, ())
    yield "SQLite, deleted rows", _database(people, ("delete from people",))


def _database(people: Sequence[Sought], after: Sequence[str]) -> bytes:
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
