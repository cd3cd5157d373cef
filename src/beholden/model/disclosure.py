"""Disclosures: fields of one person given to one app, at one time, for one purpose, through one person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is about to leave. Field names, never values; of a value at most a salted digest (see `ledger.record`).

    `values` holds the text of the values only until the ledger has digested them; it is never stored.
    """

    app: AppNumber
    developer: DeveloperNumber
    person: PersonNumber
    through: PersonNumber
    fields: tuple[str, ...]
    purpose: str
    grant: GrantId
    at: datetime
    values: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def direct(self) -> bool:
        """Whether the person whose data it is was the one who granted it."""
        return self.person == self.through


@dataclass(frozen=True, slots=True)
class RecordedDisclosure:
    """A disclosure as the ledger holds it, with its place there."""

    seq: int
    at: datetime
    app: AppNumber
    developer: DeveloperNumber
    person: PersonNumber
    through: PersonNumber
    fields: tuple[str, ...]
    purpose: str
    grant: str
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def direct(self) -> bool:
        """Whether the person whose data it is was the one who granted it."""
        return self.person == self.through


@dataclass(frozen=True, slots=True)
class Exposure:
    """All that one app or developer was given of one person: what a notice says.

    `direct` and `indirect` may both be true. `through` are the granting people other than the person.
    """

    person: PersonNumber
    direct: bool
    indirect: bool
    fields: tuple[str, ...]
    through: tuple[PersonNumber, ...]
    first_at: datetime
    last_at: datetime
    disclosures: int
