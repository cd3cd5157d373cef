"""Trace: whose data went where, counted from the ledger: the people an app had, a person's disclosures, a receipt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

from beholden.journeys.ports import Engines
from beholden.model.disclosure import Exposure, RecordedDisclosure
from beholden.model.errors import NotFound
from beholden.model.ids import NOBODY, DeveloperNumber, OutsideId, PersonNumber

_ROWS = 65_536
"""Rows of the ledger that are held in memory while it is exported."""

Columns = Mapping[str, Sequence[object]]
"""Some rows of a table, column by column."""


class TableFile(Protocol):
    """Where an export goes."""

    def write(self, chunks: Iterable[Columns]) -> int:
        """Write a table in its parts; how many rows. The file is there whole when this returns, or not at all."""
        ...


@dataclass
class _Fold:
    """What is gathered of one person."""

    first_at: datetime
    last_at: datetime
    direct: bool = False
    indirect: bool = False
    count: int = 0
    fields: set[str] = field(default_factory=set)
    through: set[PersonNumber] = field(default_factory=set)


def impacted(engines: Engines, client_id: str) -> list[Exposure]:
    """Everyone of whom the app was ever given anything, directly or through somebody else, by person number.

    Exact: every disclosure in the ledger counts. Erased people are not in it any more. Raises NotFound.
    """
    with engines.store.read() as unit:
        app = unit.directory.app(client_id)
    if app is None:
        raise NotFound(f"There is no app {client_id!r}.", "`beholden app list` names them.")
    return fold(engines.ledger.disclosures(apps=[app.number]))


def impacted_by_developer(engines: Engines, developer: DeveloperNumber) -> list[Exposure]:
    """The same over all that was given to a developer, whichever of its apps asked. Raises NotFound."""
    with engines.store.read() as unit:
        if unit.directory.developer(developer) is None:
            raise NotFound(f"There is no developer {developer}.", "`beholden app list` names them.")
    return fold(engines.ledger.disclosures(developer=developer))


def fold(rows: Iterable[RecordedDisclosure]) -> list[Exposure]:
    """One exposure a person, by person number."""
    people: dict[PersonNumber, _Fold] = {}
    for row in rows:
        found = people.get(row.person)
        if found is None:
            found = people[row.person] = _Fold(row.at, row.at)
        _add(found, row)
    return [_exposure(person, people[person]) for person in sorted(people)]


def _add(found: _Fold, row: RecordedDisclosure) -> None:
    found.count += 1
    found.fields.update(row.fields)
    found.first_at = min(found.first_at, row.at)
    found.last_at = max(found.last_at, row.at)
    if row.direct:
        found.direct = True
    else:
        found.indirect = True
        if row.through != NOBODY:  # the granting person was erased; that there was one stays
            found.through.add(row.through)


def _exposure(person: PersonNumber, found: _Fold) -> Exposure:
    return Exposure(
        person,
        found.direct,
        found.indirect,
        tuple(sorted(found.fields)),
        tuple(sorted(found.through)),
        found.first_at,
        found.last_at,
        found.count,
    )


def of_person(engines: Engines, person: PersonNumber) -> list[RecordedDisclosure]:
    """Every disclosure of the person's own data, in the order of the log."""
    return list(engines.ledger.disclosures(person=person))


def of_outside_id(engines: Engines, outside_id: str) -> list[RecordedDisclosure]:
    """The same for the person whom the platform calls so; raises NotFound."""
    with engines.store.read() as unit:
        person = unit.directory.numbers([outside_id]).get(outside_id)
    if person is None:
        raise NotFound(f"There is no person {outside_id!r}.", "Unknown, or erased.")
    return of_person(engines, person)


def client_ids(engines: Engines) -> Mapping[int, str]:
    """What the outside calls each app, by number."""
    with engines.store.read() as unit:
        return {app.number: app.client_id for app in unit.directory.apps()}


def outside_ids(engines: Engines, people: Iterable[PersonNumber]) -> dict[PersonNumber, OutsideId]:
    """The platform's own ids of people; those of erased people are gone."""
    with engines.store.read() as unit:
        found = unit.directory.people(sorted(set(people) - {NOBODY}))
    return {number: person.outside_id for number, person in found.items()}


def prove(engines: Engines, seq: int) -> str:
    """The receipt of one entry: its proof, and its record where that can still be opened. Raises NotFound."""
    return engines.ledger.prove(seq)


def export(engines: Engines, table: TableFile, *, with_ids: bool = False) -> int:
    """Write every disclosure to a table; how many.

    The columns are `seq, ts, app, developer, person, through, fields, purpose`, and with `with_ids` the platform's own
    ids as `person_id` and `through_id`. A granting person who was erased is 0, and has no id.
    """
    return table.write(_chunks(engines, with_ids=with_ids))


def _chunks(engines: Engines, *, with_ids: bool) -> Iterator[Columns]:
    apps = client_ids(engines)
    with engines.store.read() as unit:
        developers = {developer.number: developer.name for developer in unit.directory.developers()}
    rows = engines.ledger.disclosures()
    while some := list(islice(rows, _ROWS)):
        columns: dict[str, Sequence[object]] = {
            "seq": [row.seq for row in some],
            "ts": [row.at for row in some],
            "app": [apps[row.app] for row in some],
            "developer": [developers[row.developer] for row in some],
            "person": [row.person for row in some],
            "through": [row.through for row in some],
            "fields": [list(row.fields) for row in some],
            "purpose": [row.purpose for row in some],
        }
        if with_ids:
            columns.update(_ids(engines, some))
        yield columns


def _ids(engines: Engines, rows: Sequence[RecordedDisclosure]) -> dict[str, list[OutsideId | None]]:
    ids = outside_ids(engines, (number for row in rows for number in (row.person, row.through)))
    return {
        "person_id": [ids.get(row.person) for row in rows],
        "through_id": [ids.get(row.through) for row in rows],
    }
