"""Who of an index stands in a buffer."""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.binary import sweep_binary
from beholden.forensics.kernel.blake import started
from beholden.forensics.kernel.found import Found, Tested
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.lanes import ADDRESS, BATCH, MAX_DOMAIN, MAX_LOCAL, WIDE, Box, Plan
from beholden.forensics.kernel.machine import mode
from beholden.forensics.kernel.text import WORK, sweep_text
from beholden.forensics.kernel.values import CODES, MIN_PHONE, MIN_TOKEN, Shape
from beholden.forensics.kernel.verify import verified
from beholden.forensics.spelling import Kind, fold

CHUNK = 1 << 24
MARGIN = 512
"""A hit depends on no more than so many bytes before and after the place where it begins."""
_NEIGHBOUR = 96
"""An id that explains where the next value begins stands no further before it."""
_CANDIDATES = 1 << 16
_STATE = 2 + MAX_DOMAIN // 8 + MAX_LOCAL // 8 + 8
_IDS = (CODES[Kind.SCOPED_ID], CODES[Kind.OUTSIDE_ID], CODES[Kind.CANARY])
Buffer = bytes | bytearray | memoryview | NDArray[np.uint8]
Hits = NDArray[np.int64]
"""Rows of start, end, kind, person, explained ends (1 left, 2 right), place of an address's @ or -1."""


@lru_cache(maxsize=8)
def _plan(index: Index) -> Plan:
    """What of an index a pass needs to know."""
    # The kernels count on it that no phone has fewer digits, no token fewer characters: a file may say otherwise.
    addresses = index.lengths(Shape.ADDRESS)
    numbers, phones = index.lengths(Shape.NUMBER), index.lengths(Shape.PHONE) & -1 << MIN_PHONE
    tokens = index.lengths(Shape.TOKEN) & -1 << MIN_TOKEN
    dials = (phones | phones << 1 | phones << 2 | phones << 3) & (1 << 18) - 1
    return Plan(
        np.uint64(addresses & (1 << 64) - 1 | (addresses >> 64) << 63),
        np.uint64(index.marks),
        np.uint64(numbers),
        np.uint64(phones),
        (phones & -phones).bit_length() - 1 if phones else 64,
        16 if not phones else min(16, phones.bit_length() + 2),
        np.uint64(dials),
        np.uint64(numbers | dials),
        np.uint64(index.lengths(Shape.SCOPED) >> 26),
        np.uint64(index.lengths(Shape.HEX) >> 1),
        np.uint64(index.seed()),
        index.domains.ctypes.data,
        np.uint64(len(index.domains)),
        np.uint64(tokens >> 1),
        np.uint64(index.low),
        np.uint64(index.top),
    )


def scan(buffer: Buffer, index: Index, *, binary: bool, own: tuple[int, int] | None = None) -> Found:
    """All hits that begin within `own` (all, where it is None), by place."""
    data = np.frombuffer(buffer, np.uint8)
    wanted, end = own or (0, len(data))
    end = min(len(data), end)
    begin = max(0, wanted - _NEIGHBOUR if binary else wanted)
    tested = Tested()
    plan, rows = _plan(index), list[Hits]()
    # The kernel reads beyond what it owns: of the ends of a buffer it is given a copy with room about it.
    inside = (max(begin, MARGIN), min(end, len(data) - 2 * MARGIN))
    if inside[0] < inside[1]:
        rows.append(_pass(data, 0, inside, index, plan, tested, binary=binary))
        edges = [(begin, inside[0]), (inside[1], end)]
    else:
        edges = [(begin, end)]
    for first, last in edges:
        if first < last:
            room, at = _with_room(data, first, last)
            rows.append(_pass(room, at, (first, last), index, plan, tested, binary=binary, size=len(data)))
    return _found(np.concatenate(rows) if rows else np.empty((0, 6), np.int64), wanted, tested, binary=binary)


def sweep(
    read: Callable[[int, int], bytes], size: int, index: Index, *, binary: bool, chunk: int = CHUNK
) -> Iterator[tuple[int, Found]]:
    """The hits of anything of any size, in windows that overlap; each hit once. Columns count from the number given."""
    for at in range(0, size, chunk):
        first = max(0, at - MARGIN)
        raw = read(first, min(size, at + chunk + MARGIN) - first)
        yield first, scan(raw, index, binary=binary, own=(at - first, min(size, at + chunk) - first))


def _with_room(data: NDArray[np.uint8], first: int, last: int) -> tuple[NDArray[np.uint8], int]:
    """A copy of some bytes with what stands about them, or zeros; and of which byte its first one is the copy."""
    at = first - MARGIN
    made = np.zeros(last - first + 3 * MARGIN, np.uint8)
    low, top = max(0, at), min(len(data), last + MARGIN)
    made[low - at : top - at] = data[low:top]
    return made, at


@cache
def _state(key: bytes) -> NDArray[np.uint32]:
    return started(key)


def _pass(
    data: NDArray[np.uint8],
    at: int,
    own: tuple[int, int],
    index: Index,
    plan: Plan,
    tested: Tested,
    *,
    binary: bool,
    size: int | None = None,
) -> Hits:
    """The hits that begin in `own`; `data` begins at byte `at` of the buffer. What has too little room is redone."""
    base = data.ctypes.data - at
    room, counted = _CANDIDATES, tested
    work = np.empty(_STATE + 4 * BATCH + WORK, np.int64)
    state = work.ctypes.data
    hashes, starts, ends, notes, noted = (state + 8 * (_STATE + n * BATCH) for n in range(5))
    end = len(data) if size is None else size
    while True:
        kept = np.empty((3, room), np.int64)
        kept_at = kept.ctypes.data
        work[:_STATE] = 0
        box = Box(
            hashes, starts, ends, notes, state, index.words.ctypes.data, np.uint64(len(index.words)),
            kept_at, kept_at + 8 * room, kept_at + 16 * room, room, *own,
            counted.counts.ctypes.data, counted.leading.ctypes.data, state + 16, int(index.wide), noted,
        )  # fmt: skip
        count = sweep_binary(mode(), base, end, plan, box) if binary else sweep_text(mode(), base, plan, box)
        if count <= room:
            break
        room, counted = int(count), Tested()  # they were counted at the first time
    if count == 0:
        return np.empty((0, 6), np.int64)
    columns = (index.first, index.second, index.kinds, index.people)
    hits = np.empty((int(count) + 16, 5), np.int64)
    begun = _state(index.key)
    while True:
        found = verified(mode(), base, binary, *kept, count, begun, index.starts, index.shift, columns, hits)
        if found <= len(hits):
            break
        hits = np.empty((int(found), 5), np.int64)
    rows = _rows(hits[:found], kept)
    if index.wide:
        wide = _wide(data, at, kept[:, :count], index)
        rows = np.concatenate((rows, wide)) if len(wide) else rows
    rows = _longest(rows)
    return rows[(rows[:, 0] >= own[0]) & (rows[:, 0] < own[1])]


def _rows(hits: Hits, kept: Hits) -> Hits:
    start, end, note = (column[hits[:, 0]] for column in kept)
    sign = np.where(hits[:, 3] == ADDRESS, start + (note >> 16), -1)
    return np.stack((start, end, hits[:, 1], hits[:, 2], hits[:, 4], sign), axis=1)


def _wide(data: NDArray[np.uint8], at: int, kept: Hits, index: Index) -> Hits:
    """The addresses that have letters beyond ASCII: those need folding as Unicode says."""
    rows = []
    for start, end, note in kept[:, kept[2] & 255 == WIDE].T.tolist():
        sign, size = start + (note >> 16), (note >> 8) & 255
        parts = (data[start - at : sign - at], data[sign + size - at : end - at])
        local, domain = (fold(part.tobytes().decode("utf-8", "replace")) for part in parts)
        for kind, person in index.who(Shape.ADDRESS, local + b"@" + domain):
            rows.append((start, end, CODES[kind], person, 3, sign))
    return np.array(rows, np.int64).reshape(-1, 6)


def _found(rows: Hits, begin: int, tested: Tested, *, binary: bool) -> Found:
    """Rows as columns, by place, from `begin` on."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    if (rows[1:, 0] == rows[:-1, 0]).any():
        rows = rows[np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0]))]
        rows = rows[np.concatenate(([True], (rows[1:] != rows[:-1]).any(axis=1)))]  # reached in two ways
    whole = rows[:, 4]
    if binary and (whole != 3).any():
        whole = whole | _beside(rows)
    owned = rows[:, 0] >= begin
    if not owned.all():
        rows, whole = rows[owned], whole[owned]
    start, end, kind, person = (np.ascontiguousarray(rows[:, n]) for n in range(4))
    return Found(start, end, kind.astype(np.uint8), person, whole == 3, tested)


def _longest(rows: Hits) -> Hits:
    """Of several hits about one @ the one that ends last, and of those begins first."""
    sign = rows[:, 5]
    at = np.flatnonzero(sign >= 0)
    at = at[np.argsort(sign[at], kind="stable")]
    if not (sign[at][1:] == sign[at][:-1]).any():
        return rows
    ranked = at[np.lexsort((rows[at, 0], -rows[at, 1], sign[at]))]
    places = sign[ranked]
    group = np.cumsum(np.concatenate(([0], places[1:] != places[:-1])))
    first = ranked[np.concatenate(([True], places[1:] != places[:-1]))][group]
    same = (rows[ranked, 0] == rows[first, 0]) & (rows[ranked, 1] == rows[first, 1])
    kept = np.ones(len(rows), np.bool_)
    kept[ranked[~same]] = False
    return rows[kept] if not same.all() else rows


def _beside(rows: Hits) -> NDArray[np.int64]:
    """1 where an id of the same person ends right where a hit begins."""
    ids = rows[np.isin(rows[:, 2], _IDS)]
    ends = set(zip(ids[:, 1].tolist(), ids[:, 3].tolist(), strict=True))
    pairs = zip(rows[:, 0].tolist(), rows[:, 3].tolist(), strict=True)
    return np.array([1 if pair in ends else 0 for pair in pairs], np.int64)
