"""The public entry: 45 bytes that anyone may read, and the only thing that the tree is made of.

    kind and version 1 | time 8 | app 4 | commitment 32        (big-endian)

The upper half of the first byte is the version (1), the lower half the kind. The time is microseconds since 1970, when
the entry got its place; it never goes backwards. The app is 0 where none is concerned. The commitment is
SHA-256(salt || private record), so that an entry says when and which app, and nobody without the salt learns whom.
"""

import struct
from collections.abc import Container, Iterator
from enum import IntEnum
from typing import NamedTuple

from beholden.model.errors import Damaged

SIZE = 45
MAX_APP = 0xFFFF_FFFF
_VERSION = 1
_LAYOUT = struct.Struct(">BqI32s")


class Kind(IntEnum):
    """What an entry is about."""

    DISCLOSURE = 1
    ACT = 2
    ERASURE = 3


_KINDS = {(_VERSION << 4) | kind: kind for kind in Kind}


class Entry(NamedTuple):
    """One public entry; `time` in microseconds since 1970."""

    kind: Kind
    time: int
    app: int
    commitment: bytes


def pack(kind: Kind, time: int, app: int, commitment: bytes) -> bytes:
    """The 45 bytes of an entry."""
    return _LAYOUT.pack((_VERSION << 4) | kind, time, app, commitment)


def unpack(data: bytes) -> Entry:
    """Read an entry; raises Damaged when these are not 45 bytes of a known kind."""
    if len(data) != SIZE:
        raise Damaged(f"An entry has {len(data)} bytes instead of {SIZE}.")
    return _entry(*_LAYOUT.unpack(data))


def places(data: bytes, kind: Kind, apps: Container[int] | None = None) -> Iterator[int]:
    """Which of the entries that stand one after another are of a kind and, where given, of one of these apps."""
    wanted = (_VERSION << 4) | kind
    for place, (first, _, app, _) in enumerate(_LAYOUT.iter_unpack(data)):
        if first == wanted and (apps is None or app in apps):
            yield place


def _entry(first: int, time: int, app: int, commitment: bytes) -> Entry:
    kind = _KINDS.get(first)
    if kind is None:
        raise Damaged(f"An entry begins with 0x{first:02x}, which is no known kind and version.")
    return Entry(kind, time, app, commitment)
