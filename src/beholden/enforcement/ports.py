"""What enforcement needs of a store. It writes the standing that the gate reads."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from beholden.enforcement.appeal import Appeal
from beholden.enforcement.sanction import Sanction, SanctionState, TargetKind
from beholden.model.app import Developer
from beholden.model.ids import AppealId, AppNumber, DeveloperNumber, SanctionId
from beholden.model.standing import Standing


class EnforcementStore(Protocol):
    """Sanctions, appeals and standing. Sanctions and appeals are never removed (law 7).

    `save` and `save_appeal` are compare-and-sets: each raises Conflict when what was read has moved on since, and then
    nothing is written. Everything in one unit is seen together: a gate never reads half a ban.
    """

    def save(self, before: Sanction | None, after: Sanction) -> None:
        """Write the sanction: new where `before` is None, else the moves that `after` has beyond `before`."""
        ...

    def sanction(self, sanction: SanctionId, *, lock: bool = False) -> Sanction | None:
        """One sanction. `lock` makes other units that lock it wait until this one has ended."""
        ...

    def sanctions(
        self, *, developer: DeveloperNumber | None = None, state: SanctionState | None = None
    ) -> Sequence[Sanction]:
        """Sanctions on a developer and on any of their apps, or in a state, newest first."""
        ...

    def set_standing(
        self, kind: TargetKind, number: int, standing: Standing, sanction: SanctionId | None, at: datetime
    ) -> None:
        """How an app or developer stands from now on; nothing is written where they stand so already."""
        ...

    def end_grants(self, apps: Collection[AppNumber], at: datetime) -> int:
        """Revoke every active grant of the apps by reason of a ban, in bulk; how many there were."""
        ...

    def refuse_reviews(self, apps: Collection[AppNumber], by: str, at: datetime) -> int:
        """Refuse every review of the apps that is not decided; how many there were."""
        ...

    def banned(self) -> Sequence[Developer]:
        """The developers who are banned now."""
        ...

    def save_appeal(self, before: Appeal | None, after: Appeal) -> None:
        """Write the appeal."""
        ...

    def appeal(self, appeal: AppealId) -> Appeal | None:
        """One appeal."""
        ...

    def appeals(
        self, *, sanction: SanctionId | None = None, developer: DeveloperNumber | None = None
    ) -> Sequence[Appeal]:
        """Appeals, newest first."""
        ...
