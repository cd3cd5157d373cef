"""SpiceDB: grants as relationships that expire, opt-outs and bans as relations that take away.

A grant expires by itself at its end or at the end by disuse, whichever comes first: a use would write it anew. Its
fields are the values of a caveat, to which the question brings the fields asked for.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson

from beholden.gate.rows import seconds
from bench.gate_table import Query, World, outside_id
from bench.load import load, request
from bench.peers.facts import IDLE_SECONDS, closed_fields, granted
from bench.peers.fetch import SPICEDB, binary
from bench.peers.peer import Server, Way
from bench.process import children, running
from examples.story.processes import free_port

SCHEMA = """
use expiration

definition app {}

definition platform {
    relation banned: app
}

caveat covers(wanted list<string>, fields list<string>) {
    wanted.all(name, name in fields)
}

caveat touches(wanted list<string>, closed list<string>) {
    wanted.exists(name, name in closed)
}

definition person {
    relation platform: platform
    relation granted: app with covers and expiration
    relation off: app:* | app:* with touches
    permission read = granted - off - platform->banned
}
"""
_KEY = "bench"
_A_WRITE = 1_000  # relationships, the most that the server takes
_WRITERS = 2
_STALE_SECONDS = 6
"""How far back `minimizeLatency` may read over PostgreSQL: no write may be that recent, or it is not seen."""
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_CONSISTENCY = {"minimize latency": {"minimizeLatency": True}, "fully consistent": {"fullyConsistent": True}}


@contextmanager
def server(world: World, now: int, engine: str = "postgres") -> Iterator[Server]:
    """SpiceDB on one core with its caches on, over memory or a PostgreSQL of its own; asked through its HTTP door.

    Its clock is the host's: `now` must be the present.
    """
    program = binary("spicedb")
    assert abs(seconds(datetime.now(UTC)) - now) < 3_600, "the world must be moved to the present first"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="beholden-bench-")))
        store, database = ["--datastore-engine", engine], None
        if engine == "postgres":
            uri, database = stack.enter_context(_postgres())
            store += ["--datastore-conn-uri", uri]
            _migrate(program, store, folder)
        port = free_port()
        arguments = [
            str(program), "serve", *store, "--grpc-preshared-key", _KEY, "--grpc-addr", f"127.0.0.1:{free_port()}",
            "--http-enabled", "--http-addr", f"127.0.0.1:{port}", "--metrics-enabled=false", "--log-level", "error",
            "--telemetry-endpoint=", "--skip-release-check",
        ]  # fmt: skip
        pid = stack.enter_context(running(arguments, folder / "log", port=port, environment={"GOMAXPROCS": "1"}))
        began = time.perf_counter()
        _load(port, world)
        load_s = time.perf_counter() - began
        time.sleep(_STALE_SECONDS)
        ways = tuple(Way(name, partial(_check, consistency), _said) for name, consistency in _CONSISTENCY.items())
        beside = (database, *children(database)) if database else ()
        yield Server(f"SpiceDB, {engine}", SPICEDB, port, (pid,), ways, load_s, beside)


@contextmanager
def _postgres() -> Iterator[tuple[str, int]]:
    """A server of our own: where it is, and its process."""
    from tests.contracts.server import postgres

    with postgres() as server:
        database, _, socket = server.empty().rpartition("/.s.PGSQL")[0].partition("?unix_sock=")
        folder = Path(socket)
        pid = int((folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
        yield f"postgres://postgres@/{database.rpartition('/')[2]}?host={folder}", pid


def _migrate(program: Path, store: list[str], folder: Path) -> None:
    with (folder / "log").open("ab") as log:
        subprocess.run([program, "datastore", "migrate", "head", *store], stdout=log, stderr=log, check=True)


def _check(consistency: dict[str, bool], query: Query) -> bytes:
    body = {
        "consistency": consistency,
        "resource": {"objectType": "person", "objectId": outside_id(query.person)},
        "permission": "read",
        "subject": {"object": {"objectType": "app", "objectId": str(query.app)}},
        "context": {"wanted": query.fields},
    }
    return request("/v1/permissions/check", orjson.dumps(body), _KEY)


def _said(body: bytes) -> bool:
    return bool(orjson.loads(body)["permissionship"] == "PERMISSIONSHIP_HAS_PERMISSION")


def _load(port: int, world: World) -> None:
    headers = {"authorization": f"Bearer {_KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        answer = client.post("/v1/schema/write", json={"schema": SCHEMA})
        assert answer.is_success, answer.text
    updates = [{"operation": "OPERATION_CREATE", "relationship": found} for found in _relationships(world)]
    writes = [
        request("/v1/relationships/write", orjson.dumps({"updates": updates[at : at + _A_WRITE]}), _KEY)
        for at in range(0, len(updates), _A_WRITE)
    ]
    load(port, (), writes, len(writes), _WRITERS)


def _relationships(world: World) -> Iterator[dict[str, Any]]:
    for app in world.banned.nonzero()[0].tolist():
        yield _relationship(("platform", "this"), "banned", ("app", str(app)))
    for n in range(1, world.people + 1):
        person = ("person", outside_id(n))
        yield _relationship(person, "platform", ("platform", "this"))
        if world.all_off[n]:
            yield _relationship(person, "off", ("app", "*"))
        elif world.off[n] >= 0:
            caveat = {"caveatName": "touches", "context": {"closed": closed_fields(int(world.off[n]))}}
            yield _relationship(person, "off", ("app", "*")) | {"optionalCaveat": caveat}
    arrays = (world.person, world.app, world.mask, world.ends, world.used)
    for number, app, mask, ends, used in zip(*(array.tolist() for array in arrays), strict=True):
        until = _SINCE + timedelta(seconds=min(ends, used + IDLE_SECONDS))
        yield _relationship(("person", outside_id(number)), "granted", ("app", str(app))) | {
            "optionalCaveat": {"caveatName": "covers", "context": {"fields": granted(mask)}},
            "optionalExpiresAt": until.isoformat().replace("+00:00", "Z"),
        }


def _relationship(resource: tuple[str, str], relation: str, subject: tuple[str, str]) -> dict[str, Any]:
    return {
        "resource": {"objectType": resource[0], "objectId": resource[1]},
        "relation": relation,
        "subject": {"object": {"objectType": subject[0], "objectId": subject[1]}},
    }
