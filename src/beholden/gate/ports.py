"""What the gate needs to know, and from whom."""

from collections.abc import Sequence
from typing import Protocol

from beholden.gate.facts import AppFacts, Facts
from beholden.model.decision import Decision
from beholden.model.disclosure import Disclosure
from beholden.model.ids import ClientId, PersonNumber


class GateFacts(Protocol):
    """Reads the state of the world for one request.

    Everything in one answer is from one snapshot: a ban that was committed before the call is in it (law 5). It
    raises Unavailable when the store does not answer; the caller then allows nothing.
    """

    def facts(self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
        """Facts for an app, a granting person (None if unknown) and the people whose data is asked for."""
        ...


class DecisionTable(Protocol):
    """The state of the world in memory, followed from the store (decision 0004).

    A person is meant by the platform's id (text) or by number. `now` is microseconds since 1970. A table that is older
    than the limit, or is not there, refuses with `gate_stale` (law 4).
    """

    def decide(
        self,
        client: str,
        person: str | int | None,
        through: str | int | None,
        fields: tuple[str, ...],
        purpose: str,
        now: int,
    ) -> Decision:
        """What `decision.decide` says on the facts in the table."""
        ...

    def leaving(
        self,
        client: str,
        person: str | int | None,
        through: str | int | None,
        fields: tuple[str, ...],
        purpose: str,
        now: int,
    ) -> tuple[Decision, Disclosure | None]:
        """The same, with the disclosure that it is once it leaves; None where the table cannot name the grant."""
        ...

    def app(self, client: str) -> AppFacts | None:
        """An app as it stands in the table."""
        ...

    def epoch(self) -> int:
        """Up to where the table has followed the store; 0 where it cannot be trusted."""
        ...
