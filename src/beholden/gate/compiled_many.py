"""Many questions of one request at once, from one state of the table: a boxcar, or a list of friends.

The same rules in the same order as `compiled`, and by the same kernel. Where the table does not stand still long enough
for a long row, each question is decided alone.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from beholden.gate.compiled import CompiledGate, Who
from beholden.gate.ports import Item
from beholden.gate.rows import BASE, DIGEST_BYTES
from beholden.gate.table.kernel import AGAIN, POLICY_CHANGED, REASONS, SHAPES_CAME, judge_row
from beholden.model.decision import Decision, Reason

_TRIES: Final = 4
_FEW: Final = 4
_SECOND: Final = 1_000_000


def decide_row(gate: CompiledGate, row: Sequence[Item], *, now: int, clock: int) -> list[Decision]:
    """As `CompiledGate.decide` for each question of `row`, in their order."""
    if len(row) >= _FEW:
        for _ in range(_TRIES):
            found = _attempt(gate, row, now, clock)
            if found is not None:
                return found
            if gate.stale(clock):
                break
    return [gate.decide(*item, now=now, clock=clock) for item in row]


def decide_many(
    gate: CompiledGate,
    client: str,
    persons: Sequence[Who],
    through: Who,
    fields: Sequence[tuple[str, ...]],
    purpose: str,
    *,
    now: int,
    clock: int,
) -> list[Decision]:
    """As `CompiledGate.decide` for each of `persons`, in their order; `fields` are theirs, one tuple a person."""
    giver = gate.number(through)  # once for all of them
    row = [Item(client, person, giver, asked, purpose) for person, asked in zip(persons, fields, strict=True)]
    return decide_row(gate, row, now=now, clock=clock)


def _attempt(gate: CompiledGate, row: Sequence[Item], now: int, clock: int) -> list[Decision] | None:
    """None where the table is stale, was changed meanwhile, or something has to be read anew."""
    settled, count = gate.settled, len(row)
    apps = [settled.apps.get(item.client) or settled.take_app(item.client) for item in row]
    places = np.array([-1 if app is None or app.refusal is not None else app.place for app in apps], np.int64)
    persons = _named(gate, [item.person for item in row])
    own = all(item.person is item.through for item in row)
    givers = persons if own else _named(gate, [item.through for item in row])
    codes, packed = np.zeros(count, np.int64), np.zeros(count, np.uint64)
    at = persons.ctypes.data, givers.ctypes.data, now // _SECOND - BASE, clock, codes.ctypes.data, packed.ctypes.data
    trouble = judge_row(gate.settled.desk_at, count, places.ctypes.data, *at)
    if trouble in {POLICY_CHANGED, SHAPES_CAME}:
        settled.renew(trouble, "")
    elif trouble:
        for item in row:  # one of these apps, if it was an app
            settled.app(item.client)
    if trouble >= AGAIN:
        return None
    found: list[Decision] = []
    for item, app, code, word in zip(row, apps, codes.tolist(), packed.tolist(), strict=True):
        asked = settled.questions.get(item.fields) or settled.asked(item.fields)
        if app is None or app.refusal is not None:
            again = settled.app(item.client)
            if again is not app:
                return None
            found.append(asked.refused(Reason.APP_UNKNOWN if app is None else app.refusal or Reason.APP_UNKNOWN))
            continue
        reason = REASONS[code]
        found.append(gate.told(asked, app, code, word, item.purpose, now) if reason is None else asked.refused(reason))
    return found


def _named(gate: CompiledGate, whom: Sequence[Who]) -> np.ndarray:
    """People as the kernel takes them: a digest each, or 8 bytes of 0 and a number; no digest begins so."""
    digest = gate.digest
    words = [
        digest(who) if isinstance(who, str) else bytes(DIGEST_BYTES - 4) + (who or 0).to_bytes(4, "little")
        for who in whom
    ]
    return np.frombuffer(b"".join(words), np.uint32)
