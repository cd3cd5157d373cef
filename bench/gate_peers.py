"""The decision table beside Cedar and casbin, in one process, on the same questions; agreement first."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from beholden.gate.rows import seconds
from bench.gate_table import CLUSTER_OF, NAMES, NOW, Query, Report, World, measure, outside_id, questions, world_of

CEDAR = """
permit (principal is App, action == Action::"read", resource is Person) when {
    context.grant has ends && context.now < context.grant.ends && context.grant.fields.containsAll(context.fields)
};
forbid (principal, action, resource) when { principal.banned };
forbid (principal, action, resource) when { resource.off || resource.clusters.containsAny(context.clusters) };
forbid (principal, action, resource) when { context.now >= context.grant.used + 7776000 };
"""
CASBIN = """
[request_definition]
r = app, person, field, now
[policy_definition]
p = app, person, fields, ends, idle
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.app == p.app && r.person == p.person && stands(r.person, r.field, r.now, p.fields, p.ends, p.idle)
"""


def peers(people: int = 5_000, apps: int = 1_000, *, cedar: int = 4_000, casbin: int = 12) -> Report:
    """The table, Cedar and casbin on the same questions, whole yes or no, at `people * 20` grants; agreement first.

    Each peer is used as its documentation says is fast: Cedar with parsed policies and entities that are kept, casbin
    with its enforcer in memory. Their shares of a CPU second are `per_s`, `ratio` is the table's over theirs.
    """
    world = world_of(people, apps)
    asked = questions(world, max(cedar, 5_000))
    right = [query.label == "allowed" for query in asked]
    report = measure(people, apps, queries=len(asked), checked=len(asked), rounds=3)
    engines = {"cedarpy": (_cedar(world), cedar), "casbin": (_casbin(world), casbin)}
    for name, (decide, count) in engines.items():
        told, began = [], time.process_time()
        for query in asked[:count]:
            told.append(decide(query))
        per_s = count / (time.process_time() - began)
        agreement = sum(a == b for a, b in zip(told, right[:count], strict=True)) / count
        report.peers[name] = {"agreement": agreement, "per_s": per_s, "ratio": report.per_s / per_s, "cases": count}
    return report


def _cedar(world: World) -> Callable[[Query], bool]:
    from cedarpy import Entities, PolicySet, is_authorized

    found = [_entity("App", f"app-{n}", {"banned": bool(world.banned[n])}) for n in range(world.apps)]
    for n in range(1, world.people + 1):
        off = [] if world.off[n] < 0 else [f"cluster_{world.off[n]}"]
        found.append(_entity("Person", outside_id(n), {"off": bool(world.all_off[n]), "clusters": off}))
    for at in range(world.grants):
        fields = [name for n, name in enumerate(NAMES) if world.mask[at] >> n & 1]
        terms = {"fields": fields, "ends": int(world.ends[at]), "used": int(world.used[at])}
        found.append(_entity("Grant", f"{outside_id(int(world.person[at]))}|{world.app[at]}", terms))
    policies, entities, now = PolicySet.from_str(CEDAR), Entities.from_json_str(json.dumps(found)), seconds(NOW)

    def decide(query: Query) -> bool:
        who = outside_id(query.person)
        asked = {
            "principal": {"type": "App", "id": f"app-{query.app}"},
            "action": {"type": "Action", "id": "read"},
            "resource": {"type": "Person", "id": who},
            "context": {
                "now": now,
                "fields": list(query.fields),
                "clusters": list({CLUSTER_OF[name].name for name in query.fields}),
                "grant": {"__entity": {"type": "Grant", "id": f"{who}|{query.app}"}},
            },
        }
        return bool(is_authorized(asked, policies, entities).allowed)

    return decide


def _entity(kind: str, id_: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": id_}, "attrs": attributes, "parents": []}


def _casbin(world: World) -> Callable[[Query], bool]:
    import casbin

    model = casbin.Model()
    model.load_model_from_text(CASBIN)
    enforcer = casbin.Enforcer(model)
    rows = [
        [
            f"app-{world.app[at]}",
            outside_id(int(world.person[at])),
            str(world.mask[at]),
            str(world.ends[at]),
            str(int(world.used[at]) + 90 * 86_400),
        ]
        for at in range(world.grants)
        if not world.banned[world.app[at]]
    ]
    enforcer.model.add_policies("p", "p", rows)

    def stands(person: str, fields: str, now: str, mask: str, ends: str, idle: str) -> bool:
        number = int(person.removeprefix("person-"))
        wanted = [NAMES.index(name) for name in fields.split(",")]
        own = all(int(mask) >> n & 1 and n // 3 != world.off[number] for n in wanted)
        return own and int(now) < min(int(ends), int(idle)) and not world.all_off[number]

    enforcer.add_function("stands", stands)
    now = str(seconds(NOW))
    return lambda q: bool(enforcer.enforce(f"app-{q.app}", outside_id(q.person), ",".join(q.fields), now))


if __name__ == "__main__":
    whole = {"people": 1_000_000, "queries": 100_000, "checked": 10_000} if "full" in sys.argv else {}
    print(measure(**whole))
    print(peers())
