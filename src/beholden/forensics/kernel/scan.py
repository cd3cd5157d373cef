"""Who of an index stands in a buffer."""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.kernel.binary import sweep_binary
from beholden.forensics.kernel.blake import LANES, started
from beholden.forensics.kernel.found import Found, Tested
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.lanes import BATCH, MAX_DOMAIN, MAX_LOCAL, WIDE, Box, Plan
from beholden.forensics.kernel.machine import mode
from beholden.forensics.kernel.text import WORK, sweep_text
from beholden.forensics.kernel.values import CODES, MIN_PHONE, MIN_TOKEN, Shape
from beholden.forensics.kernel.verify import in_order, verified
from beholden.forensics.spelling import Kind, fold

CHUNK = 1 << 24
MARGIN = 512
"""A hit depends on no more than so many bytes before and after the place where it begins."""
_NEIGHBOUR = 96
"""An id that explains where the next value begins stands no further before it."""
_CANDIDATES = 1 << 16
_HUGE = 1 << 21
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


class _Rooms:
    """What a scan works in. It is used again: to ask for memory takes longer than to look through a page of text."""

    def __init__(self) -> None:
        size = 8 * (_STATE + 4 * BATCH + WORK)
        # So much is asked for that a huge page is given, which all of it lies in.
        whole = np.empty(size + 2 * _HUGE, np.uint8)
        at = -whole.ctypes.data % _HUGE
        self.work = whole[at : at + size].view(np.int64)
        self.kept = np.empty((3, _CANDIDATES), np.int64)
        self.digests, self.told = _room(_CANDIDATES)
        self.hits = np.empty((_CANDIDATES, 6), np.int64)


def _room(candidates: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Room to verify so many candidates, each of which may be two things."""
    size = 2 * candidates + LANES
    return np.empty((2, size), np.uint64), np.empty((3, size), np.int64)


_FREE: list[_Rooms] = []
"""Those that no scan works in. What takes one takes it off the list, which no two threads can do at once."""


def scan(buffer: Buffer, index: Index, *, binary: bool, own: tuple[int, int] | None = None) -> Found:
    """All hits that begin within `own` (all, where it is None), by place."""
    data = np.frombuffer(buffer, np.uint8)
    wanted, end = own or (0, len(data))
    end = min(len(data), end)
    begin = max(0, wanted - _NEIGHBOUR if binary else wanted)
    try:
        rooms = _FREE.pop()
    except IndexError:
        rooms = _Rooms()
    try:
        return _scan(data, index, rooms, (begin, end), wanted, binary=binary)
    finally:
        _FREE.append(rooms)


def _scan(
    data: NDArray[np.uint8], index: Index, rooms: _Rooms, own: tuple[int, int], wanted: int, *, binary: bool
) -> Found:
    begin, end = own
    plan, tested = _plan(index), Tested()
    hits = (rooms.hits, 0)
    # The kernel reads beyond what it owns: of the ends of a buffer it is given a copy with room about it.
    inside = (max(begin, MARGIN), min(end, len(data) - 2 * MARGIN))
    parts = [(begin, inside[0]), inside, (inside[1], end)] if inside[0] < inside[1] else [(begin, end)]
    for part in parts:
        if part == inside:
            hits = _pass(data, 0, part, index, plan, tested, rooms, hits, binary=binary)
        elif part[0] < part[1]:
            room, at = _with_room(data, *part)
            hits = _pass(room, at, part, index, plan, tested, rooms, hits, binary=binary, size=len(data))
    return _found(*hits, wanted, tested, binary=binary)


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
    rooms: _Rooms,
    so_far: tuple[Hits, int],
    *,
    binary: bool,
    size: int | None = None,
) -> tuple[Hits, int]:
    """Put the hits that begin in `own` behind those so far; `data` begins at byte `at` of the buffer. What has too
    little room is redone."""
    base = data.ctypes.data - at
    kept, counted, work = rooms.kept, tested, rooms.work
    state = work.ctypes.data
    hashes, starts, ends, notes, noted = (state + 8 * (_STATE + n * BATCH) for n in range(5))
    end = len(data) if size is None else size
    while True:
        kept_at, room = kept.ctypes.data, kept.shape[1]
        work[:_STATE] = 0
        box = Box(
            hashes, starts, ends, notes, state, index.words.ctypes.data, np.uint64(len(index.words)),
            kept_at, kept_at + 8 * room, kept_at + 16 * room, room, *own,
            counted.counts.ctypes.data, counted.leading.ctypes.data, state + 16, int(index.wide), noted,
        )  # fmt: skip
        count = sweep_binary(mode(), base, end, plan, box) if binary else sweep_text(mode(), base, plan, box)
        if count <= room:
            break
        kept, counted = np.empty((3, int(count)), np.int64), Tested()  # they were counted at the first time
    if count == 0:
        return so_far
    digests, told = (rooms.digests, rooms.told) if count <= _CANDIDATES else _room(int(count))
    begun = _state(index.key)
    hits, held = so_far
    while True:
        found, settled = verified(
            mode(),
            base,
            binary,
            *kept,
            count,
            begun,
            index.starts,
            index.shift,
            index.rows,
            digests,
            told,
            own,
            hits,
            held,
        )
        if found <= len(hits):
            break
        hits = _longer(hits, held, int(found))
    if settled and not index.wide:
        return hits, int(found)
    rows = np.concatenate((hits[held:found], _wide(data, at, kept[:, :count], index)))
    rows = _longest(rows)
    rows = rows[(rows[:, 0] >= own[0]) & (rows[:, 0] < own[1])]
    if held + len(rows) > len(hits):
        hits = _longer(hits, held, held + len(rows))
    hits[held : held + len(rows)] = rows
    return hits, held + len(rows)


def _longer(hits: Hits, held: int, size: int) -> Hits:
    """The same with room for so many."""
    more = np.empty((size, 6), np.int64)
    more[:held] = hits[:held]
    return more


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


def _found(rows: Hits, size: int, begin: int, tested: Tested, *, binary: bool) -> Found:
    """So many rows as columns, by place, from `begin` on."""
    orders = np.empty((2, size), np.int64)
    start, end, person, whole = (np.empty(size, np.int64) for _ in range(4))
    kind = np.empty(size, np.uint8)
    held = in_order(rows, size, orders, start, end, kind, person, whole)
    if binary and (whole[:held] != 3).any():
        whole[:held] |= _beside(start[:held], end[:held], kind[:held], person[:held])
    first = int(np.searchsorted(start[:held], begin)) if held and start[0] < begin else 0
    own = slice(first, held)
    return Found(start[own], end[own], kind[own], person[own], whole[own] == 3, tested)


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


def _beside(
    start: NDArray[np.int64], end: NDArray[np.int64], kind: NDArray[np.uint8], person: NDArray[np.int64]
) -> NDArray[np.int64]:
    """1 where an id of the same person ends right where a hit begins."""
    ids = np.isin(kind, _IDS)
    ends = set(zip(end[ids].tolist(), person[ids].tolist(), strict=True))
    pairs = zip(start.tolist(), person.tolist(), strict=True)
    return np.array([1 if pair in ends else 0 for pair in pairs], np.int64)
