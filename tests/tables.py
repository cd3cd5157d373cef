"""A decision table within the test's own process, followed to the end of the feed before each question."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from beholden.backends.host.backlog import FileBacklog
from beholden.backends.sql.pulse import SqlPulse
from beholden.backends.table.reader import TableReader
from beholden.backends.table.shared import SharedReader
from beholden.backends.table.writer import TableWriter
from beholden.journeys.follow import Follower
from beholden.journeys.ports import Engines


class FollowedTable:
    """See gate.ports.SharedTable."""

    def __init__(self, follower: Follower, reader: TableReader) -> None:
        self._follower = follower
        self._shared = SharedReader(reader)
        self._turn = Lock()

    def __getattr__(self, name: str) -> Any:
        def asked(*args: Any) -> Any:
            with self._turn:
                while self._follower.poll():
                    pass
                return getattr(self._shared, name)(*args)

        return asked


@contextmanager
def followed(engines: Engines, database_url: str, folder: Path) -> Iterator[FollowedTable]:
    """A table of these engines' store in a folder of its own, for which no commit waits."""
    pulse = SqlPulse(database_url)
    writer = TableWriter(folder, engines.catalogue, engines.pairwise)
    follower = Follower(engines.store, pulse, writer, FileBacklog(folder / "backlog.json"), engines.pairwise)
    try:
        yield FollowedTable(follower, TableReader(folder, engines.catalogue, engines.pairwise))
    finally:
        writer.close()
        pulse.close()
