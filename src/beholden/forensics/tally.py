"""Who was found, and where: counted by person, so that a thousand copies of one row are one person."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from beholden.forensics.hits import Add, Find
from beholden.forensics.match import Match
from beholden.forensics.region import Region, State
from beholden.forensics.spot import Spot, Strips, Within
from beholden.model.ids import PersonNumber

MAX_SITES = 5_000
OTHER = "further places"
LOGGED = (", write-ahead log", ", rollback journal")
"""How the parts end whose bytes are in a log of its own."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place that people were found in: a file (and the member in it), a table or kind of text, live or deleted."""

    exhibit: int
    path: str
    where: str
    state: State


@dataclass(slots=True)
class SiteCount:
    """Who was found at one site. `modified` is when a file system says that it was written last;
    `records` are its rows, or the addresses (else lines) of a file, whoever's."""

    modified: datetime | None = None
    corroborated: set[PersonNumber] = field(default_factory=set)
    alone: set[PersonNumber] = field(default_factory=set)
    records: int = 0


@dataclass(slots=True)
class PersonFound:
    """What was found of one person, everything together. `first` is the first place, and the offset there."""

    fields: frozenset[str]
    first: Site
    offset: int
    corroborated: bool = False
    attributed: bool = False
    live: bool = False
    exhibits: frozenset[int] = frozenset()
    """Exhibits in which the person was found corroborated."""


class _Telling(Within):
    """What tells every single find to somebody else."""

    __slots__ = ("_hits",)
    _hits: Add | None

    def __new__(cls, *_: Any, **__: Any) -> "_Telling":
        made = super().__new__(cls)
        assert isinstance(made, _Telling)
        made._hits = None
        return made

    def tell(self, hits: Add | None) -> None:
        """Have every single find told to somebody from now on."""
        self._hits = hits


@dataclass(slots=True)
class Tally(_Telling):
    """Collects finds. They lie in the spot that the tally is `within`."""

    people: dict[PersonNumber, PersonFound] = field(default_factory=dict)
    sites: dict[Site, SiteCount] = field(default_factory=dict)
    strips: Strips = field(default_factory=Strips)

    def add(self, site: Site, match: Match, offset: int, detail: str = "") -> None:
        """Note one find; see Find for `detail`."""
        spot = self.spot
        if spot is not None and match.corroborated and not _elsewhere(site):
            self.strips.mark(spot.exhibit, spot.at(offset), site.state)
        if self._hits is not None:
            self._hits(_find(site, match, offset, spot, detail))
        site = self._kept(site)
        count = self.sites.get(site)
        if count is None:
            count = self.sites[site] = SiteCount(spot.modified if spot else None)
        (count.corroborated if match.corroborated else count.alone).add(match.person)
        known = self.people.get(match.person)
        if known is None:
            known = self.people[match.person] = PersonFound(match.fields, site, offset)
        if match.corroborated:
            self._corroborate(known, site, match, offset)
        elif not match.fields <= known.fields:
            known.fields |= match.fields

    def _kept(self, site: Site) -> Site:
        """The site itself; where there are too many, one that stands for the further places of its exhibit."""
        known = site in self.sites or len(self.sites) < MAX_SITES
        return site if known else Site(site.exhibit, OTHER, OTHER, site.state)

    def count(self, site: Site, records: int) -> None:
        """So many records stand at a site. Where nobody was found nothing is kept."""
        known = self.sites.get(site)
        if known is not None:
            known.records += records

    def _corroborate(self, known: PersonFound, site: Site, match: Match, offset: int) -> None:
        if not known.corroborated:
            known.corroborated, known.first, known.offset = True, site, offset
        known.attributed = known.attributed or match.attributed
        known.live = known.live or site.state is State.LIVE
        if site.exhibit not in known.exhibits:
            known.exhibits |= {site.exhibit}
        if not match.fields <= known.fields:
            known.fields |= match.fields

    def _absorb(self, part: "Tally") -> None:
        self.strips.absorb(part.strips)
        kept: dict[Site, Site] = {}
        for site, count in part.sites.items():
            kept[site] = self._kept(site)
            mine = self.sites.setdefault(kept[site], SiteCount(count.modified))
            mine.corroborated |= count.corroborated
            mine.alone |= count.alone
            mine.records += count.records
        for number, one in part.people.items():
            placed = replace(one, first=kept.get(one.first, one.first))
            known = self.people.get(number)
            self.people[number] = placed if known is None else _both(known, placed)


def _both(earlier: PersonFound, later: PersonFound) -> PersonFound:
    """What two parts of the evidence say of one person. The first corroborated place is kept, else the first."""
    leading = later if later.corroborated and not earlier.corroborated else earlier
    return PersonFound(
        earlier.fields | later.fields,
        leading.first,
        leading.offset,
        leading.corroborated,
        earlier.attributed or later.attributed,
        earlier.live or later.live,
        earlier.exhibits | later.exhibits,
    )


def merge(parts: Iterable[Tally]) -> Tally:
    """The tally of several parts of the evidence, as if all had been added to one in this order."""
    whole = Tally()
    for part in parts:
        whole._absorb(part)
    return whole


def _elsewhere(site: Site) -> bool:
    """Whether offsets count in another file than the exhibit: in a log beside the database."""
    return site.where.endswith(LOGGED)


def _find(site: Site, match: Match, offset: int, spot: Spot | None, detail: str) -> Find:
    exact = spot is not None and spot.exact and not _elsewhere(site)
    return Find(
        site.exhibit,
        site.path,
        offset,
        int(match.person),
        ", ".join(sorted(match.fields)),
        site.where,
        site.state,
        spot.region if spot else Region.FILE,
        max(0, match.end - match.first),
        spot.at(offset) if spot is not None and exact else -1,
        match.corroborated,
        match.attributed,
        detail,
    )
