"""A reading: bytes as they were meant, and where each of them is written."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.readings.compiled import compiled, inner

Bytes = NDArray[np.uint8]
Spots = NDArray[np.int32]
Windows = NDArray[np.int32]
"""Rows `(first, last, kind, room)`: bytes of a reading to decode, how, and how many bytes that may become at most."""

BREAK = b"\n\f\n"
"""Stands between two decoded stretches that do not follow one another; nothing reaches over it."""


@dataclass(frozen=True)
class Reading:
    """One way to read a buffer.

    Byte `i` of `data` is written at `spots[i]` of the buffer; without `spots` it is the buffer as it stands. `how`
    names the encodings, outermost first. `fresh` marks the bytes that this encoding changed: only what touches one
    of them is decoded again, so that no escape is read twice; None marks all. `binary` means that values may stand
    side by side without anything between them, as in database pages.
    """

    data: bytes
    binary: bool
    spots: Spots | None = None
    how: tuple[str, ...] = ()
    fresh: Bytes | None = None
    array: Bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", np.frombuffer(self.data, np.uint8))

    def place(self, index: int) -> int:
        """The byte of the buffer at which a character stands."""
        return index if self.spots is None else int(self.spots[min(index, len(self.spots) - 1)])

    def text(self, start: int, end: int) -> str:
        """The characters from start to end. Bytes that are not UTF-8 are read as Windows-1252."""
        cut = self.data[start:end]
        try:
            return cut.decode("utf-8")
        except UnicodeDecodeError as error:
            # A window may begin or end within a character; that is not yet another encoding.
            if error.start >= len(cut) - 3 or error.end <= 3:
                return cut.decode("utf-8", "replace")
            return cut.decode("cp1252", "replace")


@dataclass(slots=True)
class Allowance:
    """How much may still be decoded of one buffer, in bytes; and what was not, for the statement of coverage."""

    bytes: int
    refused: int = 0
    """Bytes that decoding them would have made, had there been room."""
    too_deep: int = 0
    """Stretches that hold yet another encoding beneath the deepest that is read."""

    def grant(self, windows: Windows) -> Windows:
        """The first of the windows for which there is room."""
        room = np.cumsum(windows[:, 3].astype(np.int64))
        fits = int(np.searchsorted(room, self.bytes, side="right"))
        self.bytes -= int(room[fits - 1]) if fits else 0
        self.refused += int(room[-1] - (room[fits - 1] if fits else 0)) if fits < len(room) else 0
        return windows[:fits]


def split(
    reading: Reading, how: str, data: Bytes, spots: Spots, fresh: Bytes | None, ends: NDArray[np.int32]
) -> list[Reading]:
    """Readings out of decoded stretches, each ending at one of `ends`: texts together, binary ones together."""
    controls = _controls(data, ends)
    made = []
    for binary in (False, True):
        chosen = controls == binary
        if not chosen.any():
            continue
        if chosen.all():
            keep = slice(None)
        else:
            keep = np.repeat(chosen, np.diff(ends, prepend=0))  # type: ignore[assignment]
        place = spots[keep] if reading.spots is None else reading.spots[spots[keep]]
        part = None if fresh is None else fresh[keep]
        made.append(Reading(data[keep].tobytes(), binary, place, (*reading.how, how), part))
    return made


@inner
def put(windows: Any, count: int, first: int, last: int, kind: int, room: int) -> Any:
    """The windows with one more; twice as many places where there is none left."""
    if count == len(windows):
        wider = np.empty((2 * count, 4), np.int32)
        wider[:count] = windows
        windows = wider
    windows[count, 0], windows[count, 1], windows[count, 2], windows[count, 3] = first, last, kind, room
    return windows


@compiled
def _controls(data: Any, ends: Any) -> Any:
    """Which stretches are binary, by the measure of `looks_binary`."""
    found, start = np.zeros(len(ends), np.bool_), 0
    for number in range(len(ends)):
        count = 0
        for at in range(start, ends[number]):
            letter = data[at]
            count += (letter < 9) | ((letter > 13) & (letter < 32) & (letter != 27)) | (letter == 127)
        found[number] = count * 300 > ends[number] - start
        start = ends[number]
    return found
