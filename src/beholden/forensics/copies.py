"""Near copies of disclosed texts: what somebody wrote about themselves, with some words changed.

A text is cut into shingles of `SHINGLE` words, each a 64-bit number. Winnowing (Schleimer, Wilkerson and Aiken 2003)
keeps the smallest of every `WINDOW` shingles of a known text, so that any run of `SHINGLE + WINDOW - 1` words that
both texts have in common is certain to be met. What is met is then compared whole: the share of the known text's
shingles that stand there. A share from `ALIKE` on is a near copy.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from beholden.forensics.spelling import words
from beholden.model.ids import PersonNumber

SHINGLE = 3
WINDOW = 4
ALIKE = 0.35
"""Three words in a row must all be left as they were; one word in four changed still leaves about this share."""
FEWEST_WORDS = 12
"""A shorter text is a phrase that anybody may write."""
MAX_OWNERS = 50
"""A shingle that more people's texts have tells nobody apart."""
STRETCH = 3
"""How much longer than the known text a stretch may be in which its shingles are counted."""


@dataclass(frozen=True, slots=True)
class Known:
    """A text that was disclosed of a person, by its shingles."""

    person: PersonNumber
    name: str
    shingles: frozenset[int]


@dataclass(frozen=True, slots=True)
class Copy:
    """A near copy: whose text, which field, and what share of it stands there, from which word on."""

    person: PersonNumber
    name: str
    share: float
    word: int


@dataclass(slots=True)
class Copies:
    """The texts that are looked for, by their winnowed shingles. `short` counts those with too few words."""

    known: list[Known] = field(default_factory=list)
    marks: dict[int, tuple[int, ...]] = field(default_factory=dict)
    short: int = 0

    def add(self, person: PersonNumber, name: str, text: str) -> None:
        """Look for this text of a person's field."""
        row = shingles(text)
        if len(row) + SHINGLE - 1 < FEWEST_WORDS:
            self.short += 1
            return
        place = len(self.known)
        self.known.append(Known(person, name, frozenset(row)))
        for mark in winnowed(row):
            owners = self.marks.get(mark, ())
            if place not in owners and len(owners) <= MAX_OWNERS:
                self.marks[mark] = (*owners, place)

    def within(self, text: str) -> list[Copy]:
        """The near copies in a text, each person's field once, where most of it stands."""
        row = shingles(text)
        met: dict[int, list[int]] = {}
        for at, shingle in enumerate(row):
            owners = self.marks.get(shingle, ())
            if len(owners) <= MAX_OWNERS:
                for place in owners:
                    met.setdefault(place, []).append(at)
        found = (self._best(row, self.known[place], places) for place, places in sorted(met.items()))
        return [copy for copy in found if copy.share >= ALIKE]

    def _best(self, row: Sequence[int], one: Known, places: Sequence[int]) -> Copy:
        """The stretch with the largest share, of those around where something was met."""
        size = len(one.shingles)
        best, word, last = 0.0, places[0], -1
        for at in places:
            if at < last:
                continue
            start, end = max(0, at - size), at + STRETCH * size
            last = at + size // 2
            share = len(one.shingles.intersection(row[start:end])) / size
            if share > best:
                best, word = share, at
        return Copy(one.person, one.name, best, word)


def copies(texts: Iterable[tuple[PersonNumber, str, str]]) -> Copies:
    """An index of texts: person, name of the field, text."""
    made = Copies()
    for person, name, text in texts:
        made.add(person, name, text)
    return made


def copied(known: str, text: str) -> bool:
    """Whether a text holds a near copy of a known one: for the surroundings of a find, which are short."""
    wanted = set(shingles(known))
    if len(wanted) + SHINGLE - 1 < FEWEST_WORDS:
        return False
    return len(wanted.intersection(shingles(text))) >= ALIKE * len(wanted)


def shingles(text: str) -> list[int]:
    """All runs of `SHINGLE` words as numbers, in order; spelling, case and punctuation do not matter."""
    found = words(unicodedata.normalize("NFKC", text))
    runs = (" ".join(found[at : at + SHINGLE]) for at in range(len(found) - SHINGLE + 1))
    return [int.from_bytes(blake2b(run.encode(), digest_size=8).digest(), "big") for run in runs]


def winnowed(row: Sequence[int]) -> Iterator[int]:
    """The smallest of every `WINDOW` in a row, each place once."""
    last = -1
    for start in range(max(1, len(row) - WINDOW + 1)):
        window = range(start, min(len(row), start + WINDOW))
        smallest = min(window, key=lambda at: (row[at], -at), default=None)
        if smallest is not None and smallest != last:
            last = smallest
            yield row[smallest]
