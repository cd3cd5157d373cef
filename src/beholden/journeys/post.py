"""Sending a campaign's letters: once each, whatever crashes in between (law 8).

For each batch: its intent is committed; its letters go to the mail server; its outcome is committed together with the
intent of the next. A process that dies leaves one open batch at most. Whoever sends next finds it, lists its people as
doubtful, and sends those letters again, byte for byte the same under the same Message-ID.

Two senders. On one host a lock of the kernel keeps the second out, and lets the next in at once when a holder dies; no
clock is involved, for simulated time stands still. Between hosts on one database each sender takes the next epoch of
the campaign when it begins, and whatever an earlier one tries to commit afterwards is refused: it stops within one
batch, and that batch is the doubtful one. Never two different letters: a Message-ID depends on the campaign's secret
and the person alone.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pyroaring import BitMap

from beholden.journeys.acts import operators_only
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.errors import Conflict, Damaged, NotFound, Unavailable
from beholden.model.ids import AppNumber, CampaignId, PersonNumber
from beholden.notices import campaign as campaigns
from beholden.notices import wording
from beholden.notices.address import Unusable, usable
from beholden.notices.audience import CONTAINER, Share, digest
from beholden.notices.campaign import BATCH, Batch, Campaign, CampaignState, Kind, Settlement, Trouble
from beholden.notices.letter import Letter, Mould, letter, message_id, mould
from beholden.notices.ports import Mailer
from beholden.notices.wording import AppWords, Told, Words


@dataclass(frozen=True, slots=True)
class SendReport:
    """Where a campaign stands after a run. `sent` letters were taken by the mail server in this run; `doubtful` counts
    everyone ever listed; `next_at` is when the first deferred letter is due again."""

    campaign: CampaignId
    state: str
    due: int
    delivered: int
    failed: int
    undeliverable: int
    erased: int
    deferred: int
    doubtful: int
    sent: int
    next_at: datetime | None

    @property
    def done(self) -> bool:
        """Whether everyone is accounted for."""
        return self.state == CampaignState.DONE


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: people accounted for, of all."""

    settled: int
    due: int


def send(
    engines: Engines,
    mailer: Mailer,
    campaign: str,
    *,
    limit: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    actor: Actor = SYSTEM,
) -> SendReport:
    """Send what is due of a frozen campaign; go on where an earlier run stopped, however it stopped.

    `limit` ends the run after so many letters, rounded up to a batch. When nobody is left, a second sweep over the
    frozen set proves it and the campaign is done; letters that the server put off stay due for a later run. Raises
    Unavailable when the mail server does not serve (what was sent counts), Conflict when the campaign is not frozen or
    another process is sending it.
    """
    with engines.store.read() as unit:
        if actor != SYSTEM:
            operators_only(unit, actor)
        found = unit.notices.campaign(campaign)
        if found is None:
            raise NotFound(f"There is no campaign {campaign[:80]!r}.", "List them with `beholden notice list`.")
        if found.state is CampaignState.DONE:
            return report(unit, found)
    with engines.locks.hold(f"notice-{found.id}"):
        run = _Run(engines, mailer, found.id, actor)
        run.sweep(limit, progress)
        return run.close()


def send_due(engines: Engines, mailer: Mailer) -> list[SendReport]:
    """Go on with every campaign whose sending has begun and that has something due now; what came of each.

    One that another process is sending is left to it. A campaign is begun by `send` alone: by an operator.
    """
    with engines.store.read() as unit:
        now = engines.clock.now()
        due = [found.id for found in unit.notices.campaigns() if _has_due(unit, found, now)]
    reports: list[SendReport] = []
    for campaign in due:
        with suppress(Conflict):
            reports.append(send(engines, mailer, campaign))
    return reports


def _has_due(unit: Unit, campaign: Campaign, now: datetime) -> bool:
    """Whether a run would do anything: letters never tried, a batch left open, a try whose time has come, or only the
    last sweep."""
    if campaign.state is not CampaignState.SENDING:
        return False
    if campaign.cursor < campaign.due or unit.notices.open_batch(campaign.id) is not None:
        return True
    waiting = unit.notices.troubles(campaign.id, {Kind.DEFERRED})
    return not waiting or any(t.next_at is not None and t.next_at <= now for t in waiting)


def report(unit: Unit, campaign: Campaign, sent: int = 0) -> SendReport:
    """Where a campaign stands, counted from the journal."""
    troubles = unit.notices.troubles(campaign.id)
    count = {kind: sum(1 for t in troubles if t.kind is kind) for kind in Kind}
    return SendReport(
        campaign.id,
        campaign.state,
        campaign.due,
        len(unit.notices.delivered(campaign.id)),
        count[Kind.FAILED],
        count[Kind.UNDELIVERABLE],
        count[Kind.ERASED],
        count[Kind.DEFERRED],
        len(unit.notices.doubts(campaign.id)),
        sent,
        min((t.next_at for t in troubles if t.next_at is not None), default=None),
    )


def words_of(engines: Engines, unit: Unit, campaign: Campaign, theirs: Sequence[Share]) -> Words:
    """What the people with these shares are told, on paper and on the page."""
    told = Told(campaign.happened, campaign.measures, campaign.contact, f"{engines.url}/privacy/inbox", campaign.id)
    return wording.notice(told, theirs, app_words(unit, [share.app for share in theirs]), engines.catalogue)


def app_words(unit: Unit, numbers: Sequence[AppNumber]) -> Mapping[AppNumber, AppWords]:
    """The names of apps and of who made them."""
    words: dict[AppNumber, AppWords] = {}
    for number in dict.fromkeys(numbers):
        app = unit.directory.app_by_number(number)
        developer = unit.directory.developer(app.developer) if app else None
        if app is None or developer is None:
            raise Damaged(f"The app {number} of a campaign is not in the directory.", "Restore the database.")
        words[number] = AppWords(app.name, developer.name)
    return words


@dataclass(frozen=True, slots=True)
class _Post:
    """A batch whose intent is committed, with its letters; `troubles` are people for whom there is none."""

    batch: Batch
    letters: tuple[Letter, ...]
    troubles: tuple[Trouble, ...]
    tries: Mapping[PersonNumber, int]


class _Run:
    """One sender's run over one campaign."""

    def __init__(self, engines: Engines, mailer: Mailer, campaign: CampaignId, actor: Actor) -> None:
        self._engines = engines
        self._mailer = mailer
        self._actor = actor
        self._sent = 0
        self._settled = 0
        self._complete = False
        self._cohorts: tuple[int, dict[int, int]] = (-1, {})
        self._moulds: dict[int, Mould] = {}
        self._open = self._take_over(campaign)
        with engines.store.read() as unit:
            self._impacted = unit.notices.impacted(campaign)
            self._shares = unit.notices.shares(campaign)
            so_far = report(unit, self._campaign)
        self._settled = so_far.delivered + so_far.failed + so_far.undeliverable + so_far.erased
        if digest(self._impacted) != self._campaign.sha256:
            raise Damaged("The frozen set is not the one that was frozen.", "Restore the database from a backup.")

    def _take_over(self, campaign: CampaignId) -> Batch | None:
        """Take the campaign's next epoch; what a dead sender left open becomes doubtful and is sent first."""
        now = self._engines.clock.now()
        with self._engines.store.write() as unit:
            before = unit.notices.campaign(campaign)
            left = unit.notices.open_batch(campaign)
            assert before is not None, "the caller has read it"
            self._campaign = campaigns.taken_over(before, now)
            unit.notices.save(self._campaign, held=before.epoch)
            if left is not None:
                unit.notices.doubt(campaign, left.people, left.number, now)
                left = replace(left, attempts=left.attempts + 1)
                unit.notices.begin(campaign, left)
            # Before the commit: a crash in between leaves an act for a run that sent nothing.
            details = {"epoch": self._campaign.epoch, "doubtful": len(left.people) if left else 0}
            self._engines.ledger.append([Act(self._actor, "notice:send", campaign, now, details=details)])
        return left

    def sweep(self, limit: int | None, progress: Callable[[Progress], None] | None) -> None:
        """Batch after batch, until nothing is due, the limit is reached, or the mail server is in trouble."""
        post = self._first()
        while post is not None:
            deliveries = self._mailer.deliver(post.letters)
            settlement = campaigns.settle(deliveries, post.troubles, post.tries, self._engines.clock.now())
            self._sent += len(settlement.delivered)
            self._settled += len(settlement.delivered) + sum(t.kind is not Kind.DEFERRED for t in settlement.troubles)
            over = bool(settlement.stalled) or (limit is not None and self._sent >= limit)
            post = self._turn(post, settlement, over=over)
            if progress is not None:
                progress(Progress(self._settled, self._campaign.due))
            if settlement.stalled:
                raise Unavailable(
                    f"The letters could not all be handed over: {settlement.stalled}.",
                    f"What was sent is on record; run `beholden notice send {self._campaign.id}` again.",
                )

    def close(self) -> SendReport:
        """End the campaign when nobody is left, and say where it stands."""
        if self._complete:
            self._finish()
        with self._engines.store.read() as unit:
            return report(unit, self._campaign, self._sent)

    def _first(self) -> _Post | None:
        with self._engines.store.write() as unit:
            if self._open is not None:
                return self._address(unit, self._open)
            return self._begin_next(unit)

    def _turn(self, post: _Post, settlement: Settlement, *, over: bool) -> _Post | None:
        """One commit: this batch's outcome and the next one's intent. Refused when another sender took over."""
        with self._engines.store.write() as unit:
            unit.notices.save(self._campaign, held=self._campaign.epoch)
            unit.notices.finish(self._campaign.id, post.batch, settlement, self._engines.clock.now())
            return None if over else self._begin_next(unit)

    def _begin_next(self, unit: Unit) -> _Post | None:
        people = self._next_people(unit)
        if not people:
            self._complete = not unit.notices.troubles(self._campaign.id, {Kind.DEFERRED})
            return None
        self._campaign = replace(self._campaign, batches=self._campaign.batches + 1)
        batch = Batch(self._campaign.batches, people, self._engines.clock.now())
        unit.notices.save(self._campaign, held=self._campaign.epoch)
        unit.notices.begin(self._campaign.id, batch)
        return self._address(unit, batch)

    def _next_people(self, unit: Unit) -> BitMap:
        """By rank first; then letters whose next try is due; then, though there should be none, whoever is missing."""
        people, self._campaign = campaigns.slice_from(self._campaign, self._impacted)
        if people:
            return people
        deferred = unit.notices.deferred(self._campaign.id, self._engines.clock.now(), BATCH)
        if deferred:
            return BitMap(trouble.person for trouble in deferred)
        return self._missing(unit)[:BATCH]

    def _missing(self, unit: Unit) -> BitMap:
        delivered = unit.notices.delivered(self._campaign.id)
        if not delivered <= self._impacted:
            raise Damaged("Letters are on record to people who are not in the frozen set.", "Restore the database.")
        return campaigns.missing(self._impacted, delivered, unit.notices.troubles(self._campaign.id))

    def _finish(self) -> None:
        """The second sweep: impacted - delivered - told why not == nobody, written to the ledger with the counts."""
        with self._engines.store.read() as unit:
            left = self._missing(unit)
            counts = report(unit, self._campaign)
        if left:
            raise Damaged(f"{len(left)} people are left out.", "Run it again; if that does not help, restore.")
        now = self._engines.clock.now()
        ended = campaigns.done(self._campaign, now)
        details = {
            "due": counts.due,
            "delivered": counts.delivered,
            "failed": counts.failed,
            "undeliverable": counts.undeliverable,
            "erased": counts.erased,
            "doubtful": counts.doubtful,
            "missing": 0,
            "sha256": ended.sha256,
        }
        self._engines.ledger.append([Act(self._actor, "notice:complete", ended.id, now, details=details)])
        with self._engines.store.write() as unit:
            unit.notices.save(ended, held=ended.epoch)
        self._campaign = ended

    def _address(self, unit: Unit, batch: Batch) -> _Post:
        """Write the letters of a batch."""
        numbers = [PersonNumber(number) for number in batch.people]
        people = unit.directory.people(numbers)
        now = self._engines.clock.now()
        letters: list[Letter] = []
        troubles: list[Trouble] = []
        for number in numbers:
            person = people.get(number)
            if person is None:
                troubles.append(Trouble(number, Kind.ERASED, "", 0, now))
                continue
            address = usable(person.email)
            if isinstance(address, Unusable):
                troubles.append(Trouble(number, Kind.UNDELIVERABLE, address.reason, 0, now))
                continue
            id_ = message_id(self._campaign.secret, int(number).to_bytes(8, "big"), self._campaign.domain)
            letters.append(letter(self._mould(unit, self._cohort(unit, number)), number, person.name, address, id_))
        return _Post(batch, tuple(letters), tuple(troubles), unit.notices.tries(self._campaign.id, numbers))

    def _cohort(self, unit: Unit, person: PersonNumber) -> int:
        """The person's cohort, from the members of one container, which serves for many batches."""
        container = person // CONTAINER
        if self._cohorts[0] != container:
            parts = unit.notices.members(self._campaign.id, container)
            self._cohorts = (container, {number: cohort for cohort, people in parts for number in people})
        return self._cohorts[1][person]

    def _mould(self, unit: Unit, cohort: int) -> Mould:
        """A cohort's words, prepared; dated when sending began, so that a letter sent again is the same letter."""
        if cohort not in self._moulds:
            words = words_of(self._engines, unit, self._campaign, self._shares[cohort])
            assert self._campaign.sending_at is not None
            made = mould(self._mailer.sender, words.subject, wording.plain(words), self._campaign.sending_at)
            self._moulds[cohort] = made
        return self._moulds[cohort]
