"""Bytes that can be read at any place: a file, a part of one, or what a container held."""

from dataclasses import dataclass
from typing import Protocol


class Source(Protocol):
    """Random access to bytes that do not change while they are read."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """The bytes at `offset`; fewer than `length` only at the end. Raises Unavailable when the medium fails."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A Source over bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class Part:
    """A range of another Source, without a copy; cut to what the other holds."""

    whole: Source
    start: int
    length: int

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return max(0, min(self.length, self.whole.size - self.start))

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        return self.whole.read(self.start + offset, max(0, min(length, self.size - offset)))
