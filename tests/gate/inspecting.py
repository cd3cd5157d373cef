"""All that a table says of some people, as the port `GateFacts` tells it, to be held against its rows."""

from collections.abc import Sequence
from datetime import UTC, datetime

from beholden.gate.compiled import CompiledGate
from beholden.gate.facts import Facts, PersonFacts
from beholden.gate.rows import BASE
from beholden.gate.table.layout import ALL_OFF, EXISTS, INDIRECT_SAID, INDIRECT_YES, SET_SHIFT
from beholden.gate.table.settled import App
from beholden.model.grant import Grant
from beholden.model.ids import GrantId, PersonNumber

UNKNOWN = datetime(2000, 1, 1, tzinfo=UTC)
"""A table does not know when a grant was given."""


def facts_in(gate: CompiledGate, client: str, through: PersonNumber | None, persons: Sequence[PersonNumber]) -> Facts:
    """The facts, while nobody writes; the lag is none."""
    app = gate.settled.app(client)
    if app is None:
        return Facts(0.0, None, None, None, {})
    numbers = dict.fromkeys([*persons, *([through] if through is not None else [])])
    known = {n: _person(gate, app, n) for n in numbers if gate.view.flags_of(n) & EXISTS}
    grant = None if through is None or through not in known else _grant(gate, app, through)
    return Facts(0.0, app.facts, known.get(through) if through is not None else None, grant, known)


def _person(gate: CompiledGate, app: App, number: PersonNumber) -> PersonFacts:
    flags = gate.view.flags_of(number)
    pair = gate.view.pair(number, flags, app.place)
    shape = gate.settled.shape(pair.shape)
    assert shape is not None
    return PersonFacts(
        number,
        bool(flags & ALL_OFF),
        shape.app_off,
        gate.settled.off(flags >> SET_SHIFT)[1],
        bool(flags & INDIRECT_YES) if flags & INDIRECT_SAID else None,
        shape.had_grant,
        _instant(pair.used),
    )


def _grant(gate: CompiledGate, app: App, number: PersonNumber) -> Grant | None:
    pair = gate.view.pair(number, gate.view.flags_of(number), app.place)
    shape = gate.settled.shape(pair.shape)
    if shape is None or shape.state is None:
        return None
    id_ = gate.grant_id(number, app.facts.number, pair.nth) if pair.nth else GrantId("")
    given = shape.fields, shape.through_fields, shape.purposes
    return Grant(id_, number, app.facts.number, *given, UNKNOWN, _instant(pair.ends), shape.state)


def _instant(second: int) -> datetime | None:
    return datetime.fromtimestamp(second + BASE, UTC) if second else None
