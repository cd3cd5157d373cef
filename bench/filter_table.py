"""`python -m bench.filter_table`: a friends list through `/gate/v1/filter`, answered from the store or from the table.

CPU seconds of the server's own process for each request; both servers are asked in turn. The table's follower is a
process of its own and not counted.
"""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import click
import httpx

from bench.house import FIELDS, PURPOSE, House, house
from bench.timing import server_cpu
from examples.platform.world import world
from examples.story.processes import Processes, free_port

PEOPLE = 20_000
GATES = ("store", "table")
SIZES = {340: 30, 5_000: 6}
"""Friends in a list, and how many requests make one round."""


@dataclass(frozen=True)
class Cost:
    """Of one request, the median of the rounds, in milliseconds."""

    friends: int
    gate: str
    cpu_ms: float
    wall_ms: float


@click.command()
@click.option("--rounds", default=7, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rounds: int, as_json: bool) -> None:  # noqa: FBT001
    """Measure the record filter over HTTP with either."""
    with house(PEOPLE) as here, _servers(here) as servers:
        costs = [cost for size, count in SIZES.items() for cost in _measure(here, servers, size, count, rounds)]
    if as_json:
        click.echo(json.dumps([asdict(cost) for cost in costs]))
        return
    for cost in costs:
        click.echo(f"{cost.friends:>6,} friends, {cost.gate}: CPU {cost.cpu_ms:7.1f} ms, wall {cost.wall_ms:7.1f} ms")


def _measure(here: House, servers: dict[str, tuple[str, int]], size: int, count: int, rounds: int) -> list[Cost]:
    people = world(2018, PEOPLE)
    records = [{"id": people.outside_id(n), **people.record(n, FIELDS)} for n in range(1, size + 1)]
    asked = {"app": "bench", "through": {"type": "person", "id": here.granter}, "purpose": PURPOSE, "records": records}
    spent: dict[str, list[tuple[float, float]]] = {gate: [] for gate in GATES}
    for turn in range(rounds + 1):
        for gate in GATES:
            took = _requests(*servers[gate], here.key, asked, count)
            if turn:
                spent[gate].append(took)
    return [
        Cost(size, gate, *(1000 * statistics.median(took[n] for took in spent[gate]) for n in (0, 1))) for gate in GATES
    ]


def _requests(url: str, pid: int, key: str, asked: dict[str, Any], count: int) -> tuple[float, float]:
    """CPU and wall seconds of one request, the mean of `count`; whoever is asked about is released."""
    body = json.dumps(asked).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        cpu, wall = server_cpu(pid), time.perf_counter()
        for _ in range(count):
            answer = client.post("/gate/v1/filter", content=body).raise_for_status()
        took = (server_cpu(pid) - cpu) / count, (time.perf_counter() - wall) / count
    assert answer.json()["report"]["released"] == len(asked["records"])
    return took


@contextmanager
def _servers(here: House) -> Iterator[dict[str, tuple[str, int]]]:
    """One process for each; that with the table has its follower beside it, which is not counted."""
    processes = Processes(here.data / "logs")
    try:
        found = {}
        for gate in GATES:
            port = free_port()
            place = ["-m", "beholden", "serve", "--data", str(here.data), "--port", str(port)]
            processes.start(gate, place, {"BEHOLDEN_GATE": gate})
            processes.await_port(gate, port)
            found[gate] = f"http://127.0.0.1:{port}", processes.pid(gate)
        _await_table(found["table"][0], here)
        yield found
    finally:
        processes.stop()


def _await_table(url: str, here: House) -> None:
    asked = {"app": "bench", "through": {"type": "person", "id": here.granter}, "purpose": PURPOSE, "records": []}
    until = time.monotonic() + 60
    while True:
        headers = {"authorization": f"Bearer {here.key}"}
        if httpx.post(f"{url}/gate/v1/filter", json=asked, headers=headers).status_code == 200:
            return
        if time.monotonic() > until:
            raise TimeoutError("The decision table was not built.")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
