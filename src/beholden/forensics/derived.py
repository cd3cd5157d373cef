"""Tables derived from an app's data: the same people, whatever else stands beside them.

A table of scores holds no disclosed field, yet its rows are the app's people. Were its rows drawn from all people of
the platform, a few of them would be the app's by chance; the hypergeometric tail says how likely as many as were
found would be, corrected for the number of tables that were looked at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from beholden.forensics.chance import at_most, holm, hypergeometric, poisson

_OWN_IDS = 2.0**128
"""App-scoped ids that there could be."""
CALLED = math.log(1e-6)
"""A table is called only where chance would give it in fewer than one of a million examinations."""
FEWEST = 5
"""Fewer people than this are finds, not a table."""
MOSTLY = 0.5


class Link(StrEnum):
    """What a table is to the app's data."""

    COPY = "copy"
    DERIVED = "derived"
    SHARES = "shares people"
    NONE = "no more than chance"


@dataclass(frozen=True, slots=True)
class Table:
    """One table or file. `records` are its rows or keys, `people` who of the app was found in them by any key, `whole`
    how many of those with a second field beside."""

    exhibit: int
    path: str
    where: str
    state: str
    records: int
    people: int
    whole: int
    own_ids: int = 0
    """People found by an id that only this app was given."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A table, what chance would give, the corrected log p-value, and what follows."""

    table: Table
    expected: float
    log_p: float
    link: Link
    sentence: str


def judged(tables: Sequence[Table], population: int, sought: int, looked_at: int = 0) -> tuple[Judged, ...]:
    """What each table is to the app's data, in the order given. `population` is everyone on the platform,
    `looked_at` how many files were searched, those too in which nobody was found.

    Every record counts as a person of the platform, which favours the app. An id that only the app was given is by
    chance nobody's, however many of the platform's people the app has.
    """
    large = [table for table in tables if table.people >= FEWEST]
    corrected = holm([_log_p(table, population, sought) for table in large], max(len(tables), looked_at))
    logs = {id(table): log for table, log in zip(large, corrected, strict=True)}
    return tuple(_judged(table, population, sought, logs.get(id(table), 0.0)) for table in tables)


def _log_p(table: Table, population: int, sought: int) -> float:
    records = max(table.records, table.people)
    drawn = hypergeometric(table.people, max(population, records, sought), sought, records)
    return min(drawn, poisson(table.own_ids, records * sought / _OWN_IDS) if table.own_ids else 0.0)


def _judged(table: Table, population: int, sought: int, log_p: float) -> Judged:
    records = max(table.records, table.people)
    expected = records * sought / max(population, records, sought, 1)
    link = _link(table, records, log_p)
    return Judged(table, expected, log_p, link, _sentence(table, records, expected, log_p, link))


def _link(table: Table, records: int, log_p: float) -> Link:
    if log_p > CALLED or table.people < FEWEST:
        return Link.NONE
    if table.people < MOSTLY * records:
        return Link.SHARES
    return Link.COPY if table.whole >= MOSTLY * table.people else Link.DERIVED


def _sentence(table: Table, records: int, expected: float, log_p: float, link: Link) -> str:
    name = table.where if table.where.startswith("table ") else f"{table.path.rpartition('/')[2]}, {table.where}"
    own = f", {table.own_ids:,} by an id that only it was given" if table.own_ids else ""
    counted = (
        f"{name}: {table.people:,} of its {records:,} records are people of this app{own}; "
        f"by chance {_few(expected)} (probability at most {at_most(log_p)})."
    )
    told = {
        Link.COPY: " Most have a second disclosed field beside them: a copy of the data.",
        Link.DERIVED: " Only keys of the people stand there: derived from the app's data.",
        Link.SHARES: " More than chance gives, though most records are of others.",
        Link.NONE: " No more than chance may give.",
    }
    return counted + told[link]


def _few(expected: float) -> str:
    return f"{expected:,.1f}" if expected >= 0.05 else f"{expected:.1g}"
