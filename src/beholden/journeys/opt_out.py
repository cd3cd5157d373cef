"""Opt out: the four switches of a person (R7), in force at the next request (law 5).

A switch keeps all its positions (law 7). The ledger hears that the person turned one, by number, and which kind; not
for which app or which kind of data, which would tell more about them than the record of the act needs.
"""

from collections.abc import Sequence

from beholden.journeys.acts import record
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.signal import switched
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.errors import BadInput, NotFound
from beholden.model.ids import PersonNumber
from beholden.model.person import Choice, Person, Scope


def choose(
    engines: Engines,
    person: PersonNumber,
    scope: Scope,
    target: str = "",
    *,
    sharing: bool,
    actor: Actor | None = None,
    origin: str | None = None,
) -> Choice:
    """Turn one switch; the position in which it then stands. A switch that stands so already is left alone.

    `target` is an app's client id or a cluster's name, and empty for the two other switches. `actor` is who turned it
    where that was not the person; `origin` is by what it
    came, where that is more than who. Raises BadInput or NotFound for what is not there.
    """
    actor = actor or Actor(ActorKind.PERSON, str(person))
    now = engines.clock.now()
    with engines.store.write() as unit:
        _known(unit, person)
        _check_target(engines, unit, scope, target)
        standing = _standing(unit, person, scope, target)
        if standing is not None and standing.sharing == sharing:
            return standing
        before = unit.directory.choices(person)
        unit.directory.choose(Choice(person, scope, target, sharing, now, origin=origin or actor.kind))
        switched(engines, unit, person, before, unit.directory.choices(person), now)
        # The act is written before the commit: a person is never told of a switch that the ledger knows nothing of.
        verb = "choice:on" if sharing else "choice:off"
        details = {"switch": scope.value} | ({"origin": origin} if origin else {})
        record(engines, Act(actor, verb, f"person:{person}", now, details=details))
        chosen = _standing(unit, person, scope, target)
    assert chosen is not None, "what was just chosen stands"
    return chosen


def choices(engines: Engines, person: PersonNumber) -> Sequence[Choice]:
    """The switches as they stand; one that was never touched is not among them."""
    with engines.store.read() as unit:
        _known(unit, person)
        return unit.directory.choices(person)


def history(engines: Engines, person: PersonNumber) -> Sequence[Choice]:
    """Every position of every switch, oldest first."""
    with engines.store.read() as unit:
        _known(unit, person)
        return unit.directory.choices(person, ended=True)


def person_called(engines: Engines, outside_id: str) -> Person:
    """The person whom the platform calls so; raises NotFound."""
    with engines.store.read() as unit:
        number = unit.directory.numbers([outside_id]).get(outside_id)
        if number is None:
            raise NotFound(f"There is no person {outside_id!r}.", "Import them first.")
        return _known(unit, number)


def _known(unit: Unit, person: PersonNumber) -> Person:
    found = unit.directory.people([person]).get(person)
    if found is None:
        raise NotFound("There is no such person.", "They may have been erased.")
    return found


def _check_target(engines: Engines, unit: Unit, scope: Scope, target: str) -> None:
    if scope is Scope.APP:
        if unit.directory.app(target) is None:
            raise NotFound(f"There is no app {target!r}.", "Name it by its client id.")
    elif scope is Scope.CLUSTER:
        if target not in engines.catalogue.by_name:
            raise NotFound(
                f"There is no kind of data {target!r}.", f"There are: {', '.join(engines.catalogue.by_name)}."
            )
    elif target:
        raise BadInput(f"The switch {scope.value!r} is for everything and takes no target.", "Leave it out.")


def _standing(unit: Unit, person: PersonNumber, scope: Scope, target: str) -> Choice | None:
    for choice in unit.directory.choices(person):
        if (choice.scope, choice.target) == (scope, target):
            return choice
    return None
