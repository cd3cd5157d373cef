"""What the tests of forensics share: made-up people, an examiner for them, and databases made by SQLite itself."""

import random
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Statement
from beholden.forensics.examiner import Examiner, Place
from beholden.forensics.needles import Needles, Sought, needles
from beholden.forensics.source import Held
from beholden.gate.pairwise import scoped_ids
from beholden.model.ids import AppNumber, PersonNumber

AT = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = ("Anna", "Björn", "Carla", "Dieter", "Émile", "Farid", "Greta", "Hugo", "Ines", "Łukasz", "Karla", "Zoë")
LAST = ("Meyer", "Günther", "Koch", "O'Brien", "Wolf", "Neumann", "Braun", "Novák", "Kraus", "Vogel", "Frank", "Berg")
SCHEMA = "create table friends (id integer primary key, uid text, email text, name text, city text, age int)"


def person(number: int, app: int = 1) -> Sought:
    """One person as an app would hold them; the same for the same numbers."""
    chance = random.Random(number)
    first, last = chance.choice(FIRST), chance.choice(LAST)
    scoped = scoped_ids(b"k" * 32, AppNumber(app), [PersonNumber(number)])[0]
    email = f"u{number}.{chance.randrange(10**6)}@{chance.choice(('post', 'mail'))}.example"
    return Sought(PersonNumber(number), scoped, f"platform-{number:09d}", email, f"{first} {last}", AT, AT)


def crowd(count: int, start: int = 1, app: int = 1) -> list[Sought]:
    """Several people."""
    return [person(number, app) for number in range(start, start + count)]


def looking_for(people: Iterable[Sought]) -> Needles:
    """Needles without value digests."""
    return needles(people, nothing_disclosed)


def nothing_disclosed(_person: PersonNumber, _field: str, _value: str) -> bool:
    """As if the ledger had no digest of any value. It has a name, so that other processes find it."""
    return False


class Search:
    """An examiner on bytes, with the real unpacker."""

    def __init__(self, people: Iterable[Sought], limits: Limits | None = None) -> None:
        chosen = limits or Limits()
        unpack = FileEvidence(chosen).entries
        self.examiner = Examiner(looking_for(people), chosen, unpack, lambda _more: None)

    def through(self, data: bytes, name: str = "exhibit", **logs: bytes) -> "Search":
        """Search one file; `wal` and `journal` are its logs."""
        beside = {f"-{ending}": Held(raw) for ending, raw in logs.items()}
        self.examiner.examine(Place(1, name), Held(data), beside)
        return self

    @property
    def found(self) -> set[int]:
        """Everyone corroborated."""
        return {int(n) for n, one in self.examiner.tally.people.items() if one.corroborated}

    @property
    def alone(self) -> set[int]:
        """Everyone met by one field only."""
        return {int(n) for n, one in self.examiner.tally.people.items() if not one.corroborated}

    @property
    def live(self) -> set[int]:
        """Everyone found in live content."""
        return {int(n) for n, one in self.examiner.tally.people.items() if one.corroborated and one.live}

    @property
    def coverage(self) -> Statement:
        """What was read."""
        return self.examiner.coverage.statement()


def numbers(people: Iterable[Sought]) -> set[int]:
    """Their numbers."""
    return {int(one.person) for one in people}


def csv(people: Iterable[Sought]) -> str:
    """A table as apps export it."""
    rows = (f'{one.scoped_id},{one.email},"{one.name}",Rome' for one in people)
    return "id,email,name,city\n" + "\n".join(rows) + "\n"


def database(
    path: Path,
    people: Sequence[Sought],
    *,
    after: Sequence[str] = (),
    pragmas: Sequence[str] = (),
    schema: str = SCHEMA,
) -> bytes:
    """A file made by SQLite: the people's rows, then the statements. Deleted content stays unless `pragmas` say else.

    Debian's SQLite overwrites deleted content by default, hence the explicit secure_delete.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("secure_delete=off", *pragmas):
            connection.execute(f"pragma {pragma}")
        connection.execute(schema)
        connection.execute("begin")
        rows = [(one.scoped_id, one.email, one.name, "Rome", 20 + int(one.person) % 60) for one in people]
        connection.executemany("insert into friends (uid, email, name, city, age) values (?, ?, ?, ?, ?)", rows)
        connection.execute("commit")
        for statement in after:
            connection.execute(statement)
    return path.read_bytes()
