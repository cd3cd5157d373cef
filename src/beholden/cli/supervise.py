"""A few processes kept alive under one parent: workers that share a listening socket, and what serves them.

A child that dies is started again; one that cannot even start ends the whole, with its words on standard error. When
the parent ends, however it ends, the children end too: each holds a leash, a pipe that only the parent keeps open.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from beholden.model.errors import Unavailable

STOP_SECONDS = 20
"""How long a child may take to end before it is killed: longer than a server's grace."""
_EARLY_SECONDS = 3.0
_EARLY_DEATHS = 5
_PAUSE_SECONDS = 0.2


@dataclass
class _Child:
    name: str
    arguments: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    early_deaths: int = 0


@dataclass
class Supervisor:
    """Runs `python -m beholden ARGUMENTS` for each name until `stop`; `inherit` are file descriptors for all."""

    commands: Mapping[str, Sequence[str]]
    inherit: Sequence[int] = ()
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self, *_: object) -> None:
        """End it; may be called from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop` is called; raises Unavailable when a child dies again and again as it starts."""
        reading, writing = os.pipe()
        children = [_Child(name, arguments) for name, arguments in self.commands.items()]
        try:
            while not self._stop.wait(_PAUSE_SECONDS if children[0].process else 0):
                for child in children:
                    self._keep(child, reading)
        finally:
            os.close(writing)  # whoever misses the signal feels the leash
            _end([child.process for child in children if child.process is not None])
            os.close(reading)

    def _keep(self, child: _Child, leash: int) -> None:
        now = time.monotonic()
        if child.process is not None:
            if child.process.poll() is None:
                return
            child.early_deaths = child.early_deaths + 1 if now - child.started < _EARLY_SECONDS else 0
            print(f"beholden: {child.name} ended ({child.process.returncode}); starting it again", file=sys.stderr)  # noqa: T201
            if child.early_deaths >= _EARLY_DEATHS:
                raise Unavailable(f"The process {child.name!r} ends as soon as it starts.", "Its own words are above.")
        command = [sys.executable, "-m", "beholden", *child.arguments, "--leash", str(leash)]
        child.process = subprocess.Popen(command, pass_fds=(leash, *self.inherit), stdin=subprocess.DEVNULL)
        child.started = now


def hold(leash: int) -> None:
    """End this process, as SIGTERM would, when the other end of its leash is closed."""

    def watch() -> None:
        with suppress(OSError):
            os.read(leash, 1)
        while True:  # a signal that comes while the server is just setting up its handlers is lost
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_PAUSE_SECONDS)

    threading.Thread(target=watch, name="leash", daemon=True).start()


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
