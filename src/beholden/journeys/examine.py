"""Examine: search evidence for the people whose data an app received, and hold a claim of deletion against it.

The act of intake, with every exhibit's digest, is in the ledger before anything is searched; the act of conclusion,
with the verdict and the report's digest, before the verdict is told. A crash in between leaves an examination that
began and never ended: visible, and no verdict. No act holds anything of a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

from beholden import __version__
from beholden.cases import certification as certifications
from beholden.forensics import report as reports
from beholden.forensics import sections
from beholden.forensics import verdict as verdicts
from beholden.forensics.containers import Limits, shown
from beholden.forensics.coverage import Reason
from beholden.forensics.examiner import LOGS
from beholden.forensics.needles import Kind
from beholden.forensics.outcome import Outcome
from beholden.forensics.ports import Evidence, ExaminationRecord, Exhibit, Hits, Intake, Progress
from beholden.forensics.recall import Recall
from beholden.forensics.seal import Signed
from beholden.forensics.seeding import Seeds
from beholden.forensics.units import InProcess, Job, Searcher
from beholden.journeys import judgement
from beholden.journeys.acts import operators_only, record
from beholden.journeys.ports import Engines
from beholden.journeys.received import Ledgered, Received, Values, load
from beholden.journeys.searching import search
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App
from beholden.model.errors import BadInput, NotFound
from beholden.model.ids import AppNumber, CaseId, CertificationId, ExaminationId, PersonNumber

__all__ = [
    "Claim",
    "Examination",
    "ExaminationRecord",
    "Searcher",
    "Verdict",
    "examination",
    "examinations",
    "examine",
    "read_claim",
    "shown",
]

Verdict = verdicts.Verdict
MAX_LISTED_EXHIBITS = 200
"""Exhibits whose digests stand in the act itself; the manifest's digest pins the rest."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a developer claims: everything received up to `at` was deleted by then. `people` as they count them.

    `at` is None where the claim is undated; it then stands for the present.
    """

    name: str
    at: datetime | None
    people: int | None


@dataclass(frozen=True, slots=True)
class Examination:
    """A finished examination. `encoded` is the report as JSON, whose digest the ledger has; `report` is the same.

    `manifest` lists the exhibits as they were taken in, and was signed before anything was searched.
    """

    record: ExaminationRecord
    because: tuple[str, ...]
    report: Mapping[str, object]
    encoded: bytes
    manifest: bytes
    manifest_signed: Signed

    @property
    def verdict(self) -> verdicts.Verdict:
        """The answer."""
        return Verdict(self.record.verdict)


def read_claim(engines: Engines, app: App, certification: str, *, document: str | None = None) -> Claim:
    """The claim that a certification makes: a kept one, by its id, or a document that was never handed in.

    Raises NotFound for an unknown id, BadInput for a certification of somebody else or about other apps.
    """
    now = engines.clock.now()
    if document is not None:
        statement, _ = certifications.read(document)
        known_at, name = now, shown(certification)
    else:
        with engines.store.read() as unit:
            kept = unit.cases.certification(CertificationId(certification))
        if kept is None:
            raise NotFound(f"There is no certification {shown(certification)!r}.", "Name its id, or a file.")
        if kept.developer != app.developer:
            raise BadInput("The certification is another developer's.", f"Name one of the developer of {app.name}.")
        statement, known_at, name = kept.statement, kept.received_at, str(kept.id)
    if statement.apps and app.client_id not in statement.apps:
        raise BadInput(f"The certification does not name the app {app.client_id}.", "Name the one that does.")
    counts = [count for count in (statement.people_direct, statement.people_indirect) if count is not None]
    return Claim(name, _claimed_at(statement, known_at), sum(counts) if counts else None)


def _claimed_at(statement: certifications.Statement, known_at: datetime) -> datetime | None:
    """The end of the day that is claimed, or of the day of signature; not later than the claim itself was there."""
    day = statement.deleted_on or statement.signed_on
    if day is None:
        return None
    start = datetime.combine(day, clock_time.min, UTC)
    return start if start > known_at else min(start + timedelta(days=1), known_at)


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked: everything that is known before anything is searched."""

    id: ExaminationId
    app: App
    developer: str
    operator: Actor
    claim: Claim | None
    case: str | None
    paths: tuple[str, ...]
    began_at: datetime
    taken_at: datetime


def examine(
    engines: Engines,
    evidence: Evidence,
    paths: Sequence[str],
    client_id: str,
    actor: Actor,
    *,
    claim: Claim | None = None,
    case: str | None = None,
    taken_at: datetime | None = None,
    limits: Limits | None = None,
    searcher: Searcher | None = None,
    values: Values | None = None,
    hits: Hits | None = None,
    hashed: bool = False,
    seeds: Seeds | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Examination:
    """Search everything under `paths` for the people whose data the app received.

    `taken_at` is when the evidence was taken, now by default. `searcher` is who reads it, this process by default.
    `values` are further values of people, for this examination only; those that the app never received are not looked
    for. `hits` keeps every single find. `hashed` looks for digests of addresses and phones too. `seeds` plants made-up
    people beside the evidence, to measure how much of what is there is found. Raises BadInput for paths that do not
    exist, NotFound for an unknown app or case, NotAllowed for a developer, a person or an app.
    """
    order = _ordered(engines, client_id, actor, claim, case, tuple(sorted(map(shown, paths))), taken_at)
    intake = evidence.take_in(paths, progress)
    manifest = reports.manifest(intake.exhibits)
    signed = engines.seal.sign(manifest)
    _record_intake(engines, order, intake, reports.sha256(manifest), signed)
    sought, unsought, received, ledgered = load(engines, order.app, values or {}, hashed=hashed)
    searcher = searcher or InProcess(evidence)
    job = Job(sought, limits or Limits(), intake.exhibits, listed=hits is not None)
    found = search(searcher, intake, job, hits, progress)
    measured = judgement.recall(evidence, seeds, order.id, limits or Limits()) if seeds is not None else None
    custody = list(map(_custody, intake.exhibits, evidence.digests(intake.exhibits, progress)))
    for exhibit in custody:
        if not exhibit.unchanged:
            found.coverage.gap(exhibit.name, Reason.CHANGED, 0)
    with engines.store.read() as unit:
        weight = judgement.weigh(found, sought, unit.directory.count_people())
    against, later = _weigh(found, intake, custody, received, claim, weight)
    decision = _decide(found, len(sought.people), custody, order, against, later, unsought, weight, measured)
    counts = reports.numbers(found.tally, sought, len(against), later, unsought)
    counts["found_by_own_id"] = sum(1 for one in weight.keyed if not found.tally.people[one].corroborated)
    ended_at = engines.clock.now()
    report = reports.document(
        _header(order, ledgered, len(received), ended_at, searcher.protections),
        decision,
        counts,
        custody,
        found.coverage.statement(),
        weight.chance.people,
        sought,
        found.tally,
        _more(order, intake, found, ledgered, manifest, signed, hits)
        | {"judgement": judgement.section(weight, decision.test, measured)},
    )
    encoded = reports.encoded(report)
    kept = _kept(order, decision, counts, reports.sha256(manifest), reports.sha256(encoded), ended_at)
    _conclude(engines, actor, kept, custody)
    return Examination(kept, decision.because, report, encoded, manifest, signed)


def _more(
    order: _Order,
    intake: Intake,
    found: Outcome,
    ledgered: Ledgered,
    manifest: bytes,
    signed: Signed,
    hits: Hits | None,
) -> dict[str, object]:
    """The sections that pictures are drawn from, and what else lies beside the report."""
    exhibits = [(exhibit.number, exhibit.name, exhibit.size) for exhibit in intake.exhibits]
    claimed_at = order.claim.at if order.claim is not None else None
    return {
        "strips": sections.strips(exhibits, found.coverage.strips, found.tally.strips),
        "matrix": sections.matrix(found.tally),
        "timeline": sections.timeline(ledgered.days, claimed_at, order.taken_at, found.tally),
        "manifest": {"sha256": reports.sha256(manifest), "key": signed.key.fingerprint},
        "hits": None if hits is None else asdict(hits.finish()) | {"left_out": found.unlisted},
    }


def _header(
    order: _Order, ledgered: Ledgered, exposed: int, ended_at: datetime, worker: Mapping[str, object]
) -> reports.Header:
    return reports.Header(
        order.id,
        order.app.client_id,
        order.app.name,
        order.developer,
        str(order.operator),
        order.case,
        order.paths,
        _claim_facts(order.claim, exposed),
        order.began_at,
        ended_at,
        order.taken_at,
        ledgered.size,
        __version__,
        worker,
    )


def _kept(
    order: _Order,
    decision: verdicts.Decision,
    counts: dict[str, int],
    manifest: str,
    digest: str,
    ended_at: datetime,
) -> ExaminationRecord:
    return ExaminationRecord(
        order.id,
        order.app.number,
        order.case,
        order.claim.name if order.claim else None,
        str(order.operator),
        order.paths,
        decision.verdict.value,
        counts,
        manifest,
        digest,
        order.began_at,
        ended_at,
    )


def examination(engines: Engines, id_: str) -> ExaminationRecord:
    """One finished examination; raises NotFound."""
    with engines.store.read() as unit:
        found = unit.examinations.get(ExaminationId(id_))
    if found is None:
        raise NotFound(f"There is no examination {shown(id_)!r}.", "`beholden examine list` names them.")
    return found


def examinations(engines: Engines, app: AppNumber | None = None) -> Sequence[ExaminationRecord]:
    """Finished examinations, newest first."""
    with engines.store.read() as unit:
        return unit.examinations.of(app)


def _ordered(
    engines: Engines,
    client_id: str,
    actor: Actor,
    claim: Claim | None,
    case: str | None,
    paths: tuple[str, ...],
    taken_at: datetime | None,
) -> _Order:
    with engines.store.read() as unit:
        if actor.kind not in (ActorKind.PLATFORM, ActorKind.SYSTEM):
            operators_only(unit, actor)
        app = unit.directory.app(client_id)
        if app is None:
            raise NotFound(f"There is no app {shown(client_id)!r}.", "`beholden app list` names them.")
        if case is not None and unit.cases.case(CaseId(case)) is None:
            raise NotFound(f"There is no case {shown(case)!r}.", "`beholden case list` names them.")
        developer = unit.directory.developer(app.developer)
    now = engines.clock.now()
    name = developer.name if developer else ""
    id_ = ExaminationId(engines.ids.new("examination"))
    return _Order(id_, app, name, actor, claim, case, paths, now, taken_at or now)


def _custody(exhibit: Exhibit, after: str | None) -> reports.Custody:
    return reports.Custody(exhibit.number, exhibit.name, exhibit.size, exhibit.sha256, after)


def _weigh(
    outcome: Outcome,
    intake: Intake,
    custody: Sequence[reports.Custody],
    received: Mapping[PersonNumber, Received],
    claim: Claim | None,
    weight: judgement.Weight,
) -> tuple[Sequence[PersonNumber], int]:
    """People found who speak against the claim, and how many whose data the app (also) received after it.

    Only exhibits that are still what they were count.
    """
    changed = {exhibit.name for exhibit in custody if not exhibit.unchanged}
    spoilt = {exhibit.segment_of for exhibit in intake.exhibits if exhibit.name in changed}
    sound = {e.number for e in custody if not changed & {e.name, *(e.name + ending for ending in LOGS)}} - spoilt
    none = frozenset[int]()
    people = outcome.tally.people
    found = [number for number, one in people.items() if (one.exhibits | weight.keyed.get(number, none)) & sound]
    if claim is None or claim.at is None:
        return found, 0
    against = [number for number in found if received[number].last_at <= claim.at]
    return against, len(found) - len(against)


def _decide(
    outcome: Outcome,
    sought: int,
    custody: Sequence[reports.Custody],
    order: _Order,
    against: Sequence[PersonNumber],
    later: int,
    unsought: int,
    weight: judgement.Weight,
    measured: Recall | None,
) -> verdicts.Decision:
    statement = outcome.coverage.statement()
    return verdicts.decide(
        verdicts.Facts(
            len(against),
            later,
            sought,
            unsought,
            statement.read,
            statement.complete,
            sum(1 for exhibit in custody if not exhibit.unchanged),
            order.claim.at if order.claim else None,
            order.taken_at,
            weight.chance.people,
            measured,
            weight.single,
            sum(1 for number in against if Kind.SCOPED_ID in outcome.tally.people[number].fields),
            weight.expected_own,
        )
    )


def _claim_facts(claim: Claim | None, exposed: int) -> dict[str, object] | None:
    """The claim beside the ledger: what it says, and how many people it is really about."""
    if claim is None:
        return None
    when = "at no stated date" if claim.at is None else f"by {claim.at:%Y-%m-%d %H:%M} UTC"
    counted = "no number of people" if claim.people is None else f"{claim.people:,} people"
    sentence = f"{claim.name}: deleted {when}; it names {counted}, the ledger {exposed:,}."
    at = None if claim.at is None else claim.at.isoformat().replace("+00:00", "Z")
    return {"name": claim.name, "at": at, "people": claim.people, "ledger_people": exposed, "sentence": sentence}


def _record_intake(engines: Engines, order: _Order, intake: Intake, manifest: str, signed: Signed) -> None:
    details: dict[str, object] = {
        "exhibits": len(intake.exhibits),
        "bytes": sum(exhibit.size for exhibit in intake.exhibits),
        "manifest_sha256": manifest,
        "manifest_signature": signed.text,
        "key": signed.key.fingerprint,
        "sha256": [exhibit.sha256 for exhibit in intake.exhibits[:MAX_LISTED_EXHIBITS]],
    }
    if order.case is not None:
        details["case"] = order.case
    if order.claim is not None:
        details["claim"] = order.claim.name
    subject = f"examination:{order.id}"
    record(engines, Act(order.operator, "examination:begin", subject, order.began_at, order.app.number, details))


def _conclude(engines: Engines, actor: Actor, kept: ExaminationRecord, custody: Sequence[reports.Custody]) -> None:
    """The act, then the record. A crash in between leaves the verdict in the ledger and no page for it."""
    details: dict[str, object] = {
        "verdict": kept.verdict,
        "numbers": kept.numbers,
        "manifest_sha256": kept.manifest_sha256,
        "report_sha256": kept.report_sha256,
        "changed": sum(1 for exhibit in custody if not exhibit.unchanged),
    }
    with engines.store.write() as unit:
        record(engines, Act(actor, "examination:end", f"examination:{kept.id}", kept.ended_at, kept.app, details))
        unit.examinations.add(kept)
