"""Every single find, as one row: what the counts of a report were counted from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Find(NamedTuple):
    """One person at one place. The order of the fields is the order of the rows.

    `offset` counts in the file that `path` names; `disk_offset` in the exhibit, where it is exactly known, else -1.
    `length` is from the first to the end of the last thing found, 0 where it is not known. `kinds` are what was found,
    in order, with commas between; `certain` says that two of them corroborate one another. `detail` is what the
    database knows of the row: which transactions wrote and removed it.
    """

    exhibit: int
    path: str
    offset: int
    person: int
    kinds: str
    where: str
    state: str
    region: str
    length: int
    disk_offset: int
    certain: bool
    attributed: bool
    detail: str = ""


Add = Callable[[Find], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """The finds of an examination as they were kept: how many different rows, and the SHA-256 of the file."""

    rows: int
    sha256: str
