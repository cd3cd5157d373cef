"""What is looked for, as keyed digests: whoever has the key can test a value, and nobody can list the values.

Whoever has both the key and the digests can still try all phones there are: an index is as confidential as its key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.blake import started
from beholden.forensics.kernel.digests import ROW, as_rows, digest_values, kinds_of, order, people_of
from beholden.forensics.kernel.found import LENGTHS, SHAPES, Tested
from beholden.forensics.kernel.hashing import decimal_values, fill, hash_values
from beholden.forensics.kernel.letters import ANY_MARK, marks_in
from beholden.forensics.kernel.machine import mode
from beholden.forensics.kernel.values import CODES, KINDS, Shape, keys
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber

BITS = 16
"""Bits of the filter for each value: 1 in 200 other candidates passes, and is then refused by its digest."""
_SMALLEST = 64
_SLACK = 16
_PIECE = 1 << 20
_ROOM = 4
"""About so many digests share a place of the table of contents."""
_PER_CHARACTER = 10.0
"""Choices that each character of an address's local part is worth (3.3 bits): names and numbers, not random letters."""
_LETTERS = {Shape.NUMBER: 10.0, Shape.SCOPED: 32.0, Shape.TOKEN: 16.0, Shape.HEX: 16.0}
"""Choices that each character of other values is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Values by digest; `Index.of` makes one. `rows` are ordered by digest, see `digests.as_rows`.

    `starts` is their table of contents: where those begin that share their bits from `shift` on. `words` is a filter
    of hashes, `domains` one of the domains of addresses. `counts[shape, length]` says how many values there are;
    `leading[length, d]` how many phones by their first three digits. `low` and `top` bound the ids that are whole
    numbers. `wide` says that an address has letters beyond ASCII, `marks` which quotes and punctuation addresses have
    (see `letters.marks_in`). `address_chance` is that of an unrelated address to be somebody's. `unusable` counts what
    was left out.
    """

    key: bytes
    words: NDArray[np.uint64]
    domains: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    shift: int
    counts: NDArray[np.int64]
    leading: NDArray[np.int64]
    low: int
    top: int
    address_chance: float
    wide: bool
    unusable: dict[Kind, int] = field(default_factory=dict)
    marks: int = ANY_MARK

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def people(self) -> NDArray[np.uint32]:
        """Whose value each row is, as a column made anew."""
        return people_of(self.rows)

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """Of which kind each row is, as a column made anew."""
        return kinds_of(self.rows)

    @classmethod
    def of(cls, values: Iterable[tuple[Kind, PersonNumber, str]], key: bytes) -> "Index":
        """An index of values under a key of 16 to 32 bytes; the same value may belong to several people."""
        shapes, kinds, people, parts = bytearray(), bytearray(), list[int](), list[bytes]()
        unusable: dict[Kind, int] = {}
        for kind, person, value in values:
            found = keys(kind, value)
            if not found:
                unusable[kind] = unusable.get(kind, 0) + 1
            for shape, low in found:
                shapes.append(shape)
                kinds.append(CODES[kind])
                people.append(person)
                parts.append(low)
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return cls.of_columns(
            np.frombuffer(bytes(shapes), np.uint8),
            np.frombuffer(bytes(kinds), np.uint8),
            np.array(people, np.uint32),
            np.frombuffer(b"".join(parts), np.uint8),
            offsets,
            key,
            unusable,
        )

    @classmethod
    def of_columns(
        cls,
        shapes: NDArray[np.uint8],
        kinds: NDArray[np.uint8],
        people: NDArray[np.uint32],
        blob: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        key: bytes,
        unusable: dict[Kind, int] | None = None,
    ) -> "Index":
        """The same of columns; value n, as `values.keys` spells it, is `blob[offsets[n]:offsets[n + 1]]`."""
        if not 16 <= len(key) <= 32:
            raise ValueError("An index needs a key of 16 to 32 bytes.")
        padded = np.zeros(len(blob) + 2 * _SLACK, np.uint8)
        padded[_SLACK : _SLACK + len(blob)] = blob
        at = padded.ctypes.data + _SLACK
        words, domains, chance = _filters(shapes, at, offsets, key)
        counts, leading, low, top = _census(shapes, at, offsets)
        first, second = np.empty(len(shapes), np.uint64), np.empty(len(shapes), np.uint64)
        digest_values(mode(), started(key), _own(shapes), at, offsets, first, second)
        del padded  # what follows needs the room
        rows = _rows(first, second, kinds, people)
        del first, second
        shift, starts = _contents(rows[:, 0])
        present = _present(blob)
        return cls(
            key, words, domains, rows, starts, shift, counts, leading, low, top, chance, bool(present[0x80:].any()),
            unusable or {}, marks_in(present),
        )  # fmt: skip

    def digest(self, shape: Shape, low: bytes) -> bytes:
        """The digest under which a value is kept: keyed BLAKE2s of 128 bits over its shape and its spelling."""
        return blake2s(bytes([shape]) + low, key=self.key, digest_size=16).digest()

    def who(self, shape: Shape, low: bytes) -> Sequence[tuple[Kind, PersonNumber]]:
        """Whose value this is."""
        first, second = np.frombuffer(self.digest(shape, low), np.uint64)
        bucket = int(first) >> self.shift
        some = self.rows[int(self.starts[bucket]) : int(self.starts[bucket + 1])]
        some = some[(some[:, 0] == first) & (some[:, 1] == second)]
        named = zip(kinds_of(some).tolist(), people_of(some).tolist(), strict=True)
        return [(KINDS[kind], PersonNumber(person)) for kind, person in named]

    def seed(self) -> int:
        """Where hashes begin; it depends on the key, so that a filter tells nobody else anything."""
        return _seed(self.key)

    def lengths(self, shape: Shape) -> int:
        """Which lengths values of a shape have, as bits."""
        return sum(1 << n for n in range(1, LENGTHS) if self.counts[shape, n])

    def expected(self, tested: Tested) -> Mapping[Shape, float]:
        """How many hits of each shape chance alone would give among so many candidates.

        A candidate hits with the share that those sought fill of all values of its shape and length. Numbers: of all
        of so many digits; phones: of all with the same first three. Ids with letters count as if each character were
        a hexadecimal digit, since no platform's are as random as they might be; app-scoped ids and digests are random.
        Addresses: `address_chance`.
        """
        lengths = np.arange(LENGTHS)
        sizes = 10.0 ** np.maximum(np.arange(len(self.leading)) - 3, 0)
        found = {
            Shape.ADDRESS: tested.of(Shape.ADDRESS) * self.address_chance,
            Shape.PHONE: float((tested.leading * np.minimum(1.0, self.leading / sizes[:, None])).sum()),
        }
        for shape, letters in _LETTERS.items():
            found[shape] = float((tested.counts[shape] * np.minimum(1.0, self.counts[shape] / letters**lengths)).sum())
        return found


def _present(blob: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which bytes are anywhere among some."""
    found = np.zeros(256, np.bool_)
    for at in range(0, len(blob), _PIECE):
        found[blob[at : at + _PIECE]] = True
    return found


def _own(column: NDArray[Any]) -> NDArray[Any]:
    """A column that is contiguous and may be written to, which is what the kernels were compiled for."""
    return np.require(column, requirements=["C", "W"])


def _seed(key: bytes) -> int:
    return int.from_bytes(blake2s(b"filter", key=key, digest_size=8).digest(), "little")


def filter_words(count: int, bits: int = BITS) -> int:
    """How many words a filter of so many values has."""
    return max(_SMALLEST, count * bits // 64 + 1)


def _filters(
    shapes: NDArray[np.uint8], at: int, offsets: NDArray[np.int64], key: bytes
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], float]:
    """The filter of values, that of domains, and the chance that an unrelated address is somebody's."""
    size = len(shapes)
    hashes, domains, locals_ = np.empty(size, np.uint64), np.empty(size, np.uint64), np.empty(size, np.int64)
    hash_values(_own(shapes), at, offsets, np.uint64(_seed(key)), hashes, domains, locals_)
    words = np.zeros(filter_words(size), np.uint64)
    fill(words, hashes)
    addresses = shapes == Shape.ADDRESS
    known, whose, held = np.unique(domains[addresses], return_inverse=True, return_counts=True)
    small = np.zeros(filter_words(len(known), 2 * BITS), np.uint64)
    fill(small, known)
    return words, small, _address_chance(whose, held, locals_[addresses])


def _address_chance(whose: NDArray[np.int64], held: NDArray[np.int64], locals_: NDArray[np.int64]) -> float:
    """The chance that an unrelated address is somebody's: as if all were at sought domains, spread over these as those
    sought are, and a local part of n characters were one of `_PER_CHARACTER` ** n. `whose` is the domain of each."""
    shares = np.bincount(whose, _PER_CHARACTER ** -locals_.astype(np.float64), len(held))
    return float((held / max(1, len(whose)) * np.minimum(1.0, shares)).sum())


def _rows(
    first: NDArray[np.uint64], second: NDArray[np.uint64], kinds: NDArray[np.uint8], people: NDArray[np.uint32]
) -> NDArray[np.uint64]:
    """Columns as rows, ordered by digest; piece by piece, since at once there would be two of all."""
    ranked = order(first, kinds, people)
    rows = np.empty((len(first), ROW), np.uint64)
    for begin in range(0, len(rows), _PIECE):
        some = ranked[begin : begin + _PIECE]
        rows[begin : begin + len(some)] = as_rows(first[some], second[some], kinds[some], people[some])
    return rows


def _contents(first: NDArray[np.uint64]) -> tuple[int, NDArray[np.uint32]]:
    """The table of contents of sorted digests: where those begin that share their upper bits."""
    bits = max(1, (len(first) // _ROOM).bit_length())
    shift = 64 - bits
    counted = np.bincount((first >> np.uint64(shift)).astype(np.int64), minlength=1 << bits)
    return shift, np.concatenate(([0], np.cumsum(counted))).astype(np.uint32)


def _census(
    shapes: NDArray[np.uint8], at: int, offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
    """How many values of each shape and length, phones by their first digits, and the range of numbers."""
    lengths = np.minimum(np.diff(offsets), LENGTHS - 1)
    counted = np.bincount(shapes * np.int64(LENGTHS) + lengths, minlength=SHAPES * LENGTHS)
    counts = counted.reshape(SHAPES, LENGTHS).astype(np.int64)
    leading = np.zeros((16, 1000), np.int64)
    low, top = decimal_values(_own(shapes), at, offsets, leading)
    return counts, leading, int(low), int(top)
