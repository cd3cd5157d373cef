"""`beholden trace`: exit codes, what is told, and clear errors."""

import json
import os

import pytest
from click.testing import CliRunner, Result

from beholden.cli.main import exit_code
from beholden.cli.trace import command
from beholden.model.errors import BeholdenError
from tests.cli.test_examine import run as examined
from tests.journeys.test_examine import Scene, scene

__all__ = ["scene"]


def run(scene: Scene, *arguments: object) -> Result:
    """The command in this process; an error of the product's own as `main` would end on it."""
    lines = (scene.house.data / "beholden.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    done = CliRunner().invoke(command, [*map(str, arguments), "--data", str(scene.house.data)], env=settings)
    if isinstance(done.exception, BeholdenError):
        done.exit_code = exit_code(done.exception)
    elif done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_named_app_is_exit_0_and_it_is_told_who_and_how_sure(scene: Scene) -> None:
    (scene.folder / "dump.csv").write_text(scene.rows())
    done = run(scene, scene.folder / "dump.csv", "--operator", "olga")
    assert done.exit_code == 0
    for said in (": quiz", "40 of its 40 people", "40 ids of its own", "not before", "100.00%", "Finding: finding_"):
        assert said in done.stdout


def test_json_is_one_value(scene: Scene) -> None:
    (scene.folder / "dump.csv").write_text(scene.rows())
    said = json.loads(run(scene, scene.folder, "--json").stdout)
    assert said["named"] == ["quiz"] and said["people"] == {"found": 40, "certain": 40}
    assert said["leak"]["operator"] == "platform:terminal" and len(said["persons"]) == 40


def test_no_app_is_exit_1(scene: Scene) -> None:
    (scene.folder / "dump.csv").write_text("nobody\n")
    done = run(scene, scene.folder)
    assert done.exit_code == 1 and "no app is named" in done.stdout


def test_law_9_no_app_and_something_unread_is_exit_3(scene: Scene) -> None:
    (scene.folder / "vault").write_bytes(os.urandom(50_000))
    done = run(scene, scene.folder)
    assert done.exit_code == 3 and "not read" in done.stdout


@pytest.mark.parametrize("arguments", [["/nowhere/at/all"], [], ["FOLDER", "--operator", "nobody"]])
def test_wrong_use_is_exit_2(scene: Scene, arguments: list[str]) -> None:
    assert run(scene, *(str(scene.folder) if a == "FOLDER" else a for a in arguments)).exit_code == 2


def test_examine_tells_its_test_and_takes_hashed_and_no_seeds(scene: Scene) -> None:
    (scene.folder / "a.txt").write_text("nothing")
    assert "100 of 100 were found" in examined(scene, scene.folder).stdout
    done = examined(scene, scene.folder, "--hashed", "--no-seeds")
    assert done.exit_code == 0 and "Nobody was planted" in done.stdout
