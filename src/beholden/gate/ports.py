"""What the gate needs to know, and from whom."""

from collections.abc import Sequence
from typing import Protocol

from beholden.gate.facts import Facts
from beholden.model.ids import ClientId, PersonNumber


class GateFacts(Protocol):
    """Reads the state of the world for one request.

    Everything in one answer is from one snapshot: a ban that was committed before the call is in it (law 5). It
    raises Unavailable when the store does not answer; the caller then allows nothing.
    """

    def facts(self, client: ClientId, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
        """Facts for an app, a granting person (None if unknown) and the people whose data is asked for."""
        ...
