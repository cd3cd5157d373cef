"""Acts: what an operator, a developer, a person or the system itself did; each is an entry in the ledger (law 12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from beholden.model.ids import AppNumber


class ActorKind(StrEnum):
    """Who can act."""

    OPERATOR = "operator"
    DEVELOPER = "developer"
    PERSON = "person"
    APP = "app"
    PLATFORM = "platform"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `id` is an operator's id, a developer's or person's number as text, a rule's name."""

    kind: ActorKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


SYSTEM = Actor(ActorKind.SYSTEM, "beholden")


@dataclass(frozen=True, slots=True)
class Act:
    """`verb` is `subject:action` in the words of the product: `case:open`, `developer:ban`, `person:erase`.

    `app` is the app that it concerns, if one. `details` are plain JSON values; never a person's data.
    """

    actor: Actor
    verb: str
    subject: str
    at: datetime
    app: AppNumber | None = None
    details: Mapping[str, object] = field(default_factory=dict)
