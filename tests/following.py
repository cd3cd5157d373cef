"""A real `beholden follow`, and the table that it writes as a gate of that host reads it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from beholden import bootstrap
from beholden.backends.table.reader import TableReader
from beholden.model.decision import Reason
from beholden.model.time import to_micros
from beholden.settings import Settings

PATIENCE_SECONDS = 30


def reader(chosen: Settings, pairwise: bytes) -> TableReader:
    """A gate's eye on the table of a data folder."""
    return TableReader(chosen.data / bootstrap.TABLE, bootstrap.catalogue(chosen), pairwise)


def said(gate: TableReader, chosen: Settings, client: str, outside_id: str) -> Reason | None:
    """What stands against a person's own `name` going to an app; None where it may go."""
    now = to_micros(bootstrap.clock(chosen).now())
    return gate.decide(client, outside_id, outside_id, ("name",), "service", now).denied.get("name")


@contextmanager
def follower(data: Path, log: Path, *inside: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own; `inside` goes before it. Killed at the end, whatever happens."""
    with log.open("a") as output:
        process = subprocess.Popen(
            [*inside, sys.executable, "-m", "beholden", "follow", "--data", str(data)],
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def until(what: Callable[[], object], why: Sequence[Path] = ()) -> float:
    """Wait for something to become true; how long it took, in seconds."""
    begun = time.monotonic()
    while not what():
        took = time.monotonic() - begun
        assert took < PATIENCE_SECONDS, "\n".join(path.read_text() for path in why)
        time.sleep(0.005)
    return time.monotonic() - begun
