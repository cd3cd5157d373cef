"""The report's page: nothing that evidence wrote is more than text on it."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from beholden.backends.evidence.page import page
from beholden.backends.evidence.report_files import write
from beholden.model.errors import Unavailable
from tests.journeys.test_examine import Scene, scene

__all__ = ["scene"]

EVIL = "<script>alert(1)</script>\"'&"


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)


def test_the_page_escapes_what_evidence_wrote(scene: Scene) -> None:
    (scene.folder / f"{EVIL.replace('/', '_')}.csv").write_text(scene.rows())
    done = scene.examine()
    tags = Tags()
    made = page(done.report, done.record.report_sha256)
    tags.feed(made)
    assert "script" not in tags.seen and "&lt;script&gt;" in made
    assert {"main", "h1", "table"} <= tags.seen


def test_the_files_are_what_was_hashed(scene: Scene, tmp_path: Path) -> None:
    done = scene.examine()
    first, second = write(tmp_path / "out", done.encoded, done.report, done.record.report_sha256)
    assert json.loads(first.read_bytes()) == json.loads(done.encoded)
    assert done.record.report_sha256 in second.read_text()


def test_a_folder_that_cannot_be_written_is_one_clear_error(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = scene.examine()
    with pytest.raises(Unavailable, match="cannot be written"):
        write(tmp_path / "file" / "out", done.encoded, done.report, "0" * 64)
