"""Many questions of one request at once, from one state of the table: a boxcar, or a list of friends.

The same rules in the same order as `compiled`, and by the same kernel. Where the table does not stand still long enough
for a long row, each question is decided alone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from beholden.gate.compiled import WORD, CompiledGate, Who
from beholden.gate.ports import Questions
from beholden.gate.rows import DIGEST_BYTES
from beholden.gate.table.kernel import APP_CHANGED, SOME, judge_row
from beholden.gate.table.settled import App, Asked
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.ids import PersonNumber
from beholden.model.time import from_micros

Leaving = tuple[Decision, Disclosure | None]
_TRIES: Final = 4
_FEW: Final = 4
_SECOND: Final = 1_000_000


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
    known = settled.questions.get
    asked = [known(fields) or settled.asked(fields) for fields in row.fields]
    reviews = [
        None if app is None or app.seat < 0 else app.purposes.get(purpose) or settled.reviewed(app, purpose, now)
        for app, purpose in zip(apps, row.purposes, strict=True)
    ]
    seats = [-1 if app is None else app.seat for app in apps]
    words = np.empty((count, 3), np.int64)
    words[:, 0] = seats
    words[:, 1] = [0 if one is None else one.at for one in reviews]
    words[:, 2] = [one.told for one in asked]
    persons = _named(gate, row.persons)
    givers = persons if row.throughs is row.persons else _named(gate, row.throughs)
    found = np.zeros((count, 4), np.int64)
    people = persons.ctypes.data, givers.ctypes.data
    trouble = judge_row(settled.desk_at, count, words.ctypes.data, *people, now, clock, found.ctypes.data, named_at)
    if trouble == APP_CHANGED:
        for client in set(row.clients):
            settled.app(client)
    elif trouble:
        settled.renew(trouble, "")
    if trouble:
        return None
    told = _told(gate, row, apps, asked, found, now)
    if -1 in seats and _changed(gate, row, apps):
        return None
    return told


def _told(
    gate: CompiledGate,
    row: Questions,
    apps: Sequence[App | None],
    asked: Sequence[Asked],
    found: npt.NDArray[np.int64],
    now: int,
) -> list[Decision]:
    """What the kernel found, as decisions."""
    made, told = tuple.__new__, []
    for place, (one, app, verdict) in enumerate(zip(asked, apps, found[:, 0].tolist(), strict=True)):
        if verdict > 0:
            told.append(made(Decision, (one.names, {}, verdict)))
        elif app is None or app.seat < 0:
            told.append(one.refused(Reason.APP_UNKNOWN if app is None else app.refusal or Reason.APP_UNKNOWN))
        elif verdict > -SOME:
            told.append(one.refused_by(-verdict) if verdict else made(Decision, (one.names, {}, None)))
        elif verdict == -SOME:
            told.append(gate.some(one, *found[place, 1:].tolist()))
        else:
            code, packed, _ = found[place, 1:].tolist()
            told.append(gate.told(one, app, code, packed & WORD, row.purposes[place], now))
    return told


def _changed(gate: CompiledGate, row: Questions, apps: Sequence[App | None]) -> bool:
    """Whether an app that the kernel was not asked about is another one by now."""
    refused = {client: app for client, app in zip(row.clients, apps, strict=True) if app is None or app.seat < 0}
    return any(gate.settled.app(client) is not app for client, app in refused.items())


def _named(gate: CompiledGate, whom: Sequence[Who]) -> npt.NDArray[np.uint32]:
    """People as the kernel takes them: a digest each, or 8 bytes of 0 and a number; no digest begins so."""
    words = np.zeros(3 * len(whom), np.uint32)
    at, put = words.ctypes.data, gate.put_digest
    for place, who in enumerate(whom):
        if isinstance(who, str):
            put(who, at + DIGEST_BYTES * place)
        elif who:
            words[3 * place + 2] = who
    return words
