"""The same examination again has the same report: nothing may differ but its own id and times."""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

from beholden.backends.evidence.report_files import NAMES
from beholden.journeys import vouch
from tests.conftest import START
from tests.journeys.examining import examined
from tests.journeys.test_examine import Scene, planted, scene

__all__ = ["scene"]

ROOT = Path(__file__).parents[2]


def seized(scene: Scene) -> dict[str, bytes]:
    """Evidence of several kinds: names in folders, and content."""
    planted(scene)
    database = (scene.folder / "app.db").read_bytes()
    (scene.folder / "app.db").unlink()
    packed = scene.folder / "old.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("in/people.csv"), scene.rows(scene.people[:9]))
        archive.writestr(zipfile.ZipInfo("in/more.gz"), gzip.compress(scene.rows(scene.people[5:]).encode(), mtime=0))
    noise = random.Random(3).randbytes(40_000)
    found = {"d/app.db": database, "d/old.zip": packed.read_bytes(), "b/vault": noise, "a/b/list.csv": b""}
    packed.unlink()
    found["a/b/list.csv"] = found["c/copy.csv"] = scene.rows().encode()
    return found


def laid_out(folder: Path, files: dict[str, bytes], order: list[str]) -> None:
    """The files, made in an order: that is the one in which most file systems list them."""
    shutil.rmtree(folder)
    for name in order:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
        os.utime(path, (START.timestamp(), START.timestamp()))


def in_a_process(scene: Scene, data: Path, out: Path, seed: str) -> dict[str, bytes]:
    program = [sys.executable, "-m", "tests.journeys.examining", str(data), str(scene.folder), str(out), "frozen"]
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_same_examination_in_another_process_has_the_same_bytes(scene: Scene, tmp_path: Path) -> None:
    files = seized(scene)
    vouch.public_keys(scene.house.engines)  # made here, so that both copies have it
    made = []
    for number, seed in enumerate(("1", "4242")):
        data = tmp_path / f"copy{number}"
        shutil.copytree(scene.house.data, data)
        laid_out(scene.folder, files, sorted(files, reverse=bool(number)))
        made.append(in_a_process(scene, data, tmp_path / f"out{number}", seed))
    first, second = made
    assert first.keys() == second.keys() == NAMES
    assert {name for name in NAMES if first[name] != second[name]} == set()
    assert json.loads(first["report.json"])["numbers"]["found"] == 40


def test_later_and_under_another_id_only_these_differ(scene: Scene, tmp_path: Path) -> None:
    files = seized(scene)
    laid_out(scene.folder, files, list(files))
    examined(scene.house.engines, scene.folder, tmp_path / "one", "first")
    scene.house.clock.set(START + timedelta(days=3))
    examined(scene.house.engines, scene.folder, tmp_path / "two", "second")
    one, two = (json.loads((tmp_path / name / "report.json").read_text()) for name in ("one", "two"))
    for report in (one, two):
        for own in ("id", "began_at", "ended_at", "taken_at"):
            assert report["examination"].pop(own)
        assert report["timeline"].pop("taken_at")
    assert one == two
    for name in ("hits.parquet", "manifest.txt", "manifest.txt.sig"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
