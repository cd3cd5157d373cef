"""An independent engine, Cedar, with policies written from the design's words, allows what the table allows."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from cedarpy import Entities, PolicySet, is_authorized_batch

from beholden.model.policy import Indirect
from beholden.model.time import to_micros
from tests.gate.houses import MOMENTS, House
from tests.gate.test_compiled import Host
from tests.gate.worlds import CLASSES, CLUSTER_OF, FIELDS, POLICIES, PURPOSES

POLICY_SET = PolicySet.from_str(
    """
    // What the granting person allowed, for whom, until when; minus what the person whose data it is keeps back.
    permit (principal is App, action == Action::"read", resource is Person) when {
        principal has own && resource has off && context.granter has off && context.grant has ends &&
        context.grant.active && context.now < context.grant.ends &&
        context.grant.purposes.contains(context.purpose) &&
        (if context.granter == resource then context.grant.own.contains(context.field)
         else context.grant.through.contains(context.field)) &&
        context.known && !resource.clusters.contains(context.cluster)
    };
    // R2: who was stopped gets nothing, nor does any app of a developer who was.
    forbid (principal, action, resource) when {
        ["suspended", "banned"].contains(principal.own) || ["suspended", "banned"].contains(principal.developer)
    };
    // R7: everyone's switches, the person's and the granting person's; and whether friends' apps may see.
    forbid (principal, action, resource) when {
        resource.off || context.granter.off || context.tie.off || context.granterTie.off ||
        (context.granter != resource &&
         (resource.indirect == "no" || (resource.indirect == "unsaid" && !context.byDefault)))
    };
    // R6: three months without the person's own use, of the person and of the granting person.
    forbid (principal, action, resource) when {
        context.clock > 0 &&
        ((context.tie.had && context.now >= context.tie.used + context.clock) ||
         (context.granterTie.had && context.now >= context.granterTie.used + context.clock))
    };
    // R8: beyond basic data, an approved purpose and a signed contract, and no restriction.
    forbid (principal, action, resource) when {
        !context.basic &&
        (principal.own == "restricted" || principal.developer == "restricted" ||
         (context.reviews && !(context.review has ends && context.now < context.review.ends)) ||
         (context.contracts && !principal.contracts.contains(context.cluster)))
    };
    """
)
NEVER = 2**62
LONG_AGO = -(2**61)


def uid(kind: str, *parts: object) -> dict[str, str]:
    return {"type": kind, "id": "|".join(map(str, parts))}


def entity(kind: str, parts: tuple[object, ...], attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": uid(kind, *parts), "attrs": attributes, "parents": []}


def micros(instant: datetime | None, otherwise: int) -> int:
    return otherwise if instant is None else to_micros(instant)


def entities_of(house: House) -> Entities:
    """The house as Cedar sees it."""
    found = []
    for row in house.apps.values():
        facts = row.facts
        standing = {"own": facts.standing.value, "developer": facts.developer_standing.value}
        found.append(entity("App", (row.client_id,), {**standing, "contracts": sorted(facts.contracts)}))
        for (cluster, purpose), end in facts.approvals.items():
            found.append(entity("Review", (row.client_id, cluster, purpose), {"ends": micros(end, NEVER)}))
        for number in house.people:
            pair = house.pairs.get((number, facts.number))
            tie = {"off": bool(pair and pair.app_off), "had": bool(pair and pair.had_grant)}
            tie["used"] = micros(pair.last_use if pair else None, LONG_AGO)
            found.append(entity("Tie", (number, row.client_id), tie))
            if pair and pair.grant:
                grant = pair.grant
                terms = {"own": sorted(grant.fields), "through": sorted(grant.through_fields)}
                terms |= {"purposes": sorted(grant.purposes), "active": grant.state.value == "active"}
                terms["ends"] = micros(grant.ends_at, NEVER)
                found.append(entity("Grant", (number, row.client_id), terms))
    for person in house.people.values():
        if not person.erased:
            said = {None: "unsaid", True: "yes", False: "no"}[person.indirect]
            switches = {"off": person.all_off, "clusters": sorted(person.clusters_off), "indirect": said}
            found.append(entity("Person", (person.number,), switches))
    return Entities.from_json_str(json.dumps(found))


def request(house: House, client: str, person: int, through: int, field: str, purpose: str, now: datetime) -> dict:
    cluster, policy = CLUSTER_OF.get(field, ""), house.policy
    entities = {
        "granter": uid("Person", through),
        "grant": uid("Grant", through, client),
        "tie": uid("Tie", person, client),
        "granterTie": uid("Tie", through, client),
        "review": uid("Review", client, cluster, purpose),
    }
    days = policy.inactivity_days
    return {
        "principal": uid("App", client),
        "action": uid("Action", "read"),
        "resource": uid("Person", person),
        "context": {
            **{name: {"__entity": found} for name, found in entities.items()},
            "now": to_micros(now),
            "purpose": purpose,
            "field": field,
            "cluster": cluster,
            "known": bool(cluster),
            "basic": bool(cluster) and CLASSES[cluster].value == "basic",
            "clock": 0 if days is None else timedelta(days=days) // timedelta(microseconds=1),
            "reviews": policy.review_required,
            "contracts": policy.contract_required,
            "byDefault": policy.indirect is Indirect.OPT_OUT,
        },
    }


def batches(host: Host, random: Random, batch: int) -> Iterator[list[tuple[Any, ...]]]:
    """Questions without end, as one batch for each state of the world."""
    house = host.house
    people, clients = [*house.people, len(house.people) + 7], [*house.apps, "nix"]
    while True:
        house.policy = random.choice(POLICIES)
        host.apply(policy=house.policy)
        for _ in range(5):
            host.change(random)
        yield [
            (
                random.choice(clients),
                (through := random.choice(people)),
                through if random.random() < 0.5 else random.choice(people),
                random.choice(FIELDS),
                PURPOSES[random.random() < 0.1],
                random.choice(MOMENTS),
            )
            for _ in range(batch)
        ]


def agree(host: Host, random: Random, cases: int, batch: int) -> Counter[bool]:
    heard: Counter[bool] = Counter()
    for asked in batches(host, random, batch):
        house = host.house
        requests = [request(house, app, person, by, *rest) for app, by, person, *rest in asked]
        answers = is_authorized_batch(requests, POLICY_SET, entities_of(house))
        host.apply()
        for (app, by, person, field, purpose, now), cedar in zip(asked, answers, strict=True):
            told = host.reader.decide(app, person, by, (field,), purpose, to_micros(now))
            assert (told.allowed == (field,)) == cedar.allowed, (app, by, person, field, purpose, now, told)
            heard[cedar.allowed] += 1
        if heard.total() >= cases:
            return heard
    raise AssertionError("unreachable")


def test_cedar_agrees_on_random_cases(tmp_path):
    host = Host(tmp_path, House(Random(5), 40, 6))
    heard = agree(host, Random(6), 20_000, 2_500)
    host.writer.close()
    assert heard[True] > 1_000, heard


@pytest.mark.evidence
def test_cedar_agrees_on_a_million_cases(tmp_path):
    heard: Counter[bool] = Counter()
    for seed in range(10):
        host = Host(tmp_path / str(seed), House(Random(seed), 60, 8))
        heard += agree(host, Random(seed), 100_000, 5_000)
        host.writer.close()
    assert heard.total() >= 1_000_000
    assert heard[True] > 50_000, heard
