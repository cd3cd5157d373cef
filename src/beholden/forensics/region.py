"""What kind of place bytes come from, and whether what stands there is live or deleted."""

from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum

Ranges = tuple[tuple[int, int], ...]
"""Byte ranges `(start, length)` of a container, in the order in which their bytes follow one another."""


class State(StrEnum):
    """Whether something is there for whoever uses the file, or only for whoever looks underneath."""

    LIVE = "live"
    DELETED = "deleted"
    UNKNOWN = "live or deleted, which is not known"


class Region(StrEnum):
    """The class of the bytes of a file or member, as coverage and finds name it."""

    FILE = "file"
    DELETED_FILE = "deleted file"
    SLACK = "slack"
    UNALLOCATED = "unallocated space"
    STRUCTURE = "structure of a volume or file system"
    MEMBER = "member of a container"
    DECODED = "decoded text"

    @property
    def state(self) -> State:
        """What a find in bytes of this class is."""
        deleted = self in (Region.DELETED_FILE, Region.SLACK, Region.UNALLOCATED)
        return State.DELETED if deleted else State.LIVE


def first(ranges: Ranges, length: int) -> Ranges:
    """The ranges that hold the first `length` bytes."""
    taken: list[tuple[int, int]] = []
    for start, size in ranges:
        if length <= 0:
            break
        taken.append((start, min(size, length)))
        length -= size
    return tuple(taken)


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges by their place, each byte in one of them only."""
    found: list[tuple[int, int]] = []
    for start, length in sorted(ranges):
        if found and start <= found[-1][0] + found[-1][1]:
            before = found[-1]
            found[-1] = (before[0], max(before[1], start + length - before[0]))
        elif length > 0:
            found.append((start, length))
    return tuple(found)


def without(ranges: Ranges, taken: Iterable[Ranges]) -> Ranges:
    """Those bytes of the ranges that are in none of the others."""
    gone = _joined((start, start + length) for others in taken for start, length in others if length > 0)
    left: list[tuple[int, int]] = []
    for start, length in sorted(ranges):
        free, end = start, start + length
        for begin, stop in gone[bisect_right(gone, start, key=_end) :]:
            if begin >= end:
                break
            if begin > free:
                left.append((free, begin - free))
            free = max(free, stop)
        if free < end:
            left.append((free, end - free))
    return tuple(left)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans from start to end, in order, with those in one that overlap or touch."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _end(span: tuple[int, int]) -> int:
    return span[1]


def shared(ranges: Ranges, start: int, length: int) -> int:
    """How many of the bytes from `start` lie in the ranges, which do not overlap."""
    end = start + length
    return sum(max(0, min(end, begin + size) - max(start, begin)) for begin, size in ranges)
