"""The four switches of a person (R7) in words, as they stand and as they stood. `opt_out.py` turns them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from beholden.journeys.ports import Engines
from beholden.model.catalogue import Catalogue
from beholden.model.ids import PersonNumber
from beholden.model.person import Choice, Scope
from beholden.model.policy import Indirect


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch as it stands. `since` is None where the person never touched it and the policy's default holds;
    `origin` is by what it came to stand so."""

    scope: Scope
    target: str
    label: str
    explains: str
    fields: tuple[str, ...]
    sharing: bool
    since: datetime | None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Switches:
    """The four switches (R7); `apps` are those that the person turned off or is connected with."""

    all: Switch
    indirect: Switch
    clusters: tuple[Switch, ...]
    apps: tuple[Switch, ...]


@dataclass(frozen=True, slots=True)
class PastChoice:
    """A position of a switch in words, for the history."""

    scope: Scope
    about: str
    sharing: bool
    since: datetime
    until: datetime | None
    origin: str


def switches(engines: Engines, person: PersonNumber) -> Switches:
    """Where each switch stands now, whether the person ever touched it or not."""
    with engines.store.read() as unit:
        stand = {(c.scope, c.target): c for c in unit.directory.choices(person)}
        through_others = unit.directory.policy().indirect is Indirect.OPT_OUT
        mine = {g.app for g in unit.directory.grants(person=person)}
        apps_ = [a for a in unit.directory.apps() if a.number in mine or (Scope.APP, a.client_id) in stand]

    def switch(scope: Scope, target: str, label: str, explains: str = "", fields: tuple[str, ...] = ()) -> Switch:
        choice = stand.get((scope, target))
        default = through_others if scope is Scope.INDIRECT else True
        sharing, since = (choice.sharing, choice.since) if choice else (default, None)
        return Switch(scope, target, label, explains, fields, sharing, since, choice.origin if choice else "")

    return Switches(
        all=switch(Scope.ALL, "", "Sharing with any app"),
        indirect=switch(Scope.INDIRECT, "", "What your friends' apps may see"),
        clusters=tuple(
            switch(Scope.CLUSTER, c.name, c.label, c.explains, tuple(f.label for f in c.fields))
            for c in engines.catalogue.clusters
        ),
        apps=tuple(switch(Scope.APP, a.client_id, a.name) for a in apps_),
    )


def past_choices(engines: Engines, person: PersonNumber) -> tuple[PastChoice, ...]:
    """Every position that each switch ever had, newest first (law 7)."""
    with engines.store.read() as unit:
        names = {str(a.client_id): a.name for a in unit.directory.apps()}
        found = unit.directory.choices(person, ended=True)
    return tuple(
        PastChoice(c.scope, _about(c, names, engines.catalogue), c.sharing, c.since, c.ended_at, c.origin)
        for c in sorted(found, key=lambda c: c.since, reverse=True)
    )


def _about(choice: Choice, names: Mapping[str, str], catalogue: Catalogue) -> str:
    if choice.scope is Scope.APP:
        return names.get(choice.target, choice.target)
    if choice.scope is Scope.CLUSTER:
        cluster = catalogue.by_name.get(choice.target)
        return cluster.label if cluster else choice.target
    return ""
