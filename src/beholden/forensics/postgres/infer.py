"""The columns of a table of which no catalog tells, from tuples whose length is known.

Each column is tried as everything that could stand there, in every sample at once: a wrong guess soon ends in a header
that makes no sense, padding that is not zero, or a tuple that is too short or too long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from beholden.forensics.postgres import types
from beholden.forensics.postgres.layout import VARIABLE, Column
from beholden.forensics.postgres.tuples import Tuple
from beholden.forensics.postgres.varlena import Unreadable, extent, unpack

MAX_STEPS = 100_000
MAX_SAMPLES = 24
MAX_COLUMNS = 200

_TEXT = Column("", types.TEXT, VARIABLE, 4)
_GUESSES = (
    _TEXT,
    Column("", types.INT4, 4, 4),
    Column("", types.INT8, 8, 8),
    Column("", types.INT2, 2, 2),
    Column("", types.BOOL, 1, 1),
    Column("", types.UUID, 16, 1),
    Column("", types.NAME, 64, 1),
    Column("", types.GUESS, VARIABLE, 4),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A tuple at `start` of `data`, whose values end between `least` and `most`."""

    data: bytes
    start: int
    one: Tuple
    least: int
    most: int


def infer(samples: Sequence[Sample]) -> tuple[Column, ...] | None:
    """Columns that explain all samples, which have the same number of them; None where nothing does."""
    chosen = samples[:MAX_SAMPLES]
    if not chosen or chosen[0].one.columns > MAX_COLUMNS:
        return None
    return _Search(chosen).columns()


class _Search:
    """Depth first, with a limit on steps; a state that failed is not tried again."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._count = samples[0].one.columns
        self._left = MAX_STEPS
        self._failed: set[tuple[int, tuple[int, ...]]] = set()

    def columns(self) -> tuple[Column, ...] | None:
        """The first explanation found. An explicit stack, because hostile tuples have many columns."""
        places = tuple(sample.start + sample.one.body for sample in self._samples)
        path: list[Column] = []
        stack = [(places, iter(_GUESSES))]
        while stack:
            places, guesses = stack[-1]
            if len(path) == self._count and self._all_end(places):
                return tuple(path)
            guess = next(guesses, None) if len(path) < self._count and self._left > 0 else None
            if guess is None:
                self._failed.add((len(path), places))
                stack.pop()
                if path:
                    path.pop()
                continue
            after = self._after(places, len(path), guess)
            if after is not None and (len(path) + 1, after) not in self._failed:
                path.append(guess)
                stack.append((after, iter(_GUESSES)))
        return None

    def _all_end(self, places: tuple[int, ...]) -> bool:
        return all(one.least <= place <= one.most for one, place in zip(self._samples, places, strict=True))

    def _after(self, places: tuple[int, ...], column: int, guess: Column) -> tuple[int, ...] | None:
        """Where each sample goes on if this column is the guess; None where one of them cannot be."""
        self._left -= 1
        found: list[int] = []
        for sample, place in zip(self._samples, places, strict=True):
            end = place if sample.one.null(column) else _end(sample, place, guess)
            if end is None or end > sample.most:
                return None
            found.append(end)
        return tuple(found)


def _end(sample: Sample, at: int, guess: Column) -> int | None:
    """Where the value ends that stands at a place, if it can be what is guessed."""
    origin = sample.start + sample.one.body
    if guess.length > 0:
        start = origin + -(-(at - origin) // guess.align) * guess.align
        raw = sample.data[start : start + guess.length]
        if sample.data[at:start].strip(b"\x00") or (guess.kind == types.BOOL and raw not in (b"\x00", b"\x01")):
            return None
        if guess.kind == types.NAME and (raw[:1] < b"!" or raw.rstrip(b"\x00").count(0)):
            return None
        return start + guess.length
    found = extent(sample.data, at, guess.align, origin, sample.most)
    if found is None or found.end > sample.most:
        return None
    if found.pointer is not None or guess.kind == types.GUESS:
        return found.end
    body = sample.data[found.body : found.end]
    if found.packed:
        try:
            unpack(body)
        except Unreadable:
            return None
        return found.end
    return found.end if isinstance(types.text_or_bytes(body), str) else None
