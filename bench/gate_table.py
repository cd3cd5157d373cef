"""gate-1M: the decision table at full size, or smaller, against the plain oracle, Cedar and casbin.

A million people, a thousand apps (Zipf 1.1), twenty million grants (geometric, 20 a person), 12 fields; 2 % of apps
banned, 18 % of people inactive, 10 % with one cluster off and 2 % with everything off, 20 % of grants past their end.
Questions are labelled by how they were made: 55 % allowed, 12 % no grant, 10 % a field not granted, 8 % expired, 8 %
inactive, 5 % opted out, 2 % banned; 1 to 8 fields each. An engine that does not agree with the oracle is not timed.
"""

import gc
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from beholden.backends.table.reader import TableReader
from beholden.backends.table.writer import TableWriter
from beholden.gate.compiled_many import decide_many
from beholden.gate.facts import AppFacts
from beholden.gate.ports import Item, Questions
from beholden.gate.rows import AppRow, PairColumns, PeopleColumns, Shape, digest_of, seconds
from beholden.model.catalogue import Catalogue, Cluster, Field, FieldClass
from beholden.model.grant import GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber
from beholden.model.policy import Policy
from beholden.model.standing import Standing
from beholden.model.time import to_micros
from tests.gate.oracle import answer

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PURPOSE = "service"
SECRET = bytes(32)
POLICY = Policy()
NAMES = tuple(f"field_{n}" for n in range(12))
_CLASSES = (FieldClass.BASIC, FieldClass.SENSITIVE, FieldClass.SENSITIVE, FieldClass.RESTRICTED)
CATALOGUE = Catalogue(
    tuple(
        Cluster(f"cluster_{n}", "", "", class_, tuple(Field(name, name) for name in NAMES[3 * n : 3 * n + 3]))
        for n, class_ in enumerate(_CLASSES)
    )
)
CLUSTER_OF = CATALOGUE.by_field
MIX = (
    ("allowed", 55),
    ("no_grant", 12),
    ("field", 10),
    ("expired", 8),
    ("inactive", 8),
    ("opted_out", 5),
    ("banned", 2),
)
_CHUNK = 4_000_000
_BLOCK = 20_000
ROW = 100
_LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class World:
    """Who granted what to whom, as arrays; `off` is the number of a person's cluster that is off, or -1."""

    people: int
    apps: int
    person: np.ndarray
    app: np.ndarray
    mask: np.ndarray
    ends: np.ndarray
    used: np.ndarray
    start: np.ndarray
    all_off: np.ndarray
    off: np.ndarray
    banned: np.ndarray

    @property
    def grants(self) -> int:
        """How many grants there are."""
        return len(self.person)


@dataclass(frozen=True)
class Query:
    """One labelled question."""

    label: str
    person: int
    app: int
    fields: tuple[str, ...]


@dataclass
class Report:
    """What was measured; `per_s` is decisions a CPU second in one process."""

    grants: int
    table_mb: float = 0.0
    build_s: float = 0.0
    agreement: float = 0.0
    cases: int = 0
    per_s: float = 0.0
    per_s_wall: float = 0.0
    p50_us: float = 0.0
    p99_us: float = 0.0
    many_per_s: float = 0.0
    rows_per_s: float = 0.0
    peers: dict[str, dict[str, float]] = field(default_factory=dict)


def world_of(people: int, apps: int, mean: int = 20, seed: int = 2018) -> World:
    """A world of about `people * mean` grants."""
    random = np.random.default_rng(seed)
    keys = np.concatenate([_keys(random, began, min(_BLOCK, people + 1 - began), apps, mean)
                           for began in range(1, people + 1, _BLOCK)])  # fmt: skip
    person, app = (keys >> np.uint64(16)).astype(np.uint32), (keys & np.uint64(0xFFFF)).astype(np.uint16)
    del keys
    count, now = len(person), seconds(NOW)
    inactive = random.random(people + 1) < 0.18
    used = now - random.integers(0, 80 * 86_400, count)
    used = np.where(inactive[person], used - 91 * 86_400, used).astype(np.uint32)
    ends = now + random.integers(1, 300 * 86_400, count)
    ends = np.where(random.random(count) < 0.2, now - random.integers(0, 99 * 86_400, count), ends).astype(np.uint32)
    mask = np.zeros(count, np.uint16)
    for bit in range(12):
        mask |= (random.random(count, np.float32) < 0.75).astype(np.uint16) << np.uint16(bit)
    start = np.concatenate([[0], np.cumsum(np.bincount(person, minlength=people + 1))])
    off = np.where(random.random(people + 1) < 0.1, random.integers(0, 4, people + 1), -1)
    return World(
        people, apps, person, app, mask, ends, used, start, random.random(people + 1) < 0.02, off,
        random.random(apps) < 0.02,
    )  # fmt: skip


def _keys(random: np.random.Generator, began: int, count: int, apps: int, mean: int) -> np.ndarray:
    """Person and app of the grants of some people, in order."""
    wanted = np.minimum(random.geometric(1 / mean, count), apps // 2)
    share = np.cumsum(1 / np.arange(1, apps + 1) ** 1.1)
    keys, missing = np.zeros(0, np.uint64), wanted
    for _ in range(6):  # apps that many have are drawn twice, and more are drawn for those
        person = np.repeat(np.arange(began, began + count, dtype=np.uint64), np.maximum(missing, 0))
        app = np.searchsorted(share, share[-1] * random.random(len(person))).astype(np.uint64)
        keys = np.sort(np.concatenate([keys, person << np.uint64(16) | app]))
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
        missing = wanted - np.bincount((keys >> np.uint64(16)).astype(np.int64) - began, minlength=count)
    return keys


def moved(world: World, now: datetime) -> World:
    """The same world in which `now` is what NOW is in this one: a server's clock is not ours to set.

    What still stands ends an hour later than it would, so that no question changes its answer while it is asked.
    """
    by, was = seconds(now) - seconds(NOW), seconds(NOW)
    ends = world.ends.astype(np.int64)
    later = np.where(ends > was, ends + by + 3_600, ends + by).astype(np.uint32)
    return replace(world, ends=later, used=(world.used.astype(np.int64) + by).astype(np.uint32))


def questions(world: World, count: int, seed: int = 1) -> list[Query]:
    """Labelled questions in random order, made from the arrays."""
    random, now = Random(seed), seconds(NOW)
    wanted = {label: count * share // 100 for label, share in MIX}
    found: list[Query] = []
    while any(wanted.values()):
        at = random.randrange(world.grants)
        person, app, mask = int(world.person[at]), int(world.app[at]), int(world.mask[at])
        label = _label(world, at, now)
        if label == "clean" and wanted["no_grant"] and random.random() < 0.2:
            label, app = "no_grant", random.randrange(world.apps)
            row = world.app[world.start[person] : world.start[person + 1]]
            if world.banned[app] or app in row:
                continue
        off = int(world.off[person])
        good = [n for n in range(12) if mask >> n & 1 and n // 3 != off]
        if label == "clean":
            label = "allowed" if wanted["allowed"] and random.random() < 0.8 else "field"
        if not wanted[label] or not good:
            continue
        fields = random.sample(good, min(len(good), random.randint(1, 8)))
        if label == "field":
            rest = [n for n in range(12) if not mask >> n & 1]
            if not rest:
                continue
            fields[-1] = random.choice(rest)
        wanted[label] -= 1
        found.append(Query(label, person, app, tuple(NAMES[n] for n in sorted(fields))))
    random.shuffle(found)
    return found


def _label(world: World, at: int, now: int) -> str:
    person = world.person[at]
    if world.banned[world.app[at]]:
        return "banned"
    if now >= world.ends[at]:
        return "expired"
    if world.all_off[person]:
        return "opted_out"
    return "inactive" if now >= int(world.used[at]) + 90 * 86_400 else "clean"


def fill(writer: TableWriter, world: World, now: datetime = NOW) -> None:
    """Build the table from the arrays; every purpose is approved for 60 days from `now`."""
    numbers = np.arange(1, world.people + 1, dtype=np.uint32)
    digests = b"".join(digest_of(SECRET, outside_id(n)) for n in range(1, world.people + 1))
    sets = [frozenset[str](), *(frozenset({cluster.name}) for cluster in CATALOGUE.clusters)]
    people = PeopleColumns(
        numbers,
        np.frombuffer(digests, np.uint8).reshape(-1, 12),
        world.all_off[1:],
        np.zeros(world.people, np.uint8),
        (world.off[1:] + 1).astype(np.uint32),
        sets,
    )
    writer.build([people], _pairs(world), _apps(world, now), POLICY, 1, time.monotonic_ns())


def _pairs(world: World) -> Iterator[PairColumns]:
    shapes = [
        Shape(
            GrantState.ACTIVE,
            frozenset(name for n, name in enumerate(NAMES) if mask >> n & 1),
            frozenset(),
            frozenset({PURPOSE}),
            had_grant=True,
        )
        for mask in range(4096)
    ]
    for began in range(0, world.grants, _CHUNK):
        part = slice(began, began + _CHUNK)
        yield PairColumns(
            world.person[part],
            world.app[part].astype(np.int64) + 1,
            world.mask[part].astype(np.uint32),
            world.ends[part],
            world.used[part],
            np.ones(len(world.person[part]), np.uint32),
            shapes,
        )


def _apps(world: World, now: datetime) -> list[AppRow]:
    approvals = {(c.name, PURPOSE): now + timedelta(days=60) for c in CATALOGUE.clusters}
    contracts = frozenset(c.name for c in CATALOGUE.clusters)
    noted = dict.fromkeys(approvals, now)  # once a day: an app that was never seen before is not what is measured
    return [
        AppRow(
            ClientId(f"app-{n}"),
            AppFacts(
                AppNumber(n + 1),  # the ledger knows no app 0
                DeveloperNumber(1),
                Standing.BANNED if world.banned[n] else Standing.ACTIVE,
                Standing.ACTIVE,
                approvals,
                contracts,
                noted,
            ),
        )
        for n in range(world.apps)
    ]


def outside_id(number: int) -> str:
    """The platform's id of a person."""
    return f"person-{number:08d}"


def expected(world: World, query: Query) -> dict[str, str]:
    """What the oracle says, field by field; it sees the arrays, not the table."""
    row = world.app[world.start[query.person] : world.start[query.person + 1]]
    at = int(np.searchsorted(row, query.app))
    there = at < len(row) and row[at] == query.app
    place = int(world.start[query.person]) + at
    since = datetime(2000, 1, 1, tzinfo=UTC)
    off = int(world.off[query.person])
    granted = {n for i, n in enumerate(NAMES) if there and int(world.mask[place]) >> i & 1}
    person = {
        "number": query.person,
        "all_off": bool(world.all_off[query.person]),
        "app_off": False,
        "clusters_off": set() if off < 0 else {f"cluster_{off}"},
        "indirect": None,
        "had_grant": there,
        "last_use": since + timedelta(seconds=int(world.used[place])) if there else None,
    }
    base: dict[str, Any] = {
        "lag_ms": 0.0,
        "lag_limit_ms": 1000,
        "now": NOW,
        "app": {
            "number": query.app,
            "app": "banned" if world.banned[query.app] else "active",
            "developer": "active",
            "approvals": {(c.name, PURPOSE): NOW + timedelta(days=60) for c in CATALOGUE.clusters},
            "contracts": {c.name for c in CATALOGUE.clusters},
        },
        "grant": {
            "person": query.person,
            "app": query.app,
            "state": "active",
            "ends_at": since + timedelta(seconds=int(world.ends[place])),
            "fields": granted,
            "through_fields": set(),
            "purposes": {PURPOSE},
        }
        if there
        else None,
        "granter": person,
        "subject": person,
        "purpose": PURPOSE,
        "inactivity_days": 90,
        "review_required": True,
        "contract_required": True,
        "indirect_by_default": False,
    }
    return {
        name: answer(
            {**base, "field": name, "cluster": CLUSTER_OF[name].name, "class_of_field": CLUSTER_OF[name].field_class}
        )
        for name in query.fields
    }


def measure(
    people: int = 50_000, apps: int = 1_000, *, queries: int = 40_000, checked: int = 4_000, rounds: int = 3
) -> Report:
    """Build gate-1M at this size (20 grants a person), check it against the oracle, and time it in process."""
    world = world_of(people, apps)
    asked = questions(world, queries)
    with TemporaryDirectory(prefix="beholden-bench-") as folder:
        writer = TableWriter(Path(folder), CATALOGUE, SECRET)
        try:
            began = time.perf_counter()
            fill(writer, world)
            report = Report(world.grants, build_s=time.perf_counter() - began)
            report.table_mb = sum(p.stat().st_size for p in Path(folder).glob("*.bht")) / 1e6
            reader = TableReader(Path(folder), CATALOGUE, SECRET, clock=int)
            writer.apply(epoch=1, as_of_ns=0)
            _check(reader, world, asked[:checked], report)
            _time(reader, asked, report, rounds)
            _time_rows(reader, asked, report, rounds)
            _time_many(reader, world, report)
        finally:
            writer.close()
    return report


def _check(reader: TableReader, world: World, asked: Sequence[Query], report: Report) -> None:
    now, agreed = to_micros(NOW), 0
    for query in asked:
        who = outside_id(query.person)
        told = reader.decide(f"app-{query.app}", who, who, query.fields, PURPOSE, now)
        said = dict.fromkeys(told.allowed, "allowed") | {name: r.value for name, r in told.denied.items()}
        right = expected(world, query)
        agreed += said == right
        whole = set(right.values()) == {"allowed"}
        assert whole == (query.label == "allowed"), f"{query} is not what its label says: {right}"
    report.agreement, report.cases = agreed / len(asked), sum(len(q.fields) for q in asked)


def _time(reader: TableReader, asked: Sequence[Query], report: Report, rounds: int) -> None:
    calls = [(f"app-{q.app}", outside_id(q.person), q.fields) for q in asked]
    decide, now = reader.decide, to_micros(NOW)
    cpu, wall = [], []
    gc.collect()
    gc.freeze()  # the questions themselves are not to be walked over while they are asked
    until = time.process_time() + _LEAST_SECONDS  # one round of few questions is over in ten milliseconds
    while len(cpu) <= rounds or time.process_time() < until:
        began, began_cpu = time.perf_counter(), time.process_time()
        for client, who, fields in calls:
            decide(client, who, who, fields, PURPOSE, now)
        cpu.append(len(calls) / (time.process_time() - began_cpu))
        wall.append(len(calls) / (time.perf_counter() - began))
    gc.unfreeze()
    report.per_s, report.per_s_wall = statistics.median(cpu[1:]), statistics.median(wall[1:])
    single = []
    for client, who, fields in calls[:20_000]:
        began_ns = time.perf_counter_ns()
        decide(client, who, who, fields, PURPOSE, now)
        single.append(time.perf_counter_ns() - began_ns)
    report.p50_us, report.p99_us = (float(np.percentile(single, p)) / 1000 for p in (50, 99))


def _time_rows(reader: TableReader, asked: Sequence[Query], report: Report, rounds: int) -> None:
    """The same questions in rows of a hundred, as they come: of any app and any person."""
    now, rows = to_micros(NOW), []
    for began in range(0, len(asked), ROW):
        some = asked[began : began + ROW]
        items = [Item(f"app-{q.app}", who := outside_id(q.person), who, q.fields, PURPOSE) for q in some]
        rows.append(Questions.of(items))
    rates: list[float] = []
    gc.collect()
    gc.freeze()
    until = time.process_time() + _LEAST_SECONDS
    while len(rates) <= rounds or time.process_time() < until:
        began_cpu = time.process_time()
        for row in rows:
            reader.decide_row(row, now)
        rates.append(len(asked) / (time.process_time() - began_cpu))
    gc.unfreeze()
    report.rows_per_s = statistics.median(rates[1:])


def _time_many(reader: TableReader, world: World, report: Report) -> None:
    """A friends list of 5,000 in one call, of the granting person of the first grant that stands."""
    now, clean = seconds(NOW), to_micros(NOW)
    at = next(n for n in range(world.grants) if _label(world, n, now) == "clean")
    friends = [outside_id(n % world.people + 1) for n in range(5_000)]
    fields = [NAMES[:4]] * len(friends)
    client, giver = f"app-{world.app[at]}", outside_id(int(world.person[at]))
    friends_of = partial(decide_many, reader.gate(), client, friends, giver, fields, PURPOSE, now=clean, clock=0)
    friends_of()
    began = time.process_time()
    for _ in range(3):
        friends_of()
    report.many_per_s = 3 * len(friends) / (time.process_time() - began)
