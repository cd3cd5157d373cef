"""Processes to measure: started for the length of a block and awaited; one that fails shows the end of its log."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

STOP_SECONDS = 15


@contextmanager
def running(
    arguments: Sequence[str],
    log: Path,
    *,
    port: int,
    environment: Mapping[str, str] | None = None,
    inherit: Sequence[int] = (),
    wait: float = 60,
) -> Iterator[int]:
    """The id of a process that listens on `port` of localhost; `inherit` are descriptors that it may use.

    Raises RuntimeError with the end of its log when it ends, or does not listen after `wait` seconds.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            arguments,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=inherit,
            start_new_session=True,
        )
    try:
        _await(process, port, wait, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int, wait: float, log: Path) -> None:
    until = time.monotonic() + wait
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def memory_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def children(pid: int) -> tuple[int, ...]:
    """The processes that a process has started and that still run (Linux)."""
    return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()))
