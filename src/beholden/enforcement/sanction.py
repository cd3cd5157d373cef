"""Sanctions: restrict, suspend, ban; decided by two, or by a clock; lifted by two (law 10).

    proposed --confirm, by another operator--> confirmed --put in force--> in_force
    proposed --withdraw--> withdrawn
    (a lapsed deadline) --> confirmed, citing rule, deadline and case
    in_force --propose lift--> lift_proposed --confirm lift, by another operator--> lifted
    lift_proposed --withdraw lift--> in_force

`confirmed` is decided and not yet done: whatever crashes then, the next sweep puts it in force. A sanction is never
removed; a new one is a new one (law 7).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.model.ids import AppNumber, CaseId, DeveloperNumber, SanctionId
from beholden.model.refusal import Refusal
from beholden.model.standing import Standing, worse
from beholden.model.time import text

MAX_REASON = 5_000


class SanctionKind(StrEnum):
    """From mild to grave."""

    RESTRICT = "restrict"  # basic fields only
    SUSPEND = "suspend"  # nothing, until it is lifted
    BAN = "ban"  # nothing, and all grants and tokens are ended


class TargetKind(StrEnum):
    """On whom it falls."""

    APP = "app"
    DEVELOPER = "developer"  # and so on every app of theirs


class SanctionState(StrEnum):
    """Where a sanction stands."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"
    LIFT_PROPOSED = "lift_proposed"
    LIFTED = "lifted"


class Move(StrEnum):
    """What happened to a sanction."""

    PROPOSE = "propose"
    CONFIRM = "confirm"
    DECIDE = "decide"  # by rule, without an operator
    FORCE = "force"
    WITHDRAW = "withdraw"
    PROPOSE_LIFT = "propose_lift"
    WITHDRAW_LIFT = "withdraw_lift"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Ground:
    """What an automatic sanction cites: the rule, the deadline that went by, and the case."""

    rule: str
    deadline: datetime
    case: CaseId


@dataclass(frozen=True, slots=True)
class SanctionEvent:
    """One move: who, when, why, the state after it, and its place in the ledger (-1 until it is there)."""

    move: Move
    actor: Actor
    at: datetime
    reason: str
    state: SanctionState
    entry: int = -1


@dataclass(frozen=True, slots=True)
class Sanction:
    """`app` is None when it falls on the developer. `mark` is the ledger's size when the present matter began.

    Acts of the present matter stand at or after `mark`; a run that starts again looks for them from there on.
    """

    id: SanctionId
    kind: SanctionKind
    developer: DeveloperNumber
    app: AppNumber | None
    case: CaseId | None
    ground: Ground | None
    state: SanctionState
    history: tuple[SanctionEvent, ...]
    mark: int

    @property
    def target(self) -> TargetKind:
        """On whom it falls."""
        return TargetKind.DEVELOPER if self.app is None else TargetKind.APP

    @property
    def holds(self) -> bool:
        """Whether it is in force."""
        return self.state in {SanctionState.IN_FORCE, SanctionState.LIFT_PROPOSED}

    @property
    def pending(self) -> bool:
        """Whether it stands, or may yet."""
        return self.holds or self.state in {SanctionState.PROPOSED, SanctionState.CONFIRMED}

    @property
    def reason(self) -> str:
        """Why it was proposed or decided."""
        return self.history[0].reason

    @property
    def operators(self) -> frozenset[str]:
        """The operators who took part in it."""
        return frozenset(e.actor.id for e in self.history if e.actor.kind is ActorKind.OPERATOR)


_STANDING = {
    SanctionKind.RESTRICT: Standing.RESTRICTED,
    SanctionKind.SUSPEND: Standing.SUSPENDED,
    SanctionKind.BAN: Standing.BANNED,
}


def propose(
    id: SanctionId,
    kind: SanctionKind,
    developer: DeveloperNumber,
    app: AppNumber | None,
    case: CaseId | None,
    actor: Actor,
    at: datetime,
    reason: str,
    mark: int,
) -> Sanction | Refusal:
    """A sanction that one operator wishes; nothing follows until another agrees. Raises BadInput without a reason."""
    if actor.kind is not ActorKind.OPERATOR:
        return _operators_only()
    event = SanctionEvent(Move.PROPOSE, actor, at, reason_of(reason), SanctionState.PROPOSED)
    return Sanction(id, kind, developer, app, case, None, SanctionState.PROPOSED, (event,), mark)


def by_rule(id: SanctionId, developer: DeveloperNumber, ground: Ground, at: datetime, mark: int) -> Sanction:
    """The ban of a developer that follows from a lapsed deadline by itself; it cites its ground (law 10)."""
    assert at >= ground.deadline, "a rule acted before its deadline"
    said = f"{ground.rule}: no answer by {text(ground.deadline)} in {ground.case}"
    actor = Actor(ActorKind.SYSTEM, ground.rule)
    event = SanctionEvent(Move.DECIDE, actor, at, said, SanctionState.CONFIRMED)
    state = SanctionState.CONFIRMED
    return Sanction(id, SanctionKind.BAN, developer, None, ground.case, ground, state, (event,), mark)


def confirm(sanction: Sanction, actor: Actor, at: datetime, reason: str) -> Sanction | Refusal:
    """A second operator agrees; the first cannot (law 10)."""
    return _second(
        sanction, SanctionState.PROPOSED, Move.PROPOSE, Move.CONFIRM, SanctionState.CONFIRMED, actor, at, reason
    )


def put_in_force(sanction: Sanction, at: datetime) -> Sanction | Refusal:
    """The confirmed sanction, in force from now on, on the word of whoever or whatever decided it."""
    if sanction.state is not SanctionState.CONFIRMED:
        return _not_now(sanction, "put in force")
    decided = sanction.history[-1]
    return _after(sanction, Move.FORCE, decided.actor, at, decided.reason, SanctionState.IN_FORCE)


def withdraw(sanction: Sanction, actor: Actor, at: datetime, reason: str) -> Sanction | Refusal:
    """A proposal is taken back, by any operator."""
    if actor.kind is not ActorKind.OPERATOR:
        return _operators_only()
    if sanction.state is SanctionState.PROPOSED:
        return _after(sanction, Move.WITHDRAW, actor, at, reason, SanctionState.WITHDRAWN)
    if sanction.state is SanctionState.LIFT_PROPOSED:
        return _after(sanction, Move.WITHDRAW_LIFT, actor, at, reason, SanctionState.IN_FORCE)
    return _not_now(sanction, "withdrawn")


def propose_lift(sanction: Sanction, actor: Actor, at: datetime, reason: str, mark: int) -> Sanction | Refusal:
    """One operator wishes to lift it; it stays in force until another agrees."""
    if actor.kind is not ActorKind.OPERATOR:
        return _operators_only()
    if sanction.state is not SanctionState.IN_FORCE:
        return _not_now(sanction, "lifted")
    return replace(_after(sanction, Move.PROPOSE_LIFT, actor, at, reason, SanctionState.LIFT_PROPOSED), mark=mark)


def lift(sanction: Sanction, actor: Actor, at: datetime, reason: str) -> Sanction | Refusal:
    """A second operator agrees to lift it (law 10)."""
    return _second(
        sanction, SanctionState.LIFT_PROPOSED, Move.PROPOSE_LIFT, Move.LIFT, SanctionState.LIFTED, actor, at, reason
    )


def standing_of(sanctions: Iterable[Sanction], app: AppNumber | None) -> tuple[Standing, SanctionId | None]:
    """The worst that is in force on an app or, for None, on the developer, and the sanction that says so.

    An app bears its developer's sanctions as well as its own, so that no reader can forget one of them.
    """
    worst: tuple[Standing, SanctionId | None] = (Standing.ACTIVE, None)
    for sanction in sanctions:
        bears = sanction.app is None or sanction.app == app
        standing = _STANDING[sanction.kind]
        if sanction.holds and bears and worse(worst[0], standing) is not worst[0]:
            worst = (standing, sanction.id)
    return worst


def _second(
    sanction: Sanction,
    wanted: SanctionState,
    first: Move,
    move: Move,
    state: SanctionState,
    actor: Actor,
    at: datetime,
    reason: str,
) -> Sanction | Refusal:
    """Law 10, for either direction: the one who agrees is an operator, and not the one who proposed."""
    if actor.kind is not ActorKind.OPERATOR:
        return _operators_only()
    if sanction.state is not wanted:
        return _not_now(sanction, "confirmed")
    proposer = [event.actor for event in sanction.history if event.move is first][-1]
    if proposer.id == actor.id:
        return Refusal(
            "same_operator",
            "Whoever proposed it cannot confirm it (law 10).",
            "Another operator must.",
            forbidden=True,
        )
    return _after(sanction, move, actor, at, reason, state)


def _after(sanction: Sanction, move: Move, actor: Actor, at: datetime, reason: str, state: SanctionState) -> Sanction:
    event = SanctionEvent(move, actor, at, reason_of(reason), state)
    return replace(sanction, state=state, history=(*sanction.history, event))


def _not_now(sanction: Sanction, what: str) -> Refusal:
    return Refusal("sanction_state", f"The sanction {sanction.id} is {sanction.state}; it cannot be {what}.")


def _operators_only() -> Refusal:
    return Refusal("operators_only", "Only an operator may do this.", forbidden=True)


def reason_of(reason: str) -> str:
    """A reason that says something; raises BadInput."""
    if not reason.strip() or len(reason) > MAX_REASON or "\x00" in reason:
        raise BadInput(f"A reason of 1 to {MAX_REASON} characters is needed.", "Say why.")
    return reason.strip()
