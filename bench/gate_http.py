"""The gate of a synthetic world behind real HTTP: what `beholden serve` runs, over a table made from arrays."""

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from beholden import bootstrap, settings
from beholden.backends.table.writer import TableWriter
from beholden.journeys import access
from beholden.journeys.ports import Engines, NewPerson
from beholden.model.ids import OutsideId
from bench.gate_table import CATALOGUE, PURPOSE, SECRET, Query, World, fill, moved, outside_id
from bench.load import request
from bench.process import running
from examples.story.processes import free_port

EVALUATION = "/access/v1/evaluation"
_BEAT_SECONDS = 0.1
_UVICORN = ("--loop", "uvloop", "--http", "httptools", "--lifespan", "off", "--no-access-log", "--no-server-header")


@dataclass(frozen=True)
class Served:
    """A server on localhost: where it listens, the processes whose CPU counts, and the platform's key for it."""

    port: int
    pids: tuple[int, ...]
    key: str = ""


@contextmanager
def served(world: World, *, enrolled: bool = False) -> Iterator[Served]:
    """One worker of `beholden serve` that answers from a table of this world, without rate limits.

    The table's writer is this process: it says ten times a second that the table is true. `enrolled` puts the people
    into the store too, which asking with `disclose` needs: a disclosure is written down under keys of theirs.
    """
    with TemporaryDirectory(prefix="beholden-bench-") as folder:
        data = Path(folder)
        _furnish(data)
        engines = bootstrap.embedded(settings.read({}, data=data))
        try:
            key = access.add_platform_key(engines, "bench").secret
            if enrolled:
                _enrol(engines, world.people)
            with _table(engines, data, world), _worker(data) as (port, pid):
                yield Served(port, (pid,), key)
        finally:
            bootstrap.close(engines)


@contextmanager
def trivial() -> Iterator[Served]:
    """The trivial ASGI answer under the server that the gate uses."""
    port = free_port()
    with TemporaryDirectory(prefix="beholden-bench-") as folder:
        arguments = [sys.executable, "-m", "uvicorn", "bench.trivial:app", "--port", str(port), *_UVICORN]
        with running([*arguments, "--log-level", "error"], Path(folder) / "log", port=port) as pid:
            yield Served(port, (pid,))


def evaluation(query: Query, key: str, *, disclose: bool = False) -> bytes:
    """A question as the bytes of an AuthZEN request."""
    body = {
        "subject": {"type": "app", "id": f"app-{query.app}"},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": outside_id(query.person), "properties": {"fields": query.fields}},
        "context": {"purpose": PURPOSE, **({"disclose": True} if disclose else {})},
    }
    return request(EVALUATION, json.dumps(body).encode(), key)


def _furnish(data: Path) -> None:
    clusters = [
        {
            "name": cluster.name,
            "label": cluster.name,
            "explains": cluster.name,
            "class": cluster.field_class.value,
            "fields": [{"name": field.name, "label": field.label} for field in cluster.fields],
        }
        for cluster in CATALOGUE.clusters
    ]
    (data / "catalogue.yaml").write_text(yaml.safe_dump({"clusters": clusters}), encoding="utf-8")
    # One client asks as fast as it can, which the limits are there to stop.
    limits = "BEHOLDEN_APP_PER_SECOND=0\nBEHOLDEN_GRANT_PER_SECOND=0\n"
    (data / "beholden.env").write_text(f"{limits}BEHOLDEN_GATE=table\n", encoding="utf-8")
    (data / "keys").mkdir(mode=0o700)
    (data / "keys" / "pairwise").write_bytes(SECRET)


def _enrol(engines: Engines, people: int) -> None:
    rows = [NewPerson(OutsideId(outside_id(n)), f"Person {n}", f"{n}@people.example") for n in range(1, people + 1)]
    with engines.store.write() as unit:
        unit.directory.enrol(rows, engines.clock.now(), [engines.ids.secret() for _ in rows])
        first = unit.directory.numbers([rows[0].outside_id, rows[-1].outside_id])
    assert list(first.values()) == [1, people], "the world's numbers are not the store's"


@contextmanager
def _table(engines: Engines, data: Path, world: World) -> Iterator[None]:
    now = datetime.now(UTC)
    writer = TableWriter(data / bootstrap.TABLE, engines.catalogue, engines.pairwise)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(_BEAT_SECONDS):
            writer.apply(epoch=1, as_of_ns=time.monotonic_ns())

    heart = threading.Thread(target=beat, name="table", daemon=True)
    try:
        fill(writer, moved(world, now), now)
        heart.start()
        yield
    finally:
        stop.set()
        if heart.ident is not None:
            heart.join()
        writer.close()


@contextmanager
def _worker(data: Path) -> Iterator[tuple[int, int]]:
    """As one of several workers, which leaves the following of the store to another process: here, to ours."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port, handle = listener.getsockname()[1], listener.fileno()
        place = ["--data", str(data), "--host", "127.0.0.1", "--port", str(port), "--socket", str(handle)]
        arguments = [sys.executable, "-m", "beholden", "serve", *place]
        with running(arguments, data / "serve.log", port=port, inherit=[handle]) as pid:
            yield port, pid
