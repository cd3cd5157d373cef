"""Judgement: what an examination's finds amount to: by chance, by recall, table by table."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Protocol

from beholden.forensics import derived, seeding
from beholden.forensics.chance import written
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Coverage
from beholden.forensics.density import Density, density
from beholden.forensics.derived import Judged, Link, Table
from beholden.forensics.examiner import Examiner, Place
from beholden.forensics.kernel.found import Tested
from beholden.forensics.needles import Kind, Needles, needles
from beholden.forensics.ports import Evidence
from beholden.forensics.recall import Recall
from beholden.forensics.recall import of as recall_of
from beholden.forensics.seeding import Seeds
from beholden.forensics.source import Held
from beholden.forensics.tally import OTHER, Site, SiteCount, Tally
from beholden.forensics.verdict import Test
from beholden.model.ids import PersonNumber

__all__ = ["Searched", "Weight", "recall", "section", "tables", "weigh"]

MAX_TABLES = 200


class Searched(Protocol):
    """What a search came to."""

    @property
    def tally(self) -> Tally:
        """Who was found."""
        ...

    @property
    def tested(self) -> Tested:
        """How many candidates were compared."""
        ...

    @property
    def coverage(self) -> Coverage:
        """What was read."""
        ...


@dataclass(frozen=True, slots=True)
class Weight:
    """The finds, weighed. `keyed` are people found by an id of the app's own in a table of its people, by the exhibits
    that those are in; `single` counts tables of the app's people in which nobody can be said to be found."""

    chance: Density
    tables: tuple[Judged, ...]
    keyed: Mapping[PersonNumber, frozenset[int]]

    @property
    def single(self) -> int:
        """See above."""
        linked = (one for one in self.tables if one.link is not Link.NONE)
        return sum(1 for one in linked if not one.table.whole and one.table.own_ids < derived.FEWEST)

    @property
    def expected_own(self) -> float:
        """How many people chance would give by an id of the app's own."""
        return sum(kind.expected for kind in self.chance.kinds if kind.kind == Kind.SCOPED_ID)


def weigh(searched: Searched, sought: Needles, population: int) -> Weight:
    """What the finds amount to. `population` is how many people the platform has."""
    chance = density(sought, searched.tested)
    sites = tables(searched.tally)
    looked_at = searched.coverage.exhibits + searched.coverage.unpacked
    judged = derived.judged([table for _, table in sites], population, len(sought.people), looked_at)
    keyed: dict[PersonNumber, frozenset[int]] = {}
    for (site, table), one in zip(sites, judged, strict=True):
        if one.link is not Link.NONE and table.own_ids >= derived.FEWEST:
            for number in _own(searched.tally, searched.tally.sites[site]):
                keyed[number] = keyed.get(number, frozenset()) | {site.exhibit}
    return Weight(chance, judged, keyed)


def tables(tally: Tally) -> list[tuple[Site, Table]]:
    """The places that have a number of records, so that a share of them can be said."""
    return [
        (site, _table(site, count, tally))
        for site, count in sorted(tally.sites.items(), key=lambda item: (item[0].exhibit, item[0].path, item[0].where))
        if count.records and site.where != OTHER
    ]


def _table(site: Site, count: SiteCount, tally: Tally) -> Table:
    people = count.corroborated | count.alone
    return Table(
        site.exhibit,
        site.path,
        site.where,
        site.state.value,
        count.records,
        len(people),
        len(count.corroborated),
        len(_own(tally, count)),
    )


def _own(tally: Tally, count: SiteCount) -> set[PersonNumber]:
    return {number for number in count.corroborated | count.alone if Kind.SCOPED_ID in tally.people[number].fields}


def recall(evidence: Evidence, seeds: Seeds, seed: str, limits: Limits) -> Recall:
    """Plant made-up people and look for them, with the same readers under the same limits."""
    people = seeding.people(seed)
    sought = needles(people, lambda _person, _field, _value: False)
    found = dict(_seeded(evidence, seeds, sought, limits))
    everyone = [int(one.person) for one in people]
    return recall_of(dict.fromkeys(found, everyone), found)


def _seeded(evidence: Evidence, seeds: Seeds, sought: Needles, limits: Limits) -> Iterator[tuple[str, list[int]]]:
    for name, data in seeds.planted(list(sought.people.values())):
        examiner = Examiner(sought, limits, evidence.opener(limits), lambda _more: None)
        examiner.examine(Place(0, name), Held(data))
        yield name, [int(number) for number, one in examiner.tally.people.items() if one.corroborated]


def section(weight: Weight, test: Test, measured: Recall | None) -> dict[str, object]:
    """The judgement as plain values, for the report."""
    linked = [one for one in weight.tables if one.link is not Link.NONE]
    return {
        "test": {
            "hypothesis": "nothing is left, and what was found is chance",
            "expected": test.expected,
            "p": written(test.log_p),
            "needed": test.needed,
            "recall": round(test.recall, 6),
            "smallest_noticed": test.smallest,
            "sentence": test.sentence,
        },
        "coincidences": {
            "kinds": [asdict(kind) for kind in weight.chance.kinds],
            "hits": weight.chance.hits,
            "second_field": weight.chance.second,
            "people": weight.chance.people,
        },
        "recall": None if measured is None else [_planted(measured, place) for place in range(len(measured.formats))],
        "tables": [_linked(one) for one in linked[:MAX_TABLES]],
        "tables_looked_at": len(weight.tables),
    }


def _planted(measured: Recall, place: int) -> dict[str, object]:
    one = measured.formats[place]
    interval = one.interval
    ends = [round(interval.low, 6), round(interval.high, 6)]
    return {"format": one.format, "planted": one.planted, "found": one.found, "interval": ends}


def _linked(one: Judged) -> dict[str, object]:
    return asdict(one.table) | {
        "expected": one.expected,
        "p": written(one.log_p),
        "link": one.link.value,
        "sentence": one.sentence,
    }
