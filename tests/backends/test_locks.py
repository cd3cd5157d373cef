"""Locks between processes: one holder, none left behind by a process that was killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beholden.backends.host.locks import FileLocks
from beholden.model.errors import Conflict, Unavailable

HOLD = """
import sys, time
from pathlib import Path
from beholden.backends.host.locks import FileLocks
with FileLocks(Path(sys.argv[1])).hold("duty"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_has_one_holder_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path / "locks")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "locks")], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Conflict), locks.hold("duty"):
            pass
        with locks.hold("another-duty"):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with locks.hold("duty"):
        pass


def test_a_lock_is_let_go_when_the_block_raises(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path)
    with pytest.raises(ZeroDivisionError), locks.hold("duty"):
        raise ZeroDivisionError
    with locks.hold("duty"), pytest.raises(Conflict), locks.hold("duty"):
        pass


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable), FileLocks(tmp_path / "file").hold("duty"):
        pass
