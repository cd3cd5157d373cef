"""Rows of tables that are not databases (Parquet, spreadsheets), in the one spelling in which readers hand them over.

One JSON array a line, UTF-8. So a row has a place and a size, its coverage is counted like that of any file, and every
value is known with its ends.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import orjson

from beholden.forensics.source import Source

STEP = 1 << 20
_BYTES = "\x00bytes"
LONGEST = 4 << 20
"""A longer line is handed on in pieces, as text."""
AT_ONCE = 1 << 20
"""Bytes of rows that are searched together."""
_Some = TypeVar("_Some")


class Line(NamedTuple):
    """A line of a table: where it begins, its bytes, and its values, flat; None where it is no row."""

    offset: int
    raw: bytes
    values: list[object] | None


def together(found: Iterable[_Some], size: Callable[[_Some], int]) -> Iterator[list[_Some]]:
    """Things one after the other in lists of about `AT_ONCE` bytes."""
    some, held = list[_Some](), 0
    for one in found:
        some.append(one)
        held += size(one)
        if held >= AT_ONCE:
            yield some
            some, held = [], 0
    if some:
        yield some


def weight(values: Iterable[object]) -> int:
    """About how many bytes the values of a row take."""
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in values)


def line(values: Sequence[object]) -> bytes:
    """A row as it is handed over. Bytes that are no text are marked; what JSON does not know, is as Python shows it."""
    try:
        return orjson.dumps(list(values), default=_shown) + b"\n"
    except TypeError:  # numbers of more than 64 bits, broken characters
        return json.dumps(list(values), ensure_ascii=False, default=_shown).encode("utf-8", "replace") + b"\n"


def _shown(value: object) -> object:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {_BYTES: base64.b64encode(value).decode()}


def rows(source: Source) -> Iterator[Line]:
    """The lines of a table."""
    waiting, start, at = b"", 0, 0
    while data := source.read(at, STEP):
        at += len(data)
        lines = (waiting + data).split(b"\n")
        waiting = lines.pop()
        for one in lines:
            yield Line(start, one, _values(one))
            start += len(one) + 1
        if len(waiting) > LONGEST:
            yield Line(start, waiting, None)
            start, waiting = start + len(waiting), b""
    if waiting:
        yield Line(start, waiting, _values(waiting))


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
    elif isinstance(value, dict) and value.keys() == {_BYTES}:
        yield _bytes(value[_BYTES])
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _flat(inner, depth + 1)
    elif value is not None:
        yield value


def _bytes(written: object) -> object:
    try:
        return base64.b64decode(written, validate=True) if isinstance(written, str) else str(written)
    except binascii.Error:
        return written
