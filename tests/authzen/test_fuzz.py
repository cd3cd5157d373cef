"""schemathesis against our own description of the gate: no answer is a 500, and every answer is as described.

A short run is part of every test run; the long one is evidence.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beholden.web.pdp_metadata import OPENAPI
from tests.authzen.serving import HERE, Pdp, running

ROOT = HERE.parents[1]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module", params=["store", "table"])
def pdp(request, tmp_path_factory, blank_database) -> Iterator[Pdp]:
    """A gate with the certification fixture, so that policies are fuzzed too; from the store and from the table."""
    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    pytest.importorskip("schemathesis", reason="fuzzing needs schemathesis")
    gate = {"BEHOLDEN_GATE": request.param}
    with running(tmp_path_factory.mktemp("fuzz"), blank_database, HERE / "certification", gate) as found:
        yield found


def fuzz(pdp: Pdp, folder: Path, *options: str, seconds: int) -> str:
    """What schemathesis says at its end; its exit code says whether it found anything."""
    command = [str(Path(sys.executable).parent / "schemathesis"), "--no-color", "run", pdp.inside + OPENAPI]
    command += ["--url", pdp.inside, "--header", f"Authorization: Bearer {pdp.key}", "--checks", CHECKS]
    command += ["--generation-database", "none", *options]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.authzen.ndjson", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    environment = {**os.environ, **hooks}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=folder, env=environment)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    return ran.stdout


def test_a_short_fuzz_of_the_description_finds_nothing(pdp: Pdp, tmp_path: Path) -> None:
    fuzz(pdp, tmp_path, "--max-examples", "5", "--seed", "1", seconds=120)


@pytest.mark.evidence
def test_half_an_hour_of_fuzzing_finds_no_500(pdp: Pdp, tmp_path: Path) -> None:
    budget = int(os.environ.get("BEHOLDEN_FUZZ_SECONDS", "1800")) // 2  # for the store, and again for the table
    fuzz(pdp, tmp_path, "--phases", "fuzzing", "--max-time", str(budget), seconds=budget + 300)
