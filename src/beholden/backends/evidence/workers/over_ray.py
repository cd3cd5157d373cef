"""The same search on the hosts of a Ray cluster that see the evidence under the same paths.

Each of Ray's workers has a nursery of its own and reads in a cage as this host does. An exhibit is hashed where it is
read, before it is: what another host sees under a path must be what was taken in here.
"""

import hashlib
import logging
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.workers.attempts import batches
from beholden.backends.evidence.workers.caged import Caged
from beholden.backends.evidence.workers.nursery import Nursery
from beholden.backends.evidence.workers.probe import probe
from beholden.forensics.coverage import Reason
from beholden.forensics.outcome import Outcome, decoded, encoded
from beholden.forensics.ports import Exhibit
from beholden.forensics.source import Source
from beholden.forensics.units import Job, Searched, Unit, lost
from beholden.model.errors import BadInput, Unavailable

MAX_RETRIES = 2
"""How often a batch is given to another host when one is lost."""
WAITING = 4
"""Batches that are given out ahead, for each processor of the cluster."""


@dataclass(slots=True)
class OverRay:
    """A Searcher. `caged` says how each host reads; `address` is the cluster's, None for one that is started here
    with `workers` processors."""

    caged: Caged
    address: str | None = None
    workers: int | None = None
    _protections: Mapping[str, object] = field(default_factory=dict)

    @property
    def protections(self) -> Mapping[str, object]:
        """See Searcher. They are asked of one host; every other one has to have the same."""
        if not self._protections:
            ray = self._joined()
            self._protections = {**ray.get(ray.remote(_probed).remote()), "over": "ray"}
        return self._protections

    def search(self, parts: Sequence[Unit], job: Job, searched: Searched) -> Iterator[tuple[int, Outcome]]:
        """See Searcher."""
        ray = self._joined()
        expected = self.protections
        # Where it is opened is another process's business; this host's open files cannot go there.
        work = ray.put(pickle.dumps((job, replace(self.caged, open=_nowhere, workers=1))))
        read = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(_read)
        waiting = [[attempt.unit for attempt in batch] for batch in batches(parts)][::-1]
        pending: dict[Any, list[Unit]] = {}
        ahead = WAITING * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while waiting or pending:
            while waiting and len(pending) < ahead:
                batch = waiting.pop()
                pending[read.remote(work, batch)] = batch
            for done in ray.wait(list(pending), num_returns=1)[0]:
                batch = pending.pop(done)
                yield from _told(_result(ray, done, batch, expected), batch, searched)

    def _joined(self) -> Any:
        """Ray, with this process in a cluster."""
        try:
            import ray
        except ImportError as error:
            raise BadInput("Ray is not installed.", "Install beholden[ray].") from error
        if not ray.is_initialized():
            here: dict[str, Any] = {"address": self.address}
            if self.address is None:
                here = {"address": "local", "num_cpus": self.workers, "include_dashboard": False}
            try:
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **here)
            except Exception as error:
                raise Unavailable(f"The Ray cluster did not answer ({error}).", "Check its address.") from error
        return ray


def _told(found: list[tuple[int, Outcome]], batch: Sequence[Unit], searched: Searched) -> Iterator[tuple[int, Outcome]]:
    searched(sum(unit.size for unit in batch))
    yield from found


def _result(ray: Any, done: Any, batch: Sequence[Unit], expected: Mapping[str, object]) -> list[tuple[int, Outcome]]:
    """What a host answered; its batch is unreadable where hosts were lost with it again and again."""
    try:
        protections, answers = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from error
    except ray.exceptions.RayError as error:
        return [(unit.number, lost(unit, Reason.CRASHED, type(error).__name__)) for unit in batch]
    if {**protections, "over": "ray"} != expected:
        raise Unavailable("The hosts of the Ray cluster do not protect their readers in the same way.")
    return [(number, decoded(answer)) for number, answer in answers]


# On another host


def _probed() -> Mapping[str, object]:
    return probe()


_nurseries: dict[str, tuple[Job, Caged, Nursery]] = {}
"""By the digest of what they were made for: one of Ray's workers is given many batches of one search."""


def _read(work: bytes, batch: Sequence[Unit]) -> tuple[Mapping[str, object], list[tuple[int, bytes]]]:
    name = hashlib.sha256(work).hexdigest()
    if name not in _nurseries:
        for _, _, nursery in _nurseries.values():
            nursery.close()
        _nurseries.clear()
        job, caged = pickle.loads(work)  # noqa: S301 - from the host that asks, over its own cluster
        _nurseries[name] = job, caged, caged.nursery(job, 0)
    job, caged, nursery = _nurseries[name]
    verified = _Verified()
    for unit in batch:
        verified.know(unit)
    here = replace(caged, open=verified.open)
    found = here.search_in(nursery, batch, job, lambda _more: None)
    return probe(), [(number, encoded(outcome)) for number, outcome in found]


def _nowhere(exhibit: Exhibit) -> AbstractContextManager[Source]:
    raise Unavailable(f"{exhibit.name} was not looked for on this host.")


class _Verified:
    """Opens what lies under an exhibit's path on this host, if that is the same, byte for byte."""

    def __init__(self) -> None:
        self._here: dict[int, tuple[FileEvidence, Exhibit | None]] = {}

    def know(self, unit: Unit) -> None:
        """Take a unit in here: all its files together, since an image is read from all its segments."""
        evidence = FileEvidence()
        present = [exhibit.path for exhibit in unit.exhibits if Path(exhibit.path).exists()]
        taken = evidence.take_in(present, lambda _stage, _done, _total: None)
        found = {exhibit.path: exhibit for exhibit in taken.exhibits}
        for exhibit in unit.exhibits:
            here = found.get(exhibit.path)
            same = here is not None and (here.size, here.sha256) == (exhibit.size, exhibit.sha256)
            self._here[exhibit.number] = evidence, here if same else None

    def open(self, exhibit: Exhibit) -> AbstractContextManager[Source]:
        """See Evidence."""
        if exhibit.number not in self._here:
            self.know(Unit(exhibit, {}))
        evidence, here = self._here[exhibit.number]
        if here is None:
            raise Unavailable(f"{exhibit.name} is not on that host, or is another file there.")
        return evidence.open(here)
