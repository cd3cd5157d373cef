"""Evidence on disk is read, never changed, and nothing else is opened."""

import os
import socket
from pathlib import Path

import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Intake
from beholden.model.errors import BadInput, Unavailable


def quiet(_stage: str, _done: int, _total: int) -> None:
    """No progress."""


def taken(*paths: Path) -> Intake:
    return FileEvidence().take_in([str(path) for path in paths], quiet)


def test_every_file_is_taken_once_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    os.link(tmp_path / "a", tmp_path / "z")
    intake = taken(tmp_path, tmp_path / "a")
    assert [Path(e.path).name for e in intake.exhibits] == ["a", "b", "d"]
    assert [refused.reason for refused in intake.not_taken] == [Reason.SAME_FILE]


def test_the_digest_is_the_files_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert taken(tmp_path).exhibits[0].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_links_are_not_followed_and_loops_end(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "file").write_text("x")
    (tmp_path / "secret").write_text("outside")
    (inside / "loop").symlink_to(inside)
    (inside / "self").symlink_to("self")
    (inside / "out").symlink_to(tmp_path / "secret")
    intake = taken(inside)
    assert [Path(e.path).name for e in intake.exhibits] == ["file"]
    reasons = {refused.name.rsplit("/", 1)[1]: refused.reason for refused in intake.not_taken}
    assert reasons == {"loop": Reason.LINK_IN, "self": Reason.LINK_OUT, "out": Reason.LINK_OUT}


def test_pipes_sockets_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "sock"))
        intake = taken(tmp_path, Path("/dev/null"))
    assert intake.exhibits == ()
    assert sorted(refused.reason for refused in intake.not_taken) == sorted(
        [Reason.NO_CONTENT, Reason.NO_CONTENT, Reason.DEVICE]
    )


def test_names_that_are_no_text_or_break_lines_are_taken_and_safe_to_print(tmp_path: Path) -> None:
    for name in (b"new\nline", b"\x1b[31mred", b"\xff\xfe-latin"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    intake = taken(tmp_path)
    assert len(intake.exhibits) == 3 and all(exhibit.name.isprintable() for exhibit in intake.exhibits)
    evidence = FileEvidence()
    for exhibit in evidence.take_in([str(tmp_path)], quiet).exhibits:
        with evidence.open(exhibit) as source:
            assert source.read(0, 9) == b"x"


def test_a_path_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be found"):
        taken(tmp_path / "missing")


def test_a_file_that_was_exchanged_after_intake_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    evidence = FileEvidence()
    exhibit = evidence.take_in([str(tmp_path)], quiet).exhibits[0]
    (tmp_path / "b").write_text("two")
    (tmp_path / "b").rename(tmp_path / "a")
    with pytest.raises(Unavailable, match="another file"), evidence.open(exhibit):
        pass
    assert evidence.digest(exhibit, quiet) is None


def test_a_file_that_became_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "secret").write_text("secret")
    evidence = FileEvidence()
    exhibit = evidence.take_in([str(tmp_path / "a")], quiet).exhibits[0]
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(Unavailable), evidence.open(exhibit):
        pass


def test_a_file_that_shrinks_while_it_is_read_ends_early(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10_000)
    evidence = FileEvidence()
    exhibit = evidence.take_in([str(tmp_path)], quiet).exhibits[0]
    with evidence.open(exhibit) as source:
        os.truncate(tmp_path / "a", 10)
        assert source.read(0, 10_000) == b"x" * 10


def test_reading_changes_neither_content_nor_times(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    os.utime(path, (1_000_000, 1_000_000))
    evidence = FileEvidence()
    exhibit = evidence.take_in([str(tmp_path)], quiet).exhibits[0]
    with evidence.open(exhibit) as source:
        source.read(0, 100)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(source.descriptor, b"y")  # type: ignore[attr-defined]
    state = path.stat()
    assert (state.st_atime, state.st_mtime) == (1_000_000, 1_000_000)
