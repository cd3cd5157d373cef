"""A report's folder as somebody handed it over: read only, no link followed, nothing longer than was asked for."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beholden.model.errors import Unavailable

MAX_NAMES = 1_000


class FileReportFolder:
    """See ReportFolder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """See ReportFolder."""
        try:
            return sorted(os.listdir(self._folder))[:MAX_NAMES]  # noqa: PTH208 - names are all that is wanted
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be listed ({error.strerror}).") from error

    def read(self, name: str, most: int) -> bytes | None:
        """See ReportFolder."""
        with self._opened(name) as descriptor:
            if descriptor is None or os.fstat(descriptor).st_size > most:
                return None
            with os.fdopen(os.dup(descriptor), "rb") as file:
                data = file.read(most + 1)
                return data if len(data) <= most else None

    def sha256(self, name: str) -> str | None:
        """See ReportFolder."""
        with self._opened(name) as descriptor:
            if descriptor is None:
                return None
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def _opened(self, name: str) -> Iterator[int | None]:
        """A descriptor of a regular file of the folder itself; None where there is none."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._folder / name, flags)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            if self._is_link(name):
                yield None
                return
            raise Unavailable(f"{self._folder / name} cannot be opened ({error.strerror}).") from error
        try:
            yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
        except OSError as error:
            raise Unavailable(f"{self._folder / name} cannot be read ({error.strerror}).") from error
        finally:
            os.close(descriptor)

    def _is_link(self, name: str) -> bool:
        return (self._folder / name).is_symlink()
