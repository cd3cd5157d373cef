"""The parts of a report that pictures are drawn from: where on the exhibits, which people in which places, and when.

Plain values only, each bounded, in an order that does not depend on who found what first.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from heapq import nsmallest
from itertools import groupby

from beholden.forensics.region import State
from beholden.forensics.spot import CELLS, Strips
from beholden.forensics.tally import Site, Tally
from beholden.model.ids import PersonNumber
from beholden.model.time import text

MAX_STRIPS = 14
"""As many as fit on a page of paper."""
MAX_DRAWN, MAX_PLACES = 60, 12
MAX_BINS = 60
MAX_FILES = 200

_Named = Sequence[tuple[int, str, int]]
"""Exhibits: number, name and size in bytes."""


def strips(exhibits: _Named, coverage: Strips, finds: Strips) -> dict[str, object]:
    """Each exhibit as a strip of equal stretches: the share of each that was not read, and the finds in it.

    Those with most finds come first, then those with most left unread; exhibits without either are only counted.
    """
    marked = [one for one in exhibits if one[0] in coverage.cells or one[0] in finds.cells]
    more = (coverage.more | finds.more) - {number for number, _, _ in marked}
    marked.sort(key=lambda one: (-_total(finds, one[0]), -_total(coverage, one[0]), one[0]))
    return {
        "cells": CELLS,
        "exhibits": [_strip(one, coverage, finds) for one in marked[:MAX_STRIPS]],
        "not_drawn": len(marked[MAX_STRIPS:]) + len(more),
        "unmarked": len(exhibits) - len(marked) - len(more),
    }


def _total(of: Strips, exhibit: int) -> float:
    return sum(sum(row) for row in of.cells.get(exhibit, {}).values())


def _strip(exhibit: tuple[int, str, int], coverage: Strips, finds: Strips) -> dict[str, object]:
    number, name, size = exhibit
    unread, found = coverage.cells.get(number, {}), finds.cells.get(number, {})
    none = [0.0] * CELLS
    stretch = max(1.0, size / CELLS)
    return {
        "exhibit": number,
        "name": name,
        "size": size,
        **{what: [round(min(1.0, b / stretch), 3) for b in unread.get(what, none)] for what in _UNREAD},
        **{state.value: [int(count) for count in found.get(state.value, none)] for state in State},
    }


_UNREAD = ("skipped", "unreadable")


def matrix(tally: Tally) -> dict[str, object]:
    """Who was found in which place, corroborated: `L` live, `D` deleted, `.` not there.

    The places with most people, and the people who are in most of those.
    """
    places = _places(tally)
    within = {site: tally.sites[site].corroborated for site in places}
    people = [number for number, one in tally.people.items() if one.corroborated]

    def first(number: PersonNumber) -> tuple[int, int]:
        return -sum(1 for found in within.values() if number in found), number

    return {
        "places": [
            {
                "exhibit": site.exhibit,
                "path": site.path,
                "where": site.where,
                "state": site.state.value,
                "people": len(within[site]),
            }
            for site in places
        ],
        "people": [
            {"person": int(number), "cells": "".join(_cell(site, within[site], number) for site in places)}
            for number in sorted(nsmallest(MAX_DRAWN, people, first))
        ],
        "people_not_drawn": max(0, len(people) - MAX_DRAWN),
        "places_not_drawn": sum(1 for count in tally.sites.values() if count.corroborated) - len(places),
    }


def _places(tally: Tally) -> list[Site]:
    """The places with most people, in the order of the exhibits."""
    ranked = [(site, len(count.corroborated)) for site, count in tally.sites.items() if count.corroborated]
    ranked.sort(key=lambda one: (-one[1], _key(one[0])))
    return sorted((site for site, _ in ranked[:MAX_PLACES]), key=_key)


def _key(site: Site) -> tuple[int, str, str, str]:
    return site.exhibit, site.path, site.where, site.state.value


def _cell(site: Site, found: set[PersonNumber], person: PersonNumber) -> str:
    if person not in found:
        return "."
    return "L" if site.state is State.LIVE else "D"


def timeline(
    days: Mapping[date, int], claimed_at: datetime | None, taken_at: datetime, tally: Tally
) -> dict[str, object]:
    """Disclosures by time, the claimed deletion, and when the files in which people were found were written last."""
    files = _files(tally, claimed_at)
    return {
        "claimed_at": None if claimed_at is None else text(claimed_at),
        "taken_at": text(taken_at),
        "disclosures": sum(days.values()),
        "disclosed": _bins(days),
        "files": files[:MAX_FILES],
        "files_not_drawn": len(files[MAX_FILES:]),
        "written_after_claim": sum(1 for file in files if file["after_claim"]),
    }


def _bins(days: Mapping[date, int]) -> list[dict[str, object]]:
    if not days:
        return []
    first, last = min(days), max(days)
    width = max(1, -(-((last - first).days + 1) // MAX_BINS))
    counts: dict[int, int] = {}
    for day, count in days.items():
        place = (day - first).days // width
        counts[place] = counts.get(place, 0) + count
    return [
        {
            "from": (first + timedelta(days=place * width)).isoformat(),
            "days": width,
            "count": counts[place],
        }
        for place in sorted(counts)
    ]


def _files(tally: Tally, claimed_at: datetime | None) -> list[dict[str, object]]:
    """One row a file, those with most people first; where it has several parts, live if one of them is."""
    dated = (site for site, count in tally.sites.items() if count.modified is not None and count.corroborated)
    rows: list[dict[str, object]] = []
    for (exhibit, path), parts in groupby(sorted(dated, key=_key), lambda site: (site.exhibit, site.path)):
        people: set[PersonNumber] = set()
        state, modified = State.DELETED, None
        for site in parts:
            people |= tally.sites[site].corroborated
            state = State.LIVE if site.state is State.LIVE else state
            modified = tally.sites[site].modified
        assert modified is not None
        rows.append(
            {
                "exhibit": exhibit,
                "path": path,
                "modified": text(modified.astimezone(UTC)),
                "people": len(people),
                "state": state.value,
                "after_claim": claimed_at is not None and modified > claimed_at,
            }
        )
    return sorted(rows, key=lambda row: -int(str(row["people"])))  # those with as many stay in the order of places
