"""A search on a Ray cluster comes to the same, and reads in the same cage."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from beholden.backends.evidence.workers.caged import Caged
from beholden.backends.evidence.workers.over_ray import OverRay
from beholden.forensics.outcome import encoded
from tests.backends.evidence.workers import faulty
from tests.backends.evidence.workers.searching import Desk

ray = pytest.importorskip("ray")

HIDDEN = 'raise ModuleNotFoundError("No module named opentelemetry", name="opentelemetry")\n'


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray on this host, with two processors.

    A package that another test needs installs a part of OpenTelemetry, which Ray takes for the whole; it is hidden.
    """
    shadow = tmp_path_factory.mktemp("shadow") / "opentelemetry"
    shadow.mkdir()
    (shadow / "__init__.py").write_text(HIDDEN)
    with pytest.MonkeyPatch.context() as patch:
        known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(shadow.parent), str(Path.cwd()), *filter(None, known)]))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        try:
            yield
        finally:
            ray.shutdown()


@pytest.mark.evidence
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_over_ray_the_outcome_is_the_same_and_faults_cost_their_own_exhibit(cluster: None, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.planted()
    clean = desk.in_process()
    desk.packed("segfault")
    evidence, parts = desk.taken()
    changed = next(unit.lead for unit in parts if unit.lead.path.endswith("/0.csv"))
    Path(changed.path).write_text("other than what was taken in")
    searcher = OverRay(Caged(evidence.open, 1, opener=faulty.opener), workers=2)
    told: list[int] = []
    found = desk.through(searcher, parts, told.append)
    assert searcher.protections["over"] == "ray" and searcher.protections["process"] is True
    assert found.reasons == {"segfault.gz": "CRASHED", "0.csv": "NOT_READABLE"}
    assert found.people == clean.people
    assert sum(told) == sum(unit.size for unit in parts)
    untouched = {number: part for number, part in found.parts.items() if number != changed.number}
    alike = {number: part for number, part in clean.parts.items() if number in untouched}
    assert {encoded(alike[number]) for number in alike} <= {encoded(part) for part in untouched.values()}
