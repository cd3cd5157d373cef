"""What a CREATE TABLE statement says of its columns: enough to know how a row of it looks in a page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

MAX_SQL = 200_000

_TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*.*?(?:\*/|\Z)            # space and comments
    |(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<word>[^\s"'`\[\](),;]+)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_TABLE_RULES = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_COLUMN_RULES = _TABLE_RULES | {"NOT", "NULL", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"}


class Affinity(StrEnum):
    """How SQLite prefers to store a column (datatype3.html, 3.1)."""

    INTEGER = "integer"
    TEXT = "text"
    REAL = "real"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column. `alias` marks INTEGER PRIMARY KEY, whose value is the rowid and whose place holds NULL."""

    name: str
    affinity: Affinity
    required: bool = False
    alias: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its stored columns, in order; whether its rows have a rowid."""

    name: str
    columns: tuple[Column, ...]
    rowid: bool = True


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool

    def says(self, word: str) -> bool:
        return not self.quoted and self.text.upper() == word


def read_table(name: str, sql: str) -> Table | None:
    """The table that a CREATE TABLE statement makes; None for anything that is not understood."""
    tokens = list(_tokens(sql[:MAX_SQL]))
    if not tokens or not tokens[0].says("CREATE"):
        return None
    opening = next((n for n, token in enumerate(tokens) if token.says("(")), None)
    if opening is None or any(token.says("VIRTUAL") for token in tokens[:3]):
        return None
    parts = list(_parts(tokens[opening + 1 :]))
    found = [column for part in parts if (column := _column(part)) is not None]
    rowid = not _without_rowid(tokens)
    return Table(name, tuple(found if rowid else _keys_first(found, parts)), rowid) if found else None


def _without_rowid(tokens: list[_Token]) -> bool:
    return any(one.says("WITHOUT") and after.says("ROWID") for one, after in pairwise(tokens))


def _keys_first(columns: list[Column], parts: list[list[_Token]]) -> list[Column]:
    """The columns as a table without rowids stores them (withoutrowid.html): those of its key before all others."""
    keys: list[str] = []
    for part in parts:
        words = [token.text.upper() for token in part if not token.quoted]
        if "PRIMARY" not in words or "KEY" not in words:
            continue
        if _column(part) is not None:
            keys.append(part[0].text.upper())
        else:
            after = next(n for n, token in enumerate(part) if token.says("PRIMARY"))
            keys += [token.text.upper() for token in part[after + 2 :]]
    order = {key: place for place, key in reversed(list(enumerate(keys)))}
    stored = sorted(columns, key=lambda column: order.get(column.name.upper(), len(keys)))
    return [replace(column, alias=False) for column in stored]


def _tokens(sql: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(sql):
        if match["quoted"] is not None:
            mark = match["quoted"][-1]
            yield _Token(match["quoted"][1:-1].replace(mark * 2, mark), True)
        elif match["word"] is not None or match["mark"] is not None:
            yield _Token(match[0], False)


def _parts(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """The comma-separated parts of the list that was opened before the first token."""
    depth = 0
    part: list[_Token] = []
    for token in tokens:
        if token.says("("):
            depth += 1
        elif token.says(")"):
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and token.says(","):
            yield part
            part = []
            continue
        part.append(token)
    yield part


def _column(part: list[_Token]) -> Column | None:
    if not part or (not part[0].quoted and part[0].text.upper() in _TABLE_RULES):
        return None
    words = [token.text.upper() for token in part[1:] if not token.quoted]
    type_words = []
    for token in part[1:]:
        if not token.quoted and token.text.upper() in _COLUMN_RULES:
            break
        type_words.append(token.text.upper())
    if _virtual(words):
        return None
    rules = " ".join(words)
    alias = type_words == ["INTEGER"] and "PRIMARY KEY" in rules and "PRIMARY KEY DESC" not in rules
    return Column(part[0].text, affinity_of(" ".join(type_words)), "NOT NULL" in rules, alias)


def _virtual(words: list[str]) -> bool:
    """A generated column is stored only where it says STORED."""
    return "AS" in words and ("GENERATED" in words or "VIRTUAL" in words) and "STORED" not in words


def affinity_of(declared: str) -> Affinity:
    """The affinity of a declared type, by SQLite's five rules; NUMERIC may hold anything, so it is ANY here."""
    if "INT" in declared:
        return Affinity.INTEGER
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return Affinity.TEXT
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")):
        return Affinity.REAL
    return Affinity.ANY


def fits(serial: int, column: Column) -> bool:
    """Whether a value of this serial type is what the column declares."""
    if serial == 0:
        return True
    if column.alias:
        return False
    if column.affinity is Affinity.TEXT:
        return serial >= 13 and serial % 2 == 1
    return column.affinity is Affinity.ANY or serial < 10
