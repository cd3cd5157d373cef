"""How long after an act some gate still allows what the act forbade, under load (laws 4 and 5).

    python -m bench.last_allow          one host: SQLite, `beholden serve --workers 2`, the table, a follower
    python -m bench.last_allow hosts    three hosts in network namespaces on one PostgreSQL (needs root and `ip`)

For each act the figure is *when the last answer that allowed was received* less *when the act was committed*; 0 where
none was received afterwards. That is the strict reading: an answer that was given before the commit, and was still on
its way to us, counts. The commit's moment is taken the instant after the database said that it is done, before the act
is answered (`Applied.wait` is called there). For the 90 days it is the very moment at which they end. The gate is asked
by other processes over kept-open connections all the time, mostly about the person and the app of the present act, and
about all earlier ones to the end, so that an allow that comes late is seen however late it comes.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import orjson

from beholden import bootstrap, settings
from beholden.backends.sql.store import SqlStore
from beholden.backends.table.applied import TableApplied
from beholden.gate.grant_id import grant_id
from beholden.journeys import access, consent, enforce, enrol, opt_out, policy
from beholden.journeys.consent import Sent
from beholden.journeys.ports import Engines, NewPerson
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Ask
from beholden.model.grant import Grant
from beholden.model.ids import OutsideId, PersonNumber
from beholden.model.person import Scope
from bench.asker import Asker, Heard, asking
from bench.load import request
from bench.timing import server_cpu
from examples.story.processes import Processes, free_port
from tests.hosts import Region, country

CATALOGUE = Path(__file__).parents[1] / "examples" / "catalogue.yaml"
POLICY = "name: bench\nreview_required: false\ncontract_required: false\nunverified_people_max: null\n"
PURPOSE = "bench"
BACK = "https://bench.example/back"
LIMIT_SECONDS = 1.0
"""The policy's lag limit, after which law 5 forgives no host and law 4 lets none allow."""
_NINETY_DAYS = timedelta(days=90)
_AFTER_SECONDS = 0.04
"""How long an act stays the hot one after it was answered; it is asked about to the end."""
_AT_ONCE = 16
"""People whose 90 days end in one moment."""
_AHEAD_SECONDS = 2
"""How far ahead that moment is, for each host that has to be seen to allow them before."""


@dataclass(frozen=True)
class Spread:
    """Milliseconds from the commit until the last allow, over some acts."""

    acts: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


@dataclass(frozen=True)
class LastAllow:
    """`answers` is how many were looked at. `wrong` are allows that were asked for too late: on the host of the act,
    after the act was answered; on other hosts, more than the lag limit after its commit."""

    answers: int
    wrong: int
    over_all: Spread
    kinds: Mapping[str, Spread]


@dataclass(frozen=True)
class Absence:
    """A host that was cut off from the database under load, and came back.

    `late` are allows asked for once the limit was over, until its return; `missed` are allows, after it vouched for its
    table again, of what was forbidden while it was away. `back_ms` is from the cable's return until it allowed again.
    """

    answers: int
    acts: int
    last_allow_ms: float
    late: int
    missed: int
    back_ms: float


@dataclass(frozen=True)
class Doing:
    """One act that is to be done, and the question that it makes a no of. `perform` says from when on that holds,
    where that is another moment than its commit."""

    kind: str
    question: bytes
    perform: Callable[[], float | None]


@dataclass(frozen=True)
class Done:
    """Moments of the monotonic clock."""

    kind: str
    committed: float
    answered: float


class Stamped:
    """What the store asks after each commit that changed a fact of the gate; it notes the moment."""

    def __init__(self, inner: TableApplied) -> None:
        self._inner = inner
        self.committed = math.nan

    def wait(self, epoch: int) -> bool:
        """See gate.ports.Applied."""
        self.committed = time.perf_counter()
        return self._inner.wait(epoch)


@dataclass(frozen=True)
class Office:
    """Where the acts are done: engines that note when each commit was done."""

    engines: Engines
    stamped: Stamped


def measure(acts: int = 40, *, connections: int = 8) -> LastAllow:
    """One host with two workers. Some 10 seconds for 40 acts; every process is gone afterwards."""
    with TemporaryDirectory(prefix="beholden-bench-") as folder, ExitStack() as stack:
        data = Path(folder)
        office = stack.enter_context(_office({}, data))
        doings = _settle(office, _mix(acts))
        processes = Processes(data / "logs")
        stack.callback(processes.stop)
        port = free_port()
        _serve(processes, "serve", data, port)
        processes.await_port("serve", port)
        asker = stack.enter_context(asking(port, [doing.question for doing in doings], data, connections=connections))
        workers = _workers(processes.pid("serve"))
        idle = [server_cpu(pid) for pid in workers]
        done = _do(office, doings, [asker])
        for pid, before in zip(workers, idle, strict=True):
            if server_cpu(pid) - before < 0.05:
                raise RuntimeError("one of the workers was hardly asked: all connections went to the other")
        return _summed(done, [asker.heard()], [one.answered for one in done])


def measure_hosts(acts: int = 40, *, connections: int = 3) -> tuple[LastAllow, Absence]:
    """Three hosts and a PostgreSQL, each in a network namespace; the acts are done beside the database.

    Raises OSError where this machine makes no network namespaces.
    """
    with TemporaryDirectory(prefix="beholden-bench-") as folder, ExitStack() as stack:
        place = Path(folder)
        region = stack.enter_context(country(place))
        office = stack.enter_context(_office({"BEHOLDEN_DATABASE": region.near}, place / "office"))
        doings = _settle(office, _mix(acts), ahead=3 * _AHEAD_SECONDS)
        away = _settle(office, _AWAY, "away")
        processes = Processes(place / "logs")
        stack.callback(processes.stop)
        askers = []
        for number, host in enumerate(region.hosts, 1):
            port = 8400 + number
            inside = region.inside(number)
            _serve(processes, f"host{number}", host.chosen.data, port, inside)
            questions = [doing.question for doing in (*doings, *away)]
            asked = asking(port, questions, host.chosen.data, connections=connections, inside=inside)
            askers.append(stack.enter_context(asked))
        done = _do(office, doings, askers)
        cut = _absence(region, askers, list(range(len(doings), len(doings) + len(away))), away)
        heard = [asker.heard() for asker in askers]
        told = _summed(done, [some[: len(doings)] for some in heard], [one.committed + LIMIT_SECONDS for one in done])
        return told, _judged(cut, heard[-1], len(doings))


_AWAY = ("ban", "opt_out", "narrowing") * 3
"""What is done while a host is away; the last one is left undone, so that the host has somebody to allow."""


def _mix(acts: int) -> list[str]:
    """As many of each kind."""
    kinds = ["ban", "opt_out", "narrowing"] * (acts // 4)
    return kinds + ["inactive"] * (acts - len(kinds))


@dataclass(frozen=True)
class _Cut:
    """When the cable was out and in again; the last of the questions is the one that nothing forbade."""

    cut: float
    back: float
    acts: int


def _absence(region: Region, askers: Sequence[Asker], places: Sequence[int], away: Sequence[Doing]) -> _Cut:
    """Cut the third host off, do all acts but the last meanwhile, and put it back."""
    for asker in askers:
        asker.ask(places)
    for asker in askers:
        asker.wait()
    region.cut(3, off=True)
    cut = time.perf_counter()
    time.sleep(LIMIT_SECONDS / 2)
    for doing in away[:-1]:
        doing.perform()
    time.sleep(3 * LIMIT_SECONDS)
    region.cut(3, off=False)
    back = time.perf_counter()
    askers[-1].hot(places[-1:])
    askers[-1].ask(places)  # what was forbidden meanwhile, once the host vouches for its table again
    time.sleep(2 * LIMIT_SECONDS)
    return _Cut(cut, back, len(places) - 1)


def _judged(cut: _Cut, heard: Sequence[Heard], first: int) -> Absence:
    *forbidden, free = heard[first:]
    asked_at = [sent for one in heard for sent, _ in one.allows if cut.cut < sent]
    returned = min(received for sent, received in free.allows if sent > cut.cut + LIMIT_SECONDS)
    before = [received for one in heard for _, received in one.allows if received < returned]
    return Absence(
        answers=sum(one.asked for one in heard),
        acts=cut.acts,
        last_allow_ms=1000 * max(0.0, max(before) - cut.cut),
        late=sum(cut.cut + LIMIT_SECONDS < sent < cut.back for sent in asked_at),
        missed=sum(sent > cut.cut + LIMIT_SECONDS for one in forbidden for sent, _ in one.allows),
        back_ms=1000 * (returned - cut.back),
    )


@contextmanager
def _office(environment: dict[str, str], data: Path) -> Iterator[Office]:
    data.mkdir(mode=0o700, exist_ok=True)
    given = {"BEHOLDEN_CATALOGUE": str(CATALOGUE)}
    limits = {"BEHOLDEN_APP_PER_SECOND": "0", "BEHOLDEN_GRANT_PER_SECOND": "0"}  # asking fast is what we are here for
    (data / "beholden.env").write_text("".join(f"{k}={v}\n" for k, v in {**environment, **given, **limits}.items()))
    chosen = settings.read({}, data=data)
    engines = bootstrap.embedded(chosen)
    stamped = Stamped(TableApplied(data / bootstrap.TABLE, engines.catalogue, engines.pairwise))
    bootstrap.close(engines)
    engines = replace(engines, store=SqlStore(chosen.database_url, applied=stamped))
    try:
        yield Office(engines, stamped)
    finally:
        bootstrap.close(engines)


def _serve(processes: Processes, name: str, data: Path, port: int, inside: Sequence[str] = ()) -> None:
    arguments = ["-m", "beholden", "serve", "--data", str(data), "--port", str(port), "--workers", "2"]
    processes.start(name, arguments, {"BEHOLDEN_GATE": "table"}, inside)


def _workers(parent: int) -> list[int]:
    """The workers of a server, once there are two."""
    end = time.monotonic() + 60
    while True:
        children = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        found = [pid for pid in children if b"--socket" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if len(found) == 2:
            return found
        if time.monotonic() > end:
            raise RuntimeError(f"the server has {len(found)} workers instead of 2")
        time.sleep(0.05)


def _do(office: Office, doings: Sequence[Doing], askers: Sequence[Asker]) -> list[Done]:
    """Do all acts, while others ask. Neighbours of kind `inactive` are done together: their moment is one."""
    chance, done = Random(2018), list[Done]()
    for together in _together(doings):
        places = [place for place, _ in together]
        if together[0][1].kind == "inactive":  # they are nobody's to begin with
            done += _pass(together, askers)
            continue
        for asker in askers:
            asker.ask(places)
        for asker in askers:
            asker.wait()
        time.sleep(chance.random() * 0.02)  # at any phase of the follower's rest
        ((_, doing),) = together
        doing.perform()
        answered = time.perf_counter()
        done.append(Done(doing.kind, office.stamped.committed, answered))
        time.sleep(_AFTER_SECONDS)
    for asker in askers:
        asker.ask(range(len(doings)))
    time.sleep(LIMIT_SECONDS / 2)
    return done


def _together(doings: Sequence[Doing]) -> Iterator[list[tuple[int, Doing]]]:
    groups = groupby(enumerate(doings), lambda one: one[1].kind if one[1].kind == "inactive" else one[0])
    for _, group in groups:
        some = list(group)
        for first in range(0, len(some), _AT_ONCE):
            yield some[first : first + _AT_ONCE]


def _pass(together: Sequence[tuple[int, Doing]], askers: Sequence[Asker]) -> list[Done]:
    """Last uses whose 90 days end in a moment, and that moment."""
    moments = [doing.perform() for _, doing in together]
    for asker in askers:
        asker.ask([place for place, _ in together])
    for asker in askers:
        asker.wait()
    ended = [moment for moment in moments if moment is not None]
    time.sleep(max(ended) - time.perf_counter() + _AFTER_SECONDS)
    return [Done("inactive", moment, moment) for moment in ended]


def _summed(done: Sequence[Done], heard: Sequence[Sequence[Heard]], deadline: Sequence[float]) -> LastAllow:
    """`heard` is what each asker heard, one for each act; `deadline` after which an allow may not be asked for."""
    took: list[tuple[str, float]] = []
    wrong = 0
    for place, one in enumerate(done):
        allows = [allow for host in heard for allow in host[place].allows]
        took.append((one.kind, 1000 * max(0.0, max(received for _, received in allows) - one.committed)))
        wrong += sum(sent > deadline[place] for sent, _ in allows)
    kinds = {kind: _spread([ms for one, ms in took if one == kind]) for kind in dict.fromkeys(kind for kind, _ in took)}
    answers = sum(one.asked for host in heard for one in host)
    return LastAllow(answers, wrong, _spread([ms for _, ms in took]), kinds)


def _spread(took: Sequence[float]) -> Spread:
    """The p99 of fewer than a hundred is their worst."""
    ordered = sorted(took)
    p50, p99 = (ordered[math.ceil(len(ordered) * p) - 1] for p in (0.5, 0.99))
    return Spread(len(ordered), p50, p99, ordered[-1])


def _settle(office: Office, kinds: Sequence[str], name: str = "act", ahead: int = _AHEAD_SECONDS) -> list[Doing]:
    """People who allowed an app their likes, each for one act; all that can be prepared is."""
    engines, key = office.engines, access.add_platform_key(office.engines, name).secret
    policy.put_in_force(engines, POLICY)
    judges = (_operator(engines, f"{name}-1"), _operator(engines, f"{name}-2"))
    names = [f"{name}-{n}" for n in range(len(kinds))]
    now = engines.clock.now()
    with engines.store.write() as unit:
        unit.directory.enrol(
            [NewPerson(OutsideId(o), "", "") for o in names], now, [engines.ids.secret() for _ in names]
        )
        numbers = unit.directory.numbers(names)
    shared = _app(engines, f"{name}-app")
    doings = []
    for nth, kind in enumerate(kinds):
        app = _app(engines, f"{name}-app-{nth}") if kind == "ban" else shared
        _grant(engines, numbers[names[nth]], app, used=kind != "inactive")
        perform = _PERFORMERS[kind](_About(engines, judges, numbers[names[nth]], app, ahead))
        doings.append(Doing(kind, _question(app, names[nth], key), perform))
    return doings


@dataclass(frozen=True)
class _About:
    """Whom an act is about, the two operators of a ban, and in how many seconds the 90 days are to end."""

    engines: Engines
    judges: tuple[Actor, Actor]
    person: PersonNumber
    app: App
    ahead: int


def _operator(engines: Engines, name: str) -> Actor:
    access.add_operator(engines, name, name, f"{name}@bench.example")
    return Actor(ActorKind.OPERATOR, name)


def _app(engines: Engines, client: str) -> App:
    developer = enrol.add_developer(engines, f"{client} Ltd", f"{client}@bench.example").developer
    asks = [Ask("identity", PURPOSE, required=True), Ask("likes", PURPOSE)]
    return enrol.add_app(engines, developer.number, client, [BACK], asks, client_id=client)


def _grant(engines: Engines, person: PersonNumber, app: App, *, used: bool) -> None:
    now, fields = engines.clock.now(), frozenset({"name", "photo", "email", "likes"})
    id_ = grant_id(engines.pairwise, person, app.number, 1)
    with engines.store.write() as unit:
        unit.directory.add_grant(
            Grant(id_, person, app.number, fields, frozenset(), frozenset({PURPOSE}), now, now + timedelta(days=300))
        )
        if used:
            unit.directory.record_use(person, app.number, now)


def _question(app: App, person: str, key: str) -> bytes:
    asked = {
        "subject": {"type": "app", "id": app.client_id},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": person, "properties": {"fields": ["likes"]}},
        "context": {"purpose": PURPOSE},
    }
    return request("/access/v1/evaluation", orjson.dumps(asked), key)


def _ban(about: _About) -> Callable[[], None]:
    """A ban by two operators; the second one's word is the act."""
    one, other = about.judges
    wish = enforce.propose(about.engines, one, enforce.SanctionKind.BAN, "measured", app=about.app.client_id)

    def perform() -> None:
        enforce.confirm(about.engines, other, wish.sanction.id)

    return perform


def _opt_out(about: _About) -> Callable[[], None]:
    """The person's switch for everything."""

    def perform() -> None:
        opt_out.choose(about.engines, about.person, Scope.ALL, sharing=False)

    return perform


def _narrowing(about: _About) -> Callable[[], None]:
    """The person answers the app's request anew, and leaves out their likes."""
    link = {
        "response_type": "code",
        "client_id": about.app.client_id,
        "redirect_uri": BACK,
        "state": "bench",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }

    def perform() -> None:
        told = consent.decide(about.engines, about.person, list(link.items()), allow=True)
        if not isinstance(told, Sent) or "code=" not in told.redirect:
            raise RuntimeError(f"the narrowing was refused: {told}")

    return perform


def _inactive(about: _About) -> Callable[[], float]:
    """The person's own use, of 90 days ago but for some seconds; the moment of the monotonic clock at which they
    are over."""

    def perform() -> float:
        over = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=about.ahead)
        with about.engines.store.write() as unit:
            unit.directory.record_use(about.person, about.app.number, over - _NINETY_DAYS)
        return time.perf_counter() + over.timestamp() - time.time()

    return perform


_PERFORMERS: Mapping[str, Callable[[_About], Callable[[], float | None]]] = {
    "ban": _ban,
    "opt_out": _opt_out,
    "narrowing": _narrowing,
    "inactive": _inactive,
}


def _line(name: str, spread: Spread) -> str:
    return (
        f"{name:10} {spread.acts:5}  p50 {spread.p50_ms:8.1f}  p99 {spread.p99_ms:8.1f}  worst {spread.worst_ms:8.1f}"
    )


def table(told: LastAllow) -> str:
    """Milliseconds from the commit until the last allow, a line a kind of act."""
    lines = [_line(kind, spread) for kind, spread in told.kinds.items()]
    return "\n".join([*lines, _line("all", told.over_all), f"{told.answers:,} answers, {told.wrong} wrong allows"])


def main(words: Sequence[str]) -> None:
    """See the module. A number after the words is how many acts."""
    acts = next((int(word) for word in words if word.isdecimal()), 400)
    if "hosts" not in words:
        print(table(measure(acts)))
        return
    told, absence = measure_hosts(acts)
    print(table(told))
    print(
        f"cut off: {absence.acts} acts meanwhile; last allow {absence.last_allow_ms:,.0f} ms after the cut; "
        f"{absence.late} allows after the limit; right again {absence.back_ms:,.0f} ms after its return, "
        f"{absence.missed} of what it missed allowed"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
