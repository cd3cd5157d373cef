"""Worlds for the gate, made from small pools: the same world once as the gate's facts and once as the oracle's dict.

Times lie on and one microsecond beside every boundary, and every pool leans towards what is in order, so that a world
often gets as far as the last rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from beholden.gate.facts import AppFacts, Facts, PersonFacts
from beholden.model.catalogue import Catalogue, Cluster, Field, FieldClass
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAYS_90 = timedelta(days=90)
LAST_USES = (None, NOW - DAYS_90, NOW - DAYS_90 + TICK, NOW - DAYS_90 - TICK, NOW - timedelta(days=1), NOW)
ENDS = (None, NOW, NOW + TICK, NOW - TICK, NOW + timedelta(days=100))
LAGS = (0.0, 3.0, 999.9, 1000.0, 1000.1, float("nan"))
FIELDS = ("name", "birthday", "likes", "religion", "shoe_size")
PURPOSES = ("service", "advertising")
SELF, FRIEND, STRANGER = PersonNumber(1), PersonNumber(2), PersonNumber(9)
APP, OTHER_APP = AppNumber(5), AppNumber(6)
CLASSES = {
    "identity": FieldClass.BASIC,
    "birthday": FieldClass.SENSITIVE,
    "likes": FieldClass.SENSITIVE,
    "belief": FieldClass.RESTRICTED,
}
CLUSTER_OF = {"name": "identity", "birthday": "birthday", "likes": "likes", "religion": "belief"}
CATALOGUE = Catalogue(
    tuple(
        Cluster(name, name, name, class_, tuple(Field(f, f) for f, c in CLUSTER_OF.items() if c == name))
        for name, class_ in CLASSES.items()
    )
)
POLICIES = tuple(
    Policy(inactivity_days=days, review_required=review, contract_required=contract, indirect=indirect)
    for days in (90, 90, 90, None, 30)
    for review in (True, True, False)
    for contract in (True, False)
    for indirect in Indirect
)


@dataclass(frozen=True)
class World:
    """One request: `facts` for the gate, and the same in plain values for the oracle."""

    facts: Facts
    policy: Policy
    purpose: str
    plain: Mapping[str, Any]
    persons: Mapping[PersonNumber, Mapping[str, Any]]

    def seen_by_oracle(self, person: PersonNumber | None, field: str) -> dict[str, Any]:
        """The oracle's view of one field of one person."""
        cluster = CLUSTER_OF.get(field)
        return {
            **self.plain,
            "subject": self.persons.get(person) if person is not None else None,
            "field": field,
            "cluster": cluster,
            "class_of_field": None if cluster is None else CLASSES[cluster].value,
        }


class Pools:
    """Some hundred parts of each kind, paired with their plain form, drawn once and combined ever anew."""

    def __init__(self, random: Random, size: int = 200) -> None:
        self._random = random
        self._apps = [_app(random) for _ in range(size)]
        self._grants = [_grant(random) for _ in range(size)]
        self._selves = [one_person(random, SELF) for _ in range(size)]
        self._friends = [one_person(random, FRIEND) for _ in range(size)]

    def worlds(self) -> Iterator[World]:
        """Worlds without end."""
        random = self._random
        while True:
            parts = [self._apps, self._grants, self._selves, self._friends]
            app, grant, self_, friend = (one if random.random() < 0.97 else None for one in map(random.choice, parts))
            known = [one for one in (self_, friend) if one is not None]
            lag = random.choice(LAGS) if random.random() < 0.1 else 0.0
            policy, purpose = random.choice(POLICIES), PURPOSES[random.random() < 0.1]
            yield World(
                Facts(
                    lag,
                    app and app[0],
                    self_ and self_[0],
                    grant and grant[0],
                    {facts.number: facts for facts, _ in known},
                ),
                policy,
                purpose,
                {
                    "lag_ms": lag,
                    "lag_limit_ms": 1000,
                    "now": NOW,
                    "app": app and app[1],
                    "grant": grant and grant[1],
                    "granter": self_ and self_[1],
                    "purpose": purpose,
                    "inactivity_days": policy.inactivity_days,
                    "review_required": policy.review_required,
                    "contract_required": policy.contract_required,
                    "indirect_by_default": policy.indirect is Indirect.OPT_OUT,
                },
                {facts.number: plain for facts, plain in known},
            )


def _mostly(random: Random, usual: Any, others: Sequence[Any], share: float = 0.85) -> Any:
    return usual if random.random() < share else random.choice(others)


def _app(random: Random) -> tuple[AppFacts, dict[str, Any]]:
    own, developers = (_mostly(random, Standing.ACTIVE, list(Standing), 0.9) for _ in range(2))
    asked = [(cluster, purpose) for cluster in CLASSES for purpose in PURPOSES]
    approvals = {pair: random.choice(ENDS) for pair in asked if random.random() < 0.8}
    contracts = frozenset(cluster for cluster in CLASSES if random.random() < 0.8)
    facts = AppFacts(APP, DeveloperNumber(3), own, developers, approvals, contracts)
    plain = {"number": 5, "app": own.value, "developer": developers.value, "approvals": approvals}
    return facts, {**plain, "contracts": set(contracts)}


def _grant(random: Random) -> tuple[Grant, dict[str, Any]]:
    fields, through = (frozenset(f for f in FIELDS if random.random() < 0.8) for _ in range(2))
    purposes = frozenset(p for p in PURPOSES if random.random() < 0.9)
    state = _mostly(random, GrantState.ACTIVE, list(GrantState))
    ends_at, person = _mostly(random, ENDS[-1], ENDS, 0.7), _mostly(random, SELF, [FRIEND], 0.97)
    app = _mostly(random, APP, [OTHER_APP], 0.97)
    facts = Grant(GrantId("grant_x"), person, app, fields, through, purposes, NOW - timedelta(days=200), ends_at, state)
    plain = {"person": int(person), "app": int(app), "state": state.value, "ends_at": ends_at}
    return facts, {**plain, "fields": set(fields), "through_fields": set(through), "purposes": set(purposes)}


def one_person(random: Random, number: PersonNumber) -> tuple[PersonFacts, dict[str, Any]]:
    plain = {
        "all_off": random.random() < 0.05,
        "app_off": random.random() < 0.05,
        "clusters_off": frozenset(cluster for cluster in CLASSES if random.random() < 0.1),
        "indirect": random.choice((True, True, True, False, None)),
        "had_grant": random.random() < 0.7,
        "last_use": _mostly(random, LAST_USES[-2], LAST_USES, 0.7),
    }
    return PersonFacts(number, **plain), {"number": int(number), **plain}
