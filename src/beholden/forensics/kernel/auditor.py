"""An index as bytes, for an auditor outside: digests, the filter, counts; the key goes to them another way.

The form: a line that names it, the length of a header, the header (JSON), the columns one behind the other, and the
SHA-256 of all that. Numbers are little-endian. A form that is not exactly so long as its header says, or whose digest
is another, is refused.
"""

import json
from collections.abc import Mapping
from hashlib import blake2s, sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.digests import as_rows
from beholden.forensics.kernel.found import LENGTHS, SHAPES
from beholden.forensics.kernel.index import Index, filter_words
from beholden.forensics.kernel.letters import ANY_MARK
from beholden.forensics.kernel.values import KINDS
from beholden.forensics.spelling import Kind
from beholden.model.errors import BadInput

_NAME: Final = b"beholden index 1\n"
_MAX_HEADER: Final = 1 << 16
_DIGEST: Final = 32
_MAX_VALUES: Final = 1 << 32
_FIXED: Final = {"counts": (SHAPES, LENGTHS), "leading": (16, 1000)}
_WORDS: Final = {"first": 0, "second": 1}
"""The columns that are words of an index's rows."""
_COLUMNS: Final = {
    "words": "<u8", "domains": "<u8", "first": "<u8", "second": "<u8", "starts": "<u4", "people": "<u4", "kinds": "u1",
    "counts": "<i8", "leading": "<i8",
}  # fmt: skip


def to_bytes(index: Index) -> bytes:
    """An index as bytes; without its key they say of nobody whether they are in it."""
    columns = {name: np.ascontiguousarray(_column(index, name), form) for name, form in _COLUMNS.items()}
    header = {
        "check": _check(index.key),
        "sizes": {name: column.size for name, column in columns.items()},
        "shift": index.shift,
        "low": index.low,
        "top": index.top,
        "address_chance": index.address_chance,
        "wide": index.wide,
        "marks": index.marks,
        "unusable": {kind.value: count for kind, count in index.unusable.items()},
    }
    head = json.dumps(header).encode()
    raw = (column.tobytes() for column in columns.values())
    made = b"".join((_NAME, len(head).to_bytes(4, "little"), head, *raw))
    return made + sha256(made).digest()


def _column(index: Index, name: str) -> NDArray[Any]:
    """A column of the form: its rows stand in it as four."""
    word = _WORDS.get(name)
    return getattr(index, name) if word is None else index.rows[:, word]


def from_bytes(raw: bytes, key: bytes) -> Index:
    """The index that a form says. Raises BadInput where it is not whole, not this form, or of another key."""
    if not raw.startswith(_NAME) or len(raw) < len(_NAME) + 4 + _DIGEST:
        raise _bad("it does not begin as one")
    if sha256(memoryview(raw)[:-_DIGEST]).digest() != raw[-_DIGEST:]:
        raise _bad("its digest is not that of its bytes")
    size = int.from_bytes(raw[len(_NAME) : len(_NAME) + 4], "little")
    at = len(_NAME) + 4 + size
    if size > _MAX_HEADER or at > len(raw):
        raise _bad("its header is too long")
    try:
        header = json.loads(raw[len(_NAME) + 4 : at])
        return _index(header, _columns(header["sizes"], raw, at), key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _bad("its header cannot be read") from error


def _columns(sizes: Mapping[str, int], raw: bytes, at: int) -> dict[str, NDArray[Any]]:
    found = dict[str, NDArray[Any]]()
    for name, form in _COLUMNS.items():
        size = sizes[name]
        length = size * np.dtype(form).itemsize
        if not isinstance(size, int) or not 0 <= size <= _MAX_VALUES or at + length > len(raw) - _DIGEST:
            raise _bad("its columns are longer than it is")
        found[name] = np.frombuffer(raw, form, size, at).astype(np.dtype(form).newbyteorder("="))
        at += length
    if at != len(raw) - _DIGEST:
        raise _bad("it is longer than its columns")
    return found


def _index(header: dict[str, Any], columns: dict[str, NDArray[Any]], key: bytes) -> Index:
    if header["check"] != _check(key):
        raise BadInput("This index was made with another key.", "Ask for the key that belongs to it.")
    size, shift, starts = len(columns["first"]), int(header["shift"]), columns["starts"]
    aligned = all(len(columns[name]) == size for name in ("second", "people", "kinds"))
    listed = 32 <= shift < 64 and len(starts) == (1 << 64 - shift) + 1 and starts[0] == 0 and starts[-1] == size
    # The kernels trust these: an index that is not in order must not reach them.
    if not aligned or not listed or (starts[1:] < starts[:-1]).any() or (columns["kinds"] >= len(KINDS)).any():
        raise _bad("its columns do not belong together")
    if len(columns["words"]) < filter_words(0) or len(columns["domains"]) < filter_words(0):
        raise _bad("its filter is too small")
    for name, form in _FIXED.items():
        columns[name] = columns[name].reshape(form)
    rows = as_rows(*(columns.pop(name) for name in ("first", "second", "kinds", "people")))
    low, top = int(header["low"]), int(header["top"])
    if not 0 <= low < 1 << 64 or not 0 <= top < 1 << 64:
        raise _bad("its range of ids is none")
    marks = int(header.get("marks", ANY_MARK))
    if not 0 <= marks <= ANY_MARK:
        raise _bad("its marks are none")
    unusable = {Kind(kind): int(count) for kind, count in header["unusable"].items()}
    return Index(
        key=key, rows=rows, shift=shift, low=low, top=top, address_chance=float(header["address_chance"]),
        wide=bool(header["wide"]), unusable=unusable, marks=marks, **columns,
    )  # fmt: skip


def _check(key: bytes) -> str:
    return blake2s(b"check", key=key, digest_size=16).hexdigest()


def _bad(reason: str) -> BadInput:
    return BadInput(f"This is not a usable index: {reason}.", "Ask for the file again.")
