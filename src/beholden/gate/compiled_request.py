"""A whole request over the table: everybody's decision, and what the ledger will say of it.

The decisions are `compiled_many`'s. What a disclosure names beside them, the people's numbers and the grant, is read
around them: numbers are never given twice, and where the grant was another one afterwards all of it is done once more.
"""

from collections.abc import Sequence

from beholden.gate.compiled import SEQUENCE, TRIES, CompiledGate, Who
from beholden.gate.compiled_many import decide_many
from beholden.gate.judged import Judged, unknown_standing
from beholden.model.decision import Decision, Reason


def judge_request(
    gate: CompiledGate,
    client: str,
    persons: Sequence[Who],
    through: Who,
    fields: Sequence[tuple[str, ...]],
    purpose: str,
    *,
    now: int,
    clock: int,
    file: int,
) -> Judged:
    """As `compiled_many.decide_many`, with what a disclosure has to name. See CompiledGate for `now` and `clock`;
    `file` is the number of the gate's file."""
    for _ in range(TRIES):
        sequence = gate.view.cells[SEQUENCE]
        giver = gate.number(through)
        grant = gate.grant_of(client, giver)
        numbers = tuple(map(gate.number, persons))
        decisions = decide_many(gate, client, numbers, giver, fields, purpose, now=now, clock=clock)
        if gate.grant_of(client, giver) == grant:
            app = gate.settled.app(client)
            stale = gate.stale(clock) or any(map(is_stale, decisions))
            limit = gate.settled.policy.gate_lag_limit_ms
            moment = (file, sequence) if gate.view.cells[SEQUENCE] == sequence else None
            facts = None if app is None else app.facts
            return Judged(facts, giver, grant, numbers, tuple(decisions), stale, limit, moment)
    return unknown_standing(fields)


def refuse_app(gate: CompiledGate, client: str, clock: int) -> Reason | None:
    """What stands against whoever asks, whatever is asked: `decision.refuse_app` over the table."""
    if gate.stale(clock):
        return Reason.GATE_STALE
    app = gate.settled.app(client)
    return Reason.APP_UNKNOWN if app is None else app.refusal


def is_stale(decision: Decision) -> bool:
    """Whether it says that the standing is not known; nothing else stands beside that."""
    return next(iter(decision.denied.values()), None) is Reason.GATE_STALE
