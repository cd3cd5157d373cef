"""The gate as a whole, beside trivial servers and other engines: `beholden bench gate`, `make bench-gate`.

The figures are defined in `Figures`. Rates are for each CPU second of the process that answers, so that what else the
machine does weighs less; ratios are of medians over rounds in which all subjects took turns.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import click

from bench import gate_http, last_allow, page
from bench.gate_http import Served
from bench.gate_table import PURPOSE, Query, World, measure, outside_id, questions, world_of
from bench.load import Load, load, request
from bench.peers.__main__ import table
from bench.peers.report import IN_PROCESS, OURS, Report, peers_report

CONNECTIONS = 64
BOXCAR = 50


@dataclass(frozen=True)
class Size:
    """How much is measured. `people` have 20 grants each, and so have `peer_people`, about whom the peers are asked."""

    people: int
    queries: int
    checked: int
    http_people: int
    requests: int
    rounds: int
    acts: int
    peer_people: int
    peer_questions: int
    whole: bool
    """Whether peers that are servers are asked too, and three hosts are."""


QUICK = Size(25_000, 20_000, 4_000, 25_000, 4_000, 3, 16, 5_000, 2_500, whole=False)
FULL = Size(1_000_000, 100_000, 10_000, 100_000, 20_000, 5, 200, 5_000, 3_000, whole=True)


@dataclass(frozen=True)
class Http:
    """Requests a CPU second of one worker over `CONNECTIONS` connections, and milliseconds until an answer.

    `alone` has the same of one caller who waits for each answer: there the server finds nothing to do together.
    """

    trivial: float
    single: float
    boxcar: float
    durable: float
    p50_ms: dict[str, float]
    p99_ms: dict[str, float]
    alone: dict[str, float]


@dataclass(frozen=True)
class Figures:
    """What `beholden bench gate --json` prints; see `line`."""

    grants: int
    table_mb: float
    inproc_per_s: float
    agreement: float
    cases: int
    http: Http
    peers: Report
    allow: last_allow.LastAllow
    hosts: tuple[last_allow.LastAllow, last_allow.Absence] | str
    """Over three hosts, and what became of one that was cut off; or why that was not measured."""

    def over(self, peer: str) -> float | None:
        """How many times a peer's answers a CPU second, asked one at a time in its quickest way, ours are."""
        rows = [row for row in self.peers.rows if row.where == IN_PROCESS and row.peer == peer]
        best = max((row.per_cpu_s for row in rows if row.agreement == 1 and "batch" not in row.way), default=None)
        ours = next(row.per_cpu_s for row in self.peers.rows if row.where == IN_PROCESS and row.peer == OURS)
        return None if best is None else ours / best

    def line(self) -> str:
        """One line of JSON; ratios are per CPU second.

        `http_vs_trivial` and `durable_vs_trivial` are requests beside the trivial endpoint's. `boxcar_gain` is how many
        times cheaper an item of a boxcar of 50 is than a single question, for one caller who waits for each answer:
        of many callers' singles the server makes rows itself, which `report` has beside it.
        """
        cedar, casbin = self.over("cedarpy"), self.over("casbin")
        http, spread = self.http, self.allow.over_all
        told = {
            "grants": self.grants,
            "table_mb": round(self.table_mb, 1),
            "inproc_per_s": round(self.inproc_per_s),
            "vs_cedarpy": cedar and round(cedar, 1),
            "vs_casbin": casbin and round(casbin, 1),
            "http_vs_trivial": round(http.single / http.trivial, 2),
            "durable_vs_trivial": round(http.durable / http.trivial, 2),
            "boxcar_gain": round(http.alone["boxcar"] * BOXCAR / http.alone["single"], 1),
            "oracle_agreement": self.agreement,
            "ban_last_wrong_allow_ms": {"p50": round(spread.p50_ms, 1), "p99": round(spread.p99_ms, 1)},
        }
        return json.dumps(told)


def figures(size: Size) -> Figures:
    """Measure everything, one after the other."""
    # The peers first: what twenty million grants leave of this process's memory is nobody's ordinary case.
    peers = peers_report(size.peer_people, asked=size.peer_questions, rounds=size.rounds, servers=size.whole)
    table = measure(size.people, queries=size.queries, checked=size.checked, rounds=size.rounds)
    http = over_http(world_of(size.http_people, 1_000), size)
    allow, hosts = last_allow.measure(size.acts), _over_hosts(size)
    return Figures(table.grants, table.table_mb, table.per_s, table.agreement, table.cases, http, peers, allow, hosts)


def _over_hosts(size: Size) -> tuple[last_allow.LastAllow, last_allow.Absence] | str:
    if not size.whole:
        return "left out of the quick form"
    try:
        return last_allow.measure_hosts(size.acts // 2)
    except OSError as error:
        return str(error)


def over_http(world: World, size: Size) -> Http:
    """Singles, boxcars and disclosing singles, and the trivial endpoint, in turn."""
    asked = questions(world, 4 * size.requests)
    leaving = [query for query in asked if query.label == "allowed"]
    with gate_http.served(world, enrolled=True) as gate, gate_http.trivial() as trivial:
        singles = [gate_http.evaluation(query, gate.key) for query in asked[: size.requests]]
        boxcars = [_boxcar(some, gate.key) for some in _fifties(asked)][: max(size.requests // 10, 1)]
        durables = [gate_http.evaluation(query, gate.key, disclose=True) for query in leaving[: size.requests // 2]]
        subjects: dict[str, tuple[Served, Sequence[bytes], int]] = {
            "trivial": (trivial, singles, size.requests),
            "single": (gate, singles, size.requests),
            "boxcar": (gate, boxcars, max(size.requests // 10, 1)),
            "durable": (gate, durables, size.requests // 2),
        }
        runs: dict[str, list[Load]] = {name: [] for name in subjects}
        lone: dict[str, list[float]] = {name: [] for name in subjects if name != "durable"}
        for turn in range(size.rounds + 1):
            for name, (server, requests, count) in subjects.items():
                found = load(server.port, server.pids, requests, count, CONNECTIONS)
                if turn:  # what is opened and settled at first is not what an answer costs
                    runs[name].append(found)
                    if name in lone:
                        lone[name].append(load(server.port, server.pids, requests, count // 2, 1).per_cpu_second)
    for body, query in zip(runs["single"][-1].bodies, asked, strict=False):
        assert json.loads(body)["decision"] is (query.label == "allowed"), (query, body)
    assert all(b'"decision":true' in body for body in runs["durable"][-1].bodies), "a disclosure was refused"

    def middle(name: str, of: Callable[[Load], float]) -> float:
        return statistics.median(map(of, runs[name]))

    rates = {name: middle(name, lambda one: one.per_cpu_second) for name in runs}
    p50, p99 = ({name: middle(name, lambda one, p=p: one.percentile(p) * 1e3) for name in runs} for p in (50, 99))  # type: ignore[misc]
    alone = {name: statistics.median(found) for name, found in lone.items()}
    return Http(rates["trivial"], rates["single"], rates["boxcar"], rates["durable"], p50, p99, alone)


def _fifties(asked: Sequence[Query]) -> list[list[Query]]:
    rest = iter(asked)
    return [some for _ in range(len(asked) // BOXCAR) if (some := list(islice(rest, BOXCAR)))]


def _boxcar(some: Sequence[Query], key: str) -> bytes:
    """What a client makes of fifty single questions; what they have in common stands once."""
    items = [
        {
            "subject": {"type": "app", "id": f"app-{query.app}"},
            "resource": {"type": "person", "id": outside_id(query.person), "properties": {"fields": query.fields}},
        }
        for query in some
    ]
    body = {"action": {"name": "read"}, "context": {"purpose": PURPOSE}, "evaluations": items}
    return request("/access/v1/evaluations", json.dumps(body).encode(), key)


@click.command()
@click.option("--quick", is_flag=True, help="Half a million grants, libraries alone as peers; writes nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON last.")
def main(quick: bool, as_json: bool) -> None:  # noqa: FBT001
    """Measure the gate: its table, its HTTP door, its peers, and how long a ban takes to hold.

    All data is synthetic. Without --quick it takes a quarter of an hour and writes its part of docs/benchmarks.md.
    """
    found = figures(QUICK if quick else FULL)
    if not quick:
        page.write("gate", report(found))
    if not as_json or not quick:
        click.echo(report(found))
    if as_json:
        click.echo(found.line())


def report(found: Figures) -> str:
    """The figures as a part of the page."""
    http, alone = found.http, found.http.alone
    gain, lone = http.boxcar * BOXCAR / http.single, alone["boxcar"] * BOXCAR / alone["single"]
    rows = {
        "trivial raw ASGI": ("trivial", http.trivial),
        "evaluation": ("single", http.single),
        f"evaluations, boxcar of {BOXCAR}": ("boxcar", http.boxcar),
        "evaluation that discloses, durable first (law 1)": ("durable", http.durable),
    }
    lines = [
        f"| {name} | {rate:,.0f} | {rate / http.trivial:.2f} | {http.p50_ms[key]:.1f} | {http.p99_ms[key]:.1f} |"
        for name, (key, rate) in rows.items()
    ]
    return f"""## The gate

Written by `make bench-gate` (`beholden bench gate`) at {page.circumstances()}. Data is synthetic (gate-1M: see
`bench/gate_table.py`); read the ratios. Figures are for each CPU second of the process that answers, medians.

In process: {found.grants:,} grants in a table of {found.table_mb:,.1f} MB, {found.inproc_per_s:,.0f} decisions a CPU
second, each with every field's reason; {found.agreement:.2%} of {found.cases:,} field answers are the oracle's.

Over HTTP, one worker, {CONNECTIONS} connections, the mix of gate-1M, rate limits off:

| request | a CPU second | of the trivial | p50 ms | p99 ms |
|---|---|---|---|---|
{chr(10).join(lines)}

An item of a boxcar is {gain:.1f} times cheaper than a single question: what comes in one turn of the event loop is
decided together anyway. Where one caller waits for each answer, it is {lone:.1f} times cheaper, and a single question
costs {alone["trivial"] / alone["single"]:.2f} times the trivial answer.

From the commit of an act until the last answer that still allowed was received, one host, 2 workers, under load
({found.allow.answers:,} answers; {found.allow.wrong} allowed after the act was answered):

{_spreads(found.allow)}

{_hosts(found.hosts)}

Peers on the same questions, agreement first:

{table(found.peers)}
"""


def _spreads(told: last_allow.LastAllow) -> str:
    lines = [
        f"| {name} | {one.acts} | {one.p50_ms:.1f} | {one.p99_ms:.1f} | {one.worst_ms:.1f} |"
        for name, one in {"all": told.over_all, **told.kinds}.items()
    ]
    return "\n".join(["| act | acts | p50 ms | p99 ms | worst ms |", "|---|---|---|---|---|", *lines])


def _hosts(found: tuple[last_allow.LastAllow, last_allow.Absence] | str) -> str:
    if isinstance(found, str):
        return f"Over three hosts: not measured, {found}."
    told, absence = found
    return f"""The same over three hosts in network namespaces on one PostgreSQL ({told.answers:,} answers; {told.wrong}
allowed more than a second after the commit):

{_spreads(told)}

One of them was cut off from the database, and {absence.acts} acts were done meanwhile: its last allow came
{absence.last_allow_ms:,.0f} ms after the cut, {absence.late} after the limit; it was right again
{absence.back_ms:,.0f} ms after its return, and {absence.missed} of what it had missed was allowed."""


if __name__ == "__main__":
    main()
