"""What is recognised by a long run of its characters: app-scoped ids, digests, tokens."""

from typing import Any, Final

import numpy as np

from beholden.forensics.kernel.hashing import HEX_TAKEN, ended, seeded, text
from beholden.forensics.kernel.lanes import count, noted, owned, push
from beholden.forensics.kernel.machine import (
    apart,
    hexes,
    inner,
    names,
    scoped,
    trailing,
)
from beholden.forensics.kernel.values import Shape

_SCOPED, _TOKEN, _HEX, _NUMBER = int(Shape.SCOPED), int(Shape.TOKEN), int(Shape.HEX), int(Shape.NUMBER)
_SCOPED_LENGTH: Final = 26
_0, _1, _2, _3 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)


@inner
def shifted(ones: Any, following: Any, by: Any) -> Any:
    """A mask as seen from so many bytes further on; `following` is that of the next block."""
    return (ones >> np.uint64(by)) | (following << np.uint64(64 - by))


@inner
def starts(ones: Any, previous: Any) -> Any:
    return ones & ~((ones << _1) | (previous >> np.uint64(63)))


@inner
def runs16(ones: Any, following: Any) -> Any:
    """Where 16 or more bytes of a class follow; of the next block too, as far as it can be known."""
    near, far = ones, following
    for by in (1, 2, 4, 8):
        near, far = near & shifted(near, far, by), far & (far >> np.uint64(by))
    return near, far


@apart
def long_runs(mode: Any, box: Any, plan: Any, base: Any, p: Any, where: Any, binary: Any) -> None:
    """App-scoped ids and digests that begin at some places of a block."""
    if plan.scoped & _1 != _0:
        ones, after = scoped(mode, base + p), scoped(mode, base + p + 64)
        near, far = runs16(ones, after)
        found = near & shifted(near, far, _SCOPED_LENGTH - 16) & where
        while found != _0:
            at = p + trailing(found)
            found &= found - _1
            if owned(box, at):
                count(box, _SCOPED, _SCOPED_LENGTH)
                value = ended(text(seeded(plan.seed, _SCOPED), base + at, _SCOPED_LENGTH))
                push(box, at, at + _SCOPED_LENGTH, noted(_SCOPED, 0, 0), value)
    if plan.digests != _0:
        ones, after = hexes(mode, base + p), hexes(mode, base + p + 64)
        near, far = runs16(ones, after)
        found = near & shifted(near, far, 16) & where
        if not binary:
            found &= starts(ones, hexes(mode, base + p - 64))
        while found != _0:
            at = p + trailing(found)
            found &= found - _1
            length = trailing(~hexes(mode, base + at))
            if length == 64 and hexes(mode, base + at + 64) & _1 != _0:
                length = 65
            for size in (32, 40, 64):
                wanted = length == size or (binary and length > size)
                if wanted and (plan.digests >> np.uint64(size - 1)) & _1 != _0 and owned(box, at):
                    count(box, _HEX, size)
                    value = ended(text(seeded(plan.seed, _HEX) + np.uint64(size), base + at, HEX_TAKEN))
                    push(box, at, at + size, noted(_HEX, 0, 0), value)


@apart
def tokens(mode: Any, box: Any, plan: Any, base: Any, p: Any, found: Any, ones: Any, binary: Any) -> None:
    """Other ids: whole tokens; in binary every cut of them. `found` are the places where eight or more go on."""
    previous = names(mode, base + p - 64)
    first = starts(ones, previous)
    if not binary:
        found &= first
    while found != _0:
        bit = trailing(found)
        at = p + bit
        found &= found - _1
        length = trailing(~names(mode, base + at))
        if length == 64 and names(mode, base + at + 64) & _1 != _0:
            length = 65
        if binary:
            left = plan.tokens & ((_2 << np.uint64(min(length, 64) - 1)) - _1)
        else:
            left = plan.tokens & (_1 << np.uint64(length - 1)) if length <= 64 else _0
        while left != _0 and owned(box, at):
            size = trailing(left) + 1
            left &= left - _1
            count(box, _TOKEN, size)
            push(box, at, at + size, noted(_TOKEN, 0, 0), ended(text(seeded(plan.seed, _TOKEN), base + at, size)))
