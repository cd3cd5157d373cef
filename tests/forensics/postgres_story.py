"""What the tests of PostgreSQL's files share: a real server's data directory, copied after each step of a story."""

import random
import re
import shutil
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pg8000.native

from beholden.forensics.beside import Beside
from beholden.forensics.database_rows import Leftover, Row
from beholden.forensics.needles import Sought
from beholden.forensics.postgres.cluster import Catalogs, read_relation
from beholden.forensics.postgres.log import read_log
from beholden.forensics.region import State
from beholden.forensics.source import Held, Source
from tests.contracts.server import PostgresServer, postgres
from tests.forensics.people import crowd

PEOPLE = crowd(1500)
LATER = crowd(200, start=5000)
ABORTED = crowd(100, start=7000)
LETTERS = crowd(40, start=9000)
FRIENDS = "create table friends (id int8 primary key, uid text, email text, junk text, name text, age int, born date)"
KINDS = """create table kinds as select 1::int2 as a, -7::int8 as b, true as c, 2.5::float8 as d, -12345678.000250 as e,
'{"mail": "x@y.example", "n": [1, -20000.5, null, true, {"deep": ["q"]}]}'::jsonb as f, '{"p","q r",null}'::text[] as g,
'1969-07-20'::date as h, '2001-02-03 04:05:06.000007'::timestamp as i, '10.1.2.3'::inet as j,
'6f0e2b9c-2d5d-4f7e-9d3a-0a1b2c3d4e5f'::uuid as k, 'ab'::char(5) as l, 'name'::name as m, '\\x00ff'::bytea as n,
repeat('long ', 2000) as o, null::text as p, '{3,4}'::int8[] as q, 'x'::"char" as r, 1e20::numeric as s"""
VALUES = (
    1, -7, 1, 2.5, "-12345678.00025",
    '{"n": [1, "-20000.5", null, true, {"deep": ["q"]}], "mail": "x@y.example"}', "p, q r", "1969-07-20",
    "2001-02-03 04:05:06.000007", "10.1.2.3", "6f0e2b9c-2d5d-4f7e-9d3a-0a1b2c3d4e5f", "ab   ", "name", b"\x00\xff",
    "long " * 2000, None, "3, 4", "x", 10**20,
)  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """A copy of the data directory. `files` leads from a table to its file, by way of the server's own word."""

    root: Path
    files: dict[str, str]

    def data(self, table: str) -> bytes:
        """The bytes of a table's file."""
        return (self.root / self.files[table]).read_bytes()

    def log(self) -> list[Path]:
        """The segments of the log."""
        return sorted(path for path in (self.root / "pg_wal").iterdir() if path.is_file() and len(path.name) == 24)

    def open(self, path: str) -> Source | None:
        """A file of the copy."""
        full = self.root / path
        return Held(full.read_bytes()) if full.is_file() else None

    def beside(self, path: str) -> Beside:
        """The files around one."""
        return Beside(path, str(self.root), self.open)

    def rows(self, table: str, *, alone: bool) -> list[Row | Leftover]:
        """A table's file as the reader gives it, alone or among the others."""
        path = self.files[table]
        source = Held(self.data(table))
        found = read_relation(source) if alone else read_relation(source, self.beside(path), Catalogs())
        assert found is not None
        return list(found.rows())

    def logged(self, *, alone: bool) -> list[Row | Leftover]:
        """The log as its reader gives it."""
        found: list[Row | Leftover] = []
        catalogs = Catalogs()
        for path in self.log():
            source = Held(path.read_bytes())
            log = read_log(source) if alone else read_log(source, self.beside(f"pg_wal/{path.name}"), catalogs)
            found += log.rows() if log is not None else []
        return found


def uids(rows: Sequence[Row | Leftover], state: State) -> set[str]:
    """Whose id stands in rows of a state."""
    return {str(row.values[1]) for row in rows if isinstance(row, Row) and row.state is state and len(row.values) == 7}


def present(data: bytes, people: Sequence[Sought]) -> set[str]:
    """Whose id and address stand side by side in the bytes, looked up without any of our code."""
    found = re.findall(rb"([a-z2-7]{26})[^a-z](u\d+\.\d+@\w+\.example)", data, re.DOTALL)
    pairs = {(uid.decode(), email.decode()) for uid, email in found}
    return {one.scoped_id for one in people if (one.scoped_id, one.email) in pairs}


def toasted(people: Sequence[Sought]) -> list[Sought]:
    """Those whose long text is in the TOAST table."""
    return [one for one in people if int(one.person) % 3 < 2]


def noise(seed: int, length: int) -> str:
    """Text that does not compress."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=length))


class Story:
    """A server, a connection to it, and what was copied so far."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        address = str(server.data.parent / ".s.PGSQL.5432")
        self._connection = pg8000.native.Connection("postgres", database="postgres", unix_sock=address)
        self.copies: dict[str, Copy] = {}

    def run(self, *statements: str) -> None:
        """Run statements, each on its own."""
        for statement in statements:
            self._connection.run(statement)

    def insert(self, people: Sequence[Sought]) -> None:
        """Put people into the table."""
        for one in people:
            self._connection.run(
                "insert into friends values (:id, :uid, :email, :name, :age, date '1990-02-03')",
                id=int(one.person), uid=one.scoped_id, email=one.email, name=one.name, age=20 + int(one.person) % 60,
            )  # fmt: skip

    def letters(self, people: Sequence[Sought]) -> None:
        """Long texts: those that do not compress, those that lie compressed in TOAST, those compressed in their row."""
        for one in people:
            n = int(one.person)
            about = f"{one.email} {one.name} {one.scoped_id}"
            plain, packed, inline = noise(n, 4000) + about + noise(-n, 4000), noise(n, 3000), noise(n, 500)
            text = (plain, f"{packed} {about} " * 8, f"{inline} {about} " * 8)[n % 3]
            self._connection.run("insert into letters values (:id, :body)", id=n, body=text)

    def keep(self, name: str) -> None:
        """Copy the data directory under a name, with everything in it written to its files."""
        self._connection.run("checkpoint")
        listed = self._connection.run(
            "select relname, pg_relation_filepath(oid) from pg_class where relfilenode <> 0 or relname = 'pg_class'"
        )
        files = {str(table): str(path) for table, path in listed or ()}
        (toast,) = self._connection.run("select reltoastrelid::regclass::text from pg_class where relname = 'letters'")
        files["letters' TOAST"] = files[str(toast[0]).split(".")[1]]
        shutil.copytree(self._server.data, self._folder / name, ignore=lambda *_: ["postmaster.pid"])
        self.copies[name] = Copy(self._folder / name, files)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def story(folder: Path) -> Iterator[dict[str, Copy]]:
    """All steps, from the first rows to a table that was written anew."""
    with postgres(durable=True) as server:
        told = Story(server, folder)
        told.run("alter system set autovacuum = off", "select pg_reload_conf()")
        told.run(FRIENDS, "alter table friends drop column junk", "create index by_email on friends (email)")
        told.run("create table letters (id int, body text)", KINDS)
        told.run("begin")
        told.insert(PEOPLE)
        told.letters(LETTERS)
        told.run("commit", "analyze friends")
        told.keep("inserted")
        told.run("delete from friends where id % 3 <> 0", "delete from letters where id % 4 < 2")
        told.keep("deleted")
        told.run("vacuum friends", "vacuum letters")
        told.keep("vacuumed")
        told.run("begin")
        told.insert(LATER)
        told.run("commit")
        told.keep("reused")
        told.run("update friends set age = age + 1 where id % 2 = 0")
        told.keep("updated")
        told.run("begin")
        told.insert(ABORTED)
        told.run("rollback")
        told.keep("aborted")
        told.run("vacuum full friends", "vacuum full letters")
        told.keep("full")
        told.close()
        yield told.copies
