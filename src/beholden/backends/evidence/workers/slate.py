"""A page of memory on which a reader notes where it is, so that its parent can see that without asking.

It is what is left to read when the reader is gone.
"""

import mmap
import struct
import tempfile
from contextlib import ExitStack

from beholden.backends.evidence.files import OpenFile

_WORDS = struct.Struct("=QQ")


class Slate:
    """`searched` counts bytes of all its units; `inside` is the container or member that is open, else 0."""

    def __init__(self, file: OpenFile | None = None) -> None:
        self._open = ExitStack()
        if file is None:
            made = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is entered here
            made.truncate(mmap.PAGESIZE)
            file = OpenFile(made.fileno(), mmap.PAGESIZE)
        self.file = file
        self._map = self._open.enter_context(mmap.mmap(file.descriptor, mmap.PAGESIZE))

    @property
    def searched(self) -> int:
        """See Slate."""
        return int(_WORDS.unpack_from(self._map)[0])

    @property
    def inside(self) -> int:
        """See Slate."""
        return int(_WORDS.unpack_from(self._map)[1])

    def note(self, searched: int, inside: int) -> None:
        """Write both."""
        _WORDS.pack_into(self._map, 0, searched, inside)

    def close(self) -> None:
        """Let go of the page."""
        self._open.close()
