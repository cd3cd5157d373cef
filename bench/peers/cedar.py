"""Cedar in process (cedarpy), in every way of asking that its documentation knows; the quickest one is its figure."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import orjson

from bench.gate_table import Query, World, outside_id
from bench.peers.facts import IDLE_SECONDS, Lookup, closed_fields, granted
from bench.peers.peer import InProcess
from bench.process import memory_mb

BATCH = 100

FOUR_POLICIES = """
permit (principal is App, action == Action::"read", resource is Person) when {
    context.grant has ends && context.now < context.grant.ends && context.grant.fields.containsAll(context.fields)
};
forbid (principal, action, resource) when { principal.banned };
forbid (principal, action, resource) when { resource.off || resource.closed.containsAny(context.fields) };
forbid (principal, action, resource) when { context.now >= context.grant.idle };
"""
ONE_POLICY = """
permit (principal is App, action == Action::"read", resource is Person) when {
    context.grant has ends && !principal.banned && !resource.off &&
    context.now < context.grant.ends && context.now < context.grant.idle &&
    !(resource.closed.containsAny(context.fields)) && context.grant.fields.containsAll(context.fields)
};
"""
OF_THE_GRANT = """
permit (principal is App, action == Action::"read", resource is Grant) when {
    resource has ends && !principal.banned && !resource.person.off &&
    context.now < resource.ends && context.now < resource.idle &&
    !(resource.person.closed.containsAny(context.fields)) && resource.fields.containsAll(context.fields)
};
"""
FACTS_IN_CONTEXT = """
permit (principal, action, resource) when {
    !context.banned && !context.off && context.now < context.ends && context.now < context.idle &&
    !(context.closed.containsAny(context.fields)) && context.granted.containsAll(context.fields)
};
"""


@contextmanager
def engine(world: World, now: int) -> Iterator[InProcess]:
    """Cedar with the whole world as entities; `now` is the world's second."""
    import cedarpy as cedar

    before, began = memory_mb(os.getpid()), time.process_time()
    entities = cedar.Entities.from_json_str(orjson.dumps(_entities(world)).decode())
    load_s, memory = time.process_time() - began, memory_mb(os.getpid()) - before
    none = cedar.Entities.from_json_str("[]")
    texts = (FOUR_POLICIES, ONE_POLICY, OF_THE_GRANT, FACTS_IN_CONTEXT)
    four, one, of_grant, inline = map(cedar.PolicySet.from_str, texts)
    lookup = Lookup(world)

    def kept(query: Query) -> dict[str, Any]:
        grant = {"__entity": {"type": "Grant", "id": _grant_id(query)}}
        return _request(query, {"now": now, "fields": query.fields, "grant": grant})

    def granted_by(query: Query) -> dict[str, Any]:
        asked = _request(query, {"now": now, "fields": query.fields})
        return asked | {"resource": {"type": "Grant", "id": _grant_id(query)}}

    def stateless(query: Query) -> dict[str, Any]:
        facts = lookup.facts(query)
        context = {
            "now": now,
            "fields": query.fields,
            "banned": facts.banned,
            "off": facts.all_off,
            "closed": facts.closed,
            "granted": facts.fields,
            "ends": facts.ends,
            "idle": facts.idle,
        }
        return _request(query, context)

    def sliced(query: Query) -> bool:
        facts, who = lookup.facts(query), outside_id(query.person)
        grant = {"fields": facts.fields, "ends": facts.ends, "idle": facts.idle} if facts.ends else {}
        slice_ = [
            _entity("App", f"app-{query.app}", {"banned": facts.banned}),
            _entity("Person", who, {"off": facts.all_off, "closed": facts.closed}),
            _entity("Grant", _grant_id(query), grant),
        ]
        return bool(cedar.is_authorized(kept(query), four, orjson.dumps(slice_).decode()).allowed)

    def each(request: Callable[[Query], dict[str, Any]], policies: Any, of: Any) -> Callable[..., list[bool]]:
        return lambda asked: [bool(cedar.is_authorized(request(query), policies, of).allowed) for query in asked]

    def batched(request: Callable[[Query], dict[str, Any]], policies: Any, of: Any) -> Callable[..., list[bool]]:
        def answer(asked: Sequence[Query]) -> list[bool]:
            told: list[bool] = []
            for began in range(0, len(asked), BATCH):
                some = [request(query) for query in asked[began : began + BATCH]]
                told += [bool(answer.allowed) for answer in cedar.is_authorized_batch(some, policies, of)]
            return told

        return answer

    ways = {
        "handles, 4 policies": each(kept, four, entities),
        "handles, 1 policy": each(kept, one, entities),
        f"handles, 4 policies, batch of {BATCH}": batched(kept, four, entities),
        f"handles, 1 policy, batch of {BATCH}": batched(kept, one, entities),
        "the grant is the resource": each(granted_by, of_grant, entities),
        f"the grant is the resource, batch of {BATCH}": batched(granted_by, of_grant, entities),
        "slice of 3 entities a call": lambda asked: [sliced(query) for query in asked],
        "facts in the context, no entities": each(stateless, inline, none),
        f"facts in the context, batch of {BATCH}": batched(stateless, inline, none),
    }
    yield InProcess("cedarpy", version("cedarpy"), load_s, memory, ways)


def _request(query: Query, context: dict[str, Any]) -> dict[str, Any]:
    # As text: the library would write a dict as JSON itself, with a slower writer.
    return {
        "principal": {"type": "App", "id": f"app-{query.app}"},
        "action": {"type": "Action", "id": "read"},
        "resource": {"type": "Person", "id": outside_id(query.person)},
        "context": orjson.dumps(context).decode(),
    }


def _entities(world: World) -> list[dict[str, Any]]:
    found = [_entity("App", f"app-{n}", {"banned": bool(world.banned[n])}) for n in range(world.apps)]
    for n in range(1, world.people + 1):
        attributes = {"off": bool(world.all_off[n]), "closed": closed_fields(int(world.off[n]))}
        found.append(_entity("Person", outside_id(n), attributes))
    for person, app, mask, ends, used in zip(
        *(a.tolist() for a in (world.person, world.app, world.mask, world.ends, world.used)), strict=True
    ):
        whose = {"__entity": {"type": "Person", "id": outside_id(person)}}
        terms = {"fields": granted(mask), "ends": ends, "idle": used + IDLE_SECONDS, "person": whose}
        found.append(_entity("Grant", f"{outside_id(person)}|{app}", terms))
    return found


def _grant_id(query: Query) -> str:
    return f"{outside_id(query.person)}|{query.app}"


def _entity(kind: str, id_: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": id_}, "attrs": attributes, "parents": []}
