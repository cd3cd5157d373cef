"""Rows of tables that are not databases (Parquet, spreadsheets), in the one spelling in which readers hand them over.

One JSON array a line, UTF-8. So a row has a place and a size, its coverage is counted like that of any file, and every
value is known with its ends.
"""

import json
from collections.abc import Iterator, Sequence

from beholden.forensics.source import Source

STEP = 1 << 20
LONGEST = 4 << 20
"""A longer line is handed on in pieces, as text."""


def line(values: Sequence[object]) -> bytes:
    """A row as it is handed over. Bytes are written as text; what JSON does not know, as Python shows it."""
    return json.dumps(list(values), ensure_ascii=False, default=_shown).encode("utf-8", "replace") + b"\n"


def _shown(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def rows(source: Source) -> Iterator[tuple[int, bytes, list[object] | None]]:
    """Where each line begins, its bytes, and its values, flat; None where it is no row."""
    waiting, start, at = b"", 0, 0
    while data := source.read(at, STEP):
        at += len(data)
        lines = (waiting + data).split(b"\n")
        waiting = lines.pop()
        for one in lines:
            yield start, one, _values(one)
            start += len(one) + 1
        if len(waiting) > LONGEST:
            yield start, waiting, None
            start, waiting = start + len(waiting), b""
    if waiting:
        yield start, waiting, _values(waiting)


def _values(one: bytes) -> list[object] | None:
    try:
        found = json.loads(one)
    except (ValueError, RecursionError):
        return None
    return list(_flat(found, 0)) if isinstance(found, list) else None


def _flat(value: object, depth: int) -> Iterator[object]:
    """The single values of a row, those inside lists and records too."""
    if depth > 50:
        yield str(value)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner, depth + 1)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _flat(inner, depth + 1)
    elif value is not None:
        yield value
