"""Who of an index stands in a buffer."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from beholden.forensics.kernel.found import LENGTHS, Found, Tested
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.values import CODES, MAX_PHONE, MIN_PHONE, Shape, canonical
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber

CHUNK = 1 << 24
MARGIN = 512
"""A hit depends on no more than so many bytes before and after the place where it begins."""
_AT = re.compile(rb"@|%40|\\u0040|=40")
_LOCAL = rb"a-z0-9!#$%&'*+/=?^_`{|}~.-"
_CLASSES = {
    False: (re.compile(rb"[" + _LOCAL + rb"\x80-\xff]{1,65}"), re.compile(rb"[a-z0-9.\x80-\xff-]{3,256}")),
    True: (re.compile(rb"[" + _LOCAL + rb"]{1,65}"), re.compile(rb"[a-z0-9.-]{3,256}")),
}
_MARKS = re.compile(rb"%[0-9a-f]{2}|['=/&|{}?!*#$^~`]|\A[.-]+")
_DIGITS = re.compile(rb"[0-9]+")
_CHAIN = re.compile(rb"[0-9]+(?:[ .()/-]{1,2}[0-9]+)+")
_SCOPED = re.compile(rb"[a-z2-7]{26,}")
_TOKEN = re.compile(rb"[a-z0-9_-]{8,}")
_HEX = re.compile(rb"[0-9a-f]{32,}")


@dataclass
class _Scan:
    data: bytes
    index: Index
    binary: bool
    own: tuple[int, int]
    low: bytes = b""
    hits: list[tuple[int, int, Kind, PersonNumber, bool]] = field(default_factory=list)
    tested: Tested = field(default_factory=Tested)

    def probe(self, shape: Shape, start: int, end: int, low: bytes, certain: bool = True) -> bool:  # noqa: FBT001
        if not self.own[0] <= start < self.own[1]:
            return False
        self.tested.counts[shape, min(len(low), LENGTHS - 1)] += 1
        who = self.index.who(shape, low)
        self.hits.extend((start, end, kind, person, certain) for kind, person in who)
        return bool(who)


def scan(buffer: bytes, index: Index, *, binary: bool, own: tuple[int, int] | None = None) -> Found:
    """All hits that begin within `own` (all, where it is None), by place."""
    one = _Scan(bytes(buffer), index, binary, own or (0, len(buffer)))
    one.low = one.data.lower()
    _numbers(one)
    _windows(one, Shape.SCOPED, _SCOPED, {26}, always=True)
    _windows(one, Shape.TOKEN, _TOKEN, index.lengths.get(Shape.TOKEN, set()))
    _windows(one, Shape.HEX, _HEX, {32, 40, 64})
    if binary:
        _integers(one)
    _addresses(one)
    return _found(one)


def sweep(
    read: Callable[[int, int], bytes], size: int, index: Index, *, binary: bool, chunk: int = CHUNK
) -> Iterator[tuple[int, Found]]:
    """The hits of anything of any size, in windows that overlap; each hit once. Columns count from the number given."""
    for at in range(0, size, chunk):
        first = max(0, at - MARGIN)
        raw = read(first, min(size, at + chunk + MARGIN) - first)
        yield first, scan(raw, index, binary=binary, own=(at - first, min(size, at + chunk) - first))


def _numbers(one: _Scan) -> None:  # noqa: PLR0912
    numbers, phones = one.index.lengths.get(Shape.NUMBER, set()), one.index.lengths.get(Shape.PHONE, set())
    for run in _DIGITS.finditer(one.low):
        text, start = run[0], run.start()
        if len(text) in numbers:
            one.probe(Shape.NUMBER, start, run.end(), text)
        bare = canonical(text)
        if MIN_PHONE <= len(text) <= MAX_PHONE + 2 and len(bare) in phones:
            one.probe(Shape.PHONE, start, run.end(), bare)
        if one.binary:
            for shape, lengths in ((Shape.NUMBER, numbers), (Shape.PHONE, phones)):
                for length in lengths:
                    for cut in range(len(text) - length + 1):
                        if length < len(text):
                            at = start + cut
                            certain = _before(one, at, at + length) and at + length == run.end()
                            one.probe(shape, at, at + length, text[cut : cut + length], certain)
    for chain in _CHAIN.finditer(one.low):
        groups = list(_DIGITS.finditer(chain[0]))
        for first in range(len(groups)):
            for last in range(first + 1, len(groups)):
                part = chain[0][groups[first].start() : groups[last].end()].replace(b"(0)", b"")
                digits = re.sub(rb"[^0-9]", b"", part)
                if len(digits) > MAX_PHONE + 2:
                    break
                bare = canonical(digits)
                if len(bare) in phones:
                    begin = chain.start()
                    one.probe(Shape.PHONE, begin + groups[first].start(), begin + groups[last].end(), bare)


def _windows(one: _Scan, shape: Shape, runs: re.Pattern[bytes], lengths: set[int], *, always: bool = False) -> None:
    for run in runs.finditer(one.low):
        for length in lengths:
            for cut in range(len(run[0]) - length + 1):
                whole = length == len(run[0])
                if whole or always or one.binary:
                    at = run.start() + cut
                    one.probe(shape, at, at + length, run[0][cut : cut + length], whole or always)


def _integers(one: _Scan) -> None:
    lengths = one.index.lengths.get(Shape.NUMBER, set())
    for at in range(len(one.data) - 5):
        for size, order in ((6, "big"), (8, "big"), (8, "little")):
            raw = one.data[at : at + size]
            if len(raw) == size:
                text = b"%d" % int.from_bytes(raw, order)  # type: ignore[arg-type]
                if len(text) in lengths:
                    one.probe(Shape.NUMBER, at, at + size, text, False)


def _addresses(one: _Scan) -> None:
    local_class, domain_class = _CLASSES[one.binary]
    for sign in _AT.finditer(one.low):
        at, after = sign.span()
        domain = domain_class.match(one.low, after)
        local = local_class.match(one.low[max(0, at - 65) : at][::-1])
        if domain is None or local is None:
            continue
        begin, end = at - local.end(), domain.end()
        if one.low[begin - 1 : begin] == b"\\" and begin and one.low[begin : begin + 1] in b"ntrbf":
            begin += 1
        stripped = after + len(one.low[after:end].rstrip(b".-"))
        starts = [begin] + [begin + mark.end() for mark in _MARKS.finditer(one.low[begin:at])]
        tried = [(start, stripped, True) for start in dict.fromkeys(starts)]
        if one.binary:
            tried += [
                (start, stop, _before(one, start, stop) and (stop == stripped or _ends(one.data, stop)))
                for stop in range(stripped, after + 2, -1)
                if one.low[after:stop] in one.index.domains
                for start in range(begin, at)
            ]
        for start, stop, certain in tried:
            if 0 < at - start <= 64 and stop - after >= 3:
                low = one.low[start:at] + b"@" + one.low[after:stop]
                if one.probe(Shape.ADDRESS, start, stop, low, certain):
                    break


def _ends(data: bytes, stop: int) -> bool:
    return data[stop - 1 : stop].islower() and data[stop : stop + 1].isupper()


def _before(one: _Scan, start: int, stop: int) -> bool:
    """PostgreSQL writes a short value's length before it, as (length + 1) * 2 + 1."""
    length = stop - start
    return start > 0 and length < 126 and one.data[start - 1] == (length + 1) * 2 + 1


def _found(one: _Scan) -> Found:
    hits = sorted(one.hits)
    columns = list(zip(*hits, strict=True)) or [()] * 5
    return Found(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array([CODES[kind] for kind in columns[2]], np.uint8),
        np.array(columns[3], np.int64),
        np.array(columns[4], np.bool_),
        one.tested,
    )
