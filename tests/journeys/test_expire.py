"""The 90-day clock (R6): law 6, its boundaries, warnings that come once each, and the sweep."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from beholden.gate.oauth.token import Kind, Token
from beholden.journeys import account, expire
from beholden.journeys.disclose import FilterRequest, PersonRef, filter_records
from beholden.model.errors import Conflict
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import GrantId
from beholden.model.time import DAY
from beholden.notices.campaign import WAITS, Delivery, Outcome
from beholden.notices.letter import Letter
from beholden.notices.ports import WarningState
from tests.conftest import START, House

MICRO = timedelta(microseconds=1)


class Letterbox:
    """A mail server whose outcomes a test decides, in turn; after those every letter is taken."""

    sender = "notices@beholden.example"

    def __init__(self, *says: Outcome) -> None:
        self._says = list(says)
        self.letters: list[Letter] = []

    def deliver(self, letters: Sequence[Letter]) -> list[Delivery]:
        self.letters.extend(letters)
        says = [self._says.pop(0) if self._says else Outcome.DELIVERED for _ in letters]
        return [Delivery(one.person, said, str(said)) for one, said in zip(letters, says, strict=True)]

    def close(self) -> None:
        """Nothing is open."""

    @property
    def ids(self) -> list[str]:
        return [one.message_id for one in self.letters]


def state(house: House, grant: Grant) -> Grant:
    with house.engines.store.read() as unit:
        (found,) = [g for g in unit.directory.grants(person=grant.person) if g.id == grant.id]
        return found


def at(house: House, left: timedelta, end: datetime = START + 90 * DAY) -> None:
    """Move to so long before the end."""
    house.clock.set(end - left)


def test_law_6_polling_every_night_does_not_keep_the_grant(house: House) -> None:
    app, ann = house.app(client_id="quiz"), house.person("ann")
    grant = house.grant(ann, app)
    tokens = [
        Token(ann, bytes([n]) * 32, Kind.REFRESH, app.number, grant.id, "identity", f"family{n}", START, None)
        for n in range(3)
    ]
    with house.engines.store.write() as unit:
        unit.consent.add_tokens(tokens)
    request = FilterRequest("quiz", PersonRef("ann"), "service", [{"id": "ann", "name": "Ann"}])
    got: list[int] = []
    for night in range(1, 101):
        house.clock.set(START + night * DAY)
        if filter_records(house.engines, request).records:
            got.append(night)
        expire.sweep(house.engines)
    assert got == list(range(1, 90)), "the gate allows up to the 90th day and not from it on"
    ended = state(house, grant)
    assert (ended.state, ended.reason, ended.ended_at) == (GrantState.EXPIRED, EndReason.INACTIVE, START + 90 * DAY)
    with house.engines.store.read() as unit:
        assert all(
            found is not None and found.ended_at for found in map(unit.consent.token, (t.digest for t in tokens))
        )


def test_the_gate_denies_at_the_exact_instant_and_the_sweep_agrees(house: House) -> None:
    app, ann = house.app(client_id="quiz"), house.person("ann")
    grant = house.grant(ann, app)
    request = FilterRequest("quiz", PersonRef("ann"), "service", [{"id": "ann", "name": "Ann"}])
    at(house, MICRO)
    assert expire.sweep(house.engines).ended == 0
    assert filter_records(house.engines, request).records
    at(house, timedelta(0))
    assert not filter_records(house.engines, request).records, "before any sweep has run"
    assert expire.sweep(house.engines).inactive == 1
    assert state(house, grant).reason is EndReason.INACTIVE
    (act,) = [a for a in house.engines.ledger.acts() if a.verb == "grant:end"]
    assert act.subject == grant.id and act.details["over_at"] == "2026-04-01T00:00:00Z"
    assert expire.sweep(house.engines).ended == 0


def test_a_grant_ends_by_age_though_its_person_uses_the_app_daily(house: House) -> None:
    app, ann = house.app(), house.person("ann")
    grant = house.grant(ann, app, ends_at=START + 30 * DAY)
    at(house, MICRO, START + 30 * DAY)
    house.use(ann, app)
    assert expire.sweep(house.engines).ended == 0
    at(house, timedelta(0), START + 30 * DAY)
    assert expire.sweep(house.engines).age == 1
    assert state(house, grant).reason is EndReason.AGE


def test_the_persons_own_use_moves_the_clock_and_with_it_the_warnings(house: House) -> None:
    app, ann = house.app(client_id="quiz"), house.person("ann")
    house.grant(ann, app)
    box = Letterbox()
    at(house, 10 * DAY)
    assert expire.warn_due(house.engines, box).sent == 1
    account.keep(house.engines, ann, "quiz")
    kept = house.clock.now()
    house.clock.set(START + 95 * DAY)
    assert expire.warn_due(house.engines, box).sent == 0
    assert expire.sweep(house.engines).ended == 0
    at(house, 14 * DAY, kept + 90 * DAY)
    assert expire.warn_due(house.engines, box).sent == 1
    assert len(set(box.ids)) == 2


def test_each_warning_comes_once_at_14_7_and_1_days(house: House) -> None:
    app = house.app(name="Quiz")
    house.grant(house.person("ann", name="Ann"), app)
    box = Letterbox()
    sent: list[int] = []
    for hours in range(20 * 24, -48, -5):
        at(house, timedelta(hours=hours))
        sent.extend([hours] * expire.warn_due(house.engines, box).sent)
        expire.sweep(house.engines)
    assert [hours // 24 for hours in sent] == [13, 6, 0]
    assert len(set(box.ids)) == 3
    texts = [" ".join(one.data.decode().split()) for one in box.letters]
    assert all("Hello Ann," in text and "1 April 2026 at 00:00 UTC" in text for text in texts)


def test_missed_days_bring_the_most_urgent_warning_once_and_never_three_at_once(house: House) -> None:
    house.grant(house.person("ann"), house.app())
    box = Letterbox()
    at(house, timedelta(hours=20))
    assert [expire.warn_due(house.engines, box).sent for _ in range(3)] == [1, 0, 0]


def test_whom_no_last_warning_reached_is_told_of_the_end_late_rather_than_never(house: House) -> None:
    grant = house.grant(house.person("ann"), house.app())
    box = Letterbox()
    house.clock.set(START + 120 * DAY)
    assert expire.warn_due(house.engines, box).sent == 0
    assert expire.sweep(house.engines).ended == 1
    assert [expire.warn_due(house.engines, box).sent for _ in range(2)] == [1, 0]
    assert "receives no more of" in " ".join(box.letters[0].data.decode().split())
    assert state(house, grant).state is GrantState.EXPIRED


def test_a_warning_in_doubt_is_sent_again_under_its_one_message_id_and_marked(house: House) -> None:
    grant = house.grant(house.person("ann"), house.app())
    at(house, 7 * DAY)

    class Dying(Letterbox):
        def deliver(self, letters: Sequence[Letter]) -> list[Delivery]:
            super().deliver(letters)
            raise KeyboardInterrupt  # after the letter has gone, before its outcome is on record

    first, second = Dying(), Letterbox()
    with pytest.raises(KeyboardInterrupt):
        expire.warn_due(house.engines, first)
    house.clock.advance(timedelta(minutes=5))
    report = expire.warn_due(house.engines, second)
    assert (report.sent, report.doubtful) == (1, 1)
    assert [one.data for one in first.letters] == [one.data for one in second.letters]
    with house.engines.store.read() as unit:
        (warned,) = unit.expiry.warned([(grant.person, grant.id)])
    assert warned.doubtful and warned.state is WarningState.SENT


def test_a_warning_left_over_that_is_no_longer_true_is_not_sent(house: House) -> None:
    app, ann = house.app(), house.person("ann")
    house.grant(ann, app)
    at(house, 7 * DAY)
    assert expire.warn_due(house.engines, Letterbox(Outcome.LATER)).waiting == 1
    house.use(ann, app)
    house.clock.advance(WAITS[-1])
    box = Letterbox()
    assert expire.warn_due(house.engines, box) == expire.WarnReport()
    assert box.letters == []


def test_a_warning_is_put_off_a_bounded_number_of_times(house: House) -> None:
    grant = house.grant(house.person("ann"), house.app())
    at(house, 6 * DAY)
    box = Letterbox(*[Outcome.LATER] * 99)
    for _ in range(2 * len(WAITS)):
        expire.warn_due(house.engines, box)
        house.clock.advance(timedelta(hours=12))
    with house.engines.store.read() as unit:
        first = [w for w in unit.expiry.warned([(grant.person, grant.id)]) if w.days == 7]
    assert [w.state for w in first] == [WarningState.FAILED]
    assert box.ids.count(box.ids[0]) == len(WAITS) + 1


def test_a_mail_server_in_trouble_keeps_the_warnings_for_the_next_run(house: House) -> None:
    app = house.app()
    for name in ("ann", "bob"):
        house.grant(house.person(name), app)
    at(house, 7 * DAY)
    report = expire.warn_due(house.engines, Letterbox(Outcome.UNSENT, Outcome.UNSENT))
    assert report.stalled and report.sent == 0 and report.waiting == 2
    assert expire.warn_due(house.engines, Letterbox()).sent == 2


def test_whom_no_letter_can_reach_sees_the_warning_on_their_page(house: House) -> None:
    app, ann = house.app(name="Quiz"), house.person("ann", email="no address at all")
    house.grant(ann, app)
    at(house, 15 * DAY)
    assert expire.upcoming(house.engines, ann) == ()
    at(house, 14 * DAY)
    assert expire.warn_due(house.engines, Letterbox()).undeliverable == 1
    (view,) = expire.upcoming(house.engines, ann)
    assert (view.app, view.ends_at, view.reason) == ("Quiz", START + 90 * DAY, EndReason.INACTIVE)


def test_many_grants_are_swept_in_pages_and_each_is_ended(house: House) -> None:
    """More than two pages, some of them not due, so that a page ends between what is ended and what is not."""
    app = house.app()
    people = house.people([f"p{n}" for n in range(2 * expire.BATCH + 50)])
    with house.engines.store.write() as unit:
        for n, person in enumerate(people):
            fields, purposes = frozenset({"name"}), frozenset({"service"})
            unit.directory.add_grant(
                Grant(GrantId(f"grant_{n}"), person, app.number, fields, frozenset(), purposes, START, None)
            )
            unit.directory.record_use(person, app.number, START)
    at(house, 5 * DAY)
    staying = people[::10]
    with house.engines.store.write() as unit:
        for person in staying:
            unit.directory.record_use(person, app.number, house.clock.now())
    box = Letterbox()
    assert expire.warn_due(house.engines, box).sent == len(people) - len(staying)
    at(house, timedelta(0))
    assert expire.sweep(house.engines).ended == len(people) - len(staying)
    with house.engines.store.read() as unit:
        left = {grant.person for grant in unit.directory.grants(app=app.number, active=True)}
    assert left == set(staying)


def test_without_a_clock_in_the_policy_nothing_runs_out(house: House) -> None:
    house.policy("2014")
    house.grant(house.person("ann"), house.app())
    house.clock.set(START + 3000 * DAY)
    assert expire.sweep(house.engines).ended == 0
    assert expire.warn_due(house.engines, Letterbox()) == expire.WarnReport()


def test_two_workers_warn_once(house: House) -> None:
    house.grant(house.person("ann"), house.app())
    at(house, 7 * DAY)

    class Second(Letterbox):
        def deliver(self, letters: Sequence[Letter]) -> list[Delivery]:
            with pytest.raises(Conflict):
                expire.warn_due(house.engines, Letterbox())
            return super().deliver(letters)

    assert expire.warn_due(house.engines, Second()).sent == 1


def test_an_ended_grant_stays_on_record(house: House) -> None:
    """Law 7: nothing is forgotten by accident."""
    grant = house.grant(house.person("ann"), house.app())
    house.clock.set(START + 90 * DAY)
    expire.sweep(house.engines)
    with house.engines.store.read() as unit:
        assert [g.id for g in unit.directory.grants(person=grant.person)] == [GrantId(grant.id)]
