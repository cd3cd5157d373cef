"""Received: what an app was given of whom, as an examination looks for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from beholden.forensics.needles import IN_HOUSE, Needles, Sought, needles
from beholden.gate.pairwise import scoped_ids
from beholden.journeys.ports import Engines, Unit
from beholden.ledger.record import matches
from beholden.model.app import App
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.ids import PersonNumber
from beholden.model.time import day_of

MAX_DIGESTS = 3
"""Disclosures of one person whose value digests are compared; an app that polls has the same values in all."""
Values = Mapping[str, Mapping[str, str]]
"""Values that the platform hands in for one examination: by the person's outside id and the field's name."""
_KNOWN = frozenset({"name", "email"})


@dataclass(slots=True)
class Received:
    """What the ledger says that the app received of one person."""

    first_at: datetime
    last_at: datetime
    fields: frozenset[str] = frozenset()
    with_digests: list[RecordedDisclosure] = field(default_factory=list)


@dataclass(slots=True)
class Ledgered:
    """The ledger up to the last disclosure to the app: how many entries, and how many disclosures on which day."""

    size: int = 0
    days: dict[date, int] = field(default_factory=dict)

    def note(self, row: RecordedDisclosure) -> None:
        """Count one disclosure."""
        self.size = max(self.size, row.seq + 1)
        self.days[day_of(row.at)] = self.days.get(day_of(row.at), 0) + 1


def load(
    engines: Engines, app: App, values: Values, *, hashed: bool, key: bytes = IN_HOUSE[:32]
) -> tuple[Needles, int, Mapping[PersonNumber, Received], Ledgered]:
    """Whom to look for; how many of the ledger's people the directory no longer knows; what was received of each."""
    received: dict[PersonNumber, Received] = {}
    ledgered = Ledgered()
    for row in engines.ledger.disclosures(apps=[app.number]):
        ledgered.note(row)
        one = received.get(row.person)
        if one is None:
            one = received[row.person] = Received(row.at, row.at)
        one.first_at, one.last_at = min(one.first_at, row.at), max(one.last_at, row.at)
        if not one.fields.issuperset(row.fields):
            one.fields |= frozenset(row.fields)
        if row.digests:
            one.with_digests = [*one.with_digests[1 - MAX_DIGESTS :], row]
    numbers = sorted(received)
    with engines.store.read() as unit:
        sought = list(_sought(engines, unit, app, numbers, received, values))
        keys = unit.directory.keys([number for number in numbers if received[number].with_digests])
    return (
        needles(sought, _Disclosed(received, keys), key, hashed=hashed),
        len(numbers) - len(sought),
        received,
        ledgered,
    )


def _sought(
    engines: Engines,
    unit: Unit,
    app: App,
    numbers: Sequence[PersonNumber],
    received: Mapping[PersonNumber, Received],
    values: Values,
) -> Iterator[Sought]:
    people = unit.directory.people(numbers)
    known = [number for number in numbers if number in people]
    for number, scoped in zip(known, scoped_ids(engines.pairwise, app.number, known), strict=True):
        person, one = people[number], received[number]
        digests = frozenset(name for row in one.with_digests for name in row.digests)
        handed = _disclosed_only(values.get(person.outside_id, {}), one.fields)
        who = (person.outside_id, person.email, person.name)
        yield Sought(number, scoped, *who, one.first_at, one.last_at, digests, handed)


def _disclosed_only(handed: Mapping[str, str], fields: frozenset[str]) -> Mapping[str, str]:
    """The values of fields that the ledger says the app received; what is known of everyone anyway is left out."""
    return {name: value for name, value in handed.items() if name in fields and name not in _KNOWN}


@dataclass(frozen=True, slots=True)
class _Disclosed:
    """Whether a text is what was disclosed of a person in a field, by the ledger's digests."""

    received: Mapping[PersonNumber, Received]
    keys: Mapping[PersonNumber, bytes]

    def __call__(self, person: PersonNumber, name: str, value: str) -> bool:
        key = self.keys.get(person)
        return key is not None and any(
            name in row.digests and matches(key, row.seq, name, value, row.digests[name])
            for row in self.received[person].with_digests
        )
