"""Clocks: the system's, and one that is moved by hand through a file."""

import os
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beholden.model.errors import Unavailable
from beholden.model.time import from_micros, to_micros


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)


class FileClock:
    """Simulated time, shared by several processes: eight bytes in a file, microseconds since 1970.

    For the demo and tests. A missing or torn file is Unavailable, never a guess: time decides who may read what.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """See Clock."""
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise Unavailable(f"The simulated clock {self._path} cannot be read.", "Set it first.") from error
        if len(data) != 8:
            raise Unavailable(f"The simulated clock {self._path} is damaged.", "Set it again.")
        return from_micros(struct.unpack(">q", data)[0])

    def set(self, instant: datetime) -> None:
        """Move to an instant; readers see the old or the new time, never half of it."""
        scratch = self._path.with_suffix(f".{os.getpid()}")
        scratch.write_bytes(struct.pack(">q", to_micros(instant)))
        scratch.replace(self._path)

    def advance(self, step: timedelta) -> datetime:
        """Move on by a step; the new time."""
        instant = self.now() + step
        self.set(instant)
        return instant
