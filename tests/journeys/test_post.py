"""Law 8, once each: nobody is told twice and nobody is left out, whatever crashes in between."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from beholden.backends.mail.smtp import Account, SmtpMailer
from beholden.backends.sql import notices as tables
from beholden.backends.sql.store import SqlStore, SqlUnit
from beholden.journeys import notify
from beholden.journeys.ports import Engines
from beholden.journeys.post import Progress, SendReport, send
from beholden.model.act import SYSTEM
from beholden.model.disclosure import Disclosure
from beholden.model.errors import Conflict, Damaged, Unavailable
from beholden.model.ids import PersonNumber
from beholden.notices.campaign import BATCH, WAITS, Delivery, Outcome
from beholden.notices.letter import Letter
from examples.mail_sink.count import tally
from tests.conftest import House
from tests.sinks import Sink, running

COMMAND = Path(sys.executable).parent / "beholden"
PEOPLE = 2 * BATCH + 50


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "letters.jsonl") as started:
        yield started


def frozen(house: House, count: int = PEOPLE, emails: Sequence[str] = ()) -> str:
    """A frozen campaign about an app that was given data of so many people."""
    people = house.people([f"p{n}" for n in range(count)])
    for position, email in enumerate(emails):
        house.person(f"p{position}", email=email)
    app = house.app()
    rows = [
        Disclosure(app.number, app.developer, p, people[0], ("name",), "service", "grant_x", house.clock.now())  # type: ignore[arg-type]
        for p in people
    ]
    house.engines.ledger.append(rows)
    view = notify.draft(house.engines, SYSTEM, [app.number], "It sold the data.", measures="We stopped it.")
    assert notify.freeze(house.engines, view.id).due == count
    return view.id


@contextmanager
def to(sink: Sink) -> Iterator[SmtpMailer]:
    with closing(SmtpMailer(Account("127.0.0.1", sink.port, "notices@beholden.example"), patience=20)) as mailer:
        yield mailer


class Scripted:
    """A mail server's outcomes, by the number of times that a letter was handed over."""

    sender = "notices@beholden.example"

    def __init__(self, say: dict[int, Sequence[Outcome]]) -> None:
        self._say = say
        self.handed: list[Letter] = []

    def deliver(self, letters: Sequence[Letter]) -> list[Delivery]:
        found = []
        for one in letters:
            before = sum(1 for other in self.handed if other.person == one.person)
            says = self._say.get(one.person, ())
            outcome = says[before] if before < len(says) else Outcome.DELIVERED
            self.handed.append(one)
            found.append(Delivery(one.person, outcome, f"{outcome} {before}"))
        return found

    def close(self) -> None:
        """Nothing is open."""


class Crashing:
    """Store and mailer at once that crash before or after the n-th effect: a commit, or the handing over of a batch."""

    def __init__(self, store: SqlStore, mailer: SmtpMailer, effect: int, after: bool) -> None:
        self._store = store
        self._mailer = mailer
        self._left = effect
        self._after = after
        self.sender = mailer.sender
        self.crashed = False

    @contextmanager
    def _effect(self) -> Iterator[None]:
        self._left -= 1
        if self._left == 0 and not self._after:
            self.crashed = True
            raise Crash
        yield
        if self._left == 0:
            self.crashed = True
            raise Crash

    @contextmanager
    def read(self) -> Iterator[SqlUnit]:
        with self._store.read() as unit:
            yield unit

    @contextmanager
    def write(self) -> Iterator[SqlUnit]:
        opened = self._store.write()
        unit = opened.__enter__()
        try:
            yield unit
        except BaseException as error:
            opened.__exit__(type(error), error, error.__traceback__)
            raise
        try:
            with self._effect():
                opened.__exit__(None, None, None)
        except Crash as error:
            if not self._after:
                opened.__exit__(Crash, error, None)  # what a killed process leaves: a transaction that never was
            raise

    def deliver(self, letters: Sequence[Letter]) -> Sequence[Delivery]:
        with self._effect():
            return self._mailer.deliver(letters)

    def close(self) -> None:
        """The mailer is closed by the test."""


def proven(engines: Engines, campaign: str, sink: Sink, due: int, kills: int) -> SendReport:
    """What law 8 asks, counted at the receiving server."""
    found, status = tally(sink.out), notify.status(engines, campaign)
    with engines.store.read() as unit:
        people = unit.directory.people(list(unit.notices.impacted(status.campaign.id)))
    assert len(found.delivered) == due and found.delivered == {p.email for p in people.values()}, "nobody is left out"
    assert not found.twice, "nobody is told twice: a letter that came again has its one Message-ID"
    doubtful = {people[number].email for number in status.doubtful}
    assert found.again <= doubtful, "every letter that came again is listed"
    assert len(doubtful) <= kills * BATCH, "at most one batch a kill is in doubt"
    with engines.store.read() as unit:
        campaign_ = unit.notices.campaign(campaign)
        assert campaign_ is not None and campaign_.state == "done"
    return send(engines, Scripted({}), campaign)


def test_law_8_everyone_gets_one_letter_and_the_ledger_says_so(house: House, sink: Sink) -> None:
    campaign = frozen(house)
    seen: list[Progress] = []
    with to(sink) as mailer:
        report = send(house.engines, mailer, campaign, progress=seen.append)
    assert report.done and report.sent == PEOPLE and report.doubtful == 0
    proven(house.engines, campaign, sink, PEOPLE, kills=0)
    assert [p.settled for p in seen] == [BATCH, 2 * BATCH, PEOPLE]
    (act,) = [act for act in house.engines.ledger.acts() if act.verb == "notice:complete"]
    assert act.details["delivered"] == act.details["due"] == PEOPLE and act.details["missing"] == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", range(1, 10))
def test_law_8_holds_when_the_sender_crashes_at_any_effect(house: House, sink: Sink, effect: int, after: bool) -> None:
    """Effects of a run over three batches: taking over, then intent and sending by turns, at last the end."""
    campaign = frozen(house)
    with to(sink) as mailer:
        crashing = Crashing(house.engines.store, mailer, effect, after)  # type: ignore[arg-type]
        with pytest.raises(Crash):
            send(replace(house.engines, store=crashing), crashing, campaign)  # type: ignore[arg-type]
        assert send(house.engines, mailer, campaign).done
    proven(house.engines, campaign, sink, PEOPLE, kills=1)


def test_the_crashes_above_cover_every_effect(house: House, sink: Sink) -> None:
    campaign = frozen(house)
    with to(sink) as mailer:
        crashing = Crashing(house.engines.store, mailer, 10, after=False)  # type: ignore[arg-type]
        assert send(replace(house.engines, store=crashing), crashing, campaign).done  # type: ignore[arg-type]
    assert not crashing.crashed


def test_law_8_holds_when_real_senders_are_killed_at_random_moments(house: House, sink: Sink) -> None:
    due, kills = 4000, 0
    campaign = frozen(house, due)
    environment = os.environ | {"BEHOLDEN_SMTP_PORT": str(sink.port)}
    command = [str(COMMAND), "notice", "send", campaign, "--data", str(house.data), "--json"]
    chance = random.Random(8)
    for part in (1, 2):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as sender:
            goal = sink.out.stat().st_size + chance.randint(1, 100 * part) * 1000 if sink.out.exists() else 50_000
            deadline = time.monotonic() + 30
            while sender.poll() is None and (not sink.out.exists() or sink.out.stat().st_size < goal):
                assert time.monotonic() < deadline, "the sender sends"
                time.sleep(0.001)
            time.sleep(chance.random() * 0.02)
            if sender.poll() is None:
                sender.send_signal(signal.SIGKILL)
                kills += 1
            sender.wait()
    assert kills == 2, "kills came while letters were going out"
    last = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout)["done"] is True
    report = proven(house.engines, campaign, sink, due, kills)
    assert report.delivered == due


def test_two_senders_at_once_are_one_sender(house: House, sink: Sink) -> None:
    campaign = frozen(house)

    class Second(Scripted):
        def deliver(self, letters: Sequence[Letter]) -> list[Delivery]:
            with pytest.raises(Conflict):
                send(house.engines, Scripted({}), campaign)
            return super().deliver(letters)

    assert send(house.engines, Second({}), campaign).sent == PEOPLE


def test_a_sender_on_another_host_takes_over_and_the_earlier_one_stops_within_its_batch(house: House) -> None:
    """There the kernel's lock is another kernel's: the epoch in the database stops the one that began earlier."""
    campaign = frozen(house)
    elsewhere = replace(house.engines, locks=_NoLocks())
    other = Scripted({})

    class Overtaken(Scripted):
        def deliver(self, letters: Sequence[Letter]) -> list[Delivery]:
            if not other.handed:
                assert send(elsewhere, other, campaign).done
            return super().deliver(letters)

    first = Overtaken({})
    with pytest.raises(Conflict):
        send(house.engines, first, campaign)
    ids = {one.person: one.message_id for one in other.handed}
    assert len(ids) == PEOPLE and len(first.handed) == BATCH
    assert all(ids[one.person] == one.message_id for one in first.handed), "never a different letter"
    doubtful = set(notify.status(house.engines, campaign).doubtful)
    assert {one.person for one in first.handed} == doubtful


class _NoLocks:
    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        yield


def test_a_letter_sent_again_is_the_same_letter_byte_for_byte(house: House) -> None:
    campaign = frozen(house, 5)
    first = Scripted({n: [Outcome.DOUBTFUL] for n in range(1, 6)})
    house.clock.advance(timedelta(hours=1))
    assert send(house.engines, first, campaign).done
    one, again = first.handed[:5], first.handed[5:]
    assert [letter.data for letter in one] == [letter.data for letter in again]
    assert set(notify.status(house.engines, campaign).doubtful) == {letter.person for letter in one}


def test_whom_no_letter_can_reach_is_listed_and_has_the_notice_all_the_same(house: House) -> None:
    campaign = frozen(house, 4, emails=["", "a\r\nRCPT TO:<eve@evil.example>@x.example", "ok@people.example"])
    report = send(house.engines, Scripted({}), campaign)
    status = notify.status(house.engines, campaign)
    assert report.done and (report.delivered, report.undeliverable) == (2, 2)
    assert [t.reply for t in status.undeliverable] == ["no address", "the part before the @ is not usable"]
    for trouble in status.undeliverable:
        assert len(notify.inbox(house.engines, trouble.person)) == 1


def test_a_refused_letter_is_recorded_with_the_reply_and_not_tried_again(house: House) -> None:
    campaign = frozen(house, 3)
    mailer = Scripted({2: [Outcome.REFUSED]})
    assert send(house.engines, mailer, campaign).done
    (failed,) = notify.status(house.engines, campaign).failed
    assert (failed.person, failed.reply) == (2, "refused 0")
    assert len(mailer.handed) == 3


def test_a_letter_that_is_put_off_goes_when_it_is_due_and_the_campaign_waits_for_it(house: House) -> None:
    campaign = frozen(house, 3)
    mailer = Scripted({2: [Outcome.LATER] * 2})
    report = send(house.engines, mailer, campaign)
    assert (report.done, report.delivered, report.deferred) == (False, 2, 1)
    assert report.next_at == house.clock.now() + WAITS[0]
    assert send(house.engines, mailer, campaign).sent == 0, "not before its time"
    for wait in WAITS[:2]:
        house.clock.advance(wait)
        report = send(house.engines, mailer, campaign)
    assert report.done and report.delivered == 3
    assert len(mailer.handed) == 5


def test_a_letter_is_not_put_off_for_ever(house: House) -> None:
    campaign = frozen(house, 2)
    mailer = Scripted({2: [Outcome.LATER] * 99})
    for _ in range(len(WAITS) + 1):
        report = send(house.engines, mailer, campaign)
        house.clock.advance(WAITS[-1])
    assert report.done and report.failed == 1
    assert notify.status(house.engines, campaign).failed[0].reply.startswith("given up: later")


def test_a_mail_server_in_trouble_stops_the_run_and_loses_nobody(house: House, sink: Sink) -> None:
    campaign = frozen(house)
    with closing(SmtpMailer(Account("127.0.0.1", 1, "notices@beholden.example"))) as nowhere:
        for _ in range(2):
            with pytest.raises(Unavailable):
                send(house.engines, nowhere, campaign)
    with to(sink) as mailer:
        assert send(house.engines, mailer, campaign).done
    proven(house.engines, campaign, sink, PEOPLE, kills=0)


def test_a_limit_ends_a_run_after_a_whole_batch_and_the_next_goes_on(house: House) -> None:
    campaign = frozen(house)
    mailer = Scripted({})
    report = send(house.engines, mailer, campaign, limit=BATCH + 1)
    assert (report.sent, report.done) == (2 * BATCH, False)
    assert send(house.engines, mailer, campaign).done
    assert len({one.person for one in mailer.handed}) == len(mailer.handed) == PEOPLE


def test_sending_what_is_done_sends_nothing(house: House) -> None:
    campaign = frozen(house, 3)
    mailer = Scripted({})
    send(house.engines, mailer, campaign)
    assert send(house.engines, mailer, campaign).done and len(mailer.handed) == 3


def test_an_audience_of_nobody_is_done_at_once(house: House) -> None:
    app = house.app()
    view = notify.draft(house.engines, SYSTEM, [app.number], "It sold the data.", measures="We stopped it.")
    notify.freeze(house.engines, view.id)
    report = send(house.engines, Scripted({}), view.id)
    assert report.done and report.due == 0


def test_a_person_whom_the_journal_lost_is_found_by_the_second_sweep(house: House) -> None:
    campaign = frozen(house)
    mailer = Scripted({})
    send(house.engines, mailer, campaign, limit=BATCH)
    with house.engines.store.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(tables.batches.delete())
    assert send(house.engines, mailer, campaign).done
    assert {one.person for one in mailer.handed} == {PersonNumber(n) for n in range(1, PEOPLE + 1)}


def test_a_frozen_set_that_is_not_what_was_frozen_is_not_sent_to(house: House) -> None:
    campaign = frozen(house)
    with house.engines.store.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(tables.campaigns.update().values(sha256="0" * 64))
    with pytest.raises(Damaged):
        send(house.engines, Scripted({}), campaign)


def test_a_draft_is_not_sent(house: House) -> None:
    app = house.app()
    view = notify.draft(house.engines, SYSTEM, [app.number], "It sold the data.", measures="We stopped it.")
    with pytest.raises(Conflict):
        send(house.engines, Scripted({}), view.id)
