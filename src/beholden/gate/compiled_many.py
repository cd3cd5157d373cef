"""Many questions of one request at once, from one state of the table: a boxcar, or a list of friends.

The same rules in the same order as `compiled`, and by the same kernel. Where the table does not stand still long enough
for a long row, each question is decided alone.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from beholden.gate.compiled import CompiledGate, Who, ends_at
from beholden.gate.ports import Questions
from beholden.gate.rows import BASE
from beholden.gate.table.kernel import APP_CHANGED, OWN, REASONS, judge_row
from beholden.gate.table.settled import App
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.ids import PersonNumber
from beholden.model.time import from_micros

Leaving = tuple[Decision, Disclosure | None]
_TRIES: Final = 4
_FEW: Final = 4
_SECOND: Final = 1_000_000
_SET: Final = 0xFFFF << 16  # where a kernel puts a person's set of clusters
_NUMBER: Final = struct.Struct("<8xI")


def decide_row(gate: CompiledGate, row: Questions, *, now: int, clock: int) -> list[Decision]:
    """As `CompiledGate.decide` for each question of `row`, in their order."""
    count = len(row.clients)
    if count >= _FEW:
        found = _tried(gate, row, now, clock, None)
        if found is not None:
            return found
    return [gate.decide(*row.item(place), now=now, clock=clock) for place in range(count)]


def leaving_row(gate: CompiledGate, row: Questions, *, now: int, clock: int) -> list[Leaving]:
    """As `CompiledGate.leaving` for each question of `row`, in their order."""
    count = len(row.clients)
    if count >= _FEW:
        named = np.zeros(3 * count, np.int64)
        found = _tried(gate, row, now, clock, named)
        if found is not None:
            return _disclosures(gate, row, found, named.tolist(), from_micros(now))
    return [gate.leaving(*row.item(place), now=now, clock=clock) for place in range(count)]


def _disclosures(
    gate: CompiledGate, row: Questions, decisions: Sequence[Decision], named: Sequence[int], at: datetime
) -> list[Leaving]:
    """Each decision with the disclosure that it is; none where nothing is allowed or the grant cannot be named."""
    found: list[Leaving] = []
    for place, decision in enumerate(decisions):
        subject, giver, nth = named[3 * place : 3 * place + 3]
        app = gate.settled.apps.get(row.clients[place])
        if not decision.allowed or not nth or app is None:
            found.append((decision, None))
            continue
        facts, through = app.facts, PersonNumber(giver)
        grant = gate.grant_id(through, facts.number, nth)
        said = Disclosure(
            facts.number,
            facts.developer,
            PersonNumber(subject),
            through,
            decision.allowed,
            row.purposes[place],
            grant,
            at,
        )
        found.append((decision, said))
    return found


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
    count, giver = len(persons), gate.number(through)  # once for all of them
    row = Questions([client] * count, list(persons), [giver] * count, list(fields), [purpose] * count)
    return decide_row(gate, row, now=now, clock=clock)


def _tried(
    gate: CompiledGate, row: Questions, now: int, clock: int, named: npt.NDArray[np.int64] | None
) -> list[Decision] | None:
    for _ in range(_TRIES):
        found = _attempt(gate, row, now, clock, 0 if named is None else named.ctypes.data)
        if found is not None or gate.stale(clock):
            return found
    return None


def _attempt(gate: CompiledGate, row: Questions, now: int, clock: int, named_at: int) -> list[Decision] | None:
    """None where the table is stale, was changed meanwhile, or something has to be read anew; see `kernel.judge_row`
    for `named_at`."""
    settled, count = gate.settled, len(row.clients)
    apps = list(map(settled.apps.get, row.clients))
    if None in apps:
        apps = [app or settled.take_app(client) for app, client in zip(apps, row.clients, strict=True)]
    seats = [-1 if app is None else app.seat for app in apps]
    places = np.array(seats, np.int64)
    persons = _named(gate, row.persons)
    givers = persons if row.throughs is row.persons else _named(gate, row.throughs)
    codes, packed = np.zeros(count, np.int64), np.zeros(count, np.uint64)
    at = (
        persons.ctypes.data,
        givers.ctypes.data,
        now // _SECOND - BASE,
        clock,
        codes.ctypes.data,
        packed.ctypes.data,
        named_at,
    )
    trouble = judge_row(settled.desk_at, count, places.ctypes.data, *at)
    if trouble == APP_CHANGED:
        for client in set(row.clients):
            settled.app(client)
    elif trouble:
        settled.renew(trouble, "")
    if trouble:
        return None
    found = _told(gate, row, apps, codes.tolist(), packed.tolist(), now)
    if -1 in seats and _changed(gate, row, apps):
        return None
    return found


def _told(
    gate: CompiledGate,
    row: Questions,
    apps: Sequence[App | None],
    codes: Sequence[int],
    packed: Sequence[int],
    now: int,
) -> list[Decision]:
    """What the kernel found, as decisions; the commonest answer of `CompiledGate.told` is made here, without a call."""
    settled, found = gate.settled, []
    made, instant, known = tuple.__new__, datetime.fromtimestamp, settled.questions.get
    owns, throughs, purposes, purpose_sets = settled.owns, settled.throughs, settled.purposes, settled.purpose_sets
    for app, fields, purpose, code, word in zip(apps, row.fields, row.purposes, codes, packed, strict=True):
        asked = known(fields) or settled.asked(fields)
        if app is None or app.seat < 0:
            found.append(asked.refused(Reason.APP_UNKNOWN if app is None else app.refusal or Reason.APP_UNKNOWN))
            continue
        reason = REASONS[code]
        if reason is not None:
            found.append(asked.refused(reason))
            continue
        reviewed, shape = app.purposes.get(purpose), word & 0xFFFF
        if reviewed is not None and reviewed.since <= now < reviewed.until and not word & _SET:
            granted = owns[shape] if code == OWN else throughs[shape]
            allowed = asked.mask & granted & reviewed.mask
            if allowed == asked.whole and purpose in purpose_sets[purposes[shape]]:
                until = word >> 32
                soon = 0 < until <= reviewed.soonest_second
                end = instant(until + BASE, UTC) if soon else ends_at(until, allowed, reviewed)
                found.append(made(Decision, (asked.names, {}, end)))
                continue
        found.append(gate.told(asked, app, code, word, purpose, now))
    return found


def _changed(gate: CompiledGate, row: Questions, apps: Sequence[App | None]) -> bool:
    """Whether an app that the kernel was not asked about is another one by now."""
    refused = {client: app for client, app in zip(row.clients, apps, strict=True) if app is None or app.seat < 0}
    return any(gate.settled.app(client) is not app for client, app in refused.items())


def _named(gate: CompiledGate, whom: Sequence[Who]) -> npt.NDArray[np.uint32]:
    """People as the kernel takes them: a digest each, or 8 bytes of 0 and a number; no digest begins so."""
    digest = gate.digest
    words = [digest(who) if isinstance(who, str) else _NUMBER.pack(who or 0) for who in whom]
    return np.frombuffer(b"".join(words), np.uint32)
