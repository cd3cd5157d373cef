"""What the gate says of one request, wherever it looked: the answers, and what their record in the ledger names."""

from collections.abc import Sequence
from dataclasses import dataclass

from beholden.gate.facts import AppFacts
from beholden.model.decision import Decision, Reason
from beholden.model.ids import GrantId, PersonNumber


@dataclass(frozen=True, slots=True)
class Judged:
    """One app, one granting person, any number of people; `persons` and `decisions` in the order they were asked for.

    `app` and `through` are None where they are unknown, `grant` where there is none, or none that can be named from
    there. `stale` says that the standing was not known (law 4), also where nobody was asked about. `limit_ms` is how
    old a gate's knowledge may be. `moment` is the state of the table that all of it is of (which file, and where its
    counter stood), None where it is of no one state, or of no table.
    """

    app: AppFacts | None
    through: PersonNumber | None
    grant: GrantId | None
    persons: tuple[PersonNumber | None, ...]
    decisions: tuple[Decision, ...]
    stale: bool
    limit_ms: int
    moment: tuple[int, int] | None = None


def unknown_standing(fields: Sequence[tuple[str, ...]]) -> Judged:
    """The answer of a gate that knows nothing; `fields` are what is asked of each person."""
    refused = {asked: Decision((), dict.fromkeys(asked, Reason.GATE_STALE)) for asked in set(fields)}
    return Judged(
        None, None, None, (None,) * len(fields), tuple(refused[asked] for asked in fields), stale=True, limit_ms=0
    )
