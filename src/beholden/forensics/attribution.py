"""Which app a dump came from: a likelihood over all apps, and over a source that nobody knows.

What only one app was ever given (an app-scoped id, a canary) decides by itself. Otherwise three things speak: whose
data it is (people that the app had, beside people that it never had), which fields stand there, and which version of a
value. For each app the dump is taken for a draw from what it had at some time; for the unknown source, for a draw from
all people, or from people like those of one of the apps. People come in crowds (friends of one person, users of one
town), so no more than `MOST_PEOPLE` of them count as independent. All weights are stated here and in the report.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beholden.model.ids import AppNumber

CALLED = 0.95
"""An app is named only where its posterior is at least this."""
PRIOR_UNKNOWN = 0.2
"""How often a dump comes from none of the apps, before it was looked at; the apps share the rest evenly."""
STRANGERS = 0.05
"""The share of a dump's people whom its app never had: added from elsewhere, or met by chance."""
SELECTED = 0.2
"""How often a dump is not a plain draw but one chosen, which may be by what happens to be another app's people."""
ALIKE = 0.1
"""How often an unknown source has the people of one of the apps."""
HELD_SHOWN = 0.5
"""How often a field that the app had stands in a dump of it."""
ADDED = 0.05
"""How often a field that the app never had was added to it."""
VERSION = 0.98
"""How often a value that can be compared is the version which the dump's app was given."""
MOST_PEOPLE = 40
MOST_VALUES = 5
OWN_BY_OTHER = 1e-6
"""How often an id or canary that only one app was given stands in what another lost."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one app had, beside the people found in the dump.

    `people` is how many it had in all; `times` are pairs, one for each of some moments: how many it had by then, and
    how many of those found. `shared` counts for other apps the people of both, and those of them that were found.
    `fields` is, for each field that could have been recognised, the share of the people found of whom the app had it.
    `values` are pairs of a value's version: those which agree with what this app was given, and those which do not.
    """

    app: AppNumber
    people: int
    found: int
    times: Sequence[tuple[int, int]] = ()
    shared: Mapping[AppNumber, tuple[int, int]] = field(default_factory=dict)
    fields: Mapping[str, float] = field(default_factory=dict)
    values: tuple[int, int] = (0, 0)
    own_ids: int = 0
    canaries: int = 0

    @property
    def own(self) -> bool:
        """Whether something stands in the dump that only this app was ever given."""
        return bool(self.own_ids or self.canaries)


@dataclass(frozen=True, slots=True)
class Dump:
    """What was found: how many people of the apps, and which fields.

    `others` are records of nobody known to any app, `population` is how many people the platform has and `known` how
    many of them any app ever had. Where a record cannot be told from another, `others` is None, and people whom no app
    had could not have been seen.
    """

    people: int
    fields: frozenset[str]
    population: int
    known: int
    others: int | None = None

    @property
    def drawn_from(self) -> int:
        """Among how many people those found are some."""
        whole = self.known if self.others is None else self.population
        return max(whole, self.people, 1)

    @property
    def unseen(self) -> float:
        """The share of the platform's people whom no app had."""
        return max(0.0, 1 - self.known / self.drawn_from)


@dataclass(frozen=True, slots=True)
class Origin:
    """One app and how probable it is that the dump came from it."""

    app: AppNumber
    posterior: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """All apps by probability, and the probability of a source that is none of them.

    `named` are the apps that are said to be the source: those with something of their own in the dump, or the one
    whose posterior is at least `CALLED`. `certain` says that the former is the reason.
    """

    origins: tuple[Origin, ...]
    unknown: float
    named: tuple[AppNumber, ...]
    certain: bool


def attribute(dump: Dump, apps: Sequence[Held]) -> Attribution:
    """Where a dump came from. A dump in which nobody was found came, for all that is known, from nowhere here."""
    if not dump.people or not apps:
        return Attribution(tuple(Origin(one.app, 0.0) for one in apps), 1.0, (), certain=False)
    prior = (1 - PRIOR_UNKNOWN) / len(apps)
    logs = [math.log(prior) + _log_likelihood(dump, one, apps) for one in apps]
    unknown = math.log(PRIOR_UNKNOWN) + _log_unknown(dump, apps)
    total = _log_sum([*logs, unknown])
    weighed = (Origin(one.app, math.exp(log - total)) for one, log in zip(apps, logs, strict=True))
    origins = tuple(sorted(weighed, key=lambda origin: (-origin.posterior, origin.app)))
    own = tuple(one.app for one in apps if one.own)
    named = own or tuple(origin.app for origin in origins[:1] if origin.posterior >= CALLED)
    return Attribution(origins, math.exp(unknown - total), named, certain=bool(own))


def _log_likelihood(dump: Dump, one: Held, apps: Sequence[Held]) -> float:
    moments = one.times or ((one.people, one.found),)
    drawn = _log_mean([_drawn(dump, people, found) for people, found in moments])
    chosen = [_drawn(dump, *one.shared.get(other.app, (0, 0))) for other in apps if other is not one]
    people = _log_sum([math.log(1 - SELECTED) + drawn, math.log(SELECTED) + _log_mean([drawn, *chosen])])
    fields = sum(_field(name in dump.fields, share) for name, share in one.fields.items())
    return people + fields + _values(*one.values) + _own(one, apps)


def _log_unknown(dump: Dump, apps: Sequence[Held]) -> float:
    """A source that nobody knows may have anybody, any field, any version; what is one app's own is not its."""
    anybody = _drawn(dump, dump.drawn_from, dump.people)
    alike = _log_mean([_drawn(dump, one.people, one.found) for one in apps])
    people = _log_sum([math.log(1 - ALIKE) + anybody, math.log(ALIKE) + alike])
    names = {name for one in apps for name in one.fields}
    compared = max((sum(one.values) for one in apps), default=0)
    values = min(compared, MOST_VALUES) * math.log(0.5)
    return people + len(names) * math.log(0.5) + values + sum(math.log(OWN_BY_OTHER) for one in apps if one.own)


def _drawn(dump: Dump, people: int, found: int) -> float:
    """log P(the people found | drawn from so many, of whom these were found), but for a few strangers."""
    population = dump.drawn_from
    stranger = math.log(STRANGERS / population)
    inside = math.log((1 - STRANGERS) / people + STRANGERS / population) if people else stranger
    others = (dump.others or 0) if dump.unseen else 0
    log = found * inside + (dump.people - found) * stranger
    if others:
        log += others * math.log(dump.unseen if people == population else STRANGERS * dump.unseen)
    return log * min(1.0, MOST_PEOPLE / (dump.people + others))


def _field(seen: bool, share: float) -> float:  # noqa: FBT001
    chance = share * HELD_SHOWN + (1 - share) * ADDED
    return math.log(chance if seen else 1 - chance)


def _values(agree: int, differ: int) -> float:
    compared = agree + differ
    weight = min(1.0, MOST_VALUES / compared) if compared else 0.0
    return weight * (agree * math.log(VERSION) + differ * math.log(1 - VERSION))


def _own(one: Held, apps: Sequence[Held]) -> float:
    return sum(math.log(OWN_BY_OTHER) for other in apps if other is not one and other.own)


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(log - top) for log in logs))


def _log_mean(logs: Sequence[float]) -> float:
    return _log_sum(logs) - math.log(len(logs))
