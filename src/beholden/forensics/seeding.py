"""Made-up people, planted to measure how much an examination finds. Nobody is called so, and no address exists."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from beholden.forensics.needles import Sought
from beholden.model.ids import PersonNumber

PLANTED = 100
"""People for each format; were all found, the recall is 96 % or more."""
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SCOPED = "abcdefghijklmnopqrstuvwxyz234567"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Seeds(Protocol):
    """Writes people into copies of the formats that evidence comes in."""

    def planted(self, people: Sequence[Sought]) -> Iterator[tuple[str, bytes]]:
        """Each format by its name, and a file of it that holds all of the people."""
        ...


def people(seed: str, count: int = PLANTED) -> list[Sought]:
    """So many made-up people, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - made-up people, no secrets
    return [_person(chance, number) for number in range(1, count + 1)]


def _person(chance: random.Random, number: int) -> Sought:
    first, last = _word(chance, 2), _word(chance, 3)
    email = f"{first}.{last}{number}@{_word(chance, 3)}.example"
    scoped = "".join(chance.choices(_SCOPED, k=26))
    name = f"{first.title()} {last.title()}"
    return Sought(PersonNumber(number), scoped, f"seed-{number:08d}", email, name, _NEVER, _NEVER)


def _word(chance: random.Random, syllables: int) -> str:
    return "".join(chance.choice(_CONSONANTS) + chance.choice(_VOWELS) for _ in range(syllables)) + "x"
