"""Cerbos: a server that holds policies and nothing else; whoever asks sends the facts along."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml

from bench.gate_table import Query, World, outside_id
from bench.load import request
from bench.peers.facts import Lookup
from bench.peers.fetch import CERBOS, binary
from bench.peers.peer import Server, Way
from bench.process import running
from examples.story.processes import free_port

# One expression: as a list of them under `all` it is slower by a few percent.
_MAY_READ = (
    "!P.attr.banned && !R.attr.off && R.attr.ends > P.attr.now && R.attr.idle > P.attr.now && "
    "!hasIntersection(R.attr.closed, P.attr.fields) && isSubset(P.attr.fields, R.attr.granted)"
)
_RULE = {
    "actions": ["read"],
    "effect": "EFFECT_ALLOW",
    "roles": ["app"],
    "condition": {"match": {"expr": _MAY_READ}},
}
_POLICY = {
    "apiVersion": "api.cerbos.dev/v1",
    "resourcePolicy": {"resource": "person", "version": "default", "rules": [_RULE]},
}
_FETCHED = "app, person and grant"


@contextmanager
def server(world: World, now: int) -> Iterator[Server]:
    """Cerbos on one core, without metrics, audit and telemetry."""
    program, lookup = binary("cerbos"), Lookup(world)

    def facts_of(query: Query) -> tuple[dict[str, Any], dict[str, Any]]:
        facts = lookup.facts(query)
        app = {"banned": facts.banned, "now": now, "fields": query.fields}
        person = {
            "off": facts.all_off,
            "closed": facts.closed,
            "ends": facts.ends,
            "idle": facts.idle,
            "granted": facts.fields,
        }
        return app, person

    def check(query: Query) -> bytes:
        app, person = facts_of(query)
        body = {
            "principal": {"id": f"app-{query.app}", "roles": ["app"], "attr": app},
            "resources": [
                {
                    "actions": ["read"],
                    "resource": {"kind": "person", "id": outside_id(query.person), "attr": person},
                }
            ],
        }
        return request("/api/check/resources", orjson.dumps(body), "-")

    def authzen(query: Query) -> bytes:
        app, person = facts_of(query)
        body = {
            "subject": {"type": "app", "id": f"app-{query.app}", "properties": {"cerbos.roles": ["app"], **app}},
            "action": {"name": "read"},
            "resource": {"type": "person", "id": outside_id(query.person), "properties": person},
        }
        return request("/access/v1/evaluation", orjson.dumps(body), "-")

    ways = (
        Way("CheckResources", check, lambda body: b'"read":"EFFECT_ALLOW"' in body.replace(b" ", b""), _FETCHED),
        Way("AuthZEN", authzen, lambda body: bool(orjson.loads(body)["decision"]), _FETCHED),
    )
    with TemporaryDirectory(prefix="beholden-bench-") as name:
        folder, port = Path(name), free_port()
        _furnish(folder, port, free_port())
        arguments = [str(program), "server", "--config", str(folder / "config.yaml"), "--log-level", "error"]
        quiet = {"GOMAXPROCS": "1"}
        with running([*arguments, "--debug-listen-addr", ""], folder / "log", port=port, environment=quiet) as pid:
            yield Server("Cerbos", CERBOS, port, (pid,), ways)


def _furnish(folder: Path, port: int, grpc_port: int) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "person.yaml").write_text(yaml.safe_dump(_POLICY), encoding="utf-8")
    config = {
        "server": {
            "httpListenAddr": f"127.0.0.1:{port}",
            "grpcListenAddr": f"127.0.0.1:{grpc_port}",
            "metricsEnabled": False,
        },
        "telemetry": {"disabled": True},
        "audit": {"enabled": False},
        "storage": {"driver": "disk", "disk": {"directory": str(folder / "policies"), "watchForChanges": False}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
