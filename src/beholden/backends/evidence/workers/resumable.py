"""A search that goes on where it stopped: what every unit came to is kept in a folder until it is asked for again.

A result is used again only for the same exhibits under the same names, the same people, limits, protections and
version of the software. It is written under its name as a whole, and with its digest: what a crash left is done again.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from beholden import __version__
from beholden.forensics.outcome import Outcome, decoded, encoded, written
from beholden.forensics.units import Job, Searched, Searcher, Unit, concerns
from beholden.model.errors import Damaged, Unavailable

ENDING = ".outcome"


@dataclass(slots=True)
class Resumable:
    """A Searcher that lets another search only what it has no result of. `trouble` says why results could not be
    kept, if they could not; the search goes on without. A `brief` folder is of no use after the end."""

    inner: Searcher
    folder: Path
    brief: bool = False
    trouble: str = ""

    @property
    def protections(self) -> Mapping[str, object]:
        """See Searcher."""
        return self.inner.protections

    def search(self, parts: Sequence[Unit], job: Job, searched: Searched) -> Iterator[tuple[int, Outcome]]:
        """See Searcher."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"Results cannot be kept in {self.folder} ({error.strerror}).", "Name another."
            ) from error
        names = self._names(parts, job)
        left: list[Unit] = []
        for unit in parts:
            outcome = self._kept(names[unit.number], unit, job)
            if outcome is None:
                left.append(unit)
                continue
            searched(unit.size)
            yield unit.number, outcome
        for number, outcome in self.inner.search(left, job, searched):
            self._keep(names[number], outcome)
            yield number, outcome

    def ended(self) -> None:
        """Note that nobody will ask again: the report is written."""
        if self.brief:
            for path in self.folder.glob(f"*{ENDING}"):
                path.unlink(missing_ok=True)
            with suppress(OSError):
                self.folder.rmdir()

    def _names(self, parts: Sequence[Unit], job: Job) -> dict[int, Path]:
        """Where each unit's result lies: a digest of everything that it depends on."""
        common = [__version__, job.identity(), written(dict(self.protections)).hex()]
        names: dict[int, Path] = {}
        for unit in parts:
            exhibits = [[one.number, one.name, one.size, one.sha256] for one in unit.exhibits]
            digest = hashlib.sha256(written([*common, exhibits])).hexdigest()
            names[unit.number] = self.folder / f"{digest}{ENDING}"
        return names

    def _kept(self, path: Path, unit: Unit, job: Job) -> Outcome | None:
        try:
            digest, _, body = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if digest != hashlib.sha256(body).hexdigest().encode():
            return None
        try:
            outcome = decoded(body)
        except Damaged:
            return None
        return outcome if concerns(outcome, unit, job.sought) else None

    def _keep(self, path: Path, outcome: Outcome) -> None:
        if self.trouble:
            return
        body = encoded(outcome)
        try:
            _write(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        except OSError as error:
            self.trouble = f"Results are not kept any more in {self.folder} ({error.strerror})."


def _write(path: Path, data: bytes) -> None:
    """Under its name stands all of it or nothing. Readable by its owner alone."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
