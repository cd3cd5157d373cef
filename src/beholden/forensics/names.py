"""Names beside a hit, looked for at the speed of the hits: every word of a name, by its hash.

What the quick look cannot say for sure (letters beyond ASCII, which it does not fold) is looked at again as text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.readings.compiled import inner
from beholden.forensics.spelling import words
from beholden.model.ids import PersonNumber

NO: Final = 0
YES: Final = 1
ASK: Final = 2
SHORTEST = 5
"""Letters that a name has at least; a shorter one tells nothing in the midst of a text."""
_OFFSET, _PRIME = 0xCBF2_9CE4_8422_2325, 0x0000_0100_0000_01B3


@dataclass(frozen=True, slots=True)
class Names:
    """The words of names: those of `people[i]` are `hashes[bounds[i]:bounds[i + 1]]`; people in order of number."""

    people: NDArray[np.int64]
    bounds: NDArray[np.int64]
    hashes: NDArray[np.uint64]

    def rows(self, people: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where people are; all of them must be known."""
        return np.searchsorted(self.people, people).astype(np.int64)


def names(people: Iterable[tuple[PersonNumber, str]]) -> Names:
    """The words of everyone's name; none of a name that is too short to tell anything."""
    ordered = sorted((int(person), name) for person, name in people)
    hashes: list[int] = []
    bounds = [0]
    for _, name in ordered:
        wanted = words(name)
        if sum(map(len, wanted)) >= SHORTEST:
            hashes.extend(_hash(word.encode()) for word in wanted)
        bounds.append(len(hashes))
    numbers = np.array([person for person, _ in ordered], np.int64)
    return Names(numbers, np.array(bounds, np.int64), np.array(hashes, np.uint64))


def _hash(word: bytes) -> int:
    """FNV-1a of 64 bits."""
    value = _OFFSET
    for letter in word:
        value = ((value ^ letter) * _PRIME) & 0xFFFF_FFFF_FFFF_FFFF
    return value


@inner
def named(
    data: Any, low: int, high: int, begins: Any, ends: Any, first: int, last: int, hashes: Any, words_from: int,
    words_to: int,
) -> int:  # fmt: skip
    """Whether all words of a name stand between low and high, outside the spans first to last: NO, YES or ASK."""
    wanted = words_to - words_from
    if wanted == 0 or wanted > 60:
        return 2 if wanted else 0
    seen: Any = np.uint64(0)
    wide_any: Any = False
    hashed, length = np.uint64(0xCBF2_9CE4_8422_2325), 0
    span, at = first, low
    while at <= high:
        letter = np.uint8(32)
        step = 1
        if at < high:
            while span < last and ends[span] <= at:
                span += 1
            if span < last and begins[span] <= at:
                step = ends[span] - at
            else:
                letter = data[at]
        if 65 <= letter <= 90:
            letter = np.uint8(letter | 32)
        wide = letter >= 128
        wide_any |= wide
        if wide or 97 <= letter <= 122 or 48 <= letter <= 57:
            hashed = np.uint64((hashed ^ np.uint64(letter)) * np.uint64(0x0000_0100_0000_01B3))
            length += 1
        elif length:
            for word in range(words_from, words_to):
                if hashes[word] == hashed:
                    seen |= np.uint64(1) << np.uint64(word - words_from)
            hashed, length = np.uint64(0xCBF2_9CE4_8422_2325), 0
        at += step
    if seen == (np.uint64(1) << np.uint64(wanted)) - np.uint64(1):
        return 1
    return 2 if wide_any else 0
