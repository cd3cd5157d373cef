"""A reader of evidence reaches nothing but the evidence and its own scratch folder."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from beholden.backends.evidence.workers import landlock, seccomp
from beholden.backends.evidence.workers.cage import missing, readable
from beholden.backends.evidence.workers.kernel_calls import machine
from beholden.backends.evidence.workers.probe import probe
from tests.backends.evidence.workers import faulty
from tests.backends.evidence.workers.searching import Desk

pytestmark = pytest.mark.skipif(
    not landlock.version() or machine() not in ("x86_64", "aarch64"), reason="this kernel offers no cage"
)


def test_this_host_cages_its_readers_fully() -> None:
    assert missing(probe()) == []


def test_where_the_cage_is_required_and_there_evidence_is_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.planted()
    assert len(desk.caged(required=True).people) == 30


def test_a_reader_that_was_taken_over_reaches_nothing(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (tmp_path / "secret").write_text("a key")
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other,
    ):
        port = listening.getsockname()[1]
        lines = ["\x1f\x8b\x08", port, tmp_path / "written", tmp_path / "secret", other.pid]
        (evidence / "hostile.gz").write_bytes("\n".join(map(str, lines)).encode("latin-1"))
        found = Desk(evidence).caged(opener=faulty.escapee)
        alive = other.poll() is None
        other.kill()
    assert [gap.detail for gap in found.statement.gaps] == ["library own-scratch"]
    assert alive and not (tmp_path / "written").exists()


def test_evidence_is_read_in_the_cage_as_outside(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.planted()
    assert desk.caged().outcome == desk.in_process().outcome
    assert len(desk.caged().people) == 30


def test_machine_code_can_be_made_in_the_cage(tmp_path: Path) -> None:
    (tmp_path / "small.gz").write_bytes(b"\x1f\x8b\x08")
    assert [gap.detail for gap in Desk(tmp_path).caged(opener=faulty.compiling).statement.gaps] == ["42"]


def test_large_members_are_spooled_into_the_scratch_folder(tmp_path: Path) -> None:
    import gzip

    desk = Desk(tmp_path)
    (tmp_path / "large.gz").write_bytes(gzip.compress(desk.rows.encode() + b" " * (20 << 20)))
    assert desk.caged().statement.complete and len(desk.caged().people) == 30


def test_the_data_folder_and_the_present_folder_are_not_among_what_a_reader_may_read(tmp_path: Path) -> None:
    allowed = [str(path) for path in readable()]
    assert not any(str(tmp_path).startswith(path) for path in allowed)
    assert not any(path in ("/", "/home", "/root", str(Path.cwd())) for path in allowed)


def test_without_landlock_or_seccomp_it_is_said_what_is_missing() -> None:
    said = missing({"process": True, "limits": True, "no_new_privileges": True, "landlock": 0, "seccomp": False})
    assert ["Landlock" in one or "seccomp" in one for one in said] == [True, True]
    assert missing({}) and len(missing({})) == 5


def judge(architecture: str, number: int, first: int = 0, seen: int | None = None) -> int:
    """What the filter says of a system call: this plays the kernel's part."""
    facts = {0: number, 4: seccomp._AUDIT[architecture] if seen is None else seen, 16: first}
    steps, at, held = seccomp.program(architecture, 1234), 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            held = facts[value]
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += yes if holds else no


ALLOW, REFUSE, KILL, UNKNOWN = 0x7FFF0000, 0x00050001, 0x80000000, 0x00050026


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_filter_refuses_on_both_architectures_what_it_names(architecture: str) -> None:
    column = ("x86_64", "aarch64").index(architecture)
    for numbers in seccomp._REFUSED.values():
        if numbers[column] is not None:
            assert judge(architecture, numbers[column]) == REFUSE
    assert judge(architecture, 435) == UNKNOWN  # clone3
    read, mmap, exit_group = ((0, 9, 231), (63, 222, 94))[column]
    assert {judge(architecture, number) for number in (read, mmap, exit_group)} == {ALLOW}


def test_the_filter_lets_threads_be_made_and_the_process_abort_itself_only() -> None:
    for architecture, clone, tgkill in (("x86_64", 56, 234), ("aarch64", 220, 131)):
        assert judge(architecture, clone, 0x00010000 | 0x0F00) == ALLOW
        assert judge(architecture, clone, signal.SIGCHLD) == REFUSE
        assert judge(architecture, tgkill, 1234) == ALLOW
        assert judge(architecture, tgkill, 1) == REFUSE


def test_another_architectures_calls_end_the_process() -> None:
    assert judge("x86_64", 0, seen=0x40000003) == KILL  # i386
    assert judge("x86_64", 0x40000000 | 41) == KILL  # x32
    assert judge("aarch64", 0, seen=0x40000028) == KILL  # 32-bit ARM


def test_a_reader_says_nothing_of_the_platforms_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEHOLDEN_TEST_KEY", "secret")
    from beholden.backends.evidence.workers.nursery import Nursery

    with Desk(tmp_path).nursery() as nursery:
        assert isinstance(nursery, Nursery) and nursery._process is not None
        environment = Path(f"/proc/{nursery._process.pid}/environ").read_bytes()
    assert b"PYTHONPATH" in environment and b"secret" not in environment
    assert os.environ["BEHOLDEN_TEST_KEY"] == "secret"
