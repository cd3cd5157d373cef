"""A world of made-up people, computed and not stored: everything about person n follows from the seed and n.

Friendship is symmetric for everybody: whether a and b are friends follows from the seed and the pair alone, so that
each is in the other's list. On average a person has FRIENDS friends, drawn without clustering; 270 people of a
million then have about 87,700 distinct friends: 1,000,000 * (1 - exp(-270 * 340 / 1,000,000)). Real friends cluster;
a world from a graph file (`u v` a line) has the friendships of that file instead.
"""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from examples.platform.words import FIRST_NAMES, LAST_NAMES, LIKES, POLITICS, RELIGIONS, TOWNS

FRIENDS = 340
MAX_PEOPLE = 100_000_000
MAX_EDGES = 50_000_000
MAX_LINE = 256
FIELDS = ("name", "photo", "email", "birthday", "hometown", "city", "likes", "religion", "politics", "friends")
_DOMAINS = ("example.com", "example.net", "example.org")  # nobody's, by RFC 2606
_MASK = (1 << 64) - 1
_BLOCK = 1 << 16
_FIRST_BIRTHDAY = date(1940, 1, 1)
_BIRTHDAYS = 65 * 365


class GraphError(ValueError):
    """An edge list that cannot be read; names the line."""


@dataclass(frozen=True)
class Graph:
    """Friendships from a file. Person n is the n-th label that the file names."""

    labels: tuple[str, ...]
    numbers: Mapping[str, int] = field(repr=False)
    friends: tuple[tuple[int, ...], ...] = field(repr=False)


@dataclass(frozen=True)
class World:
    """`people` persons, numbered from 0."""

    seed: int
    people: int
    graph: Graph | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.people <= MAX_PEOPLE or not 0 <= self.seed <= _MASK:
            raise ValueError(f"a world has 1 to {MAX_PEOPLE} people and a seed from 0 to 2**64 - 1")

    def outside_id(self, number: int) -> str:
        """The platform's own id of a person: `u000123`, or the label in the graph file."""
        return self.graph.labels[number] if self.graph else f"u{number:06d}"

    def number_of(self, outside_id: str) -> int | None:
        """The person with this id, or None."""
        if self.graph:
            return self.graph.numbers.get(outside_id)
        digits = outside_id[1:]
        if not outside_id.startswith("u") or not digits.isascii() or not digits.isdecimal() or len(digits) > 9:
            return None
        number = int(digits)
        return number if number < self.people and self.outside_id(number) == outside_id else None

    def name(self, number: int) -> str:
        """A person's name."""
        return _name(_mixed(self.seed, number))

    def email(self, number: int) -> str:
        """A person's address: their own, and at a domain that is nobody's."""
        draw = _mixed(self.seed, number)
        return _email(_name(draw), number, draw)

    def directory(self) -> Iterator[tuple[str, str, str]]:
        """Outside id, name and e-mail address of everybody, by number."""
        for number in range(self.people):
            draw = _mixed(self.seed, number)
            name = _name(draw)
            yield self.outside_id(number), name, _email(name, number, draw)

    def friends(self, number: int) -> Sequence[int]:
        """The numbers of a person's friends, in order."""
        if self.graph:
            return self.graph.friends[number]
        return _drawn_friends(self.seed, self.people, number)

    def record(self, number: int, fields: Sequence[str] = FIELDS) -> dict[str, Any]:
        """What the platform holds of a person; a field that they have not filled in is left out."""
        makers: Mapping[str, Callable[[int], Any]] = {
            "name": self.name,
            "email": self.email,
            "photo": lambda n: f"https://photos.example.net/{self.outside_id(n)}.jpg",
            "birthday": lambda n: _birthday(_mixed(self.seed, n, 1)).isoformat(),
            "hometown": lambda n: TOWNS[_mixed(self.seed, n, 2) % len(TOWNS)],
            "city": lambda n: TOWNS[_mixed(self.seed, n, 3) % len(TOWNS)],
            "likes": lambda n: _likes(_mixed(self.seed, n, 4)),
            "religion": lambda n: _given(RELIGIONS, _mixed(self.seed, n, 5)),
            "politics": lambda n: _given(POLITICS, _mixed(self.seed, n, 6)),
            "friends": lambda n: {"count": len(self.friends(n)), "at": "/api/friends"},
        }
        values = {name: makers[name](number) for name in fields}
        return {name: value for name, value in values.items() if value is not None}

    def sample(self, count: int, what: str) -> list[int]:
        """Different people, drawn for a purpose (`installers`): the same ones each time."""
        return Random(f"{self.seed}:{what}").sample(range(self.people), count)


def world(seed: int, people: int) -> World:
    """A world with friendships drawn at random."""
    return World(seed, people)


def world_of_graph(seed: int, path: Path) -> World:
    """A world whose people and friendships are those of an edge list (plain or gzip); raises GraphError."""
    graph = read_graph(path)
    return World(seed, len(graph.labels), graph)


def read_graph(path: Path) -> Graph:
    """Read an edge list: two labels a line, `#` begins a comment. A pair may come twice, a self-loop is no friend."""
    numbers: dict[str, int] = {}
    friends: list[set[int]] = []
    try:
        with _opened(path) as lines:
            for count, (one, other) in enumerate(_edges(lines)):
                if count >= MAX_EDGES:
                    raise GraphError(f"{path}: more than {MAX_EDGES} edges.")
                a, b = (_numbered(label, numbers, friends) for label in (one, other))
                if a != b:
                    friends[a].add(b)
                    friends[b].add(a)
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise GraphError(f"{path}: cannot be read ({error}).") from error
    if not numbers:
        raise GraphError(f"{path}: has no edge in it.")
    return Graph(tuple(numbers), numbers, tuple(tuple(sorted(some)) for some in friends))


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as head:
        packed = head.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")


def _edges(lines: IO[str]) -> Iterator[tuple[str, str]]:
    number = 0
    while line := lines.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith("\n"):
            raise GraphError(f"line {number} is longer than {MAX_LINE} characters.")
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise GraphError(f"line {number}: two labels were expected, {len(words)} found.")
        yield words[0], words[1]


def _numbered(label: str, numbers: dict[str, int], friends: list[set[int]]) -> int:
    number = numbers.setdefault(label, len(numbers))
    if number == len(friends):
        friends.append(set())
    return number


def _mixed(seed: int, number: int, what: int = 0) -> int:
    """64 bits that look random and follow from the arguments (SplitMix64's finalizer)."""
    z = (seed * 0x9E3779B97F4A7C15 + number * 0xD1342543DE82EF95 + what * 0xA0761D6478BD642F) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _name(draw: int) -> str:
    return f"{FIRST_NAMES[draw % len(FIRST_NAMES)]} {LAST_NAMES[(draw >> 32) % len(LAST_NAMES)]}"


def _email(name: str, number: int, draw: int) -> str:
    return f"{name.lower().replace(' ', '.')}.{number}@{_DOMAINS[(draw >> 16) % len(_DOMAINS)]}"


def _birthday(draw: int) -> date:
    return _FIRST_BIRTHDAY + timedelta(days=draw % _BIRTHDAYS)


def _likes(draw: int) -> list[str]:
    return sorted(Random(draw).sample(LIKES, 2 + draw % 9))


def _given(words: Sequence[str], draw: int) -> str | None:
    """Fewer than half say such a thing of themselves."""
    return words[(draw >> 8) % len(words)] if draw % 100 < 45 else None


@lru_cache(maxsize=4096)
def _drawn_friends(seed: int, people: int, number: int) -> tuple[int, ...]:
    """Everybody with whom this person's pair draws below the bar; the same computation from either side."""
    mean = min(FRIENDS, people // 3)
    if mean == 0:
        return ()
    bar = np.uint64(min(_MASK, int(mean / (people - 1) * (1 << 64))))
    found: list[int] = []
    for start in range(0, people, _BLOCK):
        others = np.arange(start, min(start + _BLOCK, people), dtype=np.uint64)
        drawn = _pair_draws(seed, np.uint64(number), others) < bar
        found.extend(int(other) for other in np.flatnonzero(drawn) + start)
    return tuple(other for other in found if other != number)


def _pair_draws(seed: int, one: np.uint64, others: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """`_mixed` of each pair, smaller number first, on a block that fits the processor's cache."""
    salt = np.uint64(_mixed(seed, 0, 7))
    z = np.minimum(others, one) * np.uint64(0x9E3779B97F4A7C15)
    z += np.maximum(others, one) * np.uint64(0xD1342543DE82EF95)
    z ^= salt
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
