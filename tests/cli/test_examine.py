"""`beholden examine`: exit codes, the summary, the report's files, and clear errors."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beholden.cli.examine import command
from beholden.cli.main import exit_code
from beholden.model.errors import BeholdenError, Unavailable
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


def checked(scene: Scene, *arguments: object, data: Path | None = None) -> Result:
    """`examine verify`, likewise."""
    words = ["verify", *map(str, arguments), "--data", str(data or scene.house.data)]
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
    assert len(report["people"]) == 40 and report["hits"]["rows"] >= 40
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.startswith("<!doctype html>") and "How sure this is" in page and "planted to measure" in page


def test_a_report_is_checked_here_and_by_a_stranger(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    out, nowhere = tmp_path / "out", tmp_path / "nowhere"
    run(scene, scene.folder, "--out", out)
    here = checked(scene, out)
    assert here.exit_code == 0 and "It verifies: 8 files." in here.stdout
    printed = CliRunner().invoke(command, ["key", "--data", str(scene.house.data)], env=_settings(scene))
    (tmp_path / "platform.pem").write_text(printed.stdout)
    there = checked(scene, out / "report.json", "--key", tmp_path / "platform.pem", "--json", data=nowhere)
    assert there.exit_code == 0 and json.loads(there.stdout)["verified"] is True
    assert not nowhere.exists(), "a check makes no data folder"
    (out / "report.html").write_text("<p>Nobody was found.</p>")
    changed = checked(scene, out, "--key", tmp_path / "platform.pem", data=nowhere)
    assert changed.exit_code == 1
    assert "report.html is not the file that was signed" in changed.stdout and "NOT" in changed.stdout


def test_after_the_key_is_changed_both_are_printed_and_old_reports_verify(scene: Scene, tmp_path: Path) -> None:
    run(scene, scene.folder, "--out", tmp_path / "out")
    rotated = CliRunner().invoke(
        command, ["rotate", "--operator", "olga", "--data", str(scene.house.data)], env=_settings(scene)
    )
    assert rotated.exit_code == 0
    printed = CliRunner().invoke(command, ["key", "--data", str(scene.house.data)], env=_settings(scene))
    assert printed.stdout.count("BEGIN PUBLIC KEY") == 2
    assert checked(scene, tmp_path / "out", "--operator", "olga").exit_code == 0


def test_examinations_are_listed_the_newest_first(scene: Scene, tmp_path: Path) -> None:
    run(scene, scene.folder)
    planted(scene)
    scene.house.clock.advance(timedelta(minutes=1))
    run(scene, scene.folder)
    said = CliRunner().invoke(command, ["list", "--data", str(scene.house.data), "--json"], env=_settings(scene))
    assert [(row["app"], row["verdict"], row["found"]) for row in json.loads(said.stdout)] == [
        ("quiz", "contradicted", 40),
        ("quiz", "inconclusive", 0),
    ]


def test_wrong_use_of_verify_is_exit_2(scene: Scene, tmp_path: Path) -> None:
    run(scene, scene.folder, "--out", tmp_path / "out")
    assert checked(scene, tmp_path / "none").exit_code == 2
    nameless = checked(scene, tmp_path / "out", data=tmp_path / "nowhere")
    assert nameless.exit_code == 2 and "--key" in str(nameless.exception)
    (tmp_path / "no.pem").write_text("no key")
    assert checked(scene, tmp_path / "out", "--key", tmp_path / "no.pem").exit_code == 2
    assert checked(scene, tmp_path / "out", "--operator", "nobody").exit_code == 2


def test_a_report_that_cannot_be_read_is_exit_3(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(scene, scene.folder, "--out", tmp_path / "out")

    def failing(*_: object) -> list[str]:
        raise Unavailable("the medium fails")

    monkeypatch.setattr("beholden.backends.evidence.report_folder.FileReportFolder.names", failing)
    assert checked(scene, tmp_path / "out").exit_code == 3


def test_what_a_report_would_write_over_is_refused(scene: Scene, tmp_path: Path) -> None:
    run(scene, scene.folder, "--out", tmp_path / "out")
    assert run(scene, scene.folder, "--out", tmp_path / "out").exit_code == 2
    assert run(scene, scene.folder, "--out", scene.folder / "out").exit_code == 2
    assert list(scene.folder.iterdir()) == []


def test_help_names_the_options_and_the_other_commands(scene: Scene) -> None:
    said = CliRunner().invoke(command, ["--help"]).stdout
    assert all(word in said for word in ("--claim", "--out", "verify", "rotate", "key"))


def test_names_from_outside_cannot_steer_the_terminal(scene: Scene) -> None:
    app = scene.house.app(client_id="evil", name="Quiz\x1b[2J\u202e")
    scene.disclose(app, scene.people)
    (scene.folder / "a\x1b[31m\nVerdict: fine").write_bytes(os.urandom(50_000))
    done = run(scene, scene.folder, app="evil")
    assert all(line.isprintable() for line in done.stdout.splitlines())
    assert sum(line.startswith("Verdict:") for line in done.stdout.splitlines()) == 1


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
