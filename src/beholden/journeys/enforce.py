"""Enforce: sanctions proposed, confirmed, put in force, appealed, lifted; the standing that the gate reads next.

A ban is one unit of work: standing of the developer and all apps, grants, tokens, reviews; the gate sees all of it or
nothing (law 5). Before the unit commits, its acts are in the ledger. A sanction that is confirmed and not yet in force
was stopped half way; `finish` takes it up, and finds the acts that are there already instead of writing them again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from beholden.enforcement import appeal as appeals
from beholden.enforcement import sanction as sanctions
from beholden.enforcement.appeal import Appeal, AppealState
from beholden.enforcement.ladder import Conduct, Outcome, Rung, follows
from beholden.enforcement.registration import Resemblance, resembles
from beholden.enforcement.sanction import MAX_REASON, Ground, Sanction, SanctionKind, SanctionState, TargetKind
from beholden.journeys.acts import Said, granted, one_of, operators_only, record, record_once, said_since
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.signal import standings, standings_changed
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App, Developer
from beholden.model.errors import BeholdenError, Conflict, NotFound
from beholden.model.ids import AppealId, AppNumber, CaseId, DeveloperNumber, SanctionId
from beholden.model.standing import Standing
from beholden.model.time import text

__all__ = [
    "Appeal",
    "AppealState",
    "AppealView",
    "Conduct",
    "Ground",
    "Outcome",
    "Resemblance",
    "Rung",
    "Sanction",
    "SanctionKind",
    "SanctionState",
    "SanctionView",
    "TargetKind",
    "follows",
]

Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class SanctionView:
    """A sanction with the names of those on whom it falls."""

    sanction: Sanction
    developer: Developer
    apps: tuple[App, ...]
    appeals: tuple[Appeal, ...]


@dataclass(frozen=True, slots=True)
class AppealView:
    """An appeal, the sanction it is against, and the operators who may not decide it."""

    appeal: Appeal
    sanction: Sanction
    developer: Developer
    took_part: frozenset[str]


@dataclass(frozen=True, slots=True)
class Forced:
    """What came of putting a sanction in force: how many grants, tokens and open reviews it ended."""

    sanction: Sanction
    apps: tuple[AppNumber, ...]
    grants: int
    tokens: int
    reviews: int


def propose(
    engines: Engines,
    actor: Actor,
    kind: SanctionKind | str,
    reason: str,
    *,
    developer: DeveloperNumber | int | None = None,
    app: str | None = None,
    case: str | None = None,
) -> SanctionView:
    """One operator wishes a sanction on a developer (and so on all its apps) or on one app (by client id)."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        owner, target = _target(unit, developer, app)
        if case is not None:
            about = unit.cases.case(CaseId(case))
            if about is None or about.developer != owner:
                raise NotFound(f"There is no case {case!r} about this developer.", "`beholden case list` names them.")
        number = target.number if target else None
        wished = one_of(SanctionKind, kind)
        for other in unit.enforcement.sanctions(developer=owner):
            if other.pending and other.kind is wished and other.app == number:
                raise Conflict(f"The {wished} {other.id} is {other.state} already.", "Confirm it, or withdraw it.")
        now, mark = engines.clock.now(), engines.ledger.size()
        id = SanctionId(engines.ids.new("sanction"))
        about_case = CaseId(case) if case is not None else None
        wish = granted(sanctions.propose(id, wished, owner, number, about_case, actor, now, reason, mark))
        _save(engines, unit, Said(id, {}, mark), None, wish, f"{wish.target}:propose_{wish.kind}")
    return sanction_view(engines, id)


def _target(unit: Unit, developer: DeveloperNumber | int | None, app: str | None) -> tuple[DeveloperNumber, App | None]:
    if app is not None:
        found = unit.directory.app(app)
        if found is None or developer not in {None, found.developer}:
            raise NotFound(f"There is no app {app!r}.", "`beholden app list` names them.")
        return found.developer, found
    owner = unit.directory.developer(DeveloperNumber(developer)) if developer is not None else None
    if owner is None:
        raise NotFound(f"There is no developer {developer!r}.", "`beholden app list` names them.")
    return owner.number, None


def confirm(engines: Engines, actor: Actor, sanction_id: str, reason: str = "agreed") -> Forced:
    """A second operator agrees; the sanction is in force when this returns (laws 5, 10).

    Asked again by the same operator after a crash, it goes on where it stopped.
    """
    said = _said(engines, sanction_id)
    with engines.store.write() as unit:
        operators_only(unit, actor)
        before = _sanction(unit, sanction_id)
        if not (before.state is SanctionState.CONFIRMED and before.history[-1].actor == actor):
            after = granted(sanctions.confirm(before, actor, engines.clock.now(), reason))
            _save(engines, unit, said, before, after, f"{after.target}:confirm_{after.kind}")
    return put_in_force(engines, sanction_id)


def put_in_force(engines: Engines, sanction_id: str) -> Forced:
    """Do what a confirmed sanction says, in one unit. Where another run was faster, nothing is left to do."""
    said = _said(engines, sanction_id)
    with engines.store.write() as unit:
        before = _sanction(unit, sanction_id, lock=True)
        if before.holds:
            return Forced(before, tuple(app.number for app in _apps(unit, before)), 0, 0, 0)
        return force_in(engines, unit, said, before)


def force_in(engines: Engines, unit: Unit, said: Said, before: Sanction) -> Forced:
    """Put a confirmed sanction in force within a unit that is open."""
    now = engines.clock.now()
    apps = _apps(unit, before)
    after = granted(sanctions.put_in_force(before, now))
    # The intent is in the ledger before anything is taken away. A crash here leaves the sanction confirmed: the next
    # run finds these acts, writes none of them twice, and does what is below.
    place = record_once(engines, said, _acts(before, apps, now))[0]
    after = _entered(after, place)
    ended = (0, 0, 0)
    if before.kind is SanctionKind.BAN:
        ended = _end_everything(unit, apps, before.id, now)
    unit.enforcement.save(before, after)
    _write_standings(engines, unit, after.developer, now)
    return Forced(after, tuple(app.number for app in apps), *ended)


def _acts(before: Sanction, apps: Sequence[App], now: datetime) -> list[Act]:
    """One act for the target and, where that is a developer, one for each app, so that an app's own history has it."""
    decider = before.history[-1].actor
    details: dict[str, object] = {"sanction": before.id}
    if before.case is not None:
        details["case"] = before.case
    if before.ground is not None:
        details |= {"rule": before.ground.rule, "deadline": text(before.ground.deadline)}
    on_apps = [Act(decider, f"app:{before.kind}", f"app:{a.number}", now, a.number, details) for a in apps]
    if before.target is TargetKind.APP:
        return on_apps
    return [Act(decider, f"developer:{before.kind}", f"developer:{before.developer}", now, None, details), *on_apps]


def _end_everything(unit: Unit, apps: Sequence[App], by: SanctionId, now: datetime) -> tuple[int, int, int]:
    """What a ban ends for good (law 7): grants, tokens, and reviews that were asked for."""
    numbers = [app.number for app in apps]
    grants = unit.enforcement.end_grants(numbers, now)
    tokens = unit.consent.end_tokens(apps=numbers, at=now)
    return grants, tokens, unit.enforcement.refuse_reviews(numbers, by, now)


def _write_standings(engines: Engines, unit: Unit, developer: DeveloperNumber, now: datetime) -> None:
    """The standing of a developer and of each app, as all sanctions in force say together; who listens is told."""
    stood = standings(unit, developer)
    held = unit.enforcement.sanctions(developer=developer)
    standing, cause = sanctions.standing_of((s for s in held if s.app is None), None)
    unit.enforcement.set_standing(TargetKind.DEVELOPER, developer, standing, cause, now)
    for app in unit.directory.apps(developer):
        standing, cause = sanctions.standing_of(held, app.number)
        unit.enforcement.set_standing(TargetKind.APP, app.number, standing, cause, now)
    standings_changed(engines, unit, developer, stood, now)


def finish(engines: Engines) -> list[Forced]:
    """Put in force what two operators decided and a crash then stopped half way.

    A ban by rule is left to `audit.lapse_due`, which refuses its case in the same unit.
    """
    with engines.store.read() as unit:
        waiting = [s for s in unit.enforcement.sanctions(state=SanctionState.CONFIRMED) if s.ground is None]
    return each(waiting, lambda s: put_in_force(engines, s.id))


def each(waiting: Iterable[Item], work: Callable[[Item], Done | None]) -> list[Done]:
    """Do the work for each; what it gave, where it gave anything.

    One that fails does not hold up the others: the last failure is raised when all had their turn.
    """
    done: list[Done] = []
    failed: BeholdenError | None = None
    for item in waiting:
        try:
            result = work(item)
        except BeholdenError as error:
            failed = error
            continue
        if result is not None:
            done.append(result)
    if failed is not None:
        raise failed
    return done


def withdraw(engines: Engines, actor: Actor, sanction_id: str, reason: str) -> SanctionView:
    """Take back a proposal, of a sanction or of its lifting."""
    said = _said(engines, sanction_id)
    with engines.store.write() as unit:
        operators_only(unit, actor)
        before = _sanction(unit, sanction_id)
        after = granted(sanctions.withdraw(before, actor, engines.clock.now(), reason))
        _save(engines, unit, said, before, after, f"{after.target}:{after.history[-1].move}_{after.kind}")
    return sanction_view(engines, sanction_id)


def propose_lift(engines: Engines, actor: Actor, sanction_id: str, reason: str) -> SanctionView:
    """One operator wishes to lift a sanction; it stays in force until another agrees."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        _propose_lift_in(engines, unit, actor, _sanction(unit, sanction_id), reason)
    return sanction_view(engines, sanction_id)


def _propose_lift_in(engines: Engines, unit: Unit, actor: Actor, before: Sanction, reason: str) -> None:
    now, mark = engines.clock.now(), engines.ledger.size()
    after = granted(sanctions.propose_lift(before, actor, now, reason, mark))
    _save(engines, unit, Said(before.id, {}, mark), before, after, f"{after.target}:propose_lift")


def lift(engines: Engines, actor: Actor, sanction_id: str, reason: str = "agreed") -> SanctionView:
    """A second operator agrees, and the standing is what the other sanctions leave. Nothing that a ban ended revives.

    A grant or token that was made in the very moment of the ban, and so outlived it, ends here (law 7).
    """
    said = _said(engines, sanction_id)
    with engines.store.write() as unit:
        operators_only(unit, actor)
        before = _sanction(unit, sanction_id)
        now = engines.clock.now()
        after = granted(sanctions.lift(before, actor, now, reason))
        details: dict[str, object] = {"sanction": after.id, "kind": after.kind.value}
        act = Act(actor, f"{after.target}:lift", _subject(after), now, after.app, details)
        after = _entered(after, record_once(engines, said, [act])[0])
        if after.kind is SanctionKind.BAN:
            _end_everything(unit, _apps(unit, after), after.id, now)
        unit.enforcement.save(before, after)
        _write_standings(engines, unit, after.developer, now)
    return sanction_view(engines, sanction_id)


def appeal(
    engines: Engines, actor: Actor, sanction_id: str, grounds: str, *, carried_by: Actor | None = None
) -> AppealView:
    """The developer speaks against a sanction in force; `carried_by` is the operator who entered a letter of theirs."""
    with engines.store.write() as unit:
        if carried_by is not None:
            operators_only(unit, carried_by)
        against = _sanction(unit, sanction_id)
        if actor.kind is ActorKind.DEVELOPER and actor.id != str(against.developer):
            raise _no_sanction(sanction_id)  # another developer does not learn that there is one
        earlier = unit.enforcement.appeals(sanction=against.id)
        id = AppealId(engines.ids.new("appeal"))
        filed = granted(appeals.file(id, against, earlier, actor, engines.clock.now(), grounds))
        details: dict[str, object] = {"sanction": against.id}
        if carried_by is not None:
            details["carried_by"] = str(carried_by)
        act = Act(actor, "appeal:file", f"appeal:{id}", filed.filed_at, against.app, details)
        unit.enforcement.save_appeal(None, replace(filed, entry=record(engines, act)))
    return appeal_view(engines, id)


def decide_appeal(engines: Engines, actor: Actor, appeal_id: str, reason: str, *, granted_: bool) -> AppealView:
    """The decision of an operator who took no part. Granted, it proposes the lifting; a second operator must agree."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        before = _appeal(unit, appeal_id)
        against = _sanction(unit, before.sanction)
        now = engines.clock.now()
        took_part = _took_part(unit, against)
        after = granted(appeals.decide(before, took_part, actor, now, reason, granted=granted_))
        details: dict[str, object] = {"sanction": against.id, "decision": after.state.value}
        entry = record(engines, Act(actor, "appeal:decide", f"appeal:{after.id}", now, against.app, details))
        unit.enforcement.save_appeal(before, replace(after, decided_entry=entry))
        if granted_ and against.state is SanctionState.IN_FORCE:
            _propose_lift_in(engines, unit, actor, against, f"{after.id} was granted: {after.reason}"[:MAX_REASON])
    return appeal_view(engines, appeal_id)


def _took_part(unit: Unit, against: Sanction) -> frozenset[str]:
    case = unit.cases.case(against.case) if against.case is not None else None
    return against.operators | (case.operators if case is not None else frozenset())


def sanction_view(engines: Engines, sanction_id: str) -> SanctionView:
    """One sanction; raises NotFound."""
    with engines.store.read() as unit:
        return _view(unit, _sanction(unit, sanction_id))


def list_sanctions(engines: Engines, developer: DeveloperNumber | int | None = None) -> list[SanctionView]:
    """All sanctions, or those on a developer and their apps, newest first."""
    number = DeveloperNumber(developer) if developer is not None else None
    with engines.store.read() as unit:
        return [_view(unit, s) for s in unit.enforcement.sanctions(developer=number)]


def _view(unit: Unit, found: Sanction) -> SanctionView:
    developer = unit.directory.developer(found.developer)
    assert developer is not None, "a sanction falls on a developer who is known"
    return SanctionView(found, developer, tuple(_apps(unit, found)), tuple(unit.enforcement.appeals(sanction=found.id)))


def appeal_view(engines: Engines, appeal_id: str) -> AppealView:
    """One appeal; raises NotFound."""
    with engines.store.read() as unit:
        return _appeal_view(unit, _appeal(unit, appeal_id))


def list_appeals(engines: Engines, developer: DeveloperNumber | int | None = None) -> list[AppealView]:
    """All appeals, or a developer's, newest first."""
    number = DeveloperNumber(developer) if developer is not None else None
    with engines.store.read() as unit:
        return [_appeal_view(unit, a) for a in unit.enforcement.appeals(developer=number)]


def _appeal_view(unit: Unit, found: Appeal) -> AppealView:
    against, developer = unit.enforcement.sanction(found.sanction), unit.directory.developer(found.developer)
    assert against is not None and developer is not None, "an appeal is against a sanction on a developer"
    return AppealView(found, against, developer, _took_part(unit, against))


def reregistration_warning(engines: Engines, name: str, email: str) -> Resemblance | None:
    """How a would-be developer resembles a banned one; where it says `refuse`, they are not let in."""
    with engines.store.read() as unit:
        return resembles(name, email, unit.enforcement.banned())


def refuse_if_stopped(unit: Unit, developer: DeveloperNumber) -> None:
    """Raises Conflict when a developer is suspended or banned: no new app, review or contract of theirs is taken."""
    held = unit.enforcement.sanctions(developer=developer)
    standing, cause = sanctions.standing_of((s for s in held if s.app is None), None)
    if standing in {Standing.SUSPENDED, Standing.BANNED}:
        raise Conflict(f"The developer is {standing} ({cause}).", "They may appeal.")


def _said(engines: Engines, sanction_id: str) -> Said:
    with engines.store.read() as unit:
        found = _sanction(unit, sanction_id)
    return said_since(engines, found.id, found.mark)


def _sanction(unit: Unit, sanction_id: str, *, lock: bool = False) -> Sanction:
    found = unit.enforcement.sanction(SanctionId(sanction_id), lock=lock)
    if found is None:
        raise _no_sanction(sanction_id)
    return found


def _no_sanction(sanction_id: str) -> NotFound:
    return NotFound(f"There is no sanction {sanction_id[:80]!r}.", "`beholden case ban list` names them.")


def _appeal(unit: Unit, appeal_id: str) -> Appeal:
    found = unit.enforcement.appeal(AppealId(appeal_id))
    if found is None:
        raise NotFound(f"There is no appeal {appeal_id[:80]!r}.", "`beholden case appeal list` names them.")
    return found


def _apps(unit: Unit, found: Sanction) -> list[App]:
    return [app for app in unit.directory.apps(found.developer) if found.app in {None, app.number}]


def _subject(found: Sanction) -> str:
    return f"developer:{found.developer}" if found.app is None else f"app:{found.app}"


def _save(engines: Engines, unit: Unit, said: Said, before: Sanction | None, after: Sanction, verb: str) -> None:
    """Write a sanction's latest move, its act first. Asked again after a crash, it does not say so twice."""
    event = after.history[-1]
    details: dict[str, object] = {"sanction": after.id, "kind": after.kind.value}
    if after.case is not None:
        details["case"] = after.case
    act = Act(event.actor, verb, _subject(after), event.at, after.app, details)
    place = record_once(engines, said, [act])[0]
    unit.enforcement.save(before, _entered(after, place))


def _entered(after: Sanction, place: int) -> Sanction:
    """The sanction with its latest move's place in the ledger."""
    return replace(after, history=(*after.history[:-1], replace(after.history[-1], entry=place)))
