"""Use: the platform says that the person themself used an app. Nothing else resets the 90 days (law 6)."""

from collections.abc import Sequence
from datetime import datetime

from beholden.gate.decision import inactive
from beholden.gate.facts import PersonFacts
from beholden.journeys.consent import append, end_in
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import PersonRef, is_possible, numbers
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.decision import Reason
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.policy import Policy
from beholden.model.time import day_of

_PLATFORM = Actor(ActorKind.PLATFORM, "platform")


def record_use(engines: Engines, client_id: str, outside_id: str, actor: Actor = _PLATFORM) -> Reason | None:
    """The person used the app themself, now: the 90 days begin anew.

    None when the use counts; else why it does not: `no_grant`, `grant_ended`, `grant_expired`, or `inactive` when the
    90 days were over before. They do not begin anew then, whether or not the sweep that ends such grants has run: the
    grant is ended now, and the person may grant again. Raises NotFound for an app or a person that is not there.
    """
    with engines.store.write() as unit:
        now = engines.clock.now()
        app = unit.directory.app(client_id) if is_possible(client_id) else None
        if app is None:
            raise NotFound(f"There is no app {client_id[:80]!r}.", "Name a registered client id.")
        (person,) = numbers(engines, unit, app, [PersonRef(outside_id)])
        if person is None:
            raise NotFound("There is no person with that id.", "Enrol the person first.")
        grants = unit.directory.grants(person=person, app=app.number)
        active = [grant for grant in grants if grant.state is GrantState.ACTIVE]
        last_use = unit.directory.last_uses(person).get(app.number)
        refusal = _refuse(grants, active, last_use, unit.directory.policy(), now)
        acts: list[Act] = []
        if refusal is None:
            if last_use is None or day_of(last_use) < day_of(now):  # one entry a day says enough
                acts = [Act(actor, "grant:use", active[0].id, now, app.number)]
            unit.directory.record_use(person, app.number, now)
        elif refusal is Reason.INACTIVE:
            acts = [act for grant in active for act in end_in(unit, grant, EndReason.INACTIVE, now)]
        append(engines, acts)
        return refusal


def _refuse(
    grants: Sequence[Grant], active: Sequence[Grant], last_use: datetime | None, policy: Policy, now: datetime
) -> Reason | None:
    """Why a use now does not count; `grants` are the person's for this app, newest first, `active` those that stand."""
    if not grants:
        return Reason.NO_GRANT
    if not active:
        return Reason.GRANT_EXPIRED if grants[0].state is GrantState.EXPIRED else Reason.GRANT_ENDED
    if all(grant.ends_at is not None and now >= grant.ends_at for grant in active):
        return Reason.GRANT_EXPIRED
    one = PersonFacts(active[0].person, had_grant=True, last_use=last_use)
    return Reason.INACTIVE if inactive(one, policy, now) else None
