"""A house full of people, apps and grants at random: the same once as rows for the decision table, once as the pure
gate's facts, and once in the oracle's plain values.

It reuses the pools of `worlds`. Ends and uses are whole seconds, as the product records them; what falls on and one
microsecond beside every boundary is the time of the question.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.gate.rows import AppRow, PairRow, PersonRow
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, GrantId, OutsideId, PersonNumber
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing
from tests.gate.worlds import CLASSES, CLUSTER_OF, DAYS_90, FIELDS, NOW, PURPOSES, TICK

SECOND = timedelta(seconds=1)
MOMENTS = (NOW, NOW, NOW - TICK, NOW + TICK, NOW - SECOND, NOW + SECOND, NOW - DAYS_90, NOW + timedelta(days=100))
_USES = (None, NOW - DAYS_90, NOW - DAYS_90 + SECOND, NOW - DAYS_90 - SECOND, NOW - timedelta(days=30), NOW)
_ENDS = (None, NOW, NOW + SECOND, NOW - SECOND, NOW + timedelta(days=100))
_APPROVED = (None, NOW, NOW + TICK, NOW - TICK, NOW + timedelta(days=50))


def outside_id(number: int) -> OutsideId:
    """What the platform calls a person: most of them plainly, some at length, or in letters that are hard to write."""
    odd = {3: "é", 5: "x" * 60, 7: "é" * 90}.get(number % 12, "")
    return OutsideId(f"person-{number}{odd}")


class House:
    """Its rows change as one likes; the facts and the plain worlds always follow them."""

    def __init__(self, random: Random, people: int, apps: int) -> None:
        self.random = random
        self.people: dict[int, PersonRow] = {}
        self.pairs: dict[tuple[int, int], PairRow] = {}
        self.apps: dict[str, AppRow] = {}
        self.policy = Policy()
        for number in range(1, people + 1):
            self.people[number] = self.some_person(number)
        for number in range(1, apps + 1):
            row = self.some_app(number)
            self.apps[row.client_id] = row
        for number in self.people:
            for app in range(1, apps + 1):
                if random.random() < 0.8:
                    self.pairs[number, app] = self.some_pair(number, app)

    def some_person(self, number: int) -> PersonRow:
        """A person with switches at random."""
        random = self.random
        off = frozenset(cluster for cluster in CLASSES if random.random() < 0.1)
        indirect = random.choice((True, True, True, False, None))
        erased, all_off = random.random() < 0.03, random.random() < 0.05
        return PersonRow(PersonNumber(number), outside_id(number), erased, all_off, indirect, off)

    def some_app(self, number: int) -> AppRow:
        """An app with standing, approvals and contracts at random."""
        random = self.random
        own, developers = (
            random.choice(list(Standing)) if random.random() < 0.08 else Standing.ACTIVE for _ in range(2)
        )
        asked = [(cluster, purpose) for cluster in CLASSES for purpose in PURPOSES]
        approvals = {pair: random.choice(_APPROVED) for pair in asked if random.random() < 0.8}
        contracts = frozenset(cluster for cluster in CLASSES if random.random() < 0.8)
        facts = AppFacts(AppNumber(number), DeveloperNumber(3), own, developers, approvals, contracts)
        return AppRow(ClientId(f"app-{number}"), facts)

    def some_grant(self, person: int, app: int) -> Grant:
        """A grant at random, mostly in order."""
        random = self.random
        fields, through = (frozenset(f for f in FIELDS if random.random() < 0.8) for _ in range(2))
        purposes = frozenset(p for p in PURPOSES if random.random() < 0.9)
        state = GrantState.ACTIVE if random.random() < 0.85 else random.choice(list(GrantState))
        ends = _ENDS[-1] if random.random() < 0.7 else random.choice(_ENDS)
        ids = GrantId("grant_x"), PersonNumber(person), AppNumber(app)
        return Grant(*ids, fields, through, purposes, NOW - timedelta(days=200), ends, state)

    def some_pair(self, person: int, app: int) -> PairRow:
        """A pair at random; half of those without a grant had one."""
        random = self.random
        grant = self.some_grant(person, app) if random.random() < 0.9 else None
        used = _USES[-2] if random.random() < 0.7 else random.choice(_USES)
        had = grant is not None if random.random() < 0.8 else random.random() < 0.5
        nth = random.choice((1, 1, 2, 300)) if grant else 0
        return PairRow(PersonNumber(person), AppNumber(app), grant, nth, random.random() < 0.05, had, used)

    def number_of(self, outside: str) -> PersonNumber | None:
        """The directory's answer."""
        row = next((one for one in self.people.values() if one.outside_id == outside), None)
        return None if row is None or row.erased else row.number

    def facts(self, client: str, through: PersonNumber | None, persons: list[PersonNumber | None]) -> Facts:
        """What the port would say."""
        app = self.apps.get(client)
        if app is None:
            return Facts(0.0, None, None, None, {})
        known = {
            n: found
            for n in dict.fromkeys([*persons, through])
            if n is not None and (found := self.person_facts(n, app.facts.number)) is not None
        }
        pair = self.pairs.get((through or 0, app.facts.number))
        granter = known.get(through) if through is not None else None
        return Facts(0.0, app.facts, granter, pair.grant if pair is not None and granter else None, known)

    def person_facts(self, number: PersonNumber, app: AppNumber) -> PersonFacts | None:
        """One person beside one app."""
        row = self.people.get(number)
        if row is None or row.erased:
            return None
        pair = self.pairs.get((number, app)) or PairRow(number, app)
        switches = row.all_off, pair.app_off, row.clusters_off, row.indirect
        return PersonFacts(number, *switches, pair.had_grant, pair.last_use)

    def plain(self, facts: Facts, person: PersonNumber | None, purpose: str, now: datetime) -> dict[str, Any]:
        """The oracle's view, but for the field."""
        policy, app, grant = self.policy, facts.app, facts.grant
        return {
            "lag_ms": 0.0,
            "lag_limit_ms": policy.gate_lag_limit_ms,
            "now": now,
            "app": app
            and {
                "number": app.number,
                "app": app.standing.value,
                "developer": app.developer_standing.value,
                "approvals": app.approvals,
                "contracts": app.contracts,
            },
            "grant": grant and {**_plain(grant), "state": grant.state.value},
            "granter": facts.through and _plain(facts.through),
            "subject": _plain(facts.persons[person]) if person in facts.persons else None,
            "purpose": purpose,
            "inactivity_days": policy.inactivity_days,
            "review_required": policy.review_required,
            "contract_required": policy.contract_required,
            "indirect_by_default": policy.indirect is Indirect.OPT_OUT,
        }


def field_of(world: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The oracle's view of one field."""
    cluster = CLUSTER_OF.get(field)
    class_ = None if cluster is None else CLASSES[cluster].value
    return {**world, "field": field, "cluster": cluster, "class_of_field": class_}


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def narrowed(grant: Grant, keep: frozenset[str]) -> Grant:
    """The grant with fewer fields."""
    return replace(grant, fields=grant.fields & keep, through_fields=grant.through_fields & keep)
