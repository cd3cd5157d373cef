"""How dense the identifiers lie: how many hits chance alone would give, for each kind of identifier.

A kind of identifier has a space of values that could stand there. Those sought fill a share of it, and each candidate
that was compared hits with that share; `kernel.index.Index.expected` has the shares. A find counts only where a second
field of the same person stands beside it, which chance must give as well.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from beholden.forensics.kernel.found import Tested
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.values import Shape
from beholden.forensics.needles import Kind, Needles
from beholden.forensics.spelling import folded_text

DOUBT = 1.0
"""How far the expected rate may be off: its standard deviation is as large as itself."""
MAX_BESIDE = 40
"""Values beside a find that are compared with the person's other fields."""
_SHAPES = {
    Kind.SCOPED_ID: (Shape.SCOPED,),
    Kind.OUTSIDE_ID: (Shape.NUMBER, Shape.TOKEN),
    Kind.PHONE: (Shape.PHONE,),
    Kind.EMAIL: (Shape.ADDRESS,),
    Kind.DIGEST: (Shape.HEX,),
}
"""By what each kind is recognised; canaries look like one of them."""


@dataclass(frozen=True, slots=True)
class Coincidence:
    """One kind: candidates compared, values sought, and hits expected by chance."""

    kind: str
    tested: int
    sought: int
    expected: float


@dataclass(frozen=True, slots=True)
class Density:
    """All kinds together. `hits` are expected hits of one field; `people` expected people with two, the bound that
    the verdict uses. `second` is the chance that another field of the same person stands beside a chance hit."""

    kinds: tuple[Coincidence, ...]
    hits: float
    second: float
    people: float


def density(sought: Needles, tested: Tested) -> Density:
    """The coincidences to be expected after so many candidates were compared."""
    kinds = coincidences(sought.index, tested)
    hits = sum(kind.expected for kind in kinds)
    second = beside(one.name for one in sought.people.values())
    return Density(kinds, hits, second, hits * second)


def coincidences(index: Index, tested: Tested) -> tuple[Coincidence, ...]:
    """The same of one field alone, for each kind."""
    expected = index.expected(tested)
    return tuple(
        Coincidence(
            kind,
            sum(tested.of(shape) for shape in shapes),
            sum(int(index.counts[shape].sum()) for shape in shapes),
            sum(expected[shape] for shape in shapes),
        )
        for kind, shapes in _SHAPES.items()
    )


def beside(names: Iterable[str]) -> float:
    """The chance that a person's name stands beside a chance hit: how often two of the sought share one, or could.

    Counted from the people sought, with three pairs more than were seen (the rule of three), over all values beside.
    """
    counts = Counter(folded_text(name) for name in names)
    people = sum(counts.values())
    pairs = people * (people - 1) / 2
    alike = sum(count * (count - 1) / 2 for count in counts.values())
    return min(1.0, MAX_BESIDE * (alike + 3) / pairs) if pairs else 1.0
