"""The 90-day clock (R6): warnings before a grant ends, and the sweep that writes its end down.

The sweep is bookkeeping. The gate denies by itself from the exact moment that the clock is over (gate/decision.py),
whether or not a sweep has run; the sweep ends the grant on record, ends its tokens, and lets pages and letters say so.
Only the person's own use moves the clock (law 6): `journeys/use.py` where the platform reports it, `account.keep` where
the person says so. Nothing here does.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from beholden.journeys.account import labels
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.signal import grants_ended
from beholden.model.act import SYSTEM, Act
from beholden.model.errors import Unavailable
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import GrantId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.time import DAY, text, to_micros
from beholden.notices import warning, wording
from beholden.notices.address import Unusable, usable
from beholden.notices.campaign import WAITS, Delivery, Outcome
from beholden.notices.letter import Letter, domain_of, letter, message_id, mould
from beholden.notices.ports import Mailer, RunningOut, Warned, WarningState

BATCH = 200


@dataclass(frozen=True, slots=True)
class WarnReport:
    """What one run of warnings did. `doubtful` letters may have gone out before a crash and were sent again under
    the same Message-ID. `stalled` is the mail server's trouble; the letters wait for the next run."""

    sent: int = 0
    undeliverable: int = 0
    failed: int = 0
    waiting: int = 0
    doubtful: int = 0
    stalled: str = ""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How many grants one sweep ended, by disuse and by age."""

    inactive: int = 0
    age: int = 0

    @property
    def ended(self) -> int:
        """Grants ended."""
        return self.inactive + self.age


@dataclass(frozen=True, slots=True)
class WarningView:
    """An app that is about to lose a person's data, for the inbox: by the clock as it stands, letter or not."""

    client_id: str
    app: str
    ends_at: datetime
    reason: EndReason
    fields: tuple[str, ...]
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Due:
    """A warning to be sent, and what it is about."""

    warned: Warned
    grant: Grant
    ending: warning.Ending


def warn_due(engines: Engines, mailer: Mailer) -> WarnReport:
    """Send every warning that is due, each once, late rather than skipped; of several that were missed only the most
    urgent. First those that a crash or the mail server left open. Raises Conflict when another process is at it."""
    with engines.locks.hold("expiry-warnings"):
        report = WarnReport()
        for batch in chain(_left_open(engines), _newly_due(engines)):
            if batch:
                report = _sent(engines, mailer, batch, report)
            if report.stalled:
                break
        if report != WarnReport():
            act = Act(SYSTEM, "grant:warn", "expiry", engines.clock.now(), details=asdict(report))
            engines.ledger.append([act])
        return report


def stalled(report: WarnReport) -> Unavailable:
    """The mail server's trouble as an error, for a caller that has nothing else to say."""
    return Unavailable(f"Warnings could not all be handed over: {report.stalled}.", "They wait for the next run.")


def sweep(engines: Engines) -> SweepReport:
    """End every grant whose clock is over, in batches, with its tokens.

    `ended_at` is the moment of the sweep, not of the clock: under a policy that was put in force today the clock may
    have been over long before, while the app was still rightly given data. The act has both.
    """
    report = SweepReport()
    after: tuple[PersonNumber, GrantId] | None = None
    while True:
        now = engines.clock.now()
        with engines.store.write() as unit:
            policy = unit.directory.policy()
            page = _running_out(unit, policy, now, timedelta(0), after)
            over = [(out.grant, end) for out in page if (end := _ending(out, policy)) is not None and end.at <= now]
            if over:
                _end(engines, unit, policy, over, now)
        inactive = sum(end.reason is EndReason.INACTIVE for _, end in over)
        report = SweepReport(report.inactive + inactive, report.age + len(over) - inactive)
        if len(page) < BATCH:
            return report
        after = (page[-1].grant.person, page[-1].grant.id)


def _end(
    engines: Engines, unit: Unit, policy: Policy, over: Sequence[tuple[Grant, warning.Ending]], now: datetime
) -> None:
    # The ledger first: a crash before the commit leaves acts for grants that the next sweep ends again.
    engines.ledger.append([_ended(grant, end, now) for grant, end in over])
    for grant, end in over:
        unit.directory.end_grant(grant.id, GrantState.EXPIRED, end.reason, now)
        unit.consent.end_tokens(grant=grant.id, at=now)
    grants_ended(unit, [(grant, end.reason) for grant, end in over], now)
    unit.expiry.put_warnings(_late(unit, policy, over, now))


def _late(unit: Unit, policy: Policy, over: Sequence[tuple[Grant, warning.Ending]], now: datetime) -> list[Warned]:
    """Letters to those whom no warning of the last day was meant for, as after a long stop of the worker: that it has
    ended, late rather than never."""
    given = _given(unit, [grant for grant, _ in over])
    last_day = min(policy.inactivity_warnings_days, default=0)
    return [
        Warned(grant.person, grant.id, end.at, warning.ENDED, WarningState.DEFERRED, now, next_at=now)
        for grant, end in over
        if last_day and not any(days <= last_day for days in given.get((grant.id, end.at), ()))
    ]


def upcoming(engines: Engines, person: PersonNumber) -> tuple[WarningView, ...]:
    """The apps that lose this person's data within the longest warning, soonest first."""
    now = engines.clock.now()
    with engines.store.read() as unit:
        policy = unit.directory.policy()
        last_uses = unit.directory.last_uses(person)
        grants = unit.directory.grants(person=person, active=True)
        found = [(g, _ending(RunningOut(g, last_uses.get(g.app)), policy)) for g in grants]
        return tuple(
            _warning_view(engines, unit, grant, end)
            for grant, end in sorted(((g, e) for g, e in found if e is not None), key=lambda pair: pair[1].at)
            if warning.due(end.at, now, policy.inactivity_warnings_days, ()) is not None
        )


def _warning_view(engines: Engines, unit: Unit, grant: Grant, end: warning.Ending) -> WarningView:
    app = unit.directory.app_by_number(grant.app)
    assert app is not None, "a grant's app stays in the directory"
    fields = labels(grant.fields, engines.catalogue)
    return WarningView(app.client_id, app.name, end.at, end.reason, fields, tuple(sorted(grant.purposes)))


def _running_out(
    unit: Unit, policy: Policy, now: datetime, ahead: timedelta, after: tuple[PersonNumber, GrantId] | None
) -> Sequence[RunningOut]:
    """A page of grants whose clock is over within `ahead`."""
    days = policy.inactivity_days
    unused_since = None if days is None else now + ahead - timedelta(days=days)
    return unit.expiry.running_out(unused_since=unused_since, ends_by=now + ahead, after=after, limit=BATCH)


def _ending(out: RunningOut, policy: Policy) -> warning.Ending | None:
    return warning.ending(out.grant, out.last_use, policy.inactivity_days)


def _ended(grant: Grant, end: warning.Ending, now: datetime) -> Act:
    details = {"reason": end.reason.value, "over_at": text(end.at)}
    return Act(SYSTEM, "grant:end", grant.id, now, grant.app, details)


def _left_open(engines: Engines) -> Iterator[list[_Due]]:
    """Warnings that were begun or put off, while they are still true; the rest pass."""
    with engines.store.read() as unit:
        waiting = list(unit.expiry.open_warnings(engines.clock.now(), limit=BATCH * 100))
    for start in range(0, len(waiting), BATCH):
        some = waiting[start : start + BATCH]
        now = engines.clock.now()
        with engines.store.write() as unit:
            policy = unit.directory.policy()
            found = unit.expiry.grants([(w.person, w.grant) for w in some])
            still = [due for w in some if (due := _still_true(w, found.get(w.grant), policy, now)) is not None]
            kept = {(due.warned.grant, due.warned.ends_at, due.warned.days) for due in still}
            passed = [w for w in some if (w.grant, w.ends_at, w.days) not in kept]
            unit.expiry.put_warnings([replace(w, state=WarningState.PASSED) for w in passed])
            unit.expiry.put_warnings([due.warned for due in still])
        yield still


def _still_true(warned: Warned, out: RunningOut | None, policy: Policy, now: datetime) -> _Due | None:
    """A warning left over from before: true while the grant stands and its clock was not moved; that it has ended
    stays true."""
    if out is None:
        return None
    doubtful = warned.doubtful or warned.state is WarningState.BEGUN
    again = replace(warned, state=WarningState.BEGUN, doubtful=doubtful)
    if warned.days == warning.ENDED:
        return _Due(again, out.grant, warning.Ending(warned.ends_at, out.grant.reason or EndReason.INACTIVE))
    end = _ending(out, policy)
    if out.grant.state is not GrantState.ACTIVE or end is None or end.at != warned.ends_at or now >= end.at:
        return None
    return _Due(again, out.grant, end)


def _newly_due(engines: Engines) -> Iterator[list[_Due]]:
    """Warnings that become due now, page by page; their intent is on record when they are handed out."""
    after: tuple[PersonNumber, GrantId] | None = None
    while True:
        now = engines.clock.now()
        with engines.store.write() as unit:
            policy = unit.directory.policy()
            longest = max(policy.inactivity_warnings_days, default=0)
            page = _running_out(unit, policy, now, longest * DAY, after)
            given = _given(unit, [out.grant for out in page])
            batch = [due for out in page if (due := _new(out, policy, given, now)) is not None]
            unit.expiry.put_warnings([due.warned for due in batch])
        yield batch
        if len(page) < BATCH:
            return
        after = (page[-1].grant.person, page[-1].grant.id)


def _given(unit: Unit, grants: Sequence[Grant]) -> Mapping[tuple[GrantId, datetime], list[int]]:
    """The days of which each grant was warned, for each end that its clock had."""
    given: dict[tuple[GrantId, datetime], list[int]] = {}
    for warned in unit.expiry.warned([(grant.person, grant.id) for grant in grants]):
        given.setdefault((warned.grant, warned.ends_at), []).append(warned.days)
    return given


def _new(
    out: RunningOut, policy: Policy, given: Mapping[tuple[GrantId, datetime], list[int]], now: datetime
) -> _Due | None:
    end = _ending(out, policy)
    if end is None:
        return None
    days = warning.due(end.at, now, policy.inactivity_warnings_days, given.get((out.grant.id, end.at), ()))
    if days is None:
        return None
    warned = Warned(out.grant.person, out.grant.id, end.at, days, WarningState.BEGUN, now)
    return _Due(warned, out.grant, end)


def _sent(engines: Engines, mailer: Mailer, batch: Sequence[_Due], report: WarnReport) -> WarnReport:
    """Send a batch whose intent is on record, and record the outcome."""
    letters, settled = _letters(engines, mailer, batch)
    deliveries = mailer.deliver([written for written, _ in letters])
    now = engines.clock.now()
    for (_, due), delivery in zip(letters, deliveries, strict=True):
        settled.append(_settled(due.warned, delivery, now))
    with engines.store.write() as unit:
        unit.expiry.put_warnings(settled)
    count = {state: sum(w.state is state for w in settled) for state in WarningState}
    stalled = next((d.reply or "no answer" for d in deliveries if d.outcome is Outcome.UNSENT), "")
    return WarnReport(
        report.sent + count[WarningState.SENT],
        report.undeliverable + count[WarningState.UNDELIVERABLE],
        report.failed + count[WarningState.FAILED],
        report.waiting + count[WarningState.DEFERRED],
        report.doubtful + sum(due.warned.doubtful for due in batch),
        stalled,
    )


def _settled(warned: Warned, delivery: Delivery, now: datetime) -> Warned:
    doubtful = warned.doubtful or delivery.outcome is Outcome.DOUBTFUL
    done = replace(warned, reply=delivery.reply, doubtful=doubtful, next_at=None)
    match delivery.outcome:
        case Outcome.DELIVERED:
            return replace(done, state=WarningState.SENT)
        case Outcome.UNSENT:
            return replace(done, state=WarningState.DEFERRED, next_at=now)
        case Outcome.REFUSED:
            return replace(done, state=WarningState.FAILED)
        case _ if warned.tries >= len(WAITS):
            return replace(done, state=WarningState.FAILED, reply=f"given up: {delivery.reply}")
        case _:
            wait = timedelta(0) if delivery.outcome is Outcome.DOUBTFUL else WAITS[warned.tries]
            return replace(done, state=WarningState.DEFERRED, tries=warned.tries + 1, next_at=now + wait)


def _letters(engines: Engines, mailer: Mailer, batch: Sequence[_Due]) -> tuple[list[tuple[Letter, _Due]], list[Warned]]:
    """The letters of a batch, and the outcome of those that cannot be written."""
    letters: list[tuple[Letter, _Due]] = []
    settled: list[Warned] = []
    with engines.store.read() as unit:
        people = unit.directory.people([due.warned.person for due in batch])
        policy = unit.directory.policy()
        for due in batch:
            person = people.get(due.warned.person)
            address = usable(person.email) if person else Unusable("erased")
            if person is None or isinstance(address, Unusable):
                reason = address.reason if isinstance(address, Unusable) else "erased"
                settled.append(replace(due.warned, state=WarningState.UNDELIVERABLE, reply=reason))
                continue
            words = _words(engines, unit, policy, due)
            prepared = mould(mailer.sender, words.subject, wording.plain(words), due.warned.at)
            id_ = message_id(_secret(engines), _name(due.warned), domain_of(engines.url))
            letters.append((letter(prepared, person.number, person.name, address, id_), due))
    return letters, settled


def _words(engines: Engines, unit: Unit, policy: Policy, due: _Due) -> wording.Words:
    app = unit.directory.app_by_number(due.grant.app)
    developer = unit.directory.developer(app.developer) if app else None
    assert app is not None and developer is not None, "a grant's app and its developer stay in the directory"
    return warning.words(
        due.grant,
        app.name,
        developer.name,
        due.ending,
        due.warned.at,
        inactivity_days=policy.inactivity_days,
        catalogue=engines.catalogue,
        page=f"{engines.url}/privacy/apps",
        contact=engines.contact,
    )


def _secret(engines: Engines) -> bytes:
    """The key of warnings' Message-IDs, apart from what `pairwise` is for."""
    return hashlib.blake2s(key=engines.pairwise, person=b"warning").digest()


def _name(warned: Warned) -> bytes:
    return f"{warned.person} {warned.grant} {to_micros(warned.ends_at)} {warned.days}".encode()
