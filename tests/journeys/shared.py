"""Disclosures for the tests of what comes after them, put straight into the house's ledger."""

from collections.abc import Sequence

from beholden.model.app import App
from beholden.model.disclosure import Disclosure
from beholden.model.ids import GrantId, PersonNumber
from tests.conftest import House


def numbers(house: House, *outside_ids: str) -> dict[str, PersonNumber]:
    """The people, enrolled where they are not yet."""
    with house.engines.store.read() as unit:
        known = unit.directory.numbers(outside_ids)
    missing = [o for o in outside_ids if o not in known]
    return {**known, **dict(zip(missing, house.people(missing), strict=True))}


def share(
    house: House,
    *outside_ids: str,
    app: App | None = None,
    through: str | None = None,
    fields: Sequence[str] = ("name",),
    values: dict[str, str] | None = None,
) -> list[int]:
    """One disclosure of each of these people, direct unless `through` names somebody; their places."""
    app = app or house.app()
    people = numbers(house, *outside_ids, *([through] if through else []))
    items = [
        Disclosure(
            app.number,
            app.developer,
            people[outside_id],
            people[through or outside_id],
            tuple(fields),
            "service",
            GrantId("grant_test"),
            house.clock.now(),
            values or {},
        )
        for outside_id in outside_ids
    ]
    return list(house.engines.ledger.append(items))
