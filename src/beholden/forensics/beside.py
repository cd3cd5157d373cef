"""The files around a file: a database is often several of them."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from beholden.forensics.source import Source


@dataclass(frozen=True)
class Beside:
    """Opens files by their way from one file's folder.

    `path` is that file's own, with `/` between its parts; `within` tells what it lies in: two files of one container
    have the same. What `open` gives is good only while the file itself is searched.
    """

    path: str
    within: str
    open: Callable[[str], Source | None]

    def at(self, way: str) -> Source | None:
        """The file at a way such as `../../PG_VERSION`, or None."""
        return self.open(self.full(way))

    def full(self, way: str) -> str:
        """The whole path that a way leads to."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.path), way))


NOTHING = Beside("", "nothing", lambda _path: None)
"""For a file that stands alone."""


def once(open_: Callable[[str], Source | None]) -> Callable[[str], Source | None]:
    """Opens each file once and keeps it; in a container each opening may unpack it anew."""
    opened: dict[str, Source | None] = {}

    def found(path: str) -> Source | None:
        if path not in opened:
            opened[path] = open_(path)
        return opened[path]

    return found
