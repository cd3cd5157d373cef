"""Files that are durable when a call returns, and a lock between processes."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from beholden.model.errors import BeholdenError, Unavailable

PATIENCE = 30.0
"""Seconds to wait for another process's lock; a batch takes milliseconds, an erasure may rewrite every segment."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file against every other process, and every other opener in this one.

    The kernel lets go when the holder ends, however it ends. Raises Unavailable when the wait is too long.
    """
    with failing(f"The lock {path} cannot be opened"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(handle, path)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, path: Path) -> None:
    # A blocking flock could wait for ever on a holder that was stopped, so this polls, on the host's monotonic clock.
    deadline, pause = time.monotonic() + PATIENCE, 0.0001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Unavailable(f"Another process has held {path} for {PATIENCE:.0f} s.", "Look at it.") from None
            time.sleep(pause)
            pause = min(pause * 1.2, 0.002)


@contextmanager
def failing(what: str) -> Iterator[None]:
    """Turn an error of the operating system into Unavailable."""
    try:
        yield
    except BeholdenError:
        raise
    except OSError as error:
        raise Unavailable(f"{what} ({error.strerror}).", "Check the disk, then try again.") from error


def write_all(handle: int, data: bytes, offset: int) -> None:
    """Write every byte at an offset; raises OSError, and then some may be written."""
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a file in place as a whole; its bytes are on disk before it has its name. The folder is not synced.

    Raises OSError; the old file, if there was one, is then still there.
    """
    scratch = path.with_name(f"{path.name}.new-{os.getpid()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        try:
            write_all(handle, data, 0)
            os.fsync(handle)
        finally:
            os.close(handle)
        scratch.replace(path)
    except OSError:
        with suppress(OSError):
            scratch.unlink()
        raise


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> bytes | None:
    """A file's bytes, None where there is none; raises Unavailable."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}).") from error
