"""Many people of one request at once: one app, one granting person, a list of friends.

The same rules in the same order as `compiled`, with an array where that has a number. What a store may have changed in
between is noticed in the same way; where the table does not stand still long enough for a long list, each person is
decided alone.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beholden.gate.compiled import SEQUENCE, CompiledGate, Who, ends_at
from beholden.gate.rows import BASE
from beholden.gate.table.layout import (
    ALL_OFF,
    EXISTS,
    HAS_OVERLAY,
    IN_FLUX,
    INDIRECT_SAID,
    INDIRECT_YES,
    SET_SHIFT,
    Section,
)
from beholden.gate.table.settled import App, Compiled
from beholden.model.decision import Decision, Reason
from beholden.model.ids import PersonNumber

_TRIES: Final = 4
_FEW: Final = 16
_SECOND: Final = 1_000_000
_REASONS: Final = (
    None,
    Reason.PERSON_UNKNOWN,
    Reason.OPTED_OUT_ALL,
    Reason.OPTED_OUT_APP,
    Reason.INACTIVE,
    Reason.GRANTER_OPTED_OUT,
    Reason.GRANTER_INACTIVE,
    Reason.INDIRECT_OFF,
)
_CODE: Final = {reason: code for code, reason in enumerate(_REASONS)}
Ints = npt.NDArray[np.int64]


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
    assert len(persons) == len(fields), "one tuple of fields a person"
    cells = gate.view.cells
    if len(persons) >= _FEW:
        for _ in range(_TRIES):
            sequence = cells[SEQUENCE]
            found = _attempt(gate, client, persons, through, fields, purpose, now, clock)
            if found is not None and cells[SEQUENCE] == sequence:
                return found
            if found is None and cells[SEQUENCE] == sequence:
                break  # not a case for arrays: something stands against all of them
    return [
        gate.decide(client, person, through, asked, purpose, now=now, clock=clock)
        for person, asked in zip(persons, fields, strict=True)
    ]


def _attempt(
    gate: CompiledGate,
    client: str,
    persons: Sequence[Who],
    through: Who,
    fields: Sequence[tuple[str, ...]],
    purpose: str,
    now: int,
    clock: int,
) -> list[Decision] | None:
    """None where the request as a whole is refused, or a pair is being stored."""
    settled, view = gate.settled, gate.view
    app, giver = settled.app(client), gate.number(through)
    if gate.stale(clock) or app is None or app.refusal is not None or giver is None:
        return None
    second = now // _SECOND - BASE
    pair = view.pair(giver, view.flags[giver], app.place)
    terms = settled.compiled(pair.shape)
    if terms is None or terms.refusal is not None or (pair.ends and second >= pair.ends):
        return None
    numbers = np.fromiter((gate.number(person) or 0 for person in persons), np.int64, len(persons))
    flags = np.frombuffer(view.flags, np.uint32)[numbers].astype(np.int64)
    shapes, used = _pairs(gate, app, numbers, flags)
    others = [settled.compiled(number) for number in np.unique(shapes).tolist()]
    if IN_FLUX in shapes or None in others:
        return None
    codes, asleep = _codes(gate, shapes, flags, used, second)
    direct = numbers == giver
    own = _own_code(gate, app, giver, second)
    as_granter = _CODE[Reason.GRANTER_INACTIVE] if own == _CODE[Reason.INACTIVE] else _CODE[Reason.GRANTER_OPTED_OUT]
    said = np.where(flags & INDIRECT_SAID, (flags & INDIRECT_YES) > 0, settled.by_default)
    free = (codes == 0) & ~direct
    if own:
        codes[free] = as_granter
    else:
        codes[free & ~said] = _CODE[Reason.INDIRECT_OFF]
    giver_asleep = pair.used + settled.inactive_after if terms.had_grant and settled.inactive_after else 0
    until = _earliest(asleep, min((end for end in (pair.ends, giver_asleep) if end), default=0))
    return _told(gate, app, terms, fields, purpose, now, codes, flags, direct, until)


def _own_code(gate: CompiledGate, app: App, giver: PersonNumber, second: int) -> int:
    """What the granting person has chosen or let lapse."""
    one, flags = np.array([giver], np.int64), np.array([gate.view.flags[giver]], np.int64)
    shapes, used = _pairs(gate, app, one, flags)
    return int(_codes(gate, shapes, flags, used, second)[0][0])


def _pairs(gate: CompiledGate, app: App, numbers: Ints, flags: Ints) -> tuple[Ints, Ints]:
    """Shape and last use of each person beside the app: a binary search for all of them in step."""
    view = gate.view
    start: npt.NDArray[Any] = view.array(Section.START, np.uint32)
    apps: npt.NDArray[Any] = view.array(Section.APP, np.uint16)
    low, end = start[numbers].astype(np.int64), start[numbers + 1].astype(np.int64)
    high = end.copy()
    while (open_ := low < high).any():
        middle = (low + high) >> 1
        less = np.zeros(len(low), np.bool_)
        less[open_] = apps[middle[open_]] < app.place
        low, high = np.where(open_ & less, middle + 1, low), np.where(open_ & ~less, middle, high)
    found = low < end
    found[found] = apps[low[found]] == app.place
    shapes, used = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
    shapes[found] = view.array(Section.SHAPE, np.uint16)[low[found]]
    used[found] = view.array(Section.USED, np.uint32)[low[found]]
    for n in np.flatnonzero(flags & HAS_OVERLAY).tolist():
        pair = view.pair(int(numbers[n]), HAS_OVERLAY, app.place)
        shapes[n], used[n] = pair.shape, pair.used
    return shapes, used


def _codes(gate: CompiledGate, shapes: Ints, flags: Ints, used: Ints, second: int) -> tuple[Ints, Ints]:
    """What each person has chosen or let lapse, as a place among the reasons; and from when they count as inactive."""
    settled = gate.settled
    app_off, had = np.zeros(len(shapes), np.bool_), np.zeros(len(shapes), np.bool_)
    for number in np.unique(shapes).tolist():
        shape = settled.compiled(number)
        if shape is not None:
            app_off[shapes == number], had[shapes == number] = shape.app_off, shape.had_grant
    timed = had & (settled.inactive_after > 0)
    asleep = np.where(timed, used + settled.inactive_after, 0)
    lapsed = timed & ((used == 0) | (second >= asleep))
    codes = np.select(
        [(flags & EXISTS) == 0, (flags & ALL_OFF) > 0, app_off, lapsed],
        [_CODE[r] for r in _REASONS[1:5]],
        0,
    )
    return codes.astype(np.int64), asleep


def _earliest(asleep: Ints, end: int) -> Ints:
    """The earlier of each person's end of activity and the request's; 0 is none."""
    if not end:
        return asleep
    return np.where((asleep == 0) | (asleep > end), end, asleep)


def _told(
    gate: CompiledGate,
    app: App,
    terms: Compiled,
    fields: Sequence[tuple[str, ...]],
    purpose: str,
    now: int,
    codes: Ints,
    flags: Ints,
    direct: npt.NDArray[np.bool_],
    until: Ints,
) -> list[Decision]:
    """The decisions; what is the same for several people is said once."""
    settled = gate.settled
    kept: dict[tuple[tuple[str, ...], int, bool], tuple[Decision, int]] = {}
    found: list[Decision] = []
    reviewed = settled.reviewed(app, purpose, now) if purpose in terms.purposes else None
    rows = zip(fields, codes.tolist(), flags.tolist(), direct.tolist(), until.tolist(), strict=True)
    for asked_for, code, flag, own, ends in rows:
        reason = _REASONS[code]
        if reason is not None:
            found.append(settled.asked(asked_for).refused(reason))
            continue
        key = (asked_for, flag >> SET_SHIFT, own)
        known = kept.get(key)
        if known is None:
            asked, granted = settled.asked(asked_for), terms.own if own else terms.through
            decision = gate.fields(asked, app, terms, granted, flag, purpose, now, 0)
            mask = sum(settled.bits[name] for name in decision.allowed)
            known = kept[key] = (decision, mask)
        decision, mask = known
        if decision.allowed:
            decision = Decision(decision.allowed, decision.denied, ends_at(ends, mask, reviewed))
        found.append(decision)
    return found
