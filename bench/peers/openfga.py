"""OpenFGA: grants as tuples with a condition, opt-outs and bans as relations that take away.

A grant's fields, its end and the end by disuse are the condition's own values; the question brings the fields asked for
and the time. The list of fields keeps a question of several fields one check.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson

from bench.gate_table import Query, World, outside_id
from bench.load import load, request
from bench.peers.facts import IDLE_SECONDS, closed_fields, granted
from bench.peers.fetch import OPENFGA, binary
from bench.peers.peer import Server, Way
from bench.process import running
from examples.story.processes import free_port

FAST, STRONG = "MINIMIZE_LATENCY", "HIGHER_CONSISTENCY"
_PLATFORM = "platform:this"
_A_WRITE = 100  # tuples, the most that the server takes
_WRITERS = 4
_TEXTS = {"type_name": "TYPE_NAME_LIST", "generic_types": [{"type_name": "TYPE_NAME_STRING"}]}
_INT = {"type_name": "TYPE_NAME_INT"}
_THIS: dict[str, Any] = {"this": {}}


def _computed(relation: str) -> dict[str, Any]:
    return {"computedUserset": {"relation": relation}}


_MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "app"},
        {
            "type": "platform",
            "relations": {"banned": _THIS},
            "metadata": {"relations": {"banned": {"directly_related_user_types": [{"type": "app"}]}}},
        },
        {
            "type": "person",
            "relations": {
                "platform": _THIS,
                "granted": _THIS,
                "off": _THIS,
                "banned": {
                    "tupleToUserset": {
                        "tupleset": {"relation": "platform"},
                        "computedUserset": {"relation": "banned"},
                    }
                },
                "kept": {"union": {"child": [_computed("off"), _computed("banned")]}},
                "reader": {
                    "difference": {
                        "base": _computed("granted"),
                        "subtract": _computed("kept"),
                    }
                },
            },
            "metadata": {
                "relations": {
                    "platform": {"directly_related_user_types": [{"type": "platform"}]},
                    "granted": {"directly_related_user_types": [{"type": "app", "condition": "stands"}]},
                    "off": {
                        "directly_related_user_types": [
                            {"type": "app", "wildcard": {}},
                            {"type": "app", "wildcard": {}, "condition": "touches"},
                        ]
                    },
                }
            },
        },
    ],
    "conditions": {
        "stands": {
            "name": "stands",
            "expression": "now < ends && now < idle && wanted.all(name, name in fields)",
            "parameters": {"now": _INT, "ends": _INT, "idle": _INT, "wanted": _TEXTS, "fields": _TEXTS},
        },
        "touches": {
            "name": "touches",
            "expression": "wanted.exists(name, name in closed)",
            "parameters": {"wanted": _TEXTS, "closed": _TEXTS},
        },
    },
}
"""In OpenFGA's language: `define reader: granted but not kept`, `define kept: off or banned from platform`."""


@contextmanager
def server(world: World, now: int, engine: str = "sqlite") -> Iterator[Server]:
    """OpenFGA on one core with its caches on, which the stronger consistency goes past; `engine` is memory or sqlite.

    A condition may cost ten times what it may by default, which eight fields asked for would be too much for.
    """
    program = binary("openfga")
    with TemporaryDirectory(prefix="beholden-bench-") as name:
        folder, port = Path(name), free_port()
        store = ["--datastore-engine", engine]
        if engine == "sqlite":
            store += ["--datastore-uri", f"file:{folder / 'store.db'}"]
            _migrate(program, store, folder)
        arguments = [
            str(program), "run", *store, "--http-addr", f"127.0.0.1:{port}", "--grpc-addr", f"127.0.0.1:{free_port()}",
            "--playground-enabled=false", "--metrics-enabled=false", "--log-level", "error",
            "--check-query-cache-enabled", "--check-iterator-cache-enabled", "--check-cache-limit", "100000",
            "--max-condition-evaluation-cost", "1000",
        ]  # fmt: skip
        with running(arguments, folder / "log", port=port, environment={"GOMAXPROCS": "1"}) as pid:
            began = time.perf_counter()
            place, model = _loaded(port, world)
            load_s = time.perf_counter() - began
            ways = tuple(
                Way(kind, partial(_check, place, model, kind, now), lambda body: bool(orjson.loads(body)["allowed"]))
                for kind in (FAST, STRONG)
            )
            yield Server(f"OpenFGA, {engine}", OPENFGA, port, (pid,), ways, load_s)


def _check(place: str, model: str, kind: str, now: int, query: Query) -> bytes:
    body = {
        "tuple_key": {"user": f"app:{query.app}", "relation": "reader", "object": f"person:{outside_id(query.person)}"},
        "context": {"now": now, "wanted": query.fields},
        "authorization_model_id": model,
        "consistency": kind,
    }
    return request(f"{place}/check", orjson.dumps(body), "-")


def _migrate(program: Path, store: Sequence[str], folder: Path) -> None:
    with (folder / "log").open("ab") as log:
        subprocess.run([program, "migrate", *store], stdout=log, stderr=log, check=True)


def _loaded(port: int, world: World) -> tuple[str, str]:
    """Write the model and the world; the store's path and the model's id."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        place = f"/stores/{client.post('/stores', json={'name': 'bench'}).raise_for_status().json()['id']}"
        answer = client.post(f"{place}/authorization-models", json=_MODEL)
        assert answer.is_success, answer.text
        model = answer.json()["authorization_model_id"]
    tuples = list(_tuples(world))
    writes = [
        request(
            f"{place}/write",
            orjson.dumps({"writes": {"tuple_keys": tuples[at : at + _A_WRITE]}, "authorization_model_id": model}),
            "-",
        )
        for at in range(0, len(tuples), _A_WRITE)
    ]
    load(port, (), writes, len(writes), _WRITERS)
    return place, model


def _tuples(world: World) -> Iterator[dict[str, Any]]:
    for app in world.banned.nonzero()[0].tolist():
        yield {"user": f"app:{app}", "relation": "banned", "object": _PLATFORM}
    for n in range(1, world.people + 1):
        person = f"person:{outside_id(n)}"
        yield {"user": _PLATFORM, "relation": "platform", "object": person}
        if world.all_off[n]:
            yield {"user": "app:*", "relation": "off", "object": person}
        elif world.off[n] >= 0:
            context = {"closed": closed_fields(int(world.off[n]))}
            condition = {"name": "touches", "context": context}
            yield {"user": "app:*", "relation": "off", "object": person, "condition": condition}
    arrays = (world.person, world.app, world.mask, world.ends, world.used)
    for number, app, mask, ends, used in zip(*(array.tolist() for array in arrays), strict=True):
        terms = {"fields": granted(mask), "ends": ends, "idle": used + IDLE_SECONDS}
        yield {
            "user": f"app:{app}",
            "relation": "granted",
            "object": f"person:{outside_id(number)}",
            "condition": {"name": "stands", "context": terms},
        }
