"""The gate and its peers on the same questions: who agrees with the oracle, and then what an answer costs."""

import os
import platform
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice

import orjson

from beholden.gate.rows import seconds
from bench import gate_http
from bench.gate_table import NOW, ROW, Query, World, expected, measure, moved, questions, world_of
from bench.load import Load, load
from bench.peers import casbin, cedar, cerbos, openfga, spicedb
from bench.peers.facts import Lookup
from bench.peers.fetch import NotHere
from bench.peers.peer import InProcess, Server, Way
from bench.process import memory_mb
from bench.timing import server_cpu

OURS = "Beholden"
PEERS = ("cedarpy", "casbin", "Cerbos", "OpenFGA", "SpiceDB")
IN_PROCESS, HTTP = "in process", "over HTTP"
_QUICK_ANSWERS = 6
"""How many times the questions our own server and the trivial one get: they are too quick for the kernel's clock."""


@dataclass
class Row:
    """One engine in one way of asking it.

    `wrong` counts the answers that are not the oracle's by the question's label. Rates are answers a CPU second of the
    engine's processes; `with_database` counts those of its database too. `ratio` is how many times that rate ours is.
    `fetch_us` is what a stateless engine's caller spends on looking the facts up, which no rate contains over HTTP.
    """

    peer: str
    version: str
    where: str
    way: str
    agreement: float
    cases: int
    per_cpu_s: float
    wrong: dict[str, int] = field(default_factory=dict)
    with_database: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    load_s: float | None = None
    memory_mb: float | None = None
    fetch_us: float | None = None
    ratio: float | None = None


@dataclass
class Report:
    """All rows, and what could not be measured here and why."""

    grants: int
    machine: str
    rows: list[Row]
    not_here: dict[str, str]

    def best(self, peer: str, where: str) -> Row | None:
        """The quickest way of asking a peer among those that agree most."""
        of = [row for row in self.rows if row.where == where and row.peer.split(",")[0] == peer]
        return max(of, key=lambda row: (row.agreement, row.per_cpu_s), default=None)


def peers_report(
    people: int = 5_000,
    apps: int = 1_000,
    *,
    asked: int = 3_000,
    rounds: int = 3,
    only: Collection[str] = (),
    servers: bool = True,
) -> Report:
    """Ask everyone who is here, or `only` some; `people * 20` grants, `asked` questions a way and round.

    Without `servers` only those are asked that are libraries.

    No server is asked the same question twice, since some of them remember answers.
    """
    world = world_of(people, apps)
    some = questions(world, 2 * asked * (rounds + 1))
    for query in some:
        whole = set(expected(world, query).values()) == {"allowed"}
        assert whole == (query.label == "allowed"), f"the oracle does not say what the label of {query} says"
    machine = (
        f"{os.cpu_count()} processors, {_processor()}, Linux {platform.release()}, Python {platform.python_version()}"
    )
    report = Report(world.grants, machine, [], {})
    _in_process(report, world, some[:asked], people, apps, rounds, only or PEERS)
    if servers:
        _over_http(report, world, some, asked, rounds, only or PEERS)
    for row in report.rows:
        ours = next(r for r in report.rows if r.peer == OURS and r.where == row.where)
        row.ratio = ours.per_cpu_s / row.per_cpu_s
    return report


def _in_process(
    report: Report, world: World, asked: Sequence[Query], people: int, apps: int, rounds: int, only: Collection[str]
) -> None:
    ours = measure(people, apps, queries=len(asked), checked=len(asked), rounds=rounds)
    report.rows.append(
        Row(
            OURS, "", IN_PROCESS, "decision table", ours.agreement, len(asked), ours.per_s,
            p50_ms=ours.p50_us / 1e3, p99_ms=ours.p99_us / 1e3, load_s=ours.build_s, memory_mb=ours.table_mb,
        )
    )  # fmt: skip
    report.rows.append(
        Row(OURS, "", IN_PROCESS, f"rows of {ROW}", ours.agreement, len(asked), ours.rows_per_s)
    )  # fmt: skip
    for name, engine in {"casbin": casbin.engine, "cedarpy": cedar.engine}.items():
        if name not in only:
            continue
        try:
            with engine(world, seconds(NOW)) as peer:
                report.rows += [_row_in_process(peer, way, asked, rounds) for way in peer.ways]
        except ImportError as error:
            report.not_here[name] = str(error)


def _row_in_process(peer: InProcess, way: str, asked: Sequence[Query], rounds: int) -> Row:
    some = asked[: peer.few.get(way, len(asked))]
    rates, told = [], [False]
    for _ in range(1 if way in peer.few else rounds):
        began = time.process_time()
        told = peer.ways[way](some)
        rates.append(len(some) / (time.process_time() - began))
    wrong = _wrong(some, told)
    return Row(
        peer.name, peer.version, IN_PROCESS, way, 1 - wrong.total() / len(some), len(some), statistics.median(rates),
        wrong=dict(wrong), load_s=peer.load_s, memory_mb=peer.memory_mb,
    )  # fmt: skip


def _over_http(
    report: Report, world: World, asked: Sequence[Query], each: int, rounds: int, only: Collection[str]
) -> None:
    now = datetime.now(UTC)
    here, second = moved(world, now), seconds(now)
    makers: dict[str, Callable[[], AbstractContextManager[Server]]] = {
        "trivial ASGI": _trivial,
        OURS: partial(_gate, world),
        "Cerbos": partial(cerbos.server, here, second),
        "OpenFGA": partial(openfga.server, here, second),
        "SpiceDB": partial(spicedb.server, here, second),
    }
    with ExitStack() as stack:
        servers: list[Server] = []
        for name, made in makers.items():
            if name in PEERS and name not in only:
                continue
            try:
                servers.append(stack.enter_context(made()))
            except (NotHere, RuntimeError, subprocess.CalledProcessError) as missing:
                report.not_here[name] = str(missing)
        runs = {server.name: _Runs(server, iter(asked), each) for server in servers}
        for _ in range(rounds):  # in turn, so that a slow minute of the machine meets all
            for run in runs.values():
                run.round()
        fetch_us = _fetch_us(here, asked)
        report.rows += [row for run in runs.values() for row in run.rows(fetch_us)]


@contextmanager
def _gate(world: World) -> Iterator[Server]:
    began = time.perf_counter()
    with gate_http.served(world) as gate:
        way = Way("AuthZEN", lambda query: gate_http.evaluation(query, gate.key), _decision)
        yield Server(OURS, "", gate.port, gate.pids, (way,), time.perf_counter() - began)


@contextmanager
def _trivial() -> Iterator[Server]:
    with gate_http.trivial() as server:
        way = Way("always yes", lambda query: gate_http.evaluation(query, "-"), _decision)
        yield Server("trivial ASGI", "", server.port, server.pids, (way,))


def _decision(body: bytes) -> bool:
    return bool(orjson.loads(body)["decision"])


class _Runs:
    """One server's rounds."""

    def __init__(self, server: Server, asked: Iterator[Query], each: int) -> None:
        self._server, self._asked, self._each = server, asked, each
        self._loads: dict[str, list[tuple[Load, float]]] = {way.name: [] for way in server.ways}
        self._told: dict[str, list[tuple[Query, bool]]] = {way.name: [] for way in server.ways}
        self._times = 1 if len(server.ways) > 1 else _QUICK_ANSWERS
        self._ask(each // 10)  # what is opened and read at first is not what an answer costs

    def round(self) -> None:
        """Ask in every way, each time what was never asked."""
        for way, some, found, database in self._ask(self._each):
            self._loads[way.name].append((found, database))
            self._told[way.name] += zip(some, map(way.said, found.bodies), strict=False)

    def _ask(self, count: int) -> list[tuple[Way, list[Query], Load, float]]:
        """Each way with its questions, what came, and the CPU seconds of the database."""
        server, done = self._server, []
        for way in server.ways:
            some = list(islice(self._asked, count))
            requests = [way.request(query) for query in some]
            before = sum(map(server_cpu, server.beside))
            found = load(server.port, server.pids, requests, len(requests) * self._times)
            done.append((way, some, found, sum(map(server_cpu, server.beside)) - before))
        return done

    def rows(self, fetch_us: float) -> list[Row]:
        """What came of them: medians over the rounds, agreement over all answers."""
        return [self._row(way, fetch_us) for way in self._server.ways]

    def _row(self, way: Way, fetch_us: float) -> Row:
        server, loads = self._server, [found for found, _ in self._loads[way.name]]
        asked, told = zip(*self._told[way.name], strict=True)
        wrong = _wrong(asked, told)
        both = [found.requests / max(found.cpu + database, 0.01) for found, database in self._loads[way.name]]
        return Row(
            server.name, server.version, HTTP, way.name, 1 - wrong.total() / len(asked), len(asked),
            statistics.median(found.per_cpu_second for found in loads),
            wrong=dict(wrong),
            with_database=statistics.median(both) if server.beside else None,
            p50_ms=statistics.median(found.percentile(50) for found in loads) * 1e3,
            p99_ms=statistics.median(found.percentile(99) for found in loads) * 1e3,
            load_s=server.load_s,
            memory_mb=sum(map(memory_mb, server.pids)),
            fetch_us=fetch_us if way.fetched else None,
        )  # fmt: skip


def _wrong(asked: Sequence[Query], told: Sequence[bool]) -> Counter[str]:
    return Counter(query.label for query, said in zip(asked, told, strict=True) if said != (query.label == "allowed"))


def _fetch_us(world: World, asked: Sequence[Query]) -> float:
    lookup, began = Lookup(world), time.process_time()
    for query in asked:
        lookup.facts(query)
    return (time.process_time() - began) / len(asked) * 1e6


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - procfs is not a path to keep
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
