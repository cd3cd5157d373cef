"""Rows of tables that are not databases (Parquet, spreadsheets), in the one spelling in which readers hand them over.

One JSON array a line, UTF-8. So a row has a place and a size, its coverage is counted like that of any file, and every
value is known with its ends.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence

import orjson

from beholden.forensics.source import Source

STEP = 1 << 20
_BYTES = "\x00bytes"
LONGEST = 4 << 20
"""A longer line is handed on in pieces, as text."""


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
