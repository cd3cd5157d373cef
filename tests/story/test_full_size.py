"""The story at its full size: a million people, 270 installers. For `make evidence`; about three minutes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.evidence
def test_the_story_at_one_to_a_thousand(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "beholden", "demo", "--no-serve", "--json", "--data", str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    numbers = json.loads(done.stdout.strip().splitlines()[-1])
    exposed, notices = numbers["exposed"], numbers["notices"]
    assert (numbers["people"], numbers["installers"], exposed["direct"]) == (1_000_000, 270, 270)
    assert 85_000 < exposed["total"] < 90_000
    assert notices["due"] == notices["delivered"] == exposed["total"]
    assert (notices["twice"], notices["missed"]) == (0, 0) and notices["doubtful"] <= 400
    assert numbers["ban"] == {"apps": 3, "allowed_after": 0}
    assert numbers["inactivity"] == {"polls_allowed_after_90_days": 0}
    assert numbers["opt_out"] == {"allowed_after": 0}
    assert numbers["examination"]["verdict"] == "contradicted"
    assert numbers["ledger"]["verified"]
