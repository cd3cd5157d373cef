"""A ruling: one request decided on one snapshot, and made durable in the ledger when data is about to leave.

What is promised of a ban, an opt-out or a revocation that is committed while a request is under way: every request
that *begins* after the commit is refused (law 5), because all facts of a request come from one snapshot, taken when it
begins. A request that had taken its snapshot before may still be answered from it. So that this cannot drag on behind
a slow disk, whoever waited for the ledger longer than the gate's lag limit rules again on fresh facts, and only what
both rulings allow leaves. In the ledger such a disclosure may stand after the ban; its `at` is when it was decided.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from beholden.gate.decision import Terms, judge_all, terms
from beholden.gate.pairwise import person_of
from beholden.journeys.ports import Engines, Unit
from beholden.model.app import App
from beholden.model.catalogue import FieldClass
from beholden.model.decision import Decision
from beholden.model.disclosure import Disclosure
from beholden.model.errors import Unavailable
from beholden.model.ids import ClientId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.time import DAY

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
    """What was decided on one request, wish by wish. `began` is when, in monotonic seconds, its facts were read."""

    request: Request
    terms: Terms
    persons: tuple[PersonNumber | None, ...]
    decisions: tuple[Decision, ...]
    began: float

    @property
    def late(self) -> bool:
        """Whether its facts are by now older than a gate's knowledge may be (law 4)."""
        # A span of our own making, not a time in the world: the injected clock may stand still while a disk is slow.
        return (time.monotonic() - self.began) * 1000 > self.terms.policy.gate_lag_limit_ms


def rule(engines: Engines, requests: Sequence[Request]) -> list[Ruling]:
    """Decide every wish of every request on one snapshot; raises Unavailable when the store does not answer."""
    began = time.monotonic()
    with engines.store.read() as unit:
        return rule_within(engines, unit, requests, began)


def rule_within(engines: Engines, unit: Unit, requests: Sequence[Request], began: float) -> list[Ruling]:
    """The same within a unit that began to read at `began` (monotonic seconds)."""
    now = engines.clock.now()
    policy = unit.directory.policy()
    return [_rule_one(engines, unit, policy, now, request, began) for request in requests]


def rule_again(engines: Engines, ruling: Ruling) -> Ruling:
    """Decide anew on fresh facts and keep only what both rulings allow."""
    (again,) = rule(engines, [ruling.request])
    decisions = map(both, ruling.decisions, again.decisions)
    return Ruling(again.request, again.terms, again.persons, tuple(decisions), again.began)


def disclosures(ruling: Ruling, values: Sequence[Mapping[str, str]] = ()) -> list[Disclosure]:
    """What would leave, one for each wish of which anything may; `values` are the texts of what is allowed."""
    facts = ruling.terms.facts
    app, grant = facts.app, facts.grant
    if app is None or grant is None:
        return []
    leaving = []
    for n, (person, decision) in enumerate(zip(ruling.persons, ruling.decisions, strict=True)):
        if person is not None and decision.allowed:
            leaving.append(
                Disclosure(
                    app=app.number,
                    developer=app.developer,
                    person=person,
                    through=grant.person,
                    fields=decision.allowed,
                    purpose=ruling.request.purpose,
                    grant=grant.id,
                    at=ruling.terms.now,
                    values=values[n] if values else {},
                )
            )
    return leaving


def note_permissions(engines: Engines, ruling: Ruling) -> None:
    """Note which approved permissions were used, so that only unused ones lapse (R8); at most once a day for each."""
    app, now, purpose = ruling.terms.facts.app, ruling.terms.now, ruling.request.purpose
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
    return [_scoped(engines, app, ref.id) if ref.scoped else known.get(ref.id) for ref in refs]


def is_possible(text: str) -> bool:
    """Whether a database could hold this id at all; PostgreSQL stores no NUL, UTF-8 no half characters."""
    if not 0 < len(text) <= _LONGEST_ID or "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _rule_one(engines: Engines, unit: Unit, policy: Policy, now: datetime, request: Request, began: float) -> Ruling:
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
    return Ruling(request, settled, tuple(persons), tuple(decisions), began)


def _scoped(engines: Engines, app: App | None, scoped: str) -> PersonNumber | None:
    return None if app is None else person_of(engines.pairwise, app.number, scoped)


def both(one: Decision, other: Decision) -> Decision:
    """What both answers allow, until the earlier of their ends; a no of either is a no."""
    allowed = tuple(field for field in one.allowed if field in other.allowed)
    until = min((end for end in (one.until, other.until) if end is not None), default=None)
    return Decision(allowed, {**one.denied, **other.denied}, until if allowed else None)


def _noted_today(noted: datetime | None, now: datetime) -> bool:
    return noted is not None and now - noted < DAY
