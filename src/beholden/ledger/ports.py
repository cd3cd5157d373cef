"""What the journeys need of the ledger."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from beholden.ledger.verify import Report
from beholden.model.act import Act
from beholden.model.disclosure import Disclosure, RecordedDisclosure
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber


@dataclass(frozen=True, slots=True)
class RecordedAct:
    """An act as the ledger holds it."""

    seq: int
    at: datetime
    actor: str
    verb: str
    subject: str
    app: AppNumber | None
    details: Mapping[str, object] = field(default_factory=dict)


class Ledger(Protocol):
    """One append-only log.

    `append` returns only when every item is on disk (law 1); items of one call have consecutive places, in order. It
    raises Unavailable when that cannot be had, and then none of them is in the log. Readers see what was appended
    before they began. Iteration is in the order of the log. Several processes may append to one log.
    """

    def append(self, items: Sequence[Disclosure | Act]) -> range:
        """Record the items durably; their places in the log."""
        ...

    def size(self) -> int:
        """How many entries are durable."""
        ...

    def disclosures(
        self,
        *,
        apps: Collection[AppNumber] | None = None,
        developer: DeveloperNumber | None = None,
        person: PersonNumber | None = None,
        start: int = 0,
    ) -> Iterator[RecordedDisclosure]:
        """Disclosures that match all given filters, from place `start` on. Erased people's are left out."""
        ...

    def rows(self, seqs: Sequence[int]) -> list[RecordedDisclosure]:
        """The disclosures at these places (erased ones and acts left out)."""
        ...

    def acts(self, *, start: int = 0) -> Iterator[RecordedAct]:
        """Acts from place `start` on."""
        ...

    def checkpoint(self) -> str:
        """Publish every durable entry (tiles, then a signed checkpoint) and return the signed note."""
        ...

    def published(self, path: str) -> bytes | None:
        """A published file by its C2SP path (`checkpoint`, `tile/…`), None where there is none."""
        ...

    def verifier_key(self) -> str:
        """The public key that checkpoints verify with, as `name+id+base64`."""
        ...

    def prove(self, seq: int) -> str:
        """The receipt of one entry (C2SP tlog-proof), published first where it is not yet; raises NotFound."""
        ...

    def verify(self, earlier: str | None = None) -> Report:
        """Verify the whole log, both halves; `earlier` is a checkpoint kept from before that it must have grown from.

        Nothing is changed by it, whatever it finds.
        """
        ...

    def erase(self, person: PersonNumber, ticket: str) -> int:
        """Log an erasure under a random ticket, blank the person's private records; how many were blanked.

        The person's key is the directory's to destroy. Every proof still verifies afterwards (law 7).
        """
        ...
