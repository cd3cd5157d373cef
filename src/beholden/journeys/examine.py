"""Examine: search evidence for the people whose data an app received, and hold a claim of deletion against it.

The act of intake, with every exhibit's digest, is in the ledger before anything is searched; the act of conclusion,
with the verdict and the report's digest, before the verdict is told. A crash in between leaves an examination that
began and never ended: visible, and no verdict. No act holds anything of a person.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

from beholden import __version__
from beholden.cases import certification as certifications
from beholden.forensics import report as reports
from beholden.forensics import verdict as verdicts
from beholden.forensics.containers import Limits, shown
from beholden.forensics.coverage import Reason
from beholden.forensics.examiner import LOGS, Examiner, Place
from beholden.forensics.needles import Kind, Needles, Sought, needles
from beholden.forensics.ports import Evidence, ExaminationRecord, Exhibit, Intake, Progress
from beholden.forensics.recall import Recall
from beholden.forensics.seeding import Seeds
from beholden.forensics.source import Source
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import judgement
from beholden.journeys.acts import operators_only, record
from beholden.journeys.ports import Engines, Unit
from beholden.ledger.record import matches
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.errors import BadInput, NotFound, Unavailable
from beholden.model.ids import AppNumber, CaseId, CertificationId, ExaminationId, PersonNumber

__all__ = [
    "Claim",
    "Examination",
    "ExaminationRecord",
    "Verdict",
    "examination",
    "examinations",
    "examine",
    "read_claim",
]

Verdict = verdicts.Verdict
MAX_DIGESTS = 3
"""Disclosures of one person whose value digests are compared; an app that polls has the same values in all."""
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
    """A finished examination. `encoded` is the report as JSON, whose digest the ledger has; `report` is the same."""

    record: ExaminationRecord
    because: tuple[str, ...]
    report: Mapping[str, object]
    encoded: bytes

    @property
    def verdict(self) -> verdicts.Verdict:
        """The answer."""
        return Verdict(self.record.verdict)


@dataclass(slots=True)
class _Received:
    """What the ledger says that the app received of one person."""

    first_at: datetime
    last_at: datetime
    with_digests: list[RecordedDisclosure] = field(default_factory=list)


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
    hashed: bool = False,
    seeds: Seeds | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Examination:
    """Search everything under `paths` for the people whose data the app received.

    `taken_at` is when the evidence was taken, now by default. `hashed` looks for digests of addresses too. `seeds`
    plants made-up people beside the evidence, to measure how much of what is there is found. Raises BadInput for paths
    that do not exist, NotFound for an unknown app or case, NotAllowed for a developer, a person or an app.
    """
    order = _ordered(engines, client_id, actor, claim, case, tuple(map(shown, paths)), taken_at)
    intake = evidence.take_in(paths, progress)
    manifest = reports.sha256(reports.manifest([_custody(exhibit, exhibit.sha256) for exhibit in intake.exhibits]))
    _record_intake(engines, order, intake, manifest)
    sought, unsought, received = _load(engines, order.app, hashed=hashed)
    examiner = search(evidence, intake, sought, limits or Limits(), progress)
    measured = judgement.recall(evidence, seeds, order.id, limits or Limits()) if seeds is not None else None
    custody = [_custody(exhibit, evidence.digest(exhibit, progress)) for exhibit in intake.exhibits]
    for exhibit in custody:
        if not exhibit.unchanged:
            examiner.coverage.gap(exhibit.name, Reason.CHANGED, 0)
    with engines.store.read() as unit:
        weight = judgement.weigh(examiner, sought, unit.directory.count_people())
    against, later = _weigh(examiner, custody, received, claim, weight)
    decision = _decide(examiner, custody, order, against, later, unsought, weight, measured)
    counts = reports.numbers(examiner.tally, sought, len(against), later, unsought)
    counts["found_by_own_id"] = sum(1 for one in weight.keyed if not examiner.tally.people[one].corroborated)
    ended_at = engines.clock.now()
    report = reports.document(
        _header(engines, order, len(received), ended_at),
        decision,
        counts,
        custody,
        examiner.coverage.statement(),
        weight.chance.people,
        sought,
        examiner.tally,
    ) | {"judgement": judgement.section(weight, decision.test, measured)}
    encoded = reports.encoded(report)
    kept = _kept(order, decision, counts, manifest, reports.sha256(encoded), ended_at)
    _conclude(engines, actor, kept, custody)
    return Examination(kept, decision.because, report, encoded)


def _header(engines: Engines, order: _Order, exposed: int, ended_at: datetime) -> reports.Header:
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
        engines.ledger.size(),
        __version__,
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
        raise NotFound(f"There is no examination {shown(id_)!r}.", "`beholden examine --list` names them.")
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


def _load(engines: Engines, app: App, *, hashed: bool) -> tuple[Needles, int, Mapping[PersonNumber, _Received]]:
    """Whom to look for; how many of the ledger's people the directory no longer knows; what was received of each."""
    received: dict[PersonNumber, _Received] = {}
    for row in engines.ledger.disclosures(apps=[app.number]):
        one = received.get(row.person)
        if one is None:
            one = received[row.person] = _Received(row.at, row.at)
        one.first_at, one.last_at = min(one.first_at, row.at), max(one.last_at, row.at)
        if row.digests:
            one.with_digests = [*one.with_digests[1 - MAX_DIGESTS :], row]
    numbers = sorted(received)
    with engines.store.read() as unit:
        sought = list(_sought(engines, unit, app, numbers, received))
        keys = unit.directory.keys([number for number in numbers if received[number].with_digests])
    return needles(sought, _Disclosed(received, keys), hashed=hashed), len(numbers) - len(sought), received


def _sought(
    engines: Engines,
    unit: Unit,
    app: App,
    numbers: Sequence[PersonNumber],
    received: Mapping[PersonNumber, _Received],
) -> Iterator[Sought]:
    people = unit.directory.people(numbers)
    known = [number for number in numbers if number in people]
    for number, scoped in zip(known, scoped_ids(engines.pairwise, app.number, known), strict=True):
        person, one = people[number], received[number]
        digests = frozenset(name for row in one.with_digests for name in row.digests)
        yield Sought(number, scoped, person.outside_id, person.email, person.name, one.first_at, one.last_at, digests)


@dataclass(frozen=True, slots=True)
class _Disclosed:
    """Whether a text is what was disclosed of a person in a field, by the ledger's digests."""

    received: Mapping[PersonNumber, _Received]
    keys: Mapping[PersonNumber, bytes]

    def __call__(self, person: PersonNumber, name: str, value: str) -> bool:
        key = self.keys.get(person)
        return key is not None and any(
            name in row.digests and matches(key, row.seq, name, value, row.digests[name])
            for row in self.received[person].with_digests
        )


def _counter(intake: Intake, progress: Progress) -> "_Counted":
    return _Counted(progress, sum(exhibit.size for exhibit in intake.exhibits))


@dataclass(slots=True)
class _Counted:
    """Tells progress in bytes searched. What is unpacked adds to the bytes that there are."""

    progress: Progress
    total: int
    done: int = 0

    def __call__(self, more: int) -> None:
        self.done += more
        self.progress("searching", self.done, max(self.total, self.done))


def search(evidence: Evidence, intake: Intake, sought: Needles, limits: Limits, progress: Progress) -> Examiner:
    """Search everything that was taken in; what was not is a gap."""
    examiner = Examiner(sought, limits, evidence.entries, _counter(intake, progress))
    _search(evidence, intake, examiner)
    return examiner


def _search(evidence: Evidence, intake: Intake, examiner: Examiner) -> None:
    for refused in intake.not_taken:
        if refused.size:
            examiner.coverage.file(refused.size, unpacked=False)
        examiner.coverage.gap(refused.name, refused.reason, refused.size)
    by_path = {exhibit.path: exhibit for exhibit in intake.exhibits}
    for exhibit in intake.exhibits:
        if not _is_log_of_other(exhibit.path, by_path):
            _search_one(evidence, exhibit, by_path, examiner)


def _is_log_of_other(path: str, by_path: Mapping[str, Exhibit]) -> bool:
    return any(path.endswith(ending) and path[: -len(ending)] in by_path for ending in LOGS)


def _search_one(evidence: Evidence, exhibit: Exhibit, by_path: Mapping[str, Exhibit], examiner: Examiner) -> None:
    """An exhibit, together with the logs beside it. What cannot be read any more is a gap, not an end."""
    with ExitStack() as stack:
        logs: dict[str, Source] = {}
        for ending in LOGS:
            companion = by_path.get(exhibit.path + ending)
            if companion is not None:
                opened = _opened(evidence, companion, stack, examiner)
                if opened is not None:
                    logs[ending] = opened
        source = _opened(evidence, exhibit, stack, examiner)
        if source is None:
            return
        try:
            examiner.examine(Place(exhibit.number, exhibit.name), source, logs)
        except Unavailable as error:
            examiner.coverage.gap(exhibit.name, Reason.NOT_READABLE, 0, error.message)


def _opened(evidence: Evidence, exhibit: Exhibit, stack: ExitStack, examiner: Examiner) -> Source | None:
    try:
        return stack.enter_context(evidence.open(exhibit))
    except Unavailable as error:
        examiner.coverage.file(exhibit.size, unpacked=False)
        examiner.coverage.gap(exhibit.name, Reason.NOT_READABLE, exhibit.size, error.message)
        return None


def _custody(exhibit: Exhibit, after: str | None) -> reports.Custody:
    return reports.Custody(exhibit.number, exhibit.name, exhibit.size, exhibit.sha256, after)


def _weigh(
    examiner: Examiner,
    custody: Sequence[reports.Custody],
    received: Mapping[PersonNumber, _Received],
    claim: Claim | None,
    weight: judgement.Weight,
) -> tuple[Sequence[PersonNumber], int]:
    """People found who speak against the claim, and how many whose data the app (also) received after it.

    Only exhibits that are still what they were count.
    """
    changed = {exhibit.name for exhibit in custody if not exhibit.unchanged}
    sound = {e.number for e in custody if not changed & {e.name, *(e.name + ending for ending in LOGS)}}
    none = frozenset[int]()
    people = examiner.tally.people
    found = [number for number, one in people.items() if (one.exhibits | weight.keyed.get(number, none)) & sound]
    if claim is None or claim.at is None:
        return found, 0
    against = [number for number in found if received[number].last_at <= claim.at]
    return against, len(found) - len(against)


def _decide(
    examiner: Examiner,
    custody: Sequence[reports.Custody],
    order: _Order,
    against: Sequence[PersonNumber],
    later: int,
    unsought: int,
    weight: judgement.Weight,
    measured: Recall | None,
) -> verdicts.Decision:
    statement = examiner.coverage.statement()
    return verdicts.decide(
        verdicts.Facts(
            len(against),
            later,
            len(examiner.sought.people),
            unsought,
            statement.read,
            statement.complete,
            sum(1 for exhibit in custody if not exhibit.unchanged),
            order.claim.at if order.claim else None,
            order.taken_at,
            weight.chance.people,
            measured,
            weight.single,
            sum(1 for number in against if Kind.SCOPED_ID in examiner.tally.people[number].fields),
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


def _record_intake(engines: Engines, order: _Order, intake: Intake, manifest: str) -> None:
    details: dict[str, object] = {
        "exhibits": len(intake.exhibits),
        "bytes": sum(exhibit.size for exhibit in intake.exhibits),
        "manifest_sha256": manifest,
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
