"""Signal: put what happened in the queue of every stream that should hear of it, in the transaction of the act itself.

Nothing is sent here (`transmit.py` does, and the receiver itself where it polls). A crash leaves either the act with
its signals or neither. Callbacks to apps stand in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from beholden.gate.signals import event, narrowing
from beholden.gate.signals.callback import Call, CallKind
from beholden.gate.signals.event import Kind, Signal
from beholden.gate.signals.ports import Entry
from beholden.gate.signals.stream import MAX_WAITING, Status, Stream, hears
from beholden.journeys.ports import Engines, Review, Unit
from beholden.model.app import App
from beholden.model.catalogue import FieldClass
from beholden.model.grant import EndReason, Grant
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.model.person import Choice
from beholden.model.standing import Standing, worse

_UNCALLED = {EndReason.APP, EndReason.REPLACED}
"""Ends of which an app needs no call: it ended the grant itself, or has the next one already."""


def tell(unit: Unit, signals: Iterable[Signal | None]) -> None:
    """Queue signals for every stream that hears of them."""
    found = [signal for signal in signals if signal is not None]
    if not found:
        return
    for stream in unit.signals.streams():
        heard = [_entry(stream, signal) for signal in found if hears(stream, signal)]
        unit.signals.add(heard)


def grants_ended(unit: Unit, ended: Sequence[tuple[Grant, EndReason]], at: datetime) -> None:
    """Grants are over, by their people or by the clock. A grant that was replaced is told of by `replaced`."""
    over = [(grant, reason) for grant, reason in ended if reason is not EndReason.REPLACED]
    tell(unit, [event.grant_ended(grant, reason, at) for grant, reason in over])
    called = {grant.app: unit.calls.addresses(grant.app).deauthorize for grant, _ in over}
    unit.calls.add(
        [
            Call(f"call_{grant.id}", CallKind.DEAUTHORIZE, grant.app, grant.person, at)
            for grant, reason in over
            if called[grant.app] and reason not in _UNCALLED
        ]
    )


def replaced(unit: Unit, old: Grant, new: Grant, at: datetime) -> None:
    """The person gave a new grant in the place of another: the app hears of what the new one has no more."""
    gone = narrowing.lost(narrowing.of_grant(old), narrowing.of_grant(new))
    tell(unit, [event.narrowed(old, gone.fields, gone.through_fields, at)])


def switched(
    engines: Engines,
    unit: Unit,
    person: PersonNumber,
    before: Sequence[Choice],
    after: Sequence[Choice],
    at: datetime,
) -> None:
    """A person turned a switch: each app that has a grant of theirs hears which fields that took from it.

    What friends' apps may see is heard by nobody: an app that was told would learn of people who never met it (law 3).
    """
    off_before, off_after = narrowing.off(before), narrowing.off(after)
    if off_after <= off_before:
        return
    told: list[Signal | None] = []
    for grant in unit.directory.grants(person=person, active=True):
        app = unit.directory.app_by_number(grant.app)
        assert app is not None, "a grant names an app: apps stay"
        gone = narrowing.lost(
            narrowing.effective(grant, app.client_id, off_before, engines.catalogue),
            narrowing.effective(grant, app.client_id, off_after, engines.catalogue),
        )
        told.append(event.narrowed(grant, gone.fields, gone.through_fields, at))
    tell(unit, told)


def standings(unit: Unit, developer: DeveloperNumber) -> Mapping[AppNumber, Standing]:
    """How each app of a developer stands, the developer's own standing counted in."""
    return {app.number: worse(*unit.directory.standing(app)) for app in unit.directory.apps(developer)}


def standings_changed(
    engines: Engines, unit: Unit, developer: DeveloperNumber, before: Mapping[AppNumber, Standing], at: datetime
) -> None:
    """A sanction took hold or was lifted; what it comes to for each app, however many grants there are."""
    beyond = [c.name for c in engines.catalogue.clusters if c.field_class is not FieldClass.BASIC]
    after = standings(unit, developer)
    told = [signal for app in after for signal in event.standing_changed(app, before[app], after[app], beyond, at)]
    tell(unit, told)


def tokens_ended(unit: Unit, apps: Iterable[AppNumber], at: datetime) -> None:
    """All tokens of these apps are over, their grants are not."""
    tell(unit, [event.tokens_ended(app, at) for app in apps])


def permissions_ended(unit: Unit, ended: Iterable[Review], at: datetime) -> None:
    """Approvals are over: the app gets that kind of data, for that purpose, of nobody any more."""
    tell(unit, [event.app_narrowed(one.app, [one.cluster], at, one.purpose) for one in ended])


def subject_of(engines: Engines, app: App, outside_id: str | None, scoped_id: str | None) -> dict[str, object]:
    """Whom a token is about, in the receiver's own terms: an app's id of the person, or the platform's."""
    about_app = event.opaque(app.client_id)
    if scoped_id is not None:
        return event.person_at_issuer(engines.url, scoped_id)
    if outside_id is not None:
        return {"format": "complex", "user": event.opaque(outside_id), "application": about_app}
    return about_app


def _entry(stream: Stream, signal: Signal) -> Entry:
    return Entry(
        stream.id,
        signal.jti(stream.id),
        signal.txn,
        signal.kind,
        signal.app,
        signal.person,
        signal.grant,
        signal.details or {},
        signal.at,
    )


def bound_queues(engines: Engines) -> list[str]:
    """Disable each stream on which too much waits; their ids. It takes nothing new from then on, `stream-updated` is
    its last word (SSF 1.0, 8.1.5), and its receiver sees why in the stream's status.

    Not in the transaction of an act: to count a queue there would make two people's revocations wait for each other.
    """
    over: list[str] = []
    with engines.store.read() as unit:
        for stream in unit.signals.streams():
            waiting = unit.signals.count_waiting(stream.id, MAX_WAITING + 1)
            if stream.status is not Status.DISABLED and waiting > MAX_WAITING:
                over.append(stream.id)
    for id_ in over:
        engines.store.perform(partial(_disable, engines, id_))
    return over


def _disable(engines: Engines, id_: str, unit: Unit) -> None:
    stream, now = unit.signals.stream(id_), engines.clock.now()
    if stream is None:
        return
    reason = f"More than {MAX_WAITING} tokens waited; later signals are lost. Look at every grant anew."
    word = Signal(Kind.STREAM_UPDATED, AppNumber(0), now, details={"status": Status.DISABLED.value, "reason": reason})
    unit.signals.add([replace(_entry(stream, word), app=None)])
    unit.signals.put_stream(replace(stream, status=Status.DISABLED, reason=reason))
