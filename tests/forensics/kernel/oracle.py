"""What a scan should say, in plain Python that tries everything: the kernels are held to it."""

import re
from collections.abc import Iterable, Iterator

from beholden.forensics.kernel.values import KINDS, Shape, canonical, keys
from beholden.forensics.needles import Kind, fold
from beholden.model.ids import PersonNumber

Value = tuple[Kind, PersonNumber, str]
Hit = tuple[int, int, str, int, bool]
LOCAL = rb"a-z0-9!#$%&'*+/=?^_`{|}~.-"
MARKS = re.compile(rb"%[0-9a-f]{2}|['=/&|{}?!*#$^~`]|\A[.-]+")
FOREIGN = re.compile(r"[^\x00-\x7f\w]")
CLASSES = {Shape.NUMBER: rb"[0-9]", Shape.PHONE: rb"[0-9]", Shape.TOKEN: rb"[a-z0-9_-]", Shape.HEX: rb"[0-9a-f]"}


class Oracle:
    """All hits in a buffer."""

    def __init__(self, values: Iterable[Value]) -> None:
        self.table: dict[tuple[Shape, bytes], list[tuple[Kind, int]]] = {}
        for kind, person, value in values:
            for key in keys(kind, value):
                self.table.setdefault(key, []).append((kind, person))

    def hits(self, data: bytes, *, binary: bool) -> list[Hit]:
        self.data, self.low, self.binary = data, data.lower(), binary
        found = {hit for one in (self.runs, self.chains, self.integers, self.addresses) for hit in one()}
        ids = {
            (end, person) for _, end, kind, person, _, _ in found if kind in ("app-scoped id", "platform id", "canary")
        }
        return sorted(
            ((start, end, kind, person, right and (left or (start, person) in ids))
             for start, end, kind, person, left, right in found),
            key=lambda hit: (hit[0], hit[1], [kind.value for kind in KINDS].index(hit[2]), hit[3]),
        )  # fmt: skip

    def who(self, shape: Shape, start: int, end: int, low: bytes, left: bool = True, right: bool = True) -> Iterator:
        for kind, person in self.table.get((shape, low), ()):
            yield start, end, kind.value, person, left, right

    def before(self, start: int, end: int) -> bool:
        return self.binary and end - start < 126 and start > 0 and self.data[start - 1] == (end - start + 1) * 2 + 1

    def runs(self) -> Iterator:
        lengths = {shape: {len(low) for one, low in self.table if one is shape} for shape in Shape}
        for shape, letters in CLASSES.items():
            for run in re.finditer(letters + rb"+", self.low):
                text, at = run[0], run.start()
                if shape is Shape.PHONE and 7 <= len(text) <= 17:
                    yield from self.who(shape, at, run.end(), canonical(text))
                for length in lengths[shape]:
                    for cut in range(len(text) - length + 1):
                        start, end = at + cut, at + cut + length
                        if shape is Shape.PHONE and length == len(text):
                            continue
                        if length == len(text) or self.binary:
                            left = start == at or self.before(start, end)
                            yield from self.who(shape, start, end, text[cut : cut + length], left, end == run.end())
        for at in range(len(self.low) - 25):
            yield from self.who(Shape.SCOPED, at, at + 26, self.low[at : at + 26])

    def chains(self) -> Iterator:
        for chain in re.finditer(rb"[0-9]+(?:[ .()/-]{1,2}[0-9]+)+", self.low):
            groups = [(m.start() + chain.start(), m.end() + chain.start()) for m in re.finditer(rb"[0-9]+", chain[0])]
            for first in range(len(groups)):
                begin, stop = groups[first]
                for start in range(begin, stop) if self.binary else (begin,):
                    yield from self.chained(start, begin, stop, groups[first + 1 :])

    def chained(self, start: int, begin: int, stop: int, groups: list[tuple[int, int]]) -> Iterator:
        text = self.low[start:stop]
        for first, last in groups:
            dropped = self.low[first - 1 : last + 1] == b"(0)"
            if not dropped:
                for end in range(first + 1, last + 1) if self.binary else (last,):
                    digits = text + self.low[first:end]
                    if len(digits) <= 17:
                        left = start == begin or self.before(start, end)
                        yield from self.who(Shape.PHONE, start, end, canonical(digits), left, end == last)
                text += self.low[first:last]

    def integers(self) -> Iterator:
        if self.binary:
            for at in range(len(self.data)):
                for size, order in ((6, "big"), (8, "big"), (8, "little")):
                    raw = self.data[at : at + size]
                    if len(raw) == size:
                        low = b"%d" % int.from_bytes(raw, order)  # type: ignore[arg-type]
                        if len(low) <= 18:
                            yield from self.who(Shape.NUMBER, at, at + size, low, False, False)

    def addresses(self) -> Iterator:
        for sign in re.finditer(rb"@|%40|\\u0040|=40", self.low):
            found = [hit for some in self.about(*sign.span()) for hit in some]
            if found:
                best = max((end, -start) for start, end, *_ in found)
                yield from (hit for hit in found if (hit[1], -hit[0]) == best)

    def about(self, at: int, after: int) -> Iterator:
        high = b"" if self.binary else rb"\x80-\xff"
        local = re.compile(rb"[" + high + LOCAL + rb"]{1,65}").match(self.low[max(0, at - 65) : at][::-1])
        domain = re.compile(rb"[a-z0-9.\-" + high + rb"]{1,255}").match(self.low, after)
        if local is None or domain is None:
            return
        begin, end = at - local.end(), domain.end()
        endless = at - begin > 64
        starts: list[int] = []
        for place, size, character in characters(self.data[begin:at]):
            if FOREIGN.match(character):
                starts = [begin + place + size]
        if starts:
            begin, endless = starts[0], False
        for place, _, character in characters(self.data[after:end]):
            if FOREIGN.match(character):
                end = after + place
                break
        end = after + len(self.low[after:end].rstrip(b".-"))
        if endless or (
            begin > 0
            and self.low[begin - 1 : begin] == b"\\"
            and self.low[begin : begin + 1] in (b"n", b"t", b"r", b"b", b"f")
        ):
            begin += 1
        marked = [begin + mark.end() for mark in MARKS.finditer(self.low[begin:at])]
        starts = marked if endless else [begin, *marked]
        tried = {(start, end): True for start in starts}
        if self.binary:
            for stop in range(end, after, -1):
                tried |= {(start, stop): start in starts for start in range(begin, at)}
        for (start, stop), left in tried.items():
            if start < at and stop - after >= 3:
                low = self.folded(start, at) + b"@" + self.folded(after, stop)
                right = stop == end or (self.data[stop - 1 : stop].islower() and self.data[stop : stop + 1].isupper())
                yield self.who(Shape.ADDRESS, start, stop, low, left or self.before(start, stop), right)

    def folded(self, start: int, end: int) -> bytes:
        return fold(self.data[start:end].decode("utf-8", "replace"))


def characters(raw: bytes) -> Iterator[tuple[int, int, str]]:
    """Place, size and character of everything; a byte that is not UTF-8 is read as Windows-1252."""
    at = 0
    while at < len(raw):
        for size in (1, 2, 3, 4):
            try:
                yield at, size, raw[at : at + size].decode("utf-8")
            except UnicodeDecodeError:
                continue
            break
        else:
            size = 1
            yield at, 1, raw[at : at + 1].decode("cp1252", "replace")
        at += size
