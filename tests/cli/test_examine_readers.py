"""`beholden examine` on hostile evidence, with many readers, interrupted and resumed."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from beholden.backends.evidence.workers import caged
from beholden.cli import readers
from tests.backends.evidence.workers import faulty
from tests.cli.test_examine import _settings, run
from tests.journeys.test_examine import Scene, planted, scene

__all__ = ["scene"]


def packed(scene: Scene, fault: str, name: str) -> None:
    """A gzip with everybody in it that its reader fails on."""
    with (scene.folder / name).open("wb") as file, gzip.GzipFile(fault, "wb", 9, file) as made:
        made.write(scene.rows().encode())


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that fail where the evidence tells them to."""
    monkeypatch.setattr(caged, "Caged", partial(caged.Caged, opener=faulty.opener))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("segfault", "the reader crashed"),
        ("hang", "the reader ran out of time"),
        ("eat", "the reader ran out of memory"),
    ],
)
def test_law_9_hostile_evidence_is_inconclusive_named_and_costs_the_others_nothing(
    scene: Scene, hostile: None, fault: str, said: str, tmp_path: Path
) -> None:
    (scene.folder / "a.txt").write_text("nothing of anybody\n" * 100)
    (scene.folder / "z.txt").write_text("nothing either\n" * 100)
    packed(scene, fault, "hostile.gz")
    bounds = ("--time-limit", 6, "--memory-limit", 400)
    done = run(scene, scene.folder, "--out", tmp_path / "out", *bounds)
    assert done.exit_code == 3, done.output
    assert "INCONCLUSIVE" in done.stdout
    assert f"hostile.gz, {said}" in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [gap["path"].rsplit("/", 1)[1] for gap in report["coverage"]["gaps"]] == ["hostile.gz"]
    assert report["coverage"]["exhibits"] == 3
    assert report["coverage"]["unreadable"] == (scene.folder / "hostile.gz").stat().st_size


def test_people_beside_hostile_evidence_are_found_all_the_same(scene: Scene, hostile: None) -> None:
    planted(scene)
    packed(scene, "segfault", "hostile.gz")
    done = run(scene, scene.folder)
    assert done.exit_code == 1
    assert "40 of 40 found" in done.stdout and "the reader crashed" in done.stdout


def told(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what differs between two examinations of the same evidence."""
    about = {key: one for key, one in report["examination"].items() if key not in ("id", "began_at", "ended_at")}
    about.pop("ledger_size")
    about.pop("taken_at")
    return report | {"examination": about}


def test_the_report_is_the_same_whatever_the_number_of_readers(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    for number in range(5):
        (scene.folder / f"{number}.gz").write_bytes(gzip.compress(scene.rows(scene.people[number::5]).encode()))
    reports = []
    for workers in (1, 2, 7):
        out = tmp_path / str(workers)
        assert run(scene, scene.folder, "--workers", workers, "--out", out).exit_code == 1
        reports.append(told(json.loads((out / "report.json").read_text())))
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["examination"]["worker"]["process"] is True


PROGRAM = """
from functools import partial
from beholden.backends.evidence.workers import caged
from beholden.cli import readers
from tests.backends.evidence.workers import faulty
caged.Caged = partial(caged.Caged, opener=faulty.opener)
from beholden.cli.main import main
main()
"""


def started(scene: Scene, state: Path) -> "subprocess.Popen[str]":
    """An examination in a process of its own whose readers are slow; readers find the tests' modules as it does."""
    words = ["examine", str(scene.folder), "--app", "quiz", "--data", str(scene.house.data), "--json"]
    environment = os.environ | _settings(scene)
    environment["TMPDIR"] = str(state.parent / "scratch")
    environment["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words, "--state", str(state), "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_killed_in_the_middle_and_started_again_it_comes_to_the_same_and_does_nothing_twice(
    scene: Scene, tmp_path: Path
) -> None:
    planted(scene)
    for number in range(12):
        packed(scene, "slow", f"{number}.gz")
    state, scratch = tmp_path / "state", tmp_path / "scratch"
    scratch.mkdir()
    with started(scene, state) as first:
        while len(list(state.glob("*.outcome"))) < 3 and first.poll() is None:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.communicate()
    assert first.returncode == -signal.SIGKILL
    while list(scratch.glob("beholden-readers-*")):  # its nursery goes by itself, and takes the readers along
        time.sleep(0.01)
    before = {path.name: path.stat().st_mtime_ns for path in state.glob("*.outcome")}
    assert 3 <= len(before) < 13
    with started(scene, state) as second:
        resumed, errors = second.communicate(timeout=120)
    assert second.returncode == 1, errors
    after = {path.name: path.stat().st_mtime_ns for path in state.glob("*.outcome")}
    assert len(after) == 13 and before.items() <= after.items()
    with started(scene, tmp_path / "other") as undisturbed:
        whole, _ = undisturbed.communicate(timeout=120)
    assert told(json.loads(resumed) | {"report_sha256": ""}) == told(json.loads(whole) | {"report_sha256": ""})


def test_where_this_host_lacks_a_protection_it_is_said_and_reported_or_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from beholden.backends.evidence.workers import landlock

    (scene.folder / "a.txt").write_text("nothing")
    lacking = {"process": True, "limits": True, "no_new_privileges": True, "landlock": 0, "seccomp": True}
    monkeypatch.setattr(caged, "probe", lambda: lacking)
    refused = run(scene, scene.folder, "--require-cage")
    assert refused.exit_code == 3 and "Landlock" in str(refused.exception)
    monkeypatch.setattr(caged.Run, "_answered", _unasked(caged.Run._answered))
    done = run(scene, scene.folder, "--out", tmp_path / "out")
    assert done.exit_code == 0 and "not fully caged" in done.stderr and "Landlock" in done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["examination"]["worker"] == lacking
    assert landlock.version() >= 0


def _unasked(answered: Any) -> Any:
    """Takes a reader's word for as much as the host is said to have."""

    def answer(self: Any, reader: Any, kind: bytes, body: bytes) -> Any:
        return answered(self, reader, kind, json.dumps(dict(self.caged.protections)).encode() if kind == b"H" else body)

    return answer


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--over", "spark"], "over 'spark'"), (["--workers", "0"], "--workers"), (["--memory-limit", "1"], "limit")],
)
def test_wrong_use_of_readers_is_exit_2(scene: Scene, words: list[str], said: str) -> None:
    done = run(scene, scene.folder, *words)
    assert done.exit_code == 2 and said in f"{done.exception}{done.stderr}"


def test_the_state_lies_in_out_until_the_report_is_there(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(scene)
    state = tmp_path / "out" / readers.STATE
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("beholden.forensics.report.document", lambda *_args, **_more: 1 / 0)
        run(scene, scene.folder, "--out", tmp_path / "out")
    assert len(list(state.glob("*.outcome"))) == 1
    assert run(scene, scene.folder, "--out", tmp_path / "out").exit_code == 1
    assert not state.exists() and (tmp_path / "out" / "report.json").exists()
