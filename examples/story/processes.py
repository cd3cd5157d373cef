"""The processes of the story: Beholden's server, the example platform, the mail sink. Real ones, on loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


def free_port(preferred: int = 0) -> int:
    """A port that nobody listens on; the preferred one if it is free."""
    for port in (preferred, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")


class Processes:
    """Starts processes with their output in files, and ends all of them at the end."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
    ) -> None:
        """Start `python ARGUMENTS` from the checkout's root; `inside` goes before it, to run it somewhere else."""
        log = (self._logs / f"{name}.log").open("ab")
        with log:
            self._running[name] = subprocess.Popen(
                [*inside, sys.executable, *arguments],
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_port(self, name: str, port: int, seconds: float = 60) -> None:
        """Wait until the process listens; raises with the end of its log when it ends or does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._running[name].poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{name} did not start:\n{self.log(name)}")

    def log(self, name: str) -> str:
        """The end of a process's output."""
        with contextlib.suppress(FileNotFoundError):
            return (self._logs / f"{name}.log").read_text(errors="replace")[-2000:]
        return ""

    def kill(self, name: str) -> None:
        """SIGKILL: no time to tidy up."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait(self, name: str, seconds: float) -> int:
        """Wait for a process to end by itself; its exit code."""
        return self._running.pop(name).wait(seconds)

    def pid(self, name: str) -> int:
        """The process's id."""
        return self._running[name].pid

    def alive(self, name: str) -> bool:
        """Whether a process still runs."""
        return self._running[name].poll() is None

    def stop(self) -> None:
        """End all that still run, gently first."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()


def connections() -> httpx.HTTPTransport:
    """One pool of connections for all the browsers and apps of the story."""
    return httpx.HTTPTransport(limits=httpx.Limits(max_connections=20, max_keepalive_connections=20))
