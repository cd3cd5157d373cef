"""A report stands: whoever has the platform's public key sees every change to it, and nobody else can close one."""

import json
import shutil
from pathlib import Path

import pytest

from beholden.backends.evidence.report_folder import FileReportFolder
from beholden.forensics.seal import PublicKey, sums
from beholden.journeys import vouch
from beholden.journeys.examine import Examination
from beholden.journeys.vouch import Verification
from beholden.ledger.ports import RecordedAct
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import NotAllowed
from tests.backends.evidence.test_report_files import reported
from tests.journeys.test_examine import OPERATOR, Scene, planted, scene

__all__ = ["scene"]


@pytest.fixture
def folder(scene: Scene, tmp_path: Path) -> Path:
    """A signed report."""
    planted(scene)
    reported(scene, tmp_path / "out")
    return tmp_path / "out"


def check(scene: Scene, folder: Path, keys: tuple[PublicKey, ...] | None = None) -> Verification:
    trusted = tuple(vouch.public_keys(scene.house.engines)) if keys is None else keys
    return vouch.verify(FileReportFolder(folder), trusted)


def acts(scene: Scene, verb: str) -> list[RecordedAct]:
    return [act for act in scene.house.engines.ledger.acts() if act.verb == verb]


def test_a_report_verifies_and_says_of_what_it_is(scene: Scene, folder: Path) -> None:
    found = check(scene, folder)
    assert found.verified and found.verdict == "contradicted" and found.files == 8
    assert found.key == vouch.public_keys(scene.house.engines)[0]
    assert found.report_sha256 == acts(scene, "examination:end")[0].details["report_sha256"]
    assert vouch.compare(scene.house.engines, found) is None


def test_every_changed_byte_of_every_file_is_noticed(scene: Scene, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.name == "key.pem":
            continue  # it vouches for nothing
        whole = path.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            changed = bytearray(whole)
            changed[place] ^= 1
            path.write_bytes(bytes(changed))
            found = check(scene, folder)
            assert not found.verified and path.name in " ".join(found.defects), path.name
        path.write_bytes(whole)
    assert check(scene, folder).verified


def test_a_file_that_is_gone_replaced_or_slipped_in_is_named(scene: Scene, folder: Path, tmp_path: Path) -> None:
    (folder / "report.pdf").rename(tmp_path / "report.pdf")
    assert check(scene, folder).defects == ("report.pdf is missing, or is no file.",)
    (folder / "report.pdf").symlink_to(tmp_path / "report.pdf")
    assert check(scene, folder).defects == ("report.pdf is missing, or is no file.",)
    (folder / "report.pdf").unlink()
    (folder / "report.pdf").mkdir()
    assert check(scene, folder).defects == ("report.pdf is missing, or is no file.",)
    (folder / "report.pdf").rmdir()
    shutil.copy(tmp_path / "report.pdf", folder)
    (folder / "annex\n\x1b[31m.pdf").write_text("more")
    (defect,) = check(scene, folder).defects
    assert defect == "annex\\n\\x1b[31m.pdf lies beside the report, but was not signed with it."


def test_another_key_is_not_trusted_because_it_lies_beside_the_report(scene: Scene, folder: Path) -> None:
    other = PublicKey(bytes(32))
    found = check(scene, folder, (other,))
    assert not found.verified and "by a trusted key" in found.defects[0]


def test_a_folder_without_a_signature_is_no_report(scene: Scene, folder: Path) -> None:
    (folder / "SHA256SUMS.sig").unlink()
    assert check(scene, folder).defects == ("SHA256SUMS.sig is missing or too long: this is no signed report.",)


def test_files_of_two_reports_do_not_make_one(scene: Scene, folder: Path, tmp_path: Path) -> None:
    """Even the house itself cannot mix them: the files speak of one another."""
    (scene.folder / "more.csv").write_text(scene.rows(scene.people[:3]))
    reported(scene, tmp_path / "second")
    for name in ("manifest.txt", "manifest.txt.sig", "hits.parquet"):
        shutil.copy(tmp_path / "second" / name, folder)
    names = [path.name for path in folder.iterdir() if path.name not in ("SHA256SUMS", "SHA256SUMS.sig", "key.pem")]
    listed = sums({name: FileReportFolder(folder).sha256(name) or "" for name in names})
    (folder / "SHA256SUMS").write_bytes(listed)
    (folder / "SHA256SUMS.sig").write_bytes(scene.house.engines.seal.sign(listed).signature)
    defects = " ".join(check(scene, folder).defects)
    assert "manifest.txt is not the list of exhibits" in defects and "hits.parquet is not the list of finds" in defects


def test_a_report_of_before_the_key_was_changed_still_verifies(scene: Scene, folder: Path) -> None:
    old = vouch.public_keys(scene.house.engines)[0]
    new = vouch.rotate(scene.house.engines, OPERATOR)
    assert check(scene, folder).key == old != new
    assert not check(scene, folder, (new,)).verified
    assert [act.details["replaced"] for act in acts(scene, "examination:rotate")] == [old.fingerprint]


def test_law_12_intake_signing_checking_and_the_change_of_keys_are_in_the_ledger(scene: Scene, folder: Path) -> None:
    (begin,), (end,), (signed,) = (acts(scene, f"examination:{verb}") for verb in ("begin", "end", "sign"))
    key = vouch.public_keys(scene.house.engines)[0].fingerprint
    assert begin.details["key"] == signed.details["key"] == key
    assert begin.seq < end.seq < signed.seq and begin.subject == end.subject == signed.subject
    assert signed.details["sums_sha256"] == FileReportFolder(folder).sha256("SHA256SUMS")
    vouch.record_check(scene.house.engines, OPERATOR, check(scene, folder))
    (checked,) = acts(scene, "examination:verify")
    assert checked.details["verified"] is True and checked.subject == begin.subject


def test_only_operators_check_on_record_or_change_the_key(scene: Scene, folder: Path) -> None:
    for actor in (Actor(ActorKind.DEVELOPER, "1"), Actor(ActorKind.OPERATOR, "nobody")):
        with pytest.raises(NotAllowed):
            vouch.rotate(scene.house.engines, actor)
        with pytest.raises(NotAllowed):
            vouch.record_check(scene.house.engines, actor, check(scene, folder))


def test_the_manifest_was_signed_before_anything_was_searched(scene: Scene, folder: Path) -> None:
    (begin,) = acts(scene, "examination:begin")
    assert begin.details["manifest_sha256"] == FileReportFolder(folder).sha256("manifest.txt")
    report = json.loads((folder / "report.json").read_text())
    assert report["manifest"] == {"sha256": begin.details["manifest_sha256"], "key": begin.details["key"]}


def test_names_in_the_manifest_are_the_systems_own_and_never_look_the_same(scene: Scene, tmp_path: Path) -> None:
    for name in (b"a\\nb", b"a\nb", b"caf\xe9", "café".encode(), b"x" * 250, b"x" * 249 + b"y"):
        (Path(str(scene.folder)) / name.decode("utf-8", "surrogateescape")).write_text("nothing")
    done: Examination = reported(scene, tmp_path / "out")
    head, *lines = done.manifest.decode("ascii").splitlines()
    names = [line.split("  ", 2)[2].rpartition("/")[2] for line in lines]
    assert head == "beholden manifest 1"
    assert {"a%5Cnb", "a%0Ab", "caf%E9", "caf%C3%A9"} <= set(names) and len(set(names)) == 6
    assert check(scene, tmp_path / "out").verified


def test_a_report_that_is_not_on_record_here_is_said(scene: Scene, folder: Path) -> None:
    found = check(scene, folder)
    other = Verification("examination_other", found.verdict, found.report_sha256, found.key, 9, ())
    assert "no such examination" in (vouch.compare(scene.house.engines, other) or "")
    forged = Verification(found.examination, found.verdict, "0" * 64, found.key, 9, ())
    assert "another report" in (vouch.compare(scene.house.engines, forged) or "")
