"""C2SP tlog-tiles: the tree and its entries as static files, and the right edge that a log keeps to go on.

Tile n of level l has the hashes of up to 256 subtrees of 256**l leaves; a bundle has up to 256 entries, each after its
length in two bytes. What has 256 is full and never changes; what has fewer is partial and bears its width in its path.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from beholden.ledger import tree
from beholden.model.errors import Damaged

WIDTH = 256
HASH = tree.HASH_SIZE
ENTRIES = -1
"""The level under which bundles of entries stand."""
CHECKPOINT = "checkpoint"
MAX_LEVEL = 7
"""256**8 leaves are more than a place in the log can say."""
_PATH = re.compile(r"tile/(entries|[0-7])/((?:x\d{3}/){0,6})(\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)

Read = Callable[[str], bytes | None]
"""Hands over a published file by its path, or None where there is none."""


class Place(NamedTuple):
    """Which tile or bundle a path names."""

    level: int
    number: int
    width: int


class File(NamedTuple):
    """A file to be published."""

    path: str
    content: bytes


def path(level: int, number: int, width: int = WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]`; level ENTRIES is a bundle."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03d}")
    suffix = f".p/{width}" if width < WIDTH else ""
    return f"tile/{'entries' if level == ENTRIES else level}/{'/'.join(parts)}{suffix}"


def place(path_: str) -> Place | None:
    """What a path names, None when it is not exactly as `path` writes it; so nothing else is ever served."""
    found = _PATH.fullmatch(path_)
    if found is None:
        return None
    level = ENTRIES if found[1] == "entries" else int(found[1])
    number = int("".join(c for c in found[2] + found[3] if c.isdigit()))
    named = Place(level, number, int(found[4]) if found[4] else WIDTH)
    return named if path(*named) == path_ else None


def width(level: int, number: int, size: int) -> int:
    """How many hashes or entries the tile or bundle has in a tree of that size; 0 when it is not in it."""
    held = size if level == ENTRIES else size >> (8 * level)
    return max(0, min(WIDTH, held - number * WIDTH))


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """A bundle of entries."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; raises Damaged when it is cut short."""
    entries, at = list[bytes](), 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Damaged("A bundle of entries is cut short.")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def hashes(tile: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [tile[i : i + HASH] for i in range(0, len(tile), HASH)]


def fetch(read: Read, level: int, number: int, wanted: int) -> bytes | None:
    """The first `wanted` hashes or entries of a tile or bundle: the partial one, or cut from the full one.

    A partial file may be gone once the full one is there (tlog-tiles, Partial Tiles).
    """
    data = read(path(level, number, wanted))
    if data is None and wanted < WIDTH:
        data = read(path(level, number))
        if data is not None:
            data = prefix(level, data, wanted)
    return data


def prefix(level: int, data: bytes, wanted: int) -> bytes:
    """The first `wanted` hashes of a tile, or entries of a bundle."""
    return pack_bundle(unpack_bundle(data)[:wanted]) if level == ENTRIES else data[: wanted * HASH]


def subtrees(read: Read, size: int) -> tree.Perfect:
    """Perfect subtrees of the published tree of that size, each from one tile; Damaged when a tile is not there."""

    def perfect(start: int, height: int) -> bytes:
        level, inner = divmod(height, 8)
        number, first = divmod(start >> (8 * level), WIDTH)
        wanted = width(level, number, size)
        data = fetch(read, level, number, wanted)
        if data is None or len(data) != wanted * HASH:
            raise Damaged(f"The file {path(level, number, wanted)} is missing or has the wrong length.", MEND)
        return tree.perfect_hash(hashes(data)[first : first + (1 << inner)])

    return perfect


MEND = "Keep a copy as evidence, then remove the whole folder `public/tile`: it is written again from the segments."


@dataclass
class Edge:
    """The right edge of a tree: its partial tiles, level by level, and its partial bundle. All that growing needs."""

    size: int = 0
    levels: list[bytearray] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)

    def extend(self, entries: Iterable[bytes]) -> Iterator[File]:
        """Add entries; the files that become full on the way, each once."""
        for entry in entries:
            self.entries.append(entry)
            yield from self._push(0, tree.leaf_hash(entry))
            if len(self.entries) == WIDTH:
                yield File(path(ENTRIES, self.size // WIDTH), pack_bundle(self.entries))
                self.entries = []
            self.size += 1

    def _push(self, level: int, hash_: bytes) -> Iterator[File]:
        if level == len(self.levels):
            self.levels.append(bytearray())
        tile = self.levels[level]
        tile += hash_
        if len(tile) == WIDTH * HASH:
            full = bytes(tile)
            tile.clear()
            yield File(path(level, self.size >> (8 * (level + 1))), full)
            yield from self._push(level + 1, tree.perfect_hash(hashes(full)))

    def partial(self) -> Iterator[File]:
        """The partial files of the tree as it stands."""
        for level, tile in enumerate(self.levels):
            if tile:
                number = self.size >> (8 * (level + 1))
                yield File(path(level, number, len(tile) // HASH), bytes(tile))
        if self.entries:
            yield File(path(ENTRIES, self.size // WIDTH, len(self.entries)), pack_bundle(self.entries))

    def root(self) -> bytes:
        """The root hash."""
        return tree.joined(peak for tile in reversed(self.levels) for peak in _peaks(hashes(bytes(tile))))


def _peaks(held: list[bytes]) -> Iterator[bytes]:
    """The perfect subtrees over a partial tile's hashes, largest first."""
    at = 0
    while at < len(held):
        count = 1 << ((len(held) - at).bit_length() - 1)
        yield tree.perfect_hash(held[at : at + count])
        at += count


def edge(read: Read, size: int) -> Edge:
    """The right edge of the published tree; raises Damaged when a file of it is not what it must be."""
    found = Edge(size)
    top = max(0, (size.bit_length() - 1) // 8) if size else -1
    for level in range(top + 1):
        number = size >> (8 * (level + 1))
        found.levels.append(bytearray(_part(read, level, number, width(level, number, size))))
    count = size % WIDTH
    found.entries = unpack_bundle(_part(read, ENTRIES, size // WIDTH, count))
    leaves = b"".join(map(tree.leaf_hash, found.entries))
    if len(found.entries) != count or (count and leaves != bytes(found.levels[0])):
        raise Damaged(f"The bundle {path(ENTRIES, size // WIDTH, count)} is not what its tile says.", MEND)
    return found


def _part(read: Read, level: int, number: int, wanted: int) -> bytes:
    if wanted == 0:
        return b""
    data = fetch(read, level, number, wanted)
    if data is None or (level != ENTRIES and len(data) != wanted * HASH):
        raise Damaged(f"The file {path(level, number, wanted)} is missing or has the wrong length.", MEND)
    return data
