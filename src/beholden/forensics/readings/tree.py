"""All readings of a buffer: as it stands, decoded, and what was encoded within that, down to a depth and an amount."""

from collections.abc import Callable, Iterator

from beholden.forensics.readings.escapes import ESCAPES, QUOTED_PRINTABLE, escaped, escapes
from beholden.forensics.readings.reading import Allowance, Reading, Windows
from beholden.forensics.readings.runs import BASE64, HEX, legible, runs
from beholden.forensics.readings.wide import ORDERS, one_order, stretches, wide
from beholden.forensics.text import looks_binary

DEPTH = 5
"""Encodings one within the other that are read."""
GROWTH = 10
"""Decoded bytes that one byte of a buffer may give, all readings together; each encoding gives one to two."""
LEAST = 1 << 20

Decoder = Callable[[Reading, Allowance], list[Reading]]
Prefilter = Callable[[Reading], Windows]


def readings(raw: bytes, allowance: Allowance, *, binary: bool | None = None) -> Iterator[Reading]:
    """Every way to read a buffer, itself first. `binary` None decides for the buffer by its control characters.

    What was left out stands in the allowance afterwards.
    """
    if binary is None:
        binary = looks_binary(raw) and one_order(raw) is None
    waiting = [Reading(raw, binary)]
    while waiting:
        reading = waiting.pop(0)
        yield reading
        if len(reading.how) < DEPTH:
            for decode in _decoders(reading):
                waiting.extend(decode(reading, allowance))
        else:
            allowance.too_deep += sum(len(prefilter(reading)) for prefilter in _PREFILTERS)


def allowance(size: int) -> Allowance:
    """What may be decoded of a buffer of this size."""
    return Allowance(LEAST + GROWTH * size)


def _decoders(reading: Reading) -> Iterator[Decoder]:
    if reading.how and reading.how[-1] == QUOTED_PRINTABLE:
        # A soft break may part an escape's neighbours without touching it, so all escapes of a mail are read here.
        yield lambda inside, allowed: escapes(_all_fresh(inside), ESCAPES, allowed)
    else:
        yield lambda inside, allowed: escapes(inside, ESCAPES, allowed)
    yield lambda inside, allowed: escapes(inside, QUOTED_PRINTABLE, allowed)
    yield lambda inside, allowed: runs(inside, BASE64, allowed)
    yield lambda inside, allowed: runs(inside, HEX, allowed)
    for order in range(len(ORDERS)):
        yield lambda inside, allowed, order=order: wide(inside, order, allowed)  # type: ignore[misc]


_PREFILTERS: tuple[Prefilter, ...] = (
    lambda reading: escaped(reading, ESCAPES),
    lambda reading: escaped(reading, QUOTED_PRINTABLE),
    lambda reading: legible(reading, BASE64),
    lambda reading: legible(reading, HEX),
    lambda reading: stretches(reading, 0),
    lambda reading: stretches(reading, 1),
)


def _all_fresh(reading: Reading) -> Reading:
    return Reading(reading.data, reading.binary, reading.spots, reading.how)
