"""The folder of a report: what was hashed, in every form, and nothing that evidence wrote is more than text in it."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from beholden.backends.evidence import dfxml, pictures
from beholden.backends.evidence.case import case
from beholden.backends.evidence.files import FileEvidence
from beholden.backends.evidence.hits import read
from beholden.backends.evidence.page import page
from beholden.backends.evidence.pdf import pdf
from beholden.backends.evidence.report_files import NAMES, prepare, write
from beholden.forensics.hits import Find
from beholden.journeys import examine, vouch
from beholden.journeys.examine import Claim, Examination
from beholden.model.errors import BadInput, Unavailable
from tests.conftest import START
from tests.journeys.test_examine import OPERATOR, Scene, planted, scene

__all__ = ["scene"]

EVIL = "<script>alert(1)</script>\"'&\x1b[31m\u202e\n]]>--><a href='javascript:x'>\udcff\x00"
DIGEST = "ab" * 32
SPACE = "{http://www.forensicswiki.org/wiki/Category:Digital_Forensics_XML}"
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def reported(scene: Scene, folder: Path) -> Examination:
    """An examination with its report in a folder."""
    engines = scene.house.engines
    claim = Claim("certification_x", START, 40)
    with prepare(folder, [str(scene.folder)]) as hits:
        done = examine.examine(engines, FileEvidence(), [str(scene.folder)], "quiz", OPERATOR, hits=hits, claim=claim)
    write(folder, done, lambda sums: vouch.sign(engines, OPERATOR, done.record, sums))
    return done


def evil(value: object) -> object:
    """The same report, had everything that came from outside been hostile."""
    if isinstance(value, dict):
        return {key: evil(one) if key not in KEPT else one for key, one in value.items()}
    if isinstance(value, list):
        return [evil(one) for one in value]
    return EVIL + "x" * 10_000 if isinstance(value, str) else value


KEPT = frozenset({"verdict", "state", "id", "began_at", "ended_at", "taken_at", "claimed_at", "modified", "cells"}) | {
    "from",
    "sha256",
    "after",
    "region",
}


class Tags(HTMLParser):
    """Collects the tags of a page, their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def hostile(scene: Scene, tmp_path: Path) -> Iterator[dict[str, object]]:
    """A report in which every text from outside is hostile and ten thousand characters long."""
    planted(scene)
    (scene.folder / "vault").write_bytes(os.urandom(20_000))
    (scene.folder / "list.csv").write_text(scene.rows())
    made = evil(reported(scene, tmp_path / "out").report)
    assert isinstance(made, dict)
    yield made


def test_the_page_escapes_what_evidence_wrote(hostile: dict[str, object]) -> None:
    made = page(hostile, DIGEST).decode()
    tags = Tags()
    tags.feed(made)
    assert not tags.seen & {"script", "a", "img", "link", "iframe"} and "href" not in tags.attributes
    assert not any(name.startswith("on") for name in tags.attributes)
    assert "<script>alert(1)" in tags.text and not INVISIBLE.search(made)
    assert {"main", "h1", "table", "svg"} <= tags.seen


def test_the_pdf_holds_what_evidence_wrote_as_text_of_bounded_length(hostile: dict[str, object]) -> None:
    reader = PdfReader(io.BytesIO(pdf(hostile, DIGEST)))
    text = "".join(one.extract_text() for one in reader.pages)
    assert "<script>alert(1)" in text.replace("\n", "")
    assert not any("/Annots" in one or "/AA" in one for one in reader.pages)


def test_dfxml_holds_what_evidence_wrote_as_text(hostile: dict[str, object]) -> None:
    held = io.BytesIO()
    finds = [Find(1, EVIL, 5, 1, "e-mail", EVIL, "deleted", "file", 10, 7, True, False)]
    dfxml.write(held, hostile, finds)
    root = ElementTree.fromstring(held.getvalue())
    names = [element.text or "" for element in root.iter(f"{SPACE}filename")]
    assert all("<script>" in name and not INVISIBLE.search(name) for name in names)
    (run,) = list(root.iter(f"{SPACE}byte_run"))[-1:]
    assert run.attrib == {"file_offset": "5", "img_offset": "7", "len": "10"}


def test_the_graph_holds_what_evidence_wrote_as_text(hostile: dict[str, object]) -> None:
    made = case(hostile, DIGEST)
    assert made.isascii() and not re.search(rb"[\x00-\x09\x0b-\x1f]", made)
    nodes = json.loads(made)["@graph"]
    assert all(re.fullmatch(r"kb:[a-z]+-[0-9a-f-]{36}", node["@id"]) for node in nodes)


def test_the_files_are_what_was_hashed(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    done = reported(scene, tmp_path / "out")
    files = {path.name: path for path in (tmp_path / "out").iterdir()}
    assert files.keys() == NAMES
    assert files["report.json"].read_bytes() == done.encoded
    assert done.record.report_sha256 in files["report.html"].read_text()
    assert all(path.stat().st_mode & 0o077 == 0 for path in files.values())
    kept = list(read(files["hits.parquet"]))
    assert {one.person for one in kept} == set(scene.people) and all(one.certain for one in kept)


def test_a_stranger_checks_it_with_coreutils_and_openssl(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    reported(scene, tmp_path / "out")
    summed = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True)
    assert summed.returncode == 0, summed.stderr
    for name in ("SHA256SUMS", "manifest.txt"):
        check = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
        signed = [*check, "-in", name, "-sigfile", f"{name}.sig"]
        assert subprocess.run(signed, cwd=tmp_path / "out", capture_output=True).returncode == 0


def test_case_validate_accepts_the_graph(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    (scene.folder / "we ird\u202e <name>").write_text("nothing")
    done = reported(scene, tmp_path / "out")
    program = "import sys; from case_utils.case_validate import main; sys.exit(main())"
    validate = [sys.executable, "-c", program, str(tmp_path / "out" / "case.jsonld")]
    checked = subprocess.run(validate, capture_output=True, text=True, timeout=300)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Conforms: True" in checked.stdout
    kinds = [node["@type"] for node in json.loads((tmp_path / "out" / "case.jsonld").read_text())["@graph"]]
    actions, records = kinds.count("case-investigation:InvestigativeAction"), 0
    records = kinds.count("case-investigation:ProvenanceRecord")
    assert actions == records == 4
    assert done.record.report_sha256 in (tmp_path / "out" / "case.jsonld").read_text()


def test_dfxml_leads_to_the_very_bytes(scene: Scene, tmp_path: Path) -> None:
    with zipfile.ZipFile(scene.folder / "stored.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("list.csv", scene.rows())
    reported(scene, tmp_path / "out")
    root = ElementTree.parse(tmp_path / "out" / "report.dfxml").getroot()
    exhibit, found = root.findall(f"{SPACE}fileobject")
    assert found.findtext(f"{SPACE}filename", "").endswith("stored.zip > list.csv")
    data = (scene.folder / "stored.zip").read_bytes()
    assert exhibit.findtext(f"{SPACE}filesize") == str(len(data))
    runs = list(found.iter(f"{SPACE}byte_run"))
    assert len(runs) == len(scene.people)
    for run, number in zip(runs, scene.people, strict=True):
        start = int(run.attrib["img_offset"])
        assert data[start : start + int(run.attrib["len"])].startswith(scene.scoped(number).encode())


def test_every_picture_is_drawn_and_says_what_it_shows(scene: Scene, tmp_path: Path) -> None:
    planted(scene)
    (scene.folder / "vault").write_bytes(os.urandom(20_000))
    drawn = pictures.pictures(reported(scene, tmp_path / "out").report)
    assert list(drawn) == ["people", "strips", "matrix", "timeline", "coverage"]
    assert all(picture.title and picture.says.endswith(".") for picture in drawn.values())
    for picture in drawn.values():
        for shape in picture.shapes:
            if isinstance(shape, pictures.Box):
                assert shape.x >= 0 and shape.x + shape.width <= picture.width + 0.01
                assert shape.y >= 0 and shape.y + shape.height <= picture.height


def test_page_and_pdf_say_whose_values_were_not_looked_for(scene: Scene, tmp_path: Path) -> None:
    scene.disclose(scene.app, [scene.house.person("bare", "Bare Host", "ann@[10.0.0.1]")])
    (scene.folder / "notes.txt").write_text("nothing of anybody")
    report = reported(scene, tmp_path / "out").report
    read = "".join(one.extract_text() for one in PdfReader(io.BytesIO(pdf(report, DIGEST))).pages).replace("\n", " ")
    for said in (page(report, DIGEST).decode(), read):
        assert "41 platform ids that are too short" in said
        assert "unusual spelling in the midst of texts (of 1 people" in said


def test_a_report_of_nothing_can_be_written(scene: Scene, tmp_path: Path) -> None:
    done = reported(scene, tmp_path / "out")
    assert done.report["exhibits"] == []
    assert (tmp_path / "out").is_dir()


def test_a_folder_with_a_report_or_other_things_is_refused_and_left_alone(scene: Scene, tmp_path: Path) -> None:
    reported(scene, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(BadInput, match="a report already"):
        prepare(tmp_path / "out", [])
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="other things"):
        prepare(tmp_path / "mine", [])


def test_a_report_is_never_written_into_the_evidence(scene: Scene) -> None:
    for folder in (scene.folder, scene.folder / "out", scene.folder / ".." / scene.folder.name / "deep" / "out"):
        with pytest.raises(BadInput, match="within the evidence"):
            prepare(folder, [str(scene.folder)])
    assert list(scene.folder.iterdir()) == []


def test_what_was_broken_off_is_written_over(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "hits.parquet").write_text("half")
    (folder / ".report-abc").write_text("half")
    (folder / ".report-abc").unlink()
    reported(scene, folder)
    assert {path.name for path in folder.iterdir()} == NAMES


def test_a_folder_that_cannot_be_written_is_one_clear_error(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = scene.examine()
    with pytest.raises(Unavailable, match="cannot be written"):
        prepare(tmp_path / "file" / "out", [])
    with pytest.raises(Unavailable, match="cannot be written"):
        write(
            tmp_path / "file" / "out", done, lambda sums: vouch.sign(scene.house.engines, OPERATOR, done.record, sums)
        )
