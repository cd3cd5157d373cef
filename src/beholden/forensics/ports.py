"""What an examination needs from outside: evidence, opened read-only, and a place for its results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from beholden.forensics.containers import Form, Limits, Stop
from beholden.forensics.coverage import Reason
from beholden.forensics.hits import Find, Kept
from beholden.forensics.region import Ranges, Region
from beholden.forensics.seal import PublicKey, Signed
from beholden.forensics.source import Source
from beholden.model.errors import BadInput
from beholden.model.ids import AppNumber, ExaminationId

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the bytes done and the bytes there are."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One file of the evidence as it was taken in.

    `path` is the operating system's name (undecodable bytes as surrogates); `name` is safe to print. `size` is in
    bytes; `sha256` is the digest before anything was searched. `modified` is when the file system says that it was
    written last.
    """

    number: int
    path: str
    name: str
    size: int
    sha256: str
    modified: datetime | None = None
    segment_of: int | None = None
    """The number of the exhibit whose further segment this is; opening that one reads this one too."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Something under the given paths that is not an exhibit, or could not be read."""

    name: str
    reason: Reason
    size: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """All that lies under the given paths, in the order of their names."""

    exhibits: tuple[Exhibit, ...]
    not_taken: tuple[NotTaken, ...]


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a member that could not be read, and is read as zeros; `length` in bytes of the member."""

    start: int
    length: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a member of a container holds. `stop` says why it ends early, if it does; `packed` is what it took of the
    container, in bytes. `source` is what could be read until then. `form` is how it is to be read, where its reader
    knows better than its first bytes say.

    `damage` and `checks` are asked when the member has been read: parts in its middle that could not be, and what its
    stored checksums say of the rest.
    """

    source: Source
    packed: int
    stop: Stop | None = None
    form: Form | None = None
    damage: Callable[[], Sequence[Damage]] = tuple
    checks: Callable[[], Sequence[str]] = tuple


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of a container. `covers` are the bytes of the container that it takes: nobody else searches those.

    A name is empty where the member is the container in another guise: the disk in a disk image.

    `modified` is when the container says that it was written last; None where it does not say.
    """

    name: str
    covers: Ranges
    open: Callable[[], AbstractContextManager[Unpacked]]
    region: Region = Region.MEMBER
    modified: datetime | None = None

    @property
    def packed(self) -> int:
        """How many bytes of the container it takes."""
        return sum(length for _, length in self.covers)


class Unlisted(BadInput):
    """A container whose list of members could not be made, for a reason that is not the container's own."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"The list of its members could not be made: {stop}.")
        self.stop = stop


Open = Callable[[Form, Source], Iterator[Entry]]
"""The members of a container. Raises BadInput, with the reason, where it has no readable list of them."""


class Evidence(Protocol):
    """Reads evidence and never changes it.

    Files are opened read-only; links, devices and pipes are not followed or opened. Nothing is written under a name
    that the evidence chose.
    """

    def take_in(self, paths: Sequence[str], progress: Progress) -> Intake:
        """List and hash everything under the paths. Raises BadInput where a path does not exist."""
        ...

    def open(self, exhibit: Exhibit) -> AbstractContextManager[Source]:
        """Read an exhibit. Raises Unavailable when it cannot be opened or is not the file that was taken in."""
        ...

    def opener(self, limits: Limits) -> Open:
        """How containers are opened within limits, which count from nothing for every opener."""
        ...

    def digests(self, exhibits: Sequence[Exhibit], progress: Progress) -> Iterator[str | None]:
        """The SHA-256 of each exhibit now, in their order; None where it is gone or cannot be read."""
        ...


class Hits(Protocol):
    """Keeps every single find of an examination, however many, in bounded memory."""

    def add(self, find: Find) -> None:
        """Keep one find. The order in which they come does not matter."""
        ...

    def finish(self) -> Kept:
        """All were added: order them, drop what is there twice, and close. Raises Unavailable."""
        ...


class Seal(Protocol):
    """Signs manifests and reports with the examination key."""

    def sign(self, data: bytes) -> Signed:
        """The signature under the present key. The same data under the same key has the same signature."""
        ...

    def public(self) -> Sequence[PublicKey]:
        """The present key and all earlier ones, the newest first."""
        ...

    def rotate(self) -> PublicKey:
        """Make a new key and destroy the private half of the old one. What the old one signed still verifies."""
        ...


class ReportFolder(Protocol):
    """A report that somebody handed over: read only, and nothing in it is believed."""

    def names(self) -> Sequence[str]:
        """All that lies in it. Raises Unavailable when it cannot be listed."""
        ...

    def read(self, name: str, most: int) -> bytes | None:
        """A file's bytes; None when it is not there, is no regular file, or has more than `most`. Raises Unavailable
        when the medium fails."""
        ...

    def sha256(self, name: str) -> str | None:
        """A file's digest; None when it is not there or is no regular file. Raises Unavailable as above."""
        ...


@dataclass(frozen=True, slots=True)
class ExaminationRecord:
    """What is kept of an examination. `numbers` are counts only; the report itself goes to whoever asked for it."""

    id: ExaminationId
    app: AppNumber
    case: str | None
    claim: str | None
    operator: str
    paths: tuple[str, ...]
    verdict: str
    numbers: dict[str, int]
    manifest_sha256: str
    report_sha256: str
    began_at: datetime
    ended_at: datetime


class Examinations(Protocol):
    """Examinations that were done; none is ever changed or deleted (law 7)."""

    def add(self, record: ExaminationRecord) -> None:
        """Keep a finished examination."""
        ...

    def get(self, id: ExaminationId) -> ExaminationRecord | None:
        """One examination."""
        ...

    def of(self, app: AppNumber | None = None) -> Sequence[ExaminationRecord]:
        """All examinations, or those of one app, newest first."""
        ...
