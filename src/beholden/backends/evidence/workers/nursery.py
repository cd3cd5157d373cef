"""The nursery: a process of its own that knows whom to look for, and nothing else of the platform; it makes readers.

Readers are its forks, so that what is looked for lies in memory once however many there are, and a new one takes
milliseconds. It never touches evidence. It ends when its parent does, and the kernel ends its readers then.
"""

import gc
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beholden.backends.evidence.files import OpenFile
from beholden.backends.evidence.workers import wire
from beholden.backends.evidence.workers.reader import Work, serve, warm_up
from beholden.model.errors import BadInput, Unavailable

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "NUMBA_CACHE_DIR")
"""Of the environment, which may hold keys, the nursery gets only this."""
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Readers are many already; a fork has no other thread than the one that made it."""
_START = "from beholden.backends.evidence.workers.nursery import main; main()"


class Gone(Exception):
    """The nursery died, and its readers with it."""


class Nursery:
    """The parent's side."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._folder = tempfile.TemporaryDirectory(prefix="beholden-readers-", ignore_cleanup_errors=True)
        self._made = 0
        self.generation = 0
        """How often it was started; the readers of an earlier one are gone."""
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and every reader that it made."""
        self._stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Begin, or begin again. Raises Unavailable where that fails."""
        self._stop()
        self.generation += 1
        self._control, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= dict.fromkeys(_ONE_THREAD, "1")
        environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno()), self._folder.name],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # an interrupt from the keyboard is the parent's business
            )
        try:
            self._ask(self._work)
        except Gone as error:
            raise Unavailable("The process that makes readers of evidence did not start.") from error
        except (AttributeError, TypeError, pickle.PicklingError) as error:
            raise BadInput(f"What is looked for cannot be given to another process ({error}).") from error

    def make(self) -> tuple[int, socket.socket, Path]:
        """A new reader: its process, the channel to it, its scratch folder. Raises Gone."""
        self._made += 1
        scratch = Path(self._folder.name) / str(self._made)
        scratch.mkdir(mode=0o700, parents=True)
        ours, theirs = socket.socketpair()
        with theirs:
            pid = self._ask(("make", OpenFile(theirs.fileno(), 0), scratch))
        return int(pid), ours, scratch

    def end(self, pid: int) -> int:
        """End a reader, if it has not ended by itself, and say how it ended (a status as of wait(2)). Raises Gone."""
        return int(self._ask(("end", pid)))

    def _ask(self, said: object) -> Any:
        try:
            wire.send(self._control, said)
            return wire.receive(self._control)
        except (OSError, EOFError) as error:
            raise Gone from error

    def _stop(self) -> None:
        if self._process is None:
            return
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """The nursery itself."""
    control = socket.socket(fileno=int(sys.argv[1]))
    with suppress(EOFError, ConnectionError):  # the parent is gone
        work: Work = wire.receive(control)
        warm_up(work)
        gc.collect()
        gc.freeze()  # so that collecting garbage in a reader copies no page that all share
        wire.send(control, None)
        while True:
            verb, *rest = wire.receive(control)
            wire.send(control, _make(work, *rest) if verb == "make" else _end(*rest))
    shutil.rmtree(sys.argv[2], ignore_errors=True)  # the parent may have been killed


def _make(work: Work, channel: OpenFile, scratch: Path) -> int:
    pid = os.fork()
    if pid == 0:
        _become_reader(work, channel, scratch)
    os.close(channel.descriptor)
    return pid


def _become_reader(work: Work, channel: OpenFile, scratch: Path) -> None:
    """Keep the channel and nothing else that is open."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(channel.descriptor, 3)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    serve(socket.socket(fileno=3), work, scratch)


def _end(pid: int) -> int:
    """A child that has ended is still there until it is waited for, so its number is nobody else's."""
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
