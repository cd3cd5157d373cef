"""Global Privacy Control: a browser's standing word against selling and sharing, as the switches that carry it (R7).

What counts as sale or sharing here (decisions/0011): what a person's friends' apps get, since the person never directed
it; and apps for advertising or data trade, whatever was granted before. Grants to other apps are the person's own
direction and stay. The signal is the person's word from when it is first heard: it wins over what was chosen before,
and whatever the person chooses or connects from then on wins over it, however often it is repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from beholden.journeys import opt_out
from beholden.journeys.opt_out import person_called
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App
from beholden.model.ids import PersonNumber
from beholden.model.person import Choice, Scope

ORIGIN = "gpc"
SALE_CATEGORIES = frozenset({"advertising", "ads", "data broker", "data-broker", "marketing"})
"""Categories of apps whose business is what California's law calls sale or sharing."""
SALE_PURPOSES = frozenset({"advertising", "ads", "marketing", "sale", "cross-context behavioral advertising"})
SINCE = "2026-11-24"
"""When this was last changed, for `/.well-known/gpc.json`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a signal came to: the switches that it turned off now, and since when the person's browser sends it."""

    turned_off: tuple[Scope, ...]
    since: datetime


def support() -> Mapping[str, object]:
    """`/.well-known/gpc.json` (GPC, section 4): that the signal is honoured here."""
    return {"gpc": True, "lastUpdate": SINCE}


def trades(app: App) -> bool:
    """Whether what an app gets is sold or shared in the sense of the signal: by what it is, or by what it asks for."""
    words = {ask.purpose.strip().lower() for ask in app.asks}
    return app.category.strip().lower() in SALE_CATEGORIES or bool(words & SALE_PURPOSES)


def heard_of(engines: Engines, outside_id: str, actor: Actor) -> Heard:
    """The same on the platform's word, whose own pages the person visited. Raises NotFound."""
    return heard(engines, person_called(engines, outside_id).number, actor)


def heard(engines: Engines, person: PersonNumber, actor: Actor | None = None) -> Heard:
    """The person's browser sent `Sec-GPC: 1`. In force at the next request (law 5); said again, it writes nothing."""
    actor = actor or Actor(ActorKind.PERSON, str(person))
    with engines.store.read() as unit:
        first = unit.signals.first_objection(person)
        wanted = _to_turn_off(unit, person, first)
    if first is not None and not wanted:
        return Heard((), first)
    now = engines.clock.now()
    engines.store.perform(lambda unit: unit.signals.object(person, now))
    done: list[Scope] = []
    for scope, target in wanted:
        # Each is a choice like any other: kept, in the ledger, told to the app. A crash between two is mended by the
        # next request, which carries the signal again.
        opt_out.choose(engines, person, scope, target, sharing=False, actor=actor, origin=ORIGIN)
        done.append(scope)
    return Heard(tuple(done), first or now)


def _to_turn_off(unit: Unit, person: PersonNumber, first: datetime | None) -> list[tuple[Scope, str]]:
    """The switches that the signal is about and that neither stand at "off" nor were left on after it was heard."""
    standing = {(c.scope, c.target): c for c in unit.directory.choices(person)}
    found: list[tuple[Scope, str]] = []
    if _yields(standing.get((Scope.INDIRECT, "")), first):
        found.append((Scope.INDIRECT, ""))
    for grant in unit.directory.grants(person=person, active=True):
        app = unit.directory.app_by_number(grant.app)
        later = first is not None and grant.granted_at >= first
        if app is None or later or not trades(app) or (Scope.APP, str(app.client_id)) in found:
            continue
        if _yields(standing.get((Scope.APP, app.client_id)), first):
            found.append((Scope.APP, str(app.client_id)))
    return found


def _yields(choice: Choice | None, first: datetime | None) -> bool:
    """Whether a switch as it stands yields to the signal: never touched, or left on before the signal was heard."""
    if choice is None:
        return True
    return choice.sharing and (first is None or choice.since < first)


def was_heard(engines: Engines, person: PersonNumber) -> bool:
    """Whether the person's browser ever sent the signal, for the page that says what it means."""
    with engines.store.read() as unit:
        return unit.signals.first_objection(person) is not None
