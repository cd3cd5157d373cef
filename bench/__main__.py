"""`python -m bench`: what the core costs, each beside a plain baseline. Writes docs/benchmarks.md."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile

import click
import httpx

from beholden.gate.decision import judge, terms
from beholden.journeys.disclose import FilterRequest, PersonRef, filter_records
from beholden.model.disclosure import Disclosure
from beholden.model.ids import GrantId
from bench import page
from bench.house import FIELDS, PURPOSE, House, house
from bench.timing import Result, compare, server_cpu
from examples.story.processes import Processes, free_port

ROOT = Path(__file__).parents[1]
BATCH = 350


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds, fewer people; writes nothing.")
@click.option("--json", "as_json", is_flag=True)
def main(quick: bool, as_json: bool) -> None:  # noqa: FBT001
    """Measure the decision, the ledger, the record filter and the HTTP door."""
    rounds = 3 if quick else 9
    with house(20_000 if quick else 200_000) as here:
        results = [
            decision(rounds),
            ledger(here, rounds),
            record_filter(here, rounds),
            record_filter(here, rounds, times=15),
            http(here, rounds),
        ]
    if as_json:
        click.echo(json.dumps([asdict(r) | {"cpu_ratio": r.cpu_ratio, "wall_ratio": r.wall_ratio} for r in results]))
    else:
        click.echo(_table(results))
    if not quick:
        page.write("core", _page(results))


def decision(rounds: int) -> Result:
    """The pure decision for a request of many people, beside the plain list of ifs that the tests call the oracle."""
    from tests.gate.oracle import answer
    from tests.gate.worlds import CATALOGUE, FIELDS, FRIEND, NOW, Pools

    worlds = Pools(Random(7)).worlds()
    some = [next(worlds) for _ in range(2_000)]

    def subject() -> int:
        for world in some:
            settled = terms(world.facts, FIELDS, world.purpose, policy=world.policy, catalogue=CATALOGUE, now=NOW)
            judge(settled, FRIEND, FIELDS)
        return len(some) * len(FIELDS)

    seen = [world.seen_by_oracle(FRIEND, field) for world in some for field in FIELDS]

    def baseline() -> int:
        for world in seen:
            answer(world)
        return len(seen)

    return compare("decision, in process", "field answers", subject, "the oracle's plain ifs", baseline, rounds)


def ledger(here: House, rounds: int) -> Result:
    """Durable disclosures in batches of a friends list, beside appending as many bytes to a file and fdatasync."""
    at = here.engines.clock.now()
    granter, *others = here.people
    items = [
        Disclosure(here.app.number, here.app.developer, person, granter, FIELDS, PURPOSE, GrantId("grant_bench"), at)
        for person in (others * 2)[:BATCH]
    ]

    def subject() -> int:
        for _ in range(10):
            here.engines.ledger.append(items)
        return 10 * BATCH

    with NamedTemporaryFile(dir=here.data) as file:

        def baseline() -> int:
            for _ in range(10):
                file.write(b"\0" * 250 * BATCH)
                file.flush()
                os.fdatasync(file.fileno())
            return 10 * BATCH

        return compare("ledger append, durable", "disclosures", subject, "write + fdatasync", baseline, rounds)


def record_filter(here: House, rounds: int, times: int = 1) -> Result:
    """A friends list of 340, or several, through the filter (facts, decisions, ledger), beside JSON there and back."""
    records = here.records * times
    request = FilterRequest("bench", PersonRef(here.granter), PURPOSE, records)
    text = json.dumps(records)

    def subject() -> int:
        released = filter_records(here.engines, request).records
        assert len(released) == len(records)
        return len(released)

    def baseline() -> int:
        return len(json.loads(json.dumps(json.loads(text))))

    return compare(
        f"record filter, {len(records):,} at once", "records", subject, "JSON there and back", baseline, rounds
    )


TRIVIAL = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"decision": true}'})
"""


def http(here: House, rounds: int) -> Result:
    """One AuthZEN evaluation over HTTP, beside a trivial raw ASGI answer on the same server; the servers' CPU only."""
    question = {
        "subject": {"type": "app", "id": "bench"},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": here.granter, "properties": {"fields": ["name", "likes"]}},
        "context": {"purpose": PURPOSE},
    }
    with _servers(here) as (gate, trivial):
        rates = [(_requests(*gate, question, here.key), _requests(*trivial, question, here.key)) for _ in range(rounds)]
    rates.sort()
    (cpu, wall), (plain_cpu, plain_wall) = rates[len(rates) // 2]
    return Result("evaluation over HTTP", "trivial raw ASGI", "requests", cpu, wall, plain_cpu, plain_wall)


@contextmanager
def _servers(here: House) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    (here.data / "trivial.py").write_text(TRIVIAL)
    processes = Processes(here.data / "logs")
    ports = [free_port(), 0]
    ports[1] = free_port()
    try:
        data = str(here.data)
        processes.start("gate", ["-m", "beholden", "serve", "--data", data, "--port", str(ports[0])])
        served = ["-m", "uvicorn", "trivial:app", "--app-dir", data, "--port", str(ports[1]), "--log-level", "error"]
        processes.start("trivial", served)
        for name, port in zip(("gate", "trivial"), ports, strict=True):
            processes.await_port(name, port)
        pids = [processes.pid(name) for name in ("gate", "trivial")]
        gate, trivial = ((f"http://127.0.0.1:{port}", pid) for port, pid in zip(ports, pids, strict=True))
        yield gate, trivial
    finally:
        processes.stop()


def _requests(url: str, pid: int, question: dict[str, object], key: str, count: int = 300) -> tuple[float, float]:
    """Requests a CPU second of the server, and a wall second as one caller sees them."""
    import time

    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers) as client:
        client.post("/access/v1/evaluation", json=question).raise_for_status()
        cpu, wall = server_cpu(pid), time.perf_counter()
        for _ in range(count):
            assert client.post("/access/v1/evaluation", json=question).json()["decision"] is True
        return count / max(server_cpu(pid) - cpu, 0.01), count / (time.perf_counter() - wall)


def _table(results: list[Result]) -> str:
    lines = [
        "| what | unit | a CPU second | a wall second | baseline | CPU time over its | wall time over its |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in results:
        rates = f"{r.per_cpu_second:,.0f} | {r.per_second:,.0f}"
        lines.append(f"| {r.name} | {r.unit} | {rates} | {r.baseline} | {r.cpu_ratio:,.1f} | {r.wall_ratio:,.1f} |")
    return "\n".join(lines)


def _page(results: list[Result]) -> str:
    return f"""## The core

Written by `make bench` (`python -m bench`) at {page.circumstances()}. Machines differ and are noisy: read the ratios,
which are within one run; medians over nine rounds, subject and baseline in turn. Data is synthetic: 200,000 people, one
friends list of 340 with seven fields.

{_table(results)}

What the rows mean. The decision: five fields of one person, request settled and person judged, against the plain list
of ifs that the tests hold it to. The ledger: records, salts, commitments and one fdatasync for 350 disclosures (the
baseline's CPU is next to nothing, so look at the wall). The filter: reading all facts from SQLite, deciding, and the
ledger. HTTP: the servers' CPU alone; one evaluation reads its facts from the database each time, which is why it is far
from the trivial answer; from the decision table it is another matter, see the gate.
"""


if __name__ == "__main__":
    sys.exit(main())
