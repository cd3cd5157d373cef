"""A running mail sink, as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Sink:
    """Where letters go, and the file that tells which came."""

    port: int
    out: Path

    def entries(self) -> list[dict[str, str]]:
        """The whole lines of the log."""
        lines = self.out.read_bytes().split(b"\n")[:-1] if self.out.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def running(out: Path) -> Iterator[Sink]:
    """Start a sink on a free port, stop it at the end."""
    command = [sys.executable, "-m", "examples.mail_sink", "--port", "0", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield Sink(int(process.stdout.readline()), out)
        finally:
            process.kill()
