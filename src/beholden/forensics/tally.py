"""Who was found, and where: counted by person, so that a thousand copies of one row are one person."""

from dataclasses import dataclass, field

from beholden.forensics.match import Match
from beholden.forensics.region import State
from beholden.model.ids import PersonNumber

MAX_SITES = 5_000
OTHER = "further places"


@dataclass(frozen=True, slots=True)
class Site:
    """A place that people were found in: a file (and the member in it), a table or kind of text, live or deleted."""

    exhibit: int
    path: str
    where: str
    state: State


@dataclass(slots=True)
class SiteCount:
    """Who was found at one site. `records` are its rows, or the addresses (else lines) of a file, whoever's."""

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


@dataclass(slots=True)
class Tally:
    """Collects finds."""

    people: dict[PersonNumber, PersonFound] = field(default_factory=dict)
    sites: dict[Site, SiteCount] = field(default_factory=dict)

    def add(self, site: Site, match: Match, offset: int) -> None:
        """Note one find."""
        if site not in self.sites and len(self.sites) >= MAX_SITES:
            site = Site(site.exhibit, OTHER, OTHER, site.state)
        count = self.sites.setdefault(site, SiteCount())
        (count.corroborated if match.corroborated else count.alone).add(match.person)
        known = self.people.get(match.person)
        if known is None:
            known = self.people[match.person] = PersonFound(match.fields, site, offset)
        if match.corroborated:
            self._corroborate(known, site, match, offset)
        elif not match.fields <= known.fields:
            known.fields |= match.fields

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
