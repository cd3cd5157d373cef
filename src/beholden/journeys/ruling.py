"""A ruling: one request decided on one snapshot, and made durable in the ledger when data is about to leave.

What is promised of a ban, an opt-out or a revocation that is committed while a request is under way: every request
that *begins* after the commit is refused (law 5), because all facts of a request come from one snapshot, taken when it
begins. A request that had taken its snapshot before may still be answered from it. So that this cannot drag on behind
a slow disk, whoever waited for the ledger longer than the gate's lag limit rules again on fresh facts, and only what
both rulings allow leaves. In the ledger such a disclosure may stand after the ban; its `at` is when it was decided.

Where there is a decision table it is asked instead of the store: this is the one place that knows. Whether anything
was stored in it meanwhile is seen at a glance, so there whatever waited for the ledger is ruled on again where it was.
Each request is answered from the table by itself. Where it cannot name the grant, the store is asked.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from beholden.gate.decision import judge, judge_all, refuse_app, terms
from beholden.gate.facts import AppFacts
from beholden.gate.judged import Judged
from beholden.gate.pairwise import person_of
from beholden.journeys.ports import Engines, Unit
from beholden.model.app import App
from beholden.model.catalogue import FieldClass
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.errors import Unavailable
from beholden.model.ids import AppNumber, ClientId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.time import DAY, to_micros

_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class PersonRef:
    """A person as the platform names them: by its own id, or, when `scoped`, by the id that the asking app has."""

    id: str
    scoped: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """Which fields of one person are asked for."""

    person: PersonRef
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One app asking on one person's word, for one purpose, for fields of any number of people."""

    app: str
    through: PersonRef
    purpose: str
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided on one request, wish by wish, at `at`. `began` is when, in monotonic seconds, its facts were
    read."""

    request: Request
    judged: Judged
    at: datetime
    began: float

    @property
    def persons(self) -> tuple[PersonNumber | None, ...]:
        """Whom the wishes mean."""
        return self.judged.persons

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided, wish by wish."""
        return self.judged.decisions

    def decided(self, decisions: Iterable[Decision]) -> "Ruling":
        """The same with other decisions."""
        return replace(self, judged=replace(self.judged, decisions=tuple(decisions)))


def rule(engines: Engines, requests: Sequence[Request]) -> list[Ruling]:
    """Decide every wish of every request, what the store decides on one snapshot; raises Unavailable when it has to
    answer and does not."""
    return _rule(engines, engines.store.read(), requests, time.monotonic())


def rule_within(engines: Engines, unit: Unit, requests: Sequence[Request], began: float) -> list[Ruling]:
    """The same where a unit is open that began to read at `began` (monotonic seconds)."""
    return _rule(engines, nullcontext(unit), requests, began)


def confirmed(engines: Engines, ruling: Ruling) -> Ruling:
    """The ruling as it holds after its receipt.

    Where its facts are by now older than a gate's knowledge may be (law 4), or the table has moved on, it is decided
    anew, and only what both rulings allow is kept.
    """
    # A span of our own making, not a time in the world: the injected clock may stand still while a disk is slow.
    late = (time.monotonic() - ruling.began) * 1000 > ruling.judged.limit_ms
    if not late and (engines.table is None or engines.table.stands(ruling.judged.moment)):
        return ruling
    (again,) = rule(engines, [ruling.request])
    return again.decided(map(both, ruling.decisions, again.decisions))


def rule_own(
    engines: Engines,
    unit: Unit,
    client: ClientId,
    persons: Sequence[PersonNumber],
    fields: tuple[str, ...],
    purpose: str,
) -> list[Decision]:
    """What an app may read of each of these people on their own word; from the unit where there is no table."""
    now, table = engines.clock.now(), engines.table
    if table is not None:
        return [table.decide(client, person, person, fields, purpose, to_micros(now)) for person in persons]
    policy, catalogue = unit.directory.policy(), engines.catalogue
    return [
        judge(terms(facts, fields, purpose, policy=policy, catalogue=catalogue, now=now), person, fields)
        for person, facts in zip(persons, unit.search.own_facts(client, persons), strict=True)
    ]


def refused_apps(engines: Engines, unit: Unit, clients: Iterable[str]) -> dict[str, Reason]:
    """What stands against each of these apps whatever it asks; those against whom nothing does are not in it."""
    if engines.table is not None:
        found = {client: engines.table.refuse_app(client) for client in clients}
    else:
        policy = unit.directory.policy()
        found = {
            client: refuse_app(unit.gate.facts(ClientId(client if is_possible(client) else ""), None, []), policy)
            for client in clients
        }
    return {client: refusal for client, refusal in found.items() if refusal is not None}


def disclosures(ruling: Ruling, values: Sequence[Mapping[str, str]] = ()) -> list[Disclosure]:
    """What would leave, one for each wish of which anything may; `values` are the texts of what is allowed."""
    app, grant, through = ruling.judged.app, ruling.judged.grant, ruling.judged.through
    if app is None or grant is None or through is None:
        return []
    leaving = []
    for n, (person, decision) in enumerate(zip(ruling.persons, ruling.decisions, strict=True)):
        if person is not None and decision.allowed:
            leaving.append(
                Disclosure(
                    app=app.number,
                    developer=app.developer,
                    person=person,
                    through=through,
                    fields=decision.allowed,
                    purpose=ruling.request.purpose,
                    grant=grant,
                    at=ruling.at,
                    values=values[n] if values else {},
                )
            )
    return leaving


def note_permissions(engines: Engines, ruling: Ruling) -> None:
    """Note which approved permissions were used, so that only unused ones lapse (R8); at most once a day for each."""
    app, now, purpose = ruling.judged.app, ruling.at, ruling.request.purpose
    if app is None:
        return
    fields = frozenset(chain.from_iterable({decision.allowed for decision in ruling.decisions}))
    due = [
        cluster.name
        for cluster in engines.catalogue.clusters_of(fields)
        if cluster.field_class is not FieldClass.BASIC
        and (cluster.name, purpose) in app.approvals
        and not _noted_today(app.noted.get((cluster.name, purpose)), now)
    ]
    if due:
        # The receipt is durable, so the answer is lawful without this. A note that is lost lets a permission lapse
        # early, never late, and the next disclosure tries again.
        with suppress(Unavailable):
            engines.store.perform(lambda unit: unit.directory.touch_reviews(app.number, due, purpose, now))


def numbers(engines: Engines, unit: Unit, app: App | None, refs: Sequence[PersonRef]) -> list[PersonNumber | None]:
    """Whom the platform means, in the order of `refs`; None for nobody we know."""
    known = unit.directory.numbers([ref.id for ref in refs if not ref.scoped and is_possible(ref.id)])
    number = None if app is None else app.number
    return [_scoped(engines, number, ref.id) if ref.scoped else known.get(ref.id) for ref in refs]


def is_possible(text: str) -> bool:
    """Whether a database could hold this id at all; PostgreSQL stores no NUL, UTF-8 no half characters."""
    if not 0 < len(text) <= _LONGEST_ID or "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _rule(
    engines: Engines, store: AbstractContextManager[Unit], requests: Sequence[Request], began: float
) -> list[Ruling]:
    found = [_by_table(engines, request, began) for request in requests]
    left = [request for request, ruling in zip(requests, found, strict=True) if ruling is None]
    rest: list[Ruling] = []
    if left:
        with store as unit:
            rest = _by_store(engines, unit, left, began)
    following = iter(rest)
    return [ruling or next(following) for ruling in found]


def _by_table(engines: Engines, request: Request, began: float) -> Ruling | None:
    """None where there is no table, or it cannot name the grant by which something would leave."""
    table = engines.table
    if table is None:
        return None
    now = engines.clock.now()
    refs = [request.through, *(wish.person for wish in request.wishes)]
    app = table.app(request.app) if any(ref.scoped for ref in refs) else None
    through, *persons = [_named(engines, app, ref) for ref in refs]
    fields = [wish.fields for wish in request.wishes]
    judged = table.judge(request.app, persons, through, fields, request.purpose, to_micros(now))
    if judged.grant is None and any(decision.allowed for decision in judged.decisions):
        return None
    return Ruling(request, judged, now, began)


def _named(engines: Engines, app: AppFacts | None, ref: PersonRef) -> str | PersonNumber | None:
    """Whom the platform means, as the table takes it."""
    if ref.scoped:
        return _scoped(engines, None if app is None else app.number, ref.id)
    return ref.id if is_possible(ref.id) else None


def _by_store(engines: Engines, unit: Unit, requests: Sequence[Request], began: float) -> list[Ruling]:
    now = engines.clock.now()
    policy = unit.directory.policy()
    return [Ruling(one, _judged_by_store(engines, unit, policy, now, one), now, began) for one in requests]


def _judged_by_store(engines: Engines, unit: Unit, policy: Policy, now: datetime, request: Request) -> Judged:
    app = unit.directory.app(request.app) if is_possible(request.app) else None
    through, *persons = numbers(engines, unit, app, [request.through, *(wish.person for wish in request.wishes)])
    client = app.client_id if app is not None else ClientId("")  # which no app has
    facts = unit.gate.facts(client, through, [person for person in persons if person is not None])
    # Most wishes of a long list are one tuple, so that of thousands only a few need to be looked into.
    fields = dict.fromkeys(
        field for some in {id(w.fields): w.fields for w in request.wishes}.values() for field in some
    )
    settled = terms(facts, fields, request.purpose, policy=policy, catalogue=engines.catalogue, now=now)
    decisions = judge_all(settled, persons, [wish.fields for wish in request.wishes])
    grant = None if facts.grant is None else facts.grant.id
    stale = settled.refusal is Reason.GATE_STALE
    return Judged(facts.app, through, grant, tuple(persons), tuple(decisions), stale, policy.gate_lag_limit_ms)


def _scoped(engines: Engines, app: AppNumber | None, scoped: str) -> PersonNumber | None:
    return None if app is None else person_of(engines.pairwise, app, scoped)


def both(one: Decision, other: Decision) -> Decision:
    """What both answers allow, until the earlier of their ends; a no of either is a no."""
    if one == other:
        return one
    allowed = tuple(field for field in one.allowed if field in other.allowed)
    first = min((end for end in (one.ends, other.ends) if end is not None), default=None)
    return Decision(allowed, {**one.denied, **other.denied}, first if allowed else None)


def _noted_today(noted: datetime | None, now: datetime) -> bool:
    return noted is not None and now - noted < DAY
