"""Crashes: a process killed in the middle, a torn end, a disk that is full. No acknowledged entry is ever lost."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beholden.model.errors import Damaged, Unavailable
from tests.ledger.logs import Log, act, disclosure, filled

REPOSITORY = Path(__file__).parents[3]
WRITER = "tests.backends.segments.writer"


@pytest.mark.parametrize("seed", range(4))
def test_law_1_a_kill_in_the_middle_loses_no_acknowledged_entry(tmp_path: Path, seed: int) -> None:
    log = Log(tmp_path)
    acknowledged: dict[str, int] = {}
    for life in range(2):
        command = [sys.executable, "-m", WRITER, tmp_path, f"{seed}{life}", "100000", "mixed"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as writer:
            assert writer.stdout is not None
            for _ in range(random.Random(seed * 10 + life).randrange(20, 200)):
                subject, place = writer.stdout.readline().split()
                acknowledged[subject.decode()] = int(place)
            os.kill(writer.pid, signal.SIGKILL)
            for line in writer.stdout.read().splitlines():  # what it had still said when it died
                if line.count(b" ") == 1 and line.split()[1].isdigit():
                    acknowledged[line.split()[0].decode()] = int(line.split()[1])
        log.ledger.append([act(f"case:after-{seed}{life}")])
    held = {found.subject: found.seq for found in log.ledger.acts()}
    # The last line may have been cut by the kill, so its place may lack digits; its subject must be there.
    last = max(acknowledged, key=lambda subject: acknowledged[subject])
    assert set(acknowledged) <= set(held)
    assert {s: p for s, p in acknowledged.items() if s != last}.items() <= held.items()
    log.ledger.checkpoint()
    report = log.ledger.verify()
    assert report.verified, report.defects


def test_a_torn_end_is_cut_to_the_last_whole_frame_wherever_it_was_torn(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 20, batch=10)
    head, segment = (tmp_path / "log" / "ledger" / "head"), log.segments()[0]
    before, held = segment.read_bytes(), head.read_bytes()
    log.ledger.append([disclosure(1, 2), act("case:torn")])
    after = segment.read_bytes()
    for end in [*range(len(before), len(after), 7), len(after) - 1]:
        shutil.rmtree(tmp_path / "torn", ignore_errors=True)
        shutil.copytree(tmp_path / "log", tmp_path / "torn")
        torn = Log(tmp_path / "torn")
        torn.segments()[0].write_bytes(after[:end])
        (tmp_path / "torn" / "ledger" / "head").write_bytes(held)
        assert torn.ledger.append([act("case:next")]) == range(20, 21)
        assert torn.segments()[0].read_bytes()[: len(before)] == before
        assert torn.ledger.verify().verified
    # Whole on disk, but its writer died before the head was written: it may have been acknowledged, so it stays.
    segment.write_bytes(after)
    head.write_bytes(held)
    assert log.opened().append([act("case:next")]) == range(22, 23)
    assert [found.subject for found in log.ledger.acts()][-2:] == ["case:torn", "case:next"]


def test_rubbish_behind_the_last_frame_is_cut_off(tmp_path: Path) -> None:
    log = filled(tmp_path, 10)
    segment = log.segments()[0]
    for rubbish in (b"\0" * 5000, b"BHF1" + b"\xff" * 100, os.urandom(300)):
        with segment.open("ab") as file:
            file.write(rubbish)
        before = log.ledger.size()
        assert log.ledger.append([act()]) == range(before, before + 1)
    assert log.ledger.verify().verified


@pytest.mark.parametrize("keep_head", [True, False])
def test_damage_below_what_was_acknowledged_is_never_cut_off(tmp_path: Path, keep_head: bool) -> None:
    log = filled(tmp_path, 30, batch=10)
    log.ledger.checkpoint()
    segment = log.segments()[0]
    data = bytearray(segment.read_bytes())
    if not keep_head:
        (tmp_path / "ledger" / "head").unlink()
    data[-5] ^= 1
    segment.write_bytes(data)
    if not keep_head:  # the checkpoint says how much was published
        with pytest.raises(Damaged, match="damaged at byte"):
            log.opened().append([act()])
    with pytest.raises(Damaged):
        list(log.opened().disclosures())
    assert segment.read_bytes() == data
    assert not log.opened().verify().verified


def test_a_damaged_frame_with_others_behind_it_is_not_a_torn_end(tmp_path: Path) -> None:
    log = filled(tmp_path, 30, batch=10)
    (tmp_path / "ledger" / "head").unlink()
    segment = log.segments()[0]
    data = bytearray(segment.read_bytes())
    data[100] ^= 1
    segment.write_bytes(data)
    with pytest.raises(Damaged, match="damaged at byte"):
        log.opened().append([act()])
    assert segment.read_bytes() == data


def test_a_segment_shorter_than_what_was_acknowledged_is_damage(tmp_path: Path) -> None:
    log = filled(tmp_path, 30, batch=10)
    segment = log.segments()[0]
    segment.write_bytes(segment.read_bytes()[:-1])
    with pytest.raises(Damaged, match="shorter"):
        log.ledger.append([act()])


@pytest.mark.parametrize("bad", [b"", b"short", bytes(48), None])
def test_a_lost_or_torn_head_is_measured_again(tmp_path: Path, bad: bytes | None) -> None:
    log = filled(tmp_path, 45, batch=10)
    head = tmp_path / "ledger" / "head"
    if bad is None:
        head.unlink()
    else:
        head.write_bytes(bad)
    assert log.opened().size() == 45
    assert log.ledger.append([act()]) == range(45, 46)
    assert log.ledger.verify().verified


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes of a file fail in this process, part of the way through, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_stops_half_way_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path, 20)
    segment = log.segments()[0]
    before = segment.read_bytes()
    for room in (0, 1, 31, 33, 400):
        with file_limit(len(before) + room), pytest.raises(Unavailable, match="nothing was recorded"):
            log.ledger.append([disclosure(n + 1) for n in range(50)])
        assert segment.read_bytes() == before
        assert log.opened().size() == 20
    assert log.ledger.append([disclosure(1)]) == range(20, 21)
    log.ledger.checkpoint()
    assert log.ledger.verify().verified


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB that is really full when it is full."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", mount], capture_output=True)
    if done.returncode:
        pytest.skip(f"a tmpfs needs root: {done.stderr.decode().strip()}; the limit on file sizes stands in for it")
    yield mount
    subprocess.run(["umount", mount], check=True)


def test_a_full_disk_is_unavailable_and_the_log_goes_on_when_there_is_room(small_disk: Path) -> None:
    log = filled(small_disk, 20)
    ballast = small_disk / "ballast"
    handle = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(handle, b"x" * 4096)
    os.close(handle)
    for _ in range(3):
        with pytest.raises(Unavailable):
            log.ledger.append([disclosure(n + 1) for n in range(200)])
        with pytest.raises(Unavailable):
            log.ledger.checkpoint()
    assert log.ledger.size() == 20
    assert len(list(log.ledger.disclosures())) == 19
    ballast.unlink()
    assert log.ledger.append([disclosure(n + 1) for n in range(200)]) == range(20, 220)
    log.ledger.checkpoint()
    report = log.ledger.verify()
    assert report.verified, report.defects


def test_a_failed_write_that_cannot_be_taken_back_makes_the_log_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(tmp_path, 5)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(Unavailable, match="Input/output error"):
            log.ledger.append([act()])
    with pytest.raises(Unavailable, match="start this process again"):
        log.ledger.append([act()])
    assert log.opened().append([act()]) == range(5, 6)
    assert log.ledger.verify().verified
