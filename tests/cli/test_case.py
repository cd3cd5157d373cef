"""`beholden case` on a real data folder."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from beholden.cli.case import command
from beholden.model.errors import BadInput, NotAllowed, NotFound
from tests.conftest import House
from tests.journeys.court import Scene, scene


@pytest.fixture
def court(house: House) -> Scene:
    return scene(house)


def run(court: Scene, *arguments: str, code: int = 0) -> str:
    """What the command prints; its mail server is one that is away."""
    result = CliRunner().invoke(command, [*arguments, "--data", str(court.house.data)], env={"BEHOLDEN_SMTP_PORT": "1"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def read(court: Scene, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(court, *arguments, "--json", code=code))


def opened(court: Scene) -> str:
    number = str(court.developer.number)
    view = read(court, "open", "--developer", number, "--reason", "harvest", "--operator", "anna")
    return str(view["case"]["id"])


def test_the_whole_way_on_the_command_line(court: Scene) -> None:
    case = opened(court)
    asked = read(court, "rfi", case, "--question", "What for?", "--operator", "anna", code=3)
    assert asked["case"]["rfis"][0]["due"] == "2026-01-16T00:00:00Z"
    assert "due before 2026-01-16T00:00:00Z" in run(court, "show", case)
    assert case in run(court, "list", "--open")
    assert run(court, "lapse") == "Nothing is overdue.\n"
    court.house.clock.set(datetime(2026, 1, 16, tzinfo=UTC))
    (forced,) = read(court, "lapse")
    assert (len(forced["apps"]), forced["grants"]) == (3, 9)
    sanction = forced["sanction"]["id"]
    number = str(court.developer.number)
    filed = read(
        court, "appeal", "file", sanction, "--developer", number, "--grounds", "No letter came.", "--operator", "cara"
    )
    appeal = filed["appeal"]["id"]
    run(court, "appeal", "decide", appeal, "grant", "--reason", "True.", "--operator", "ben")
    with pytest.raises(NotAllowed):
        run(court, "lift", "confirm", sanction, "--operator", "ben")
    assert "lifted" in run(court, "lift", "confirm", sanction, "--operator", "cara")
    assert "granted" in run(court, "appeal", "list")
    assert sanction in run(court, "ban", "list")
    assert "Ban of the developer lifted" in run(court, "show", case)


def test_a_ban_by_hand(court: Scene) -> None:
    number = str(court.developer.number)
    case = opened(court)
    made = read(
        court, "ban", "propose", "--developer", number, "--case", case, "--reason", "harvest", "--operator", "anna"
    )
    sanction = made["sanction"]["id"]
    with pytest.raises(NotAllowed):
        run(court, "ban", "confirm", sanction, "--operator", "anna")
    assert "9 grants" in run(court, "ban", "confirm", sanction, "--operator", "ben")


def test_answers_that_came_by_letter_and_a_verdict(court: Scene) -> None:
    case, number = opened(court), str(court.developer.number)
    run(court, "rfi", case, "--question", "What for?", "--question", "Who?", "--operator", "anna", code=3)
    words = ["--answer", "Research.", "--answer", "Nobody.", "--operator", "ben"]
    answered = read(court, "answer", case, "--developer", number, *words)
    assert answered["case"]["state"] == "answered"
    upheld = ["--reason", "It held more.", "--evidence", "answer:1", "--severity", "medium", "--operator", "ben"]
    assert "What follows: suspend of the app" in run(court, "verdict", case, "upheld", *upheld)


def test_a_certification_is_linted_and_taken_in(court: Scene, tmp_path: Path) -> None:
    file = tmp_path / "certification.yaml"
    file.write_text("apps: [quiz-1]\nraw: Deleted, as far as we know.\n")
    number = str(court.developer.number)
    defects = read(court, "lint", str(file), "--developer", number, "--operator", "anna", code=1)
    kept = read(court, "certify", str(file), "--developer", number, "--operator", "anna", code=1)
    assert kept["certification"]["defects"] == defects
    assert {"undated", "raw_only", "hedged"} <= {d["code"] for d in defects}
    assert "undated: " in run(court, "lint", str(file), "--developer", number, "--operator", "anna", code=1)
    text = CliRunner().invoke(command, ["signing-text", str(file), "--developer", number])
    assert text.stdout_bytes.startswith(b"beholden certification v1\n{") and not text.stdout_bytes.endswith(b"\n")


@pytest.mark.parametrize(
    ("content", "error"), [(b"\xff\xfe", "not UTF-8"), (b"- a", "must be a mapping"), (None, "cannot be read")]
)
def test_a_file_that_is_no_certification_gets_one_clear_error(
    court: Scene, tmp_path: Path, content: bytes | None, error: str
) -> None:
    file = tmp_path / "certification.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=error):
        run(court, "lint", str(file), "--developer", str(court.developer.number), "--operator", "anna")


def test_an_operator_who_is_not_one_does_nothing(court: Scene) -> None:
    with pytest.raises(NotFound, match="no operator"):
        run(court, "open", "--developer", str(court.developer.number), "--reason", "x", "--operator", "mallory")


def test_wrong_use_ends_with_two_and_one_line(court: Scene) -> None:
    script = "from beholden.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "case", "show", "case_x", "--data", str(court.house.data)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "beholden: There is no case 'case_x'. `beholden case list` names them.\n"
