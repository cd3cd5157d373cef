"""Candidates of each shape at one place: their hashes go through the filter in batches, what it lets pass is kept.

Places count from `base`, an address. A candidate is kept as where it begins, where it ends, and its shape with how it
is written: see `noted`.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from beholden.forensics.kernel.found import LENGTHS
from beholden.forensics.kernel.hashing import (
    bits_of,
    word_at,
)
from beholden.forensics.kernel.machine import (
    apart,
    inner,
    load8,
    peek,
    poke,
    prefetch,
)
from beholden.forensics.kernel.values import MAX_PHONE, Shape

ADDRESS, NUMBER, PHONE = int(Shape.ADDRESS), int(Shape.NUMBER), int(Shape.PHONE)
BOTH: Final = 8
"""A number that may be an id or a phone."""
INTEGER: Final = 9
"""An id as an integer; its bytes in the note, negative where the lowest comes first."""
WIDE: Final = 10
"""An address with letters beyond ASCII, which no filter can judge."""
BATCH: Final = 256
MAX_LOCAL, MAX_DOMAIN = 64, 255
MAX_DIGITS: Final = MAX_PHONE + 2
"""With an international prefix of two zeros."""
HELD, KEPT = 0, 1
"""Places in `state`: candidates in the batch, candidates kept."""


class Box(NamedTuple):
    """Where candidates go: addresses of columns of eight bytes, and what begins where counts.

    A batch (`hashes` to `notes`) goes through the filter of `size` words; what it lets pass is kept, up to `room`.
    `counts` and `firsts` are those of `Tested`; `wide` says whether WIDE ones are kept. `scratch` is for partial
    hashes, `work` for what `text` notes of a part.
    """

    hashes: int
    starts: int
    ends: int
    notes: int
    state: int
    words: int
    size: Any
    kept_starts: int
    kept_ends: int
    kept_notes: int
    room: int
    own_from: int
    own_to: int
    counts: int
    firsts: int
    scratch: int
    wide: int
    work: int


class Plan(NamedTuple):
    """What of an index a pass needs: lengths as bits, where hashes begin, the filter of domains, the range of ids.

    Bit n of `addresses` stands for n bytes, bit 63 for more too; `marks` is the index's. Bit n of `numbers` and of
    `phones` stands for n digits; `runs` says which runs of digits may be either. No phone has fewer digits than
    `least`, none is written with more than `most`, or 16; `dials` says with how many, but for more zeros before them.
    Of `digests` and `tokens` bit n stands for n + 1 characters.
    """

    addresses: Any
    marks: Any
    numbers: Any
    phones: Any
    least: int
    most: int
    dials: Any
    runs: Any
    scoped: Any
    digests: Any
    seed: Any
    domains: int
    domains_size: Any
    tokens: Any
    low: Any
    top: Any


ONE, NONE = np.uint64(1), np.uint64(0)


@inner
def noted(shape: Any, sign: Any, before: Any) -> Any:
    """A shape, how many bytes an address's @ takes, and how many its local part."""
    return shape | sign << 8 | before << 16


@inner
def passes(box: Any, value: Any) -> Any:
    """Whether the filter lets a hash pass."""
    wanted = bits_of(value)
    return load8(word_at(box.words, box.size, value)) & wanted == wanted


@apart
def keep(box: Any, start: Any, end: Any, note: Any) -> None:
    """One more candidate that passed; when there is no more room, it is only counted."""
    kept = peek(box.state + 8 * KEPT)
    if kept < box.room:
        poke(box.kept_starts + 8 * kept, start)
        poke(box.kept_ends + 8 * kept, end)
        poke(box.kept_notes + 8 * kept, note)
    poke(box.state + 8 * KEPT, kept + 1)


@apart
def flushed(box: Any) -> None:
    """Ask the filter for a batch."""
    for n in range(0, 8 * peek(box.state), 8):
        if passes(box, load8(box.hashes + n)):
            keep(box, peek(box.starts + n), peek(box.ends + n), peek(box.notes + n))
    poke(box.state, 0)


@inner
def push(box: Any, start: Any, end: Any, note: Any, value: Any) -> None:
    """One more candidate."""
    held = peek(box.state)
    at = 8 * held
    poke(box.hashes + at, value)
    poke(box.starts + at, start)
    poke(box.ends + at, end)
    poke(box.notes + at, note)
    prefetch(word_at(box.words, box.size, value))
    poke(box.state, held + 1)
    if held + 1 == BATCH:
        flushed(box)


@inner
def owned(box: Any, start: Any) -> Any:
    """Whether what begins here counts."""
    return box.own_from <= start < box.own_to


@inner
def count(box: Any, shape: Any, length: Any) -> None:
    """One more was tested."""
    at = box.counts + 8 * (shape * LENGTHS + min(length, LENGTHS - 1))
    poke(at, peek(at) + 1)
