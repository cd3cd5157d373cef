"""A disk image in several files, from custody to verdict."""

import os

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.ports import Exhibit, Progress
from beholden.journeys import examine
from beholden.journeys.examine import Verdict
from tests.backends.evidence.ewf_writer import ewf
from tests.journeys.test_examine import OPERATOR, Scene, scene

__all__ = ["scene"]


def imaged(scene: Scene) -> None:
    """A disk without a file system, in three segments, with a table of everybody in the middle one."""
    rows = scene.rows().encode()
    disk = bytes(300_000) + rows + bytes(300_000)
    disk += bytes(-len(disk) % 512)
    for number, segment in enumerate(ewf(disk, segments=3), 1):
        (scene.folder / f"disk.E{number:02}").write_bytes(segment.data)


def test_each_segment_has_its_line_of_custody_and_the_disk_is_read_once(scene: Scene) -> None:
    imaged(scene)
    done = scene.examine()
    assert done.verdict is Verdict.CONTRADICTED and done.record.numbers["found"] == 40
    coverage, exhibits = done.report["coverage"], done.report["exhibits"]
    assert [one["name"].rsplit("/", 1)[1] for one in exhibits] == ["disk.E01", "disk.E02", "disk.E03"]  # type: ignore[attr-defined, index]
    assert coverage["exhibits"] == 3  # type: ignore[index]
    assert coverage["exhibit_bytes"] == sum(os.path.getsize(one["name"]) for one in exhibits)  # type: ignore[attr-defined, index]  # noqa: PTH202
    assert "is that of what was read" in coverage["checks"][0]  # type: ignore[index]
    assert coverage["complete"] is True  # type: ignore[index]


def test_law_9_what_was_found_in_an_image_of_which_a_segment_changed_does_not_count(scene: Scene) -> None:
    imaged(scene)

    class Swapped(FileEvidence):
        def digest(self, exhibit: Exhibit, progress: Progress) -> str | None:
            return None if exhibit.path.endswith("E02") else super().digest(exhibit, progress)

    done = examine.examine(scene.house.engines, Swapped(), [str(scene.folder)], scene.app.client_id, OPERATOR)
    assert done.verdict is Verdict.INCONCLUSIVE and done.record.numbers["against_claim"] == 0
