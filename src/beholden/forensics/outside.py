"""Searching without knowing whom: the sought as an auditor outside holds them, by keyed digests and numbers alone.

The platform makes the index and gives the key another way. With both, whoever has the evidence can find people in it
and say how many; who they are, only the platform can say. Names and values that the ledger keeps digests of are not in
it: two of a person's id, address and phone have to stand together.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from beholden.forensics.kernel.index import Index
from beholden.forensics.names import names
from beholden.forensics.needles import Needles, Sought
from beholden.forensics.outcome import Outcome
from beholden.model.ids import PersonNumber

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def blind(index: Index) -> Needles:
    """Everyone in an index, as numbers."""
    numbers = [PersonNumber(number) for number in np.unique(index.people).tolist()]
    people = {number: Sought(number, "", "", "", "", _NEVER, _NEVER) for number in numbers}
    nameless = names((number, "") for number in numbers)
    return Needles(people, _unknown, index, nameless)


def _unknown(_person: PersonNumber, _field: str, _value: str) -> bool:
    """Values are not known outside."""
    return False


def told(outcome: Outcome, sought: Needles) -> Mapping[str, object]:
    """What a search without names came to, as plain values."""
    people = outcome.tally.people
    found = {number: one for number, one in people.items() if one.corroborated}
    statement = outcome.coverage.statement()
    return {
        "sought": len(sought.people),
        "found": len(found),
        "found_by_one_value": len(people) - len(found),
        "expected_hits": sum(sought.index.expected(outcome.tested).values()),
        "complete": statement.complete,
        "share": round(statement.share, 6),
        "not_read": dict(statement.gap_counts),
        "people": [
            {
                "person": int(number),
                "kinds": sorted(one.fields),
                "state": "live" if one.live else "deleted",
                "exhibit": one.first.exhibit,
                "path": one.first.path,
                "where": one.first.where,
                "offset": one.offset,
            }
            for number, one in sorted(found.items())
        ],
    }
