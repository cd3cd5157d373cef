"""Detect: take the ledger's new rows to the lake, let the rules judge, keep the findings, show their exact rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from beholden.journeys.ports import LAKE, Engines, Unit
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.catalogue import FieldClass
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.errors import BadInput, Conflict, NotFound
from beholden.model.finding import Finding
from beholden.model.ids import AppNumber, FindingId, PersonNumber
from beholden.model.time import day_of
from beholden.watch import features, leak
from beholden.watch.features import INACTIVE_AFTER_DAYS, AppDay
from beholden.watch.judge import RULES, judge, risk
from beholden.watch.ports import Canary, FindingVerdict
from beholden.watch.rule import RuleInfo

VERDICTS = ("tp", "benign", "fp")

# What pages and commands read of the rules; a leak is found in the wild, not in the rows.
RULE_INFO: Mapping[str, RuleInfo] = {rule.info.id: rule.info for rule in RULES} | {leak.INFO.id: leak.INFO}


@dataclass(frozen=True, slots=True)
class WatchReport:
    """One run: all findings of it, the ids of those never seen before, and the rules that could not run."""

    rows_taken: int
    days_judged: int
    findings: tuple[Finding, ...]
    new: tuple[FindingId, ...]
    not_running: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as an investigator sees it."""

    finding: Finding
    rule: RuleInfo
    app_name: str
    client_id: str
    developer_name: str
    verdict: FindingVerdict | None


@dataclass(frozen=True, slots=True)
class AppRisk:
    """What the rules say of one app together; findings with a benign or false verdict do not count."""

    app: AppNumber
    score: float
    findings: int


def run(engines: Engines, since: date | None = None) -> WatchReport:
    """Judge every app-day from `since` on (all of them by default) and keep what was found.

    Running it again finds the same findings under the same ids; nothing is found twice.
    """
    taken = _ingest(engines)
    with engines.store.read() as unit:
        small = _small_tables(unit)
        names = {int(app.number): app.name for app in unit.directory.apps()}
    rows = engines.lake.run(features.app_days(), small)
    inputs = [name for name, table in small.items() if table]
    judged = judge([AppDay(**row) for row in rows], names, inputs, since, engines.clock.now())
    with engines.store.read() as unit:
        known = {finding.id for finding in unit.watch.findings()}
    fresh = [f for f in judged.findings if f.id not in known]
    new = _keep(engines, judged.findings, fresh)
    return WatchReport(taken, len(rows), judged.findings, tuple(new), judged.not_running)


def open_findings(engines: Engines, findings: Sequence[Finding]) -> Sequence[FindingId]:
    """Keep findings that came from outside the ledger's rows; the ids of those that were new."""
    with engines.store.read() as unit:
        known = {finding.id for finding in unit.watch.findings()}
    return _keep(engines, findings, [finding for finding in findings if finding.id not in known])


def _keep(engines: Engines, findings: Sequence[Finding], fresh: Sequence[Finding]) -> Sequence[FindingId]:
    if fresh:  # the ledger first: a finding that a case rests on is never without its entry
        engines.ledger.append([_act(engines, SYSTEM, "finding:found", f, {"rule": f.rule}) for f in fresh])
    with engines.store.write() as unit:
        return unit.watch.put(findings)


def _ingest(engines: Engines) -> int:
    with engines.locks.hold(LAKE):
        return _ingest_held(engines)


def _ingest_held(engines: Engines) -> int:
    upto = engines.ledger.size()
    sensitive = frozenset(
        field.name
        for cluster in engines.catalogue.clusters
        if cluster.field_class is not FieldClass.BASIC
        for field in cluster.fields
    )
    reached = engines.lake.reached()
    if reached > upto:
        raise Conflict("The lake is ahead of the ledger, so it was made from another one.", "Run `watch rebuild`.")
    rows = (row for row in engines.ledger.disclosures(start=reached) if row.seq < upto)
    return engines.lake.ingest(rows, upto, sensitive)


def _small_tables(unit: Unit) -> dict[str, list[dict[str, object]]]:
    installs: dict[tuple[int, int], date] = {}
    for grant in unit.directory.grants():
        key = (grant.app, grant.person)
        installs[key] = min(day_of(grant.granted_at), installs.get(key, date.max))
    return {
        "installs": [{"app": a, "person": p, "first_day": day} for (a, p), day in installs.items()],
        "uses": [{"person": p, "app": a, "day": day} for p, a, day in unit.directory.use_days()],
        "canaries": [{"person": c.person, "app": c.app or 0} for c in unit.watch.canaries()],
        "apps": [
            {"app": app.number, "developer": app.developer, "category": app.category} for app in unit.directory.apps()
        ],
    }


def list_findings(engines: Engines) -> list[FindingView]:
    """All findings, highest score first."""
    with engines.store.read() as unit:
        verdicts = unit.watch.verdicts()
        return [_view(unit, finding, verdicts) for finding in unit.watch.findings()]


def show(engines: Engines, finding: str) -> FindingView:
    """One finding; raises NotFound."""
    with engines.store.read() as unit:
        found = unit.watch.finding(FindingId(finding))
        if found is None:
            raise NotFound(f"There is no finding {finding!r}.", "`beholden watch list` names them.")
        return _view(unit, found, unit.watch.verdicts())


def _view(unit: Unit, finding: Finding, verdicts: Mapping[FindingId, FindingVerdict]) -> FindingView:
    app = unit.directory.app_by_number(finding.app)
    developer = unit.directory.developer(finding.developer)
    assert app is not None and developer is not None
    return FindingView(
        finding, RULE_INFO[finding.rule], app.name, app.client_id, developer.name, verdicts.get(finding.id)
    )


def risks(engines: Engines) -> list[AppRisk]:
    """Apps by risk, highest first."""
    scores: dict[AppNumber, list[float]] = {}
    for view in list_findings(engines):
        if view.verdict is None or view.verdict.verdict == "tp":
            scores.setdefault(view.finding.app, []).append(view.finding.score)
    ranked = [AppRisk(app, risk(values), len(values)) for app, values in scores.items()]
    return sorted(ranked, key=lambda r: -r.score)


def rows_of(engines: Engines, finding: Finding) -> Iterator[RecordedDisclosure]:
    """The exact ledger rows that a finding rests on, in the order of the log."""
    query = finding.rows
    with engines.store.read() as unit:
        objectionable = _objection(unit, query.only, query.app)
    for row in engines.ledger.disclosures(apps=[query.app]):
        if query.first_day <= day_of(row.at) <= query.last_day and objectionable(row):
            yield row


def _objection(unit: Unit, only: str, app: AppNumber) -> Callable[[RecordedDisclosure], bool]:
    """The rule's own reading of which rows it objects to; the same as in the features."""
    if only == "indirect":
        return lambda row: not row.direct
    if only == "stranger":
        first = _first_grants(unit, app)
        return lambda row: not row.direct and first.get(row.person, date.max) > day_of(row.at)
    if only == "inactive":
        days = _use_days(unit, app)
        first = _first_grants(unit, app)
        return lambda row: row.person in first and _idle(row, days.get(row.person, ()), first[row.person])
    if only == "canary":
        planted = {c.person: c.app for c in unit.watch.canaries()}
        return lambda row: row.person in planted and planted[row.person] != row.app
    if only == "own canary":
        own = {c.person for c in unit.watch.canaries() if c.app == app}
        return lambda row: row.person in own
    return lambda _row: True


def _first_grants(unit: Unit, app: AppNumber) -> dict[PersonNumber, date]:
    first: dict[PersonNumber, date] = {}
    for grant in unit.directory.grants(app=app):
        first[grant.person] = min(day_of(grant.granted_at), first.get(grant.person, date.max))
    return first


def _use_days(unit: Unit, app: AppNumber) -> dict[PersonNumber, list[date]]:
    days: dict[PersonNumber, list[date]] = {}
    for person, _, day in unit.directory.use_days(app):
        days.setdefault(person, []).append(day)
    return days


def _idle(row: RecordedDisclosure, used: Sequence[date], first: date) -> bool:
    day = day_of(row.at)
    last = max((d for d in used if d <= day), default=first)
    return day - last > timedelta(days=INACTIVE_AFTER_DAYS)


def give_verdict(
    engines: Engines, actor: Actor, finding: str, verdict: str, reason: str, until: date | None = None
) -> None:
    """Record what an investigator says of a finding: tp, benign or fp, with a reason."""
    if verdict not in VERDICTS:
        raise BadInput(f"The verdict {verdict!r} is not known.", f"Use one of {', '.join(VERDICTS)}.")
    if not reason.strip() or len(reason) > 2000:
        raise BadInput("A verdict needs a reason of 1 to 2,000 characters.", "Say what was seen.")
    view = show(engines, finding)
    engines.ledger.append([_act(engines, actor, "finding:verdict", view.finding, {"verdict": verdict})])
    with engines.store.write() as unit:
        unit.watch.give_verdict(
            FindingVerdict(view.finding.id, verdict, reason.strip(), actor.id, engines.clock.now(), until)
        )


def plant_canary(engines: Engines, actor: Actor, outside_id: str, client_id: str | None, note: str = "") -> None:
    """Declare a person of the directory to be made up; `client_id` is the one app that may have them."""
    now = engines.clock.now()
    with engines.store.read() as unit:
        person = unit.directory.numbers([outside_id]).get(outside_id)
        app = unit.directory.app(client_id) if client_id else None
    if person is None:
        raise NotFound(f"There is no person {outside_id!r}.", "Enrol the made-up person first.")
    if client_id and app is None:
        raise NotFound(f"There is no app {client_id!r}.", "`beholden app list` names them.")
    engines.ledger.append([Act(actor, "canary:plant", f"person:{person}", now, app.number if app else None)])
    with engines.store.write() as unit:
        unit.watch.plant(Canary(person, app.number if app else None, now, note))


def canaries(engines: Engines) -> Sequence[Canary]:
    """All canaries."""
    with engines.store.read() as unit:
        return unit.watch.canaries()


def rebuild(engines: Engines) -> int:
    """Drop the lake and fill it from the ledger again; how many rows it holds then."""
    with engines.locks.hold(LAKE):
        engines.lake.rebuild()
        return _ingest_held(engines)


def _act(engines: Engines, actor: Actor, verb: str, finding: Finding, details: Mapping[str, object]) -> Act:
    return Act(actor, verb, f"finding:{finding.id}", engines.clock.now(), finding.app, details)
