"""The decision table for doors that answer in threads: one reader, one caller at a time.

A decision never waits for anything, and Python lets one thread compute at a time anyway: so a lock costs nothing that
is not paid already, and what the reader settled and mapped is there once.
"""

from collections.abc import Sequence
from threading import Lock

from beholden.backends.table.reader import TableReader
from beholden.gate.compiled import Who
from beholden.gate.facts import AppFacts
from beholden.gate.judged import Judged
from beholden.model.decision import Decision, Reason


class SharedReader:
    """See gate.ports.SharedTable. The reader is nobody else's."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._lock = Lock()

    def judge(
        self,
        client: str,
        persons: Sequence[Who],
        through: Who,
        fields: Sequence[tuple[str, ...]],
        purpose: str,
        now: int,
    ) -> Judged:
        """See SharedTable."""
        with self._lock:
            return self._reader.judge(client, persons, through, fields, purpose, now)

    def stands(self, moment: tuple[int, int] | None) -> bool:
        """See SharedTable."""
        with self._lock:
            return self._reader.stands(moment)

    def decide(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, now: int
    ) -> Decision:
        """See SharedTable."""
        with self._lock:
            return self._reader.decide(client, person, through, fields, purpose, now)

    def refuse_app(self, client: str) -> Reason | None:
        """See SharedTable."""
        with self._lock:
            return self._reader.refuse_app(client)

    def app(self, client: str) -> AppFacts | None:
        """See SharedTable."""
        with self._lock:
            return self._reader.app(client)
