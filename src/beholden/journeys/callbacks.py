"""Callbacks: where an app wants to be called, and what became of the calls, for its developer, for operators and, of
their wishes of deletion, for people. `transmit.py` makes the calls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from beholden.gate.signals.address import checked
from beholden.gate.signals.callback import Addresses, Call, CallState
from beholden.gate.signals.ports import Entry
from beholden.gate.signals.stream import Stream
from beholden.journeys.account import AppCard, card
from beholden.journeys.acts import record
from beholden.journeys.ports import Engines
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.app import App
from beholden.model.errors import NotFound
from beholden.model.ids import PersonNumber

SHOWN = 50


class Progress(StrEnum):
    """How far a person's wish of deletion has come."""

    SHOWN = "shown"  # the developer sees it in the portal; the app has no address to call
    WAITING = "waiting"  # the app is being called
    CONFIRMED = "confirmed"  # the app answered with a link and a code
    FAILED = "failed"  # the app did not answer as it must, for a week


@dataclass(frozen=True, slots=True)
class WishStatus:
    """One wish of deletion as the person sees it. `url` and `confirmation` are the app's words, not ours."""

    code: str
    app: AppCard
    asked_at: datetime
    progress: Progress
    url: str
    confirmation: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppCalls:
    """An app's addresses and its latest calls."""

    app: App
    addresses: Addresses
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Troubles:
    """What does not get through, for operators."""

    streams: tuple[Stream, ...]
    tokens: tuple[Entry, ...]
    calls: tuple[tuple[str, Call], ...]


def register(
    engines: Engines, client_id: str, *, deauthorize: str | None, deletion: str | None, actor: Actor = SYSTEM
) -> Addresses:
    """Set where an app is called; None leaves an address as it is, an empty one ends those calls.

    Wishes of deletion that waited for an address are called for from now on. Raises BadInput or NotFound.
    """
    given = {
        name: checked(address, f"{name} address") if address else ""
        for name, address in (("deauthorize", deauthorize), ("deletion", deletion))
        if address is not None
    }
    with engines.store.write() as unit:
        app = unit.directory.app(client_id)
        if app is None:
            raise NotFound(f"There is no app {client_id[:80]!r}.", "`beholden app list` names them.")
        before = unit.calls.addresses(app.number)
        after = replace(
            before,
            deauthorize=given.get("deauthorize", before.deauthorize),
            deletion=given.get("deletion", before.deletion),
        )
        if after == before:
            return before
        unit.calls.put_addresses(after)
        details: dict[str, object] = {"deauthorize": after.deauthorize, "deletion": after.deletion}
        record(engines, Act(actor, "app:callbacks", client_id, engines.clock.now(), app.number, details))
    return after


def of_app(engines: Engines, client_id: str) -> AppCalls:
    """An app's addresses and latest calls; raises NotFound."""
    with engines.store.read() as unit:
        app = unit.directory.app(client_id)
        if app is None:
            raise NotFound(f"There is no app {client_id[:80]!r}.", "`beholden app list` names them.")
        calls = tuple(unit.calls.of_app(app.number, SHOWN))
        return AppCalls(app, unit.calls.addresses(app.number), calls)


def wishes(engines: Engines, person: PersonNumber) -> Sequence[WishStatus]:
    """What became of each wish of deletion of a person, newest first."""
    with engines.store.read() as unit:
        calls = {call.id: call for call in unit.calls.of_person(person)}
        found: list[WishStatus] = []
        for wish in unit.deletions.of_person(person):
            app = unit.directory.app_by_number(wish.app)
            assert app is not None, "a wish names an app: apps stay"
            call = calls.get(wish.code)
            progress = _progress(call, has_address=bool(unit.calls.addresses(wish.app).deletion))
            url, code = (call.url, call.confirmation) if call else ("", "")
            answered = call.settled_at if call and progress is Progress.CONFIRMED else None
            found.append(WishStatus(wish.code, card(unit, app), wish.at, progress, url, code, answered))
    return tuple(reversed(found))


def troubles(engines: Engines) -> Troubles:
    """Streams that do not get through or stand still, tokens that were refused, calls that fail or failed."""
    with engines.store.read() as unit:
        streams = tuple(s for s in unit.signals.streams() if s.trouble or s.reason)
        failing = [c for c in unit.calls.listed(CallState.WAITING, SHOWN) if c.trouble]
        calls = [*unit.calls.listed(CallState.FAILED, SHOWN), *failing]
        names = {c.app: app.client_id if (app := unit.directory.app_by_number(c.app)) else "" for c in calls}
        return Troubles(streams, tuple(unit.signals.failed(SHOWN)), tuple((names[c.app], c) for c in calls))


def _progress(call: Call | None, *, has_address: bool) -> Progress:
    if call is None or (call.state is CallState.WAITING and not has_address):
        return Progress.SHOWN
    if call.state is CallState.WAITING:
        return Progress.WAITING
    return Progress.CONFIRMED if call.state is CallState.DONE else Progress.FAILED
