"""How dense the identifiers lie: how many hits chance alone would give, for each kind of identifier.

A kind of identifier has a space of values that could stand there. Those sought fill a share of it, and each candidate
that was compared hits with that share. A find counts only where a second field of the same person stands beside it,
which chance must give as well.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from beholden.forensics.needles import Kind, Needles
from beholden.forensics.spelling import folded_text

NANP = 8 * 100 * 8 * 100 * 10_000
"""Telephone numbers of the North American plan: area and exchange begin with 2 to 9, then four digits; 6.4e9."""
SCOPED = 2.0**128
PER_CHARACTER = 10.0
"""Choices that each character of an e-mail's local part is worth (3.3 bits): names and numbers, not random letters."""
DOUBT = 1.0
"""How far the expected rate may be off: its standard deviation is as large as itself."""
MAX_BESIDE = 40
"""Values beside a find that are compared with the person's other fields."""
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Coincidence:
    """One kind: candidates compared, values sought, how many values there could be, and hits expected by chance."""

    kind: str
    tested: int
    sought: int
    space: float
    expected: float


@dataclass(frozen=True, slots=True)
class Density:
    """All kinds together. `hits` are expected hits of one field; `people` expected people with two, the bound that
    the verdict uses. `second` is the chance that another field of the same person stands beside a chance hit."""

    kinds: tuple[Coincidence, ...]
    hits: float
    second: float
    people: float


def density(sought: Needles, tested: Mapping[str, int]) -> Density:
    """The coincidences to be expected after so many candidates of each kind were compared."""
    kinds = tuple(_kinds(sought, tested))
    hits = sum(kind.expected for kind in kinds)
    second = beside(one.name for one in sought.people.values())
    return Density(kinds, hits, second, hits * second)


def _kinds(sought: Needles, tested: Mapping[str, int]) -> Iterable[Coincidence]:
    held = Counter(kind for kind, _ in sought.ids.values())
    yield coincidence(Kind.SCOPED_ID, tested.get(Kind.SCOPED_ID, 0), held[Kind.SCOPED_ID], SCOPED)
    outside = [key.decode("utf-8", "replace") for key, (kind, _) in sought.ids.items() if kind is Kind.OUTSIDE_ID]
    yield of_shapes(Kind.OUTSIDE_ID, tested.get(Kind.OUTSIDE_ID, 0), outside)
    yield of_phones(Kind.PHONE, tested.get(Kind.PHONE, 0), len(sought.phones))
    yield of_addresses(tested.get(Kind.EMAIL, 0), list(sought.emails))


def coincidence(kind: str, tested: int, sought: int, space: float) -> Coincidence:
    """Hits that so many candidates give where the sought fill a space evenly."""
    return Coincidence(kind, tested, sought, space, tested * min(1.0, sought / space))


def of_phones(kind: str, tested: int, sought: int) -> Coincidence:
    """The same for telephone numbers of the North American plan."""
    return coincidence(kind, tested, sought, NANP)


def of_shapes(kind: str, tested: int, values: Sequence[str]) -> Coincidence:
    """The same for ids of several shapes: each is measured against the space of its own shape, the fullest counts.

    An id with letters is counted as if each of its characters were a hexadecimal digit.
    """
    shapes = Counter((_DIGITS.fullmatch(value) is not None, len(value)) for value in values)
    spaces = {shape: 10.0 ** shape[1] if shape[0] else 16.0 ** shape[1] for shape in shapes}
    share = max((count / spaces[shape] for shape, count in shapes.items()), default=0.0)
    space = len(values) / share if share else 1.0
    return coincidence(kind, tested, len(values), space)


def of_addresses(tested: int, addresses: Sequence[bytes]) -> Coincidence:
    """The same for e-mail addresses: candidates at sought domains, spread over these as those sought are.

    A local part of n characters is one of `PER_CHARACTER` ** n. This is the chance of an unrelated address, not that
    the person's own address stands there for another reason.
    """
    by_domain: Counter[bytes] = Counter()
    shares: Counter[bytes] = Counter()
    for address in addresses:
        local, _, domain = address.rpartition(b"@")
        by_domain[domain] += 1
        shares[domain] += PER_CHARACTER ** -len(local)  # type: ignore[assignment]
    share = sum(by_domain[domain] / len(addresses) * min(1.0, shares[domain]) for domain in sorted(by_domain))
    space = len(addresses) / share if share else 1.0
    return coincidence(Kind.EMAIL, tested, len(addresses), space)


def beside(names: Iterable[str]) -> float:
    """The chance that a person's name stands beside a chance hit: how often two of the sought share one, or could.

    Counted from the people sought, with three pairs more than were seen (the rule of three), over all values beside.
    """
    counts = Counter(folded_text(name) for name in names)
    people = sum(counts.values())
    pairs = people * (people - 1) / 2
    alike = sum(count * (count - 1) / 2 for count in counts.values())
    return min(1.0, MAX_BESIDE * (alike + 3) / pairs) if pairs else 1.0
