"""Appeals: the developer speaks against a sanction, and somebody who had no part in it decides."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from beholden.enforcement.sanction import Sanction
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.model.ids import AppealId, DeveloperNumber, SanctionId
from beholden.model.refusal import Refusal

MAX_GROUNDS = 20_000
MAX_APPEALS = 10
"""Appeals against one sanction; new grounds may come up, an endless file may not."""


class AppealState(StrEnum):
    """Where an appeal stands."""

    FILED = "filed"
    GRANTED = "granted"  # the sanction is then proposed to be lifted; a second operator must agree
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Appeal:
    """`entry` and `decided_entry` are the places of the two acts in the ledger, -1 until they are there."""

    id: AppealId
    sanction: SanctionId
    developer: DeveloperNumber
    grounds: str
    filed_at: datetime
    state: AppealState = AppealState.FILED
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    entry: int = -1
    decided_entry: int = -1


def file(
    id: AppealId, sanction: Sanction, earlier: Collection[Appeal], actor: Actor, at: datetime, grounds: str
) -> Appeal | Refusal:
    """An appeal of the sanctioned developer; one at a time, while the sanction is in force. Raises BadInput."""
    if actor.kind is not ActorKind.DEVELOPER or actor.id != str(sanction.developer):
        return Refusal("not_yours", "Only the sanctioned developer may appeal.", forbidden=True)
    if not sanction.holds:
        return Refusal("not_in_force", f"The sanction {sanction.id} is {sanction.state}.", "There is nothing to lift.")
    if any(appeal.state is AppealState.FILED for appeal in earlier):
        return Refusal("appeal_open", "An appeal against this sanction is being decided.", "Wait for the decision.")
    if len(earlier) >= MAX_APPEALS:
        return Refusal("appeals_exhausted", f"{MAX_APPEALS} appeals were decided already.")
    if not grounds.strip() or len(grounds) > MAX_GROUNDS or "\x00" in grounds:
        raise BadInput(f"An appeal needs grounds of 1 to {MAX_GROUNDS} characters.", "Say why the sanction is wrong.")
    return Appeal(id, sanction.id, sanction.developer, grounds.strip(), at)


def decide(
    appeal: Appeal, took_part: Collection[str], actor: Actor, at: datetime, reason: str, *, granted: bool
) -> Appeal | Refusal:
    """The decision of an operator who is not among those who took part in the sanction or in its case."""
    if actor.kind is not ActorKind.OPERATOR:
        return Refusal("operators_only", "Only an operator decides an appeal.", forbidden=True)
    if appeal.state is not AppealState.FILED:
        return Refusal("appeal_decided", f"The appeal {appeal.id} is {appeal.state} already.")
    if actor.id in took_part:
        return Refusal(
            "took_part",
            "Whoever took part in the sanction or its case cannot decide the appeal.",
            "Another operator must.",
            forbidden=True,
        )
    if not reason.strip() or len(reason) > MAX_GROUNDS or "\x00" in reason:
        raise BadInput(f"A decision needs a reason of 1 to {MAX_GROUNDS} characters.", "Say why.")
    state = AppealState.GRANTED if granted else AppealState.DISMISSED
    return replace(appeal, state=state, decided_by=actor.id, decided_at=at, reason=reason.strip())
