"""What cases need of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from beholden.cases.case import Case
from beholden.cases.certification import Certification
from beholden.model.ids import AppNumber, CaseId, CertificationId, DeveloperNumber


class CaseStore(Protocol):
    """Cases, developers' keys and certifications. Nothing is ever removed (law 7).

    `save` is a compare-and-set: it raises Conflict when the case has moved on since `before` was read, and then
    nothing is written. Two operators, or an operator and the clock, never overwrite each other.
    """

    def save(self, before: Case | None, after: Case) -> None:
        """Write the case: new where `before` is None, else the steps that `after` has beyond `before`."""
        ...

    def case(self, case: CaseId) -> Case | None:
        """One case with all its history."""
        ...

    def cases(self, *, developer: DeveloperNumber | None = None, app: AppNumber | None = None) -> Sequence[Case]:
        """Cases, those opened last first."""
        ...

    def due(self, now: datetime) -> Sequence[Case]:
        """Cases whose RFI is unanswered and due at or before `now`, longest overdue first."""
        ...

    def add_key(self, developer: DeveloperNumber, key: str, at: datetime) -> None:
        """Register a public key; registering it again changes nothing."""
        ...

    def end_key(self, developer: DeveloperNumber, key: str, at: datetime) -> bool:
        """No longer accept a key; False when there is no such key in use."""
        ...

    def keys(self, developer: DeveloperNumber) -> Sequence[str]:
        """The public keys that a developer may sign with now."""
        ...

    def add_certification(self, certification: Certification) -> None:
        """Keep a certification; there is no changing it."""
        ...

    def certification(self, certification: CertificationId) -> Certification | None:
        """One certification."""
        ...

    def certifications(
        self, *, developer: DeveloperNumber | None = None, case: CaseId | None = None
    ) -> Sequence[Certification]:
        """Certifications, newest first."""
        ...
