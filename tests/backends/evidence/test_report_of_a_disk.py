"""The report of a disk image: its finds lead to the bytes of the image, its files have their times."""

import io
import json
import os
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from beholden.backends.evidence.hits import read
from beholden.model.time import text
from tests.backends.evidence.disks import tool
from tests.backends.evidence.test_report_files import reported
from tests.conftest import START
from tests.journeys.test_examine import Scene, scene

__all__ = ["scene"]

WRITTEN = START + timedelta(days=30)


@pytest.fixture
def image(scene: Scene, tmp_path: Path) -> Path:
    """An ext4 with people in a live file, others in a deleted one."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "live.csv").write_text(scene.rows(scene.people[:10]))
    (content / "gone.csv").write_text(scene.rows(scene.people[10:30]))
    os.utime(content / "live.csv", (WRITTEN.timestamp(), WRITTEN.timestamp()))
    made = scene.folder / "disk.img"
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", content, made, "8M")
    tool("debugfs", "-w", "-R", "rm /gone.csv", made)
    return made


def test_every_find_leads_to_its_bytes_on_the_disk(scene: Scene, image: Path, tmp_path: Path) -> None:
    reported(scene, tmp_path / "out")
    data, kept = image.read_bytes(), list(read(tmp_path / "out" / "hits.parquet"))
    assert {one.state for one in kept} == {"live", "deleted"} and len({one.person for one in kept}) == 30
    exact = [one for one in kept if one.disk_offset >= 0]
    assert len({one.person for one in exact}) == 30
    for one in exact:
        wanted = scene.scoped(scene.people[scene.people.index(one.person)])  # type: ignore[arg-type]
        assert data[one.disk_offset :].startswith(wanted.encode())


def test_files_within_a_disk_and_a_tar_stand_on_the_line_of_time(scene: Scene, image: Path, tmp_path: Path) -> None:
    rows = scene.rows(scene.people[30:]).encode()
    with tarfile.open(scene.folder / "backup.tar", "w") as archive:
        member = tarfile.TarInfo("old/people.csv")
        member.size, member.mtime = len(rows), int(WRITTEN.timestamp()) + 60
        archive.addfile(member, io.BytesIO(rows))
    reported(scene, tmp_path / "out")
    section = json.loads((tmp_path / "out" / "report.json").read_text())["timeline"]
    written = {file["path"].rpartition(" > ")[2]: file["modified"] for file in section["files"]}
    assert written["/live.csv"] == text(WRITTEN)
    assert written["old/people.csv"] == text(WRITTEN + timedelta(seconds=60))
    assert section["written_after_claim"] >= 2
