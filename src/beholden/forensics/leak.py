"""A dump found in the wild, held against everything that was ever given to any app.

What is looked for are *givings*: one person's data as one app had it. A person given to three apps is three givings,
each with the id that this app alone was given and with the digests of the values that it got. An address finds all
three, an app's own id one: so the same search that an examination makes also tells apps apart.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from beholden.forensics.attribution import MOST_PEOPLE, Dump, Held
from beholden.forensics.needles import Kind, Sought
from beholden.forensics.tally import Tally
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.ids import AppNumber, PersonNumber

MOMENTS = 16
"""How many moments an app's data is taken at."""
COMPARED = 20
"""Apps whose people are compared with each other's: those with most people in the dump."""
SHOWN = 0.1
"""A field counts as shown by a dump when this share of its people show it."""
MAX_VERSIONS = 10
"""Different disclosures of one person whose values are compared."""
MAX_COMPARED = 2_000
"""People whose values' versions are compared."""
_KEYS = frozenset({Kind.EMAIL, Kind.SCOPED_ID, Kind.OUTSIDE_ID, Kind.DIGEST, Kind.PHONE, Kind.CANARY})
_FIELD_OF = {Kind.EMAIL: "email", Kind.NAME: "name", Kind.DIGEST: "email"}


@dataclass(slots=True)
class Giving:
    """What one app was given of one person: fields ever, when first and last, and disclosures that have digests."""

    app: AppNumber
    person: PersonNumber
    first_at: datetime
    last_at: datetime
    fields: set[str] = field(default_factory=set)
    with_digests: list[RecordedDisclosure] = field(default_factory=list)

    def add(self, row: RecordedDisclosure) -> None:
        """One more disclosure."""
        self.first_at, self.last_at = min(self.first_at, row.at), max(self.last_at, row.at)
        self.fields.update(row.fields)
        if row.digests:
            self.with_digests = [*self.with_digests[1 - MAX_VERSIONS :], row]

    @property
    def digests(self) -> frozenset[str]:
        """The fields of which the ledger has a digest."""
        return frozenset(name for row in self.with_digests for name in row.digests)


@dataclass(slots=True)
class Book:
    """All givings, by number; a giving's number stands in a search where otherwise the person's does."""

    givings: list[Giving] = field(default_factory=list)
    apps: dict[AppNumber, dict[PersonNumber, int]] = field(default_factory=dict)

    def add(self, row: RecordedDisclosure) -> None:
        """One disclosure."""
        self.give(row.app, row.person, row.at).add(row)

    def give(self, app: AppNumber, person: PersonNumber, at: datetime) -> Giving:
        """The giving of a person to an app; a new one where there is none yet."""
        own = self.apps.setdefault(app, {})
        place = own.get(person)
        if place is None:
            place = own[person] = len(self.givings)
            self.givings.append(Giving(app, person, at, at))
        return self.givings[place]

    def of(self, number: PersonNumber) -> Giving:
        """The giving that a search calls by this number."""
        return self.givings[number - 1]

    def numbered(self) -> Iterator[tuple[PersonNumber, Giving]]:
        """All givings with their numbers, which begin at 1."""
        return ((PersonNumber(place + 1), giving) for place, giving in enumerate(self.givings))

    @property
    def people(self) -> set[PersonNumber]:
        """Everybody who was ever given to any app."""
        return {giving.person for giving in self.givings}


@dataclass(slots=True)
class Seen:
    """One person in the dump. `certain` says that two fields or an app's own id show them; `own` are apps whose own id
    stands there; `values` are the fields whose value is that which an app was given, by app."""

    certain: bool = False
    kinds: set[str] = field(default_factory=set)
    own: set[AppNumber] = field(default_factory=set)
    values: dict[AppNumber, set[str]] = field(default_factory=dict)


def seen(book: Book, *tallies: Tally) -> dict[PersonNumber, Seen]:
    """Who is in the dump, by what the searches found. A disclosed value without a key finds nobody."""
    found: dict[PersonNumber, Seen] = {}
    for tally in tallies:
        for number, one in tally.people.items():
            if one.fields & _KEYS:
                giving = book.of(number)
                _add(found.setdefault(giving.person, Seen()), giving.app, one.fields, certain=one.corroborated)
    return found


def _add(known: Seen, app: AppNumber, fields: frozenset[str], *, certain: bool) -> None:
    known.kinds |= fields
    known.certain = known.certain or certain or Kind.SCOPED_ID in fields
    if Kind.SCOPED_ID in fields:
        known.own.add(app)
    values = {name for name in fields if name not in set(Kind)}
    if values:
        known.values.setdefault(app, set()).update(values)


def one_key(sought: Sought, one: Seen) -> Sought:
    """A person as sought for their further fields: by one key alone, so that every value beside it is compared."""
    by_address = Kind.EMAIL in one.kinds
    return Sought(
        sought.person,
        "" if by_address else sought.scoped_id,
        "" if by_address or one.own else sought.outside_id,
        sought.email if by_address else "",
        "",
        sought.first_at,
        sought.last_at,
        sought.digests,
    )


def dump(book: Book, found: Mapping[PersonNumber, Seen], tally: Tally, population: int) -> Dump:
    """What was found, as attribution takes it."""
    shown = Counter(name for one in found.values() for name in _fields(one))
    fields = frozenset(name for name, count in shown.items() if count >= SHOWN * len(found))
    return Dump(len(found), fields, population, len(book.people), _others(book, tally))


def _fields(one: Seen) -> set[str]:
    named = {_FIELD_OF[kind] for kind in one.kinds if kind in _FIELD_OF}  # type: ignore[index]
    return named.union(*one.values.values())


def _others(book: Book, tally: Tally) -> int | None:
    """Records of nobody known, in the place that holds most people: elsewhere one person may have many records."""
    counted = [
        (len({book.of(n).person for n in count.corroborated | count.alone}), count.records)
        for count in tally.sites.values()
        if count.records
    ]
    if not counted:
        return None
    people, records = max(counted, key=lambda one: (one[0], -one[1]))
    return max(0, records - people)


def held(book: Book, found: Mapping[PersonNumber, Seen], canaries: Mapping[PersonNumber, AppNumber]) -> list[Held]:
    """What each app had, beside those found. `canaries` are made-up people whom one app alone was given."""
    counts = {app: sum(1 for person in found if person in own) for app, own in book.apps.items()}
    compared = sorted(counts, key=lambda app: (-counts[app], app))[:COMPARED]
    names = _recognisable(book, found)
    return [
        Held(
            app,
            len(book.apps[app]),
            counts[app],
            _moments(book, app, found),
            _shared(book, app, compared, found) if app in compared else {},
            _shares(book, app, found, names),
            _versions(book, app, found),
            sum(1 for one in found.values() if app in one.own),
            sum(1 for person in found if canaries.get(person) == app),
        )
        for app in sorted(book.apps)
    ]


def _moments(book: Book, app: AppNumber, found: Mapping[PersonNumber, Seen]) -> list[tuple[int, int]]:
    own = book.apps[app]
    everybody = sorted(book.givings[place].first_at for place in own.values())
    those = sorted(book.givings[own[person]].first_at for person in found if person in own)
    last = len(everybody) - 1
    moments = dict.fromkeys(everybody[last - last * step // MOMENTS] for step in range(MOMENTS))
    return [(bisect_right(everybody, at), bisect_right(those, at)) for at in moments]


def _shared(
    book: Book, app: AppNumber, compared: Sequence[AppNumber], found: Mapping[PersonNumber, Seen]
) -> dict[AppNumber, tuple[int, int]]:
    own = book.apps[app].keys()
    shared: dict[AppNumber, tuple[int, int]] = {}
    for other in compared:
        if other != app:
            both = own & book.apps[other].keys()
            shared[other] = (len(both), sum(1 for person in found if person in both))
    return shared


def _recognisable(book: Book, found: Mapping[PersonNumber, Seen]) -> set[str]:
    """Fields that would have been recognised: names and addresses always, others where the ledger has a digest."""
    digests = {name for giving in _of(book, found) for name in giving.digests}
    return {"name", "email"} | digests


def _of(book: Book, found: Mapping[PersonNumber, Seen]) -> Iterator[Giving]:
    for own in book.apps.values():
        for person in found:
            if person in own:
                yield book.givings[own[person]]


def _shares(book: Book, app: AppNumber, found: Mapping[PersonNumber, Seen], names: Iterable[str]) -> dict[str, float]:
    own = book.apps[app]
    givings = [book.givings[own[person]] for person in found if person in own]
    return {
        name: sum(1 for giving in givings if name in giving.fields) / len(givings) if givings else 0.0
        for name in sorted(names)
    }


def _versions(book: Book, app: AppNumber, found: Mapping[PersonNumber, Seen]) -> tuple[int, int]:
    """Values that tell apps apart: recognised as what one of several apps was given, and not as another's."""
    agree = differ = 0
    own = book.apps[app]
    for person in sorted(person for person in found if found[person].values and person in own)[:MAX_COMPARED]:
        one = found[person]
        mine = one.values.get(app, set())
        for name in sorted(book.givings[own[person]].digests & set().union(*one.values.values())):
            holders = [other for other, held in book.apps.items() if person in held and _has(book, other, person, name)]
            if any(name not in one.values.get(other, set()) for other in holders):
                agree, differ = agree + (name in mine), differ + (name not in mine)
    return agree, differ


def _has(book: Book, app: AppNumber, person: PersonNumber, name: str) -> bool:
    return name in book.givings[book.apps[app][person]].digests


@dataclass(frozen=True, slots=True)
class Period:
    """When the dump must have been taken, if from this app: not before the app had everyone who is in it; and with 95 %
    probability not after `likely_before`, when so many further people had come that some would be in it."""

    not_before: datetime | None
    likely_before: datetime | None


def period(book: Book, app: AppNumber, found: Mapping[PersonNumber, Seen]) -> Period:
    """The period of a dump that is taken for this app's; only people who are certain count."""
    own = book.apps[app]
    those = [book.givings[own[p]].first_at for p, one in found.items() if one.certain and p in own]
    if not those:
        return Period(None, None)
    latest = max(those)
    later = sorted(giving.first_at for giving in (book.givings[p] for p in own.values()) if giving.first_at > latest)
    share = 1 - 0.05 ** (1 / min(len(those), MOST_PEOPLE))
    held_then = len(own) - len(later)
    enough = int(share * held_then / (1 - share)) + 1 if share < 1 else len(later)
    return Period(latest, later[enough - 1] if enough <= len(later) else None)
