"""Locks between the processes of one host, held by the kernel."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beholden.model.errors import Conflict, Unavailable


class FileLocks:
    """Locks on files in one folder (flock): the kernel lets go when the holder ends, however it ends.

    No clock is involved. Simulated time may stand still, and a successor of a killed process still begins at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """See Locks."""
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name), "a lock's name is a file's name"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable(f"The lock {name} cannot be opened ({error.strerror}).") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(f"Another process holds {name}.", "Let it finish, or stop it.") from None
            yield
        finally:
            os.close(handle)  # the file stays: removing it would let two processes lock two files of one name
