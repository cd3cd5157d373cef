"""What is looked for, as keyed digests: whoever has the key can test a value, and nobody can list the values."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2s

from beholden.forensics.kernel.found import Tested
from beholden.forensics.kernel.values import CODES, KINDS, Shape, keys
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber


@dataclass(slots=True)
class Index:
    """Values by digest. `unusable` counts, for each kind, values of no shape that could be recognised."""

    key: bytes
    table: dict[bytes, list[tuple[Kind, PersonNumber]]] = field(default_factory=dict)
    domains: set[bytes] = field(default_factory=set)
    lengths: dict[Shape, set[int]] = field(default_factory=dict)
    unusable: dict[Kind, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[tuple[Kind, PersonNumber, str]], key: bytes) -> "Index":
        """An index of values; the same value may belong to several people."""
        made = cls(key)
        for kind, person, value in values:
            found = keys(kind, value)
            if not found:
                made.unusable[kind] = made.unusable.get(kind, 0) + 1
            for shape, low in found:
                made.table.setdefault(made.digest(shape, low), []).append((kind, person))
                made.lengths.setdefault(shape, set()).add(len(low))
                if shape is Shape.ADDRESS:
                    made.domains.add(low.rpartition(b"@")[2])
        return made

    def digest(self, shape: Shape, low: bytes) -> bytes:
        """The digest under which a value is kept: keyed BLAKE2s of 128 bits over the shape and the spelling."""
        return blake2s(bytes([shape]) + low, key=self.key, digest_size=16).digest()

    def who(self, shape: Shape, low: bytes) -> list[tuple[Kind, PersonNumber]]:
        """Whose value this is."""
        return self.table.get(self.digest(shape, low), [])

    def expected(self, tested: Tested) -> float:
        """How many hits chance alone would give among so many candidates."""
        del tested
        return 0.0


__all__ = ["CODES", "KINDS", "Index"]
