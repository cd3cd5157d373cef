"""Casbin in process: its plain enforcer, and its fast one that is keyed by app and person."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from bench.gate_table import NAMES, World, outside_id
from bench.peers.facts import IDLE_SECONDS
from bench.peers.peer import InProcess
from bench.process import memory_mb

MODEL = """
[request_definition]
r = app, person, field, now
[policy_definition]
p = app, person, fields, ends, idle
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.app == p.app && r.person == p.person && stands(r.person, r.field, r.now, p.fields, p.ends, p.idle)
"""
KEYED = MODEL.replace("r.app == p.app && r.person == p.person && ", "")
"""Where the two are the key, only the pair's own policies are looked at."""
PLAIN, FAST = "Enforcer", "FastEnforcer keyed by app and person"
_BIT = {name: 1 << n for n, name in enumerate(NAMES)}
_CLUSTER = {name: n // 3 for n, name in enumerate(NAMES)}


@contextmanager
def engine(world: World, now: int) -> Iterator[InProcess]:
    """Casbin with a policy a grant; banned apps have none, opt-outs are a function beside the policies."""
    import casbin
    from casbin.model.model_fast import FastModel

    rows = _rows(world)
    stands, text = _stands(world), str(now)

    def enforcer(kind: Any, model: Any, definition: str) -> Any:
        model.load_model_from_text(definition)
        made = kind(model)
        made.model.add_policies("p", "p", rows)
        made.add_function("stands", stands)
        return made

    def way(made: Any) -> Callable[..., list[bool]]:
        return lambda asked: [
            bool(made.enforce(f"app-{q.app}", outside_id(q.person), ",".join(q.fields), text)) for q in asked
        ]

    before, began = memory_mb(os.getpid()), time.process_time()
    fast = enforcer(lambda model: casbin.FastEnforcer(model, cache_key_order=(0, 1)), FastModel((0, 1)), KEYED)
    load_s, memory = time.process_time() - began, memory_mb(os.getpid()) - before
    plain = enforcer(casbin.Enforcer, casbin.Model(), MODEL)
    yield InProcess("casbin", version("casbin"), load_s, memory, {PLAIN: way(plain), FAST: way(fast)}, {PLAIN: 6})


def _rows(world: World) -> list[list[str]]:
    arrays = (world.person, world.app, world.mask, world.ends, world.used)
    banned = world.banned.tolist()
    return [
        [f"app-{app}", outside_id(person), str(mask), str(ends), str(used + IDLE_SECONDS)]
        for person, app, mask, ends, used in zip(*(array.tolist() for array in arrays), strict=True)
        if not banned[app]
    ]


def _stands(world: World) -> Callable[[str, str, str, str, str, str], bool]:
    off, all_off = world.off.tolist(), world.all_off.tolist()

    def stands(person: str, fields: str, now: str, mask: str, ends: str, idle: str) -> bool:
        if not mask:  # asked of the empty policy, which it takes where a pair has none
            return False
        number, granted = int(person.removeprefix("person-")), int(mask)
        own = all(granted & _BIT[name] and _CLUSTER[name] != off[number] for name in fields.split(","))
        return own and int(now) < min(int(ends), int(idle)) and not all_off[number]

    return stands
