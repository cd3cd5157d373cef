"""Finding people in bytes: candidates by shape, then nothing but exact comparison.

In text a candidate ends where its characters end. In database pages values stand side by side without anything
between them, so every cut of a run is compared (multi-cut). A cut in the middle of a run is `certain` only if
something explains it: the value before it is known, or its length is written before it. `joann@x.example` must not be
found as `ann@x.example`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from beholden.forensics.hashed import find
from beholden.forensics.needles import SCOPED_LENGTH, Kind, Needles, fold
from beholden.forensics.text import Lane
from beholden.model.ids import PersonNumber

MAX_LOCAL, MAX_DOMAIN = 64, 255
_AT = re.compile(rb"@|%40|\\u0040|=40")
_LOCAL_REVERSED = re.compile(rb"[a-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]{1,64}")
_LOCAL_BINARY = re.compile(rb"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN = re.compile(rb"[a-z0-9.\x80-\xff-]{3,255}")
_DOMAIN_BINARY = re.compile(rb"[a-z0-9.-]{3,255}")
_MARKS = re.compile(rb"%[0-9a-f]{2}|['=/&|{}?!*#$^~`]|\A[.-]+")
"""Characters that an address may have but that nearly always are quotes or punctuation around it."""
_FOREIGN = re.compile(r"[^\x00-\x7f\w]", re.UNICODE)
"""What is neither ASCII nor a letter or digit: quotation marks, spaces, a byte order mark."""
_SCOPED = re.compile(rb"[a-z2-7]{26,}")
_DIGITS = re.compile(rb"[0-9]{8,}")


@dataclass(frozen=True, slots=True)
class Hit:
    """A person found by one exact value. `start` and `end` are characters of the lane."""

    start: int
    end: int
    kind: Kind
    person: PersonNumber
    certain: bool = True


@dataclass(slots=True)
class Tested:
    """How many candidates were compared, for the count of expected coincidences."""

    addresses: int = 0
    ids: int = 0


def scan(lane: Lane, sought: Needles, tested: Tested) -> list[Hit]:
    """All hits in a lane, by place."""
    found = list(_addresses(lane, sought, tested))
    found.extend(_scoped_ids(lane, sought, tested))
    found.extend(_outside_ids(lane, sought))
    if sought.audience:
        hashed = find(lane.data, sought.audience, raw=lane.binary and lane.width == 1)
        found.extend(Hit(hit.start, hit.end, Kind.DIGEST, hit.person) for hit in hashed)
    found.sort(key=lambda hit: hit.start)
    return found


def _addresses(lane: Lane, sought: Needles, tested: Tested) -> Iterator[Hit]:
    if not sought.emails:
        return
    local_class, domain_class = (_LOCAL_BINARY, _DOMAIN_BINARY) if lane.binary else (_LOCAL_REVERSED, _DOMAIN)
    for sign in _AT.finditer(lane.low):
        at, after = sign.span()
        domain = domain_class.match(lane.low, after)
        if domain is None:
            continue
        local = local_class.match(lane.low[max(0, at - MAX_LOCAL) : at][::-1])
        if local is None:
            continue
        begin = at - local.end()
        plain = sought.emails.get(lane.low[begin : domain.end()])
        if plain is not None and after == at + 1:
            tested.addresses += 1
            for person in plain:
                yield Hit(begin, domain.end(), Kind.EMAIL, person)
            continue
        whole = _whole(lane, sought, begin, at, after, domain.end(), tested)
        if whole is not None:
            yield from whole
        elif lane.binary:
            yield from _cuts(lane, sought, begin, at, after, domain.end())


def _whole(
    lane: Lane, sought: Needles, begin: int, at: int, after: int, end: int, tested: Tested
) -> tuple[Hit, ...] | None:
    """The address as its characters delimit it; also without quotes or punctuation around it."""
    end = _cut_after(lane, after, end)
    domain = _folded(lane, after, end).rstrip(b".-")
    if domain not in sought.domains:
        return None
    tested.addresses += 1
    begin = _cut_before(lane, begin, at)
    escaped = 1 if begin and lane.low[begin - 1 : begin] == b"\\" and lane.low[begin : begin + 1] in b"ntrbf" else 0
    starts = [begin + escaped]
    starts += [begin + mark.end() for mark in _MARKS.finditer(lane.low[begin:at])]
    for start in starts:
        people = sought.emails.get(_folded(lane, start, at) + b"@" + domain) if start < at else None
        if people is not None:
            return tuple(Hit(start, min(end, after + len(domain)), Kind.EMAIL, person) for person in people)
    return None


def _cut_before(lane: Lane, begin: int, at: int) -> int:
    """Where an address begins behind the last character that no address has, among those beyond ASCII."""
    if lane.low[begin:at].isascii():
        return begin
    for start in range(at - 1, begin - 1, -1):
        if lane.low[start] >= 0x80 and _FOREIGN.search(lane.text(start if lane.width == 2 else begin, start + 1)):
            return start + 1
    return begin


def _cut_after(lane: Lane, after: int, end: int) -> int:
    """Where a domain ends before the first character that no domain has, among those beyond ASCII."""
    if lane.low[after:end].isascii():
        return end
    text = lane.text(after, end)
    foreign = _FOREIGN.search(text)
    if foreign is None:
        return end
    before = text[: foreign.start()]
    return after + (len(before) if lane.width == 2 else len(before.encode("utf-8", "replace")))


def _folded(lane: Lane, start: int, end: int) -> bytes:
    """Characters as they are compared; only those beyond ASCII need decoding."""
    cut = lane.low[start:end]
    return cut if cut.isascii() else fold(lane.text(start, end))


def _cuts(lane: Lane, sought: Needles, begin: int, at: int, after: int, end: int) -> Iterator[Hit]:
    """The longest sought address within a run of a binary block, and whether its ends are explained."""
    low = lane.low
    for length in sought.domain_lengths:
        stop = after + length
        domain = low[after:stop]
        if stop > end or domain not in sought.domains:
            continue
        for local in sought.domains[domain]:
            start = at - local
            people = sought.emails.get(low[start:at] + b"@" + domain) if start >= begin else None
            if people is None:
                continue
            right = stop == end or _ends(lane.data, stop)
            for person in people:
                left = start == begin or _explained(lane, sought, start, stop, person)
                yield Hit(start, stop, Kind.EMAIL, person, left and right)
            return


def _ends(data: bytes, stop: int) -> bool:
    """Whether a domain that is followed by more of its characters can end here: a capital begins something new."""
    return data[stop - 1 : stop].islower() and data[stop : stop + 1].isupper()


def _explained(lane: Lane, sought: Needles, start: int, stop: int, person: PersonNumber) -> bool:
    """Whether what stands directly before a cut says that a value begins there."""
    one = sought.people[person]
    length = stop - start
    # PostgreSQL writes a short value's length before it, as (length + 1) * 2 + 1.
    if start and lane.width == 1 and lane.data[start - 1] == (length + 1) * 2 + 1 and length < 126:
        return True
    before = lane.low[max(0, start - 80) : start]
    known = (fold(one.name), one.scoped_id.encode(), fold(one.outside_id))
    return any(len(value) >= 5 and before.endswith(value) for value in known)


def _scoped_ids(lane: Lane, sought: Needles, tested: Tested) -> Iterator[Hit]:
    """App-scoped ids: every window of 26 in a run; by chance none of them is anybody's (1 in 2^128)."""
    for run in _SCOPED.finditer(lane.low):
        text = run[0]
        for cut in range(len(text) - SCOPED_LENGTH + 1):
            tested.ids += 1
            found = sought.ids.get(text[cut : cut + SCOPED_LENGTH])
            if found is not None and found[0] is Kind.SCOPED_ID:
                start = run.start() + cut
                yield Hit(start, start + SCOPED_LENGTH, Kind.SCOPED_ID, found[1])


def _outside_ids(lane: Lane, sought: Needles) -> Iterator[Hit]:
    token = sought.outside_token
    if token is None:
        return
    present = set(token.findall(lane.low))
    if any(one in sought.ids for one in present):
        for match in token.finditer(lane.low):
            found = sought.ids.get(match[0])
            if found is not None and found[0] is Kind.OUTSIDE_ID:
                yield Hit(match.start(), match.end(), Kind.OUTSIDE_ID, found[1])
    if lane.binary and sought.digit_lengths:
        yield from _digit_windows(lane, sought)


def _digit_windows(lane: Lane, sought: Needles) -> Iterator[Hit]:
    """Numeric ids that other digits touch: every window of a run."""
    for run in _DIGITS.finditer(lane.low):
        text = run[0]
        for length in sought.digit_lengths:
            for cut in range(len(text) - length + 1):
                found = sought.ids.get(text[cut : cut + length])
                if found is not None and len(text) != length:
                    yield Hit(run.start() + cut, run.start() + cut + length, Kind.OUTSIDE_ID, found[1])
