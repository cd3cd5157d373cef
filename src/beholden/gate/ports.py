"""What the gate needs to know, and from whom."""

from collections.abc import Collection, Sequence
from typing import Protocol

from beholden.gate.facts import Facts
from beholden.model.ids import AppNumber, ClientId, PersonNumber
from beholden.model.resource import ResourceDecision, ResourceQuestion


class GateFacts(Protocol):
    """Reads the state of the world for one request.

    Everything in one answer is from one snapshot: a ban that was committed before the call is in it (law 5). It
    raises Unavailable when the store does not answer; the caller then allows nothing.
    """

    def facts(self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
        """Facts for an app, a granting person (None if unknown) and the people whose data is asked for."""
        ...


class SearchFacts(Protocol):
    """Who may be asked about at all, so that a search need not ask about everybody; from the unit's snapshot."""

    def granters(self, app: AppNumber, after: PersonNumber | None, limit: int) -> Sequence[PersonNumber]:
        """People with an active grant for the app, by number, from behind `after` on."""
        ...

    def everybody(self, after: PersonNumber | None, limit: int) -> Sequence[PersonNumber]:
        """People who are not erased, by number, from behind `after` on."""
        ...

    def own_facts(self, client: ClientId, persons: Sequence[PersonNumber]) -> Sequence[Facts]:
        """For each person what `GateFacts.facts(client, person, [person])` says, in a handful of reads for all."""
        ...


class Evaluator(Protocol):
    """Decides about a platform's own resource types, by rules that the platform supplies. Safe to share by threads.

    It never raises for what a question holds: what cannot be decided is a no with a reason (law 4).
    """

    @property
    def resource_types(self) -> Collection[str]:
        """The resource types that it answers for."""
        ...

    @property
    def actions(self) -> Sequence[str]:
        """The actions that it knows, in order."""
        ...

    def decide(self, questions: Sequence[ResourceQuestion]) -> Sequence[ResourceDecision]:
        """An answer to each question."""
        ...

    def knows(self, type_: str, id_: str) -> bool:
        """Whether there is such an entity among those that the platform supplied."""
        ...

    def ids(self, type_: str, after: str | None, limit: int) -> Sequence[str]:
        """Ids of the supplied entities of a type, in order, from behind `after` on; none of a type it does not know."""
        ...
