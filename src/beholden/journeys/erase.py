"""Erase: forget one person, so that nothing of them is left, a log entry that it was done excepted (law 7).

The order, and what a crash after each step leaves:

1. The act `person:erase` with a ticket enters the ledger. From here on the erasure will happen: `complete` finds it.
2. One unit of work ends the person's grants, tokens and sessions, and destroys their key, outside id, name and address.
   This is the point of no return: no record of them can be opened any more, and the ledger refuses new ones. A crash
   here leaves records that nobody can open and that still bear a number; `ledger verify` says so until it is complete.
3. The ledger logs the erasure and blanks the person's records, and their number beside the records of others.
4. The analytic tables put nobody in their place.
5. The act `person:erased` closes the ticket.

Each step can be repeated. The key is destroyed before the ledger blanks, so that a disclosure that is on its way while
this runs either comes before the erasure entry, and is blanked, or is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from beholden.journeys.acts import record
from beholden.journeys.ports import LAKE, Engines, Unit
from beholden.journeys.signal import grants_ended
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import PersonNumber

BEGUN = "person:erase"
DONE = "person:erased"


@dataclass(frozen=True, slots=True)
class Erasure:
    """The certificate: `entry` is the place of the act that closed the ticket, `records` how many were blanked."""

    ticket: str
    records: int
    entry: int


def erase(engines: Engines, actor: Actor, outside_id: str) -> Erasure:
    """Erase the person whom the platform calls so; raises NotFound.

    Raises Unavailable where a store does not answer on the way; the erasure is then begun, and `complete` ends it.
    """
    with engines.store.read() as unit:
        person = unit.directory.numbers([outside_id]).get(outside_id)
    if person is None:
        raise NotFound(f"There is no person {outside_id!r}.", "Unknown, or erased before.")
    ticket = engines.ids.new("erasure")
    record(engines, _act(engines, actor, BEGUN, person, {"ticket": ticket}))
    return _carry_out(engines, actor, person, ticket)


def pending(engines: Engines) -> Sequence[tuple[PersonNumber, str]]:
    """Erasures that were begun and not closed: the person's number and the ticket."""
    begun: dict[str, PersonNumber] = {}
    for act in engines.ledger.acts():
        ticket = str(act.details.get("ticket", ""))
        if act.verb == BEGUN:
            begun[ticket] = PersonNumber(int(act.subject.removeprefix("person:")))
        elif act.verb == DONE:
            begun.pop(ticket, None)
    return [(person, ticket) for ticket, person in begun.items()]


def complete(engines: Engines, actor: Actor) -> list[Erasure]:
    """Finish what a crash or an engine that did not answer left; nothing where nothing was left."""
    return [_carry_out(engines, actor, person, ticket) for person, ticket in pending(engines)]


def _carry_out(engines: Engines, actor: Actor, person: PersonNumber, ticket: str) -> Erasure:
    with engines.store.write() as unit:
        _forget(engines, unit, person)
    records = engines.ledger.erase(person, ticket)
    with engines.locks.hold(LAKE):  # watch may be taking rows that it read before they were blanked
        engines.lake.forget(person)
    entry = record(engines, _act(engines, actor, DONE, person, {"ticket": ticket, "records": records}))
    return Erasure(ticket, records, entry)


def _forget(engines: Engines, unit: Unit, person: PersonNumber) -> None:
    now = engines.clock.now()
    active = unit.directory.grants(person=person, active=True)
    for grant in active:
        unit.directory.end_grant(grant.id, GrantState.REVOKED, EndReason.ERASED, now)
        unit.consent.end_tokens(grant=grant.id, at=now)
    grants_ended(unit, [(grant, EndReason.ERASED) for grant in active], now)
    unit.access.end_passes(ActorKind.PERSON, str(person))
    unit.signals.forget(person)
    unit.calls.forget(person)
    unit.consent.forget(person)
    unit.deletions.forget(person)
    unit.notices.forget(person)
    unit.expiry.forget(person)
    unit.directory.forget(person, now)


def _act(engines: Engines, actor: Actor, verb: str, person: PersonNumber, details: dict[str, object]) -> Act:
    return Act(actor, verb, f"person:{person}", engines.clock.now(), details=details)
