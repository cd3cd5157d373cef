"""What watch needs: a lake that holds the rows, and a place for findings, verdicts and canaries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from beholden.model.disclosure import RecordedDisclosure
from beholden.model.finding import Finding
from beholden.model.ids import AppNumber, FindingId, PersonNumber


@dataclass(frozen=True, slots=True)
class Canary:
    """A made-up person. `app` is the only app that may ever be given them, None for no app at all."""

    person: PersonNumber
    app: AppNumber | None
    planted_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class FindingVerdict:
    """What an investigator said of a finding: tp, benign or fp, with a reason (`until` ends a benign exception)."""

    finding: FindingId
    verdict: str
    reason: str
    operator: str
    at: datetime
    until: date | None = None


class Lake(Protocol):
    """Analytic tables derived from the ledger. Never the record: it can be dropped and built again.

    `ingest` takes rows in the order of the log and is exactly-once by the place it has reached. `run` executes an
    expression over the tables of `watch.features.SCHEMAS` and yields its rows as mappings.
    """

    def reached(self) -> int:
        """The place in the ledger up to which rows were taken."""
        ...

    def ingest(self, rows: Iterable[RecordedDisclosure], upto: int, sensitive: frozenset[str]) -> int:
        """Take rows, then note that all places below `upto` are in; how many rows were taken."""
        ...

    def run(self, expression: Any, small: Mapping[str, Sequence[Mapping[str, object]]]) -> list[dict[str, Any]]:
        """Run an expression; `small` are the rows of the tables that are not kept here."""
        ...

    def forget(self, person: PersonNumber) -> None:
        """Put nobody in an erased person's place; the totals stay right."""
        ...

    def rebuild(self) -> None:
        """Drop everything, so that the next ingest begins at place 0."""
        ...


class WatchStore(Protocol):
    """Findings, what was said of them, and the canaries."""

    def put(self, findings: Sequence[Finding]) -> Sequence[FindingId]:
        """Add new findings, let known ones grow; the ids of those that were new."""
        ...

    def findings(self, app: AppNumber | None = None) -> Sequence[Finding]:
        """Findings, highest score first."""
        ...

    def finding(self, finding: FindingId) -> Finding | None:
        """One finding."""
        ...

    def give_verdict(self, verdict: FindingVerdict) -> None:
        """Record an investigator's verdict; a later one replaces it, the ledger keeps both."""
        ...

    def verdicts(self) -> Mapping[FindingId, FindingVerdict]:
        """The verdict of each finding that has one."""
        ...

    def plant(self, canary: Canary) -> None:
        """Add or replace a canary."""
        ...

    def canaries(self) -> Sequence[Canary]:
        """All canaries."""
        ...
