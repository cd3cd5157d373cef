"""`beholden examine`: exit codes, the summary, the report's files, and clear errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beholden.cli.examine import command
from beholden.cli.main import exit_code
from beholden.model.errors import BeholdenError
from tests.journeys.test_examine import Scene, planted, scene

__all__ = ["scene"]


def run(scene: Scene, *arguments: object, app: str = "quiz") -> Result:
    """The command in this process; an error of the product's own as `main` would end on it."""
    words = [*map(str, arguments), "--app", app, "--data", str(scene.house.data)]
    done = CliRunner().invoke(command, words, env=_settings(scene))
    if isinstance(done.exception, BeholdenError):
        done.exit_code = exit_code(done.exception)
    elif done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def _settings(scene: Scene) -> dict[str, str]:
    lines = (scene.house.data / "beholden.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_command_in_a_process_of_its_own(scene: Scene) -> None:
    planted(scene)
    program = [sys.executable, "-c", "from beholden.cli.main import main; main()", "examine", str(scene.folder)]
    options = ["--app", "quiz", "--data", str(scene.house.data), "--json"]
    environment = os.environ | _settings(scene)
    done = subprocess.run([*program, *options], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["numbers"]["found"] == 40
    wrong = subprocess.run(
        [*program, "--app", "none", "--data", str(scene.house.data)], capture_output=True, text=True, env=environment
    )
    assert wrong.returncode == 2 and wrong.stderr.startswith("beholden: There is no app")


def test_contradicted_is_exit_1_and_the_summary_says_who_where_and_what(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    done = run(scene, scene.folder, "--out", tmp_path / "out")
    assert done.exit_code == 1
    for said in ("Verdict: CONTRADICTED", "40 of 40 found", "deleted", "app.db, table friends", "100.00%", "unchanged"):
        assert said in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert len(report["people"]) == 40
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.startswith("<!doctype html>") and "How sure this is" in page and "planted to measure" in page


def test_not_contradicted_is_exit_0_and_json_is_one_value(scene: Scene) -> None:
    (scene.folder / "a.txt").write_text("nothing")
    done = run(scene, scene.folder, "--json", "--operator", "olga")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert said["verdict"] == "not contradicted" and said["examination"]["operator"] == "operator:olga"
    assert said["coverage"]["complete"] is True


def test_inconclusive_is_exit_3(scene: Scene) -> None:
    (scene.folder / "vault").write_bytes(os.urandom(50_000))
    done = run(scene, scene.folder)
    assert done.exit_code == 3
    assert "INCONCLUSIVE" in done.stdout and "not read" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "app", "said"),
    [
        (["/nowhere/at/all"], "quiz", "does not exist"),
        (["FOLDER"], "unknown", "no app"),
        (["FOLDER", "--claim", "certification_none"], "quiz", "no certification"),
        (["FOLDER", "--case", "case_none"], "quiz", "no case"),
        (["FOLDER", "--operator", "nobody"], "quiz", "operator"),
        (["FOLDER", "--taken", "yesterday"], "quiz", "--taken"),
        ([], "quiz", "PATHS"),
    ],
)
def test_wrong_use_is_exit_2_and_one_clear_error(scene: Scene, arguments: list[str], app: str, said: str) -> None:
    done = run(scene, *(str(scene.folder) if a == "FOLDER" else a for a in arguments), app=app)
    assert done.exit_code == 2
    assert said in (str(done.exception) if isinstance(done.exception, BeholdenError) else done.stderr)


def test_a_claim_may_be_a_file(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    letter = tmp_path / "letter.yaml"
    letter.write_text("deleted_on: 2026-01-01\npeople_direct: 3\napps: [quiz]\n")
    done = run(scene, scene.folder, "--claim", letter)
    assert done.exit_code == 1
    assert "it names 3 people, the ledger 40" in done.stdout
    letter.write_text("deleted_on: maybe\n")
    assert run(scene, scene.folder, "--claim", letter).exit_code == 2
    letter.write_bytes(b"\xff\xfe\x00")
    assert run(scene, scene.folder, "--claim", letter).exit_code == 2
