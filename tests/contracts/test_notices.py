"""The notice store and the expiry book, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pyroaring import BitMap

from beholden.backends.sql.store import SqlStore
from beholden.journeys.ports import NewPerson
from beholden.model.errors import Conflict
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import AppNumber, CampaignId, GrantId, OutsideId, PersonNumber
from beholden.notices import campaign as campaigns
from beholden.notices.audience import Audience, Cohort, Share
from beholden.notices.campaign import Batch, Campaign, CampaignState, Kind, Settlement, Trouble
from beholden.notices.ports import Warned, WarningState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRAFT = Campaign(
    CampaignId("campaign_1"),
    CampaignState.DRAFTED,
    (AppNumber(1), AppNumber(2)),
    None,
    "It happened.",
    "We stopped it.",
    "privacy@beholden.example",
    bytes(range(32)),
    "beholden.example",
    NOW,
    "operator:ann",
)
SHARES = (
    (Share(AppNumber(1), True, False, ("name",), date(2014, 6, 1), date(2014, 6, 2)),),
    (
        Share(AppNumber(1), False, True, ("likes", "name"), date(2014, 6, 1), date(2014, 6, 1)),
        Share(AppNumber(2), True, True, ("email",), date(2014, 7, 1), date(2014, 7, 2)),
    ),
)
FAR = [5, 65_535, 65_536, 200_000, 4_000_000_000]
AUDIENCE = Audience((Cohort(0, SHARES[0], BitMap(FAR)), Cohort(1, SHARES[1], BitMap([6, 65_537]))), 3, 99, "note")


@pytest.fixture
def frozen(store: SqlStore) -> Campaign:
    campaign = campaigns.frozen(DRAFT, AUDIENCE, NOW)
    with store.write() as unit:
        unit.notices.add(DRAFT)
        unit.notices.save(campaign, held=DRAFT.epoch)
        unit.notices.keep_audience(DRAFT.id, AUDIENCE)
    return campaign


def people(*numbers: int) -> list[PersonNumber]:
    return [PersonNumber(n) for n in numbers]


def test_a_campaign_is_read_as_it_was_written(store: SqlStore, frozen: Campaign) -> None:
    with store.read() as unit:
        assert unit.notices.campaign("campaign_1") == frozen
        assert unit.notices.campaigns() == [frozen]
        assert unit.notices.campaign("campaign_2") is None


def test_whoever_holds_an_older_epoch_writes_nothing(store: SqlStore, frozen: Campaign) -> None:
    first = campaigns.taken_over(frozen, NOW)
    with store.write() as unit:
        unit.notices.save(first, held=frozen.epoch)
    second = campaigns.taken_over(first, NOW)
    with store.write() as unit:
        unit.notices.save(second, held=first.epoch)
    with pytest.raises(Conflict), store.write() as unit:
        unit.notices.save(replace(first, cursor=1), held=first.epoch)
    with store.read() as unit:
        assert unit.notices.campaign(DRAFT.id) == second


def test_the_frozen_set_is_read_whole_by_container_and_by_person(store: SqlStore, frozen: Campaign) -> None:
    with store.read() as unit:
        assert unit.notices.impacted(DRAFT.id) == AUDIENCE.impacted
        assert unit.notices.shares(DRAFT.id) == dict(enumerate(SHARES))
        assert dict(unit.notices.members(DRAFT.id, 0)) == {0: BitMap([5, 65_535]), 1: BitMap([6])}
        assert dict(unit.notices.members(DRAFT.id, 61_035)) == {0: BitMap([4_000_000_000])}
        for person in (6, 65_537):
            assert unit.notices.of_person(PersonNumber(person)) == [(DRAFT.id, SHARES[1])]
        for person in FAR:
            assert unit.notices.of_person(PersonNumber(person)) == [(DRAFT.id, SHARES[0])]
        for person in (4, 7, 65_538, 199_999, 4_000_000_001):
            assert unit.notices.of_person(PersonNumber(person)) == []


def test_a_batch_is_open_from_its_intent_to_its_outcome(store: SqlStore, frozen: Campaign) -> None:
    batch = Batch(1, BitMap([5, 6]), NOW)
    with store.write() as unit:
        unit.notices.begin(DRAFT.id, batch)
    with store.write() as unit:
        assert unit.notices.open_batch(DRAFT.id) == batch
        unit.notices.begin(DRAFT.id, replace(batch, attempts=2))
    with store.write() as unit:
        assert unit.notices.open_batch(DRAFT.id) == replace(batch, attempts=2)
        unit.notices.finish(DRAFT.id, batch, Settlement(BitMap([5]), (), ()), NOW)
    with store.read() as unit:
        assert unit.notices.open_batch(DRAFT.id) is None
        assert set(unit.notices.delivered(DRAFT.id)) == {5}


def test_a_delivered_letter_ends_its_trouble_and_a_doubt_stays(store: SqlStore, frozen: Campaign) -> None:
    put_off = Trouble(PersonNumber(5), Kind.DEFERRED, "451 " + "x" * 900, 2, NOW, NOW + HOUR)
    refused = Trouble(PersonNumber(6), Kind.FAILED, "550 ü", 1, NOW)
    with store.write() as unit:
        unit.notices.begin(DRAFT.id, Batch(1, BitMap([5, 6]), NOW))
        unit.notices.finish(
            DRAFT.id, Batch(1, BitMap([5, 6]), NOW), Settlement(BitMap(), (put_off, refused), (PersonNumber(5),)), NOW
        )
    with store.read() as unit:
        assert unit.notices.tries(DRAFT.id, people(5, 6, 7)) == {5: 2, 6: 1}
        assert unit.notices.deferred(DRAFT.id, NOW, 10) == []
        assert [t.person for t in unit.notices.deferred(DRAFT.id, NOW + HOUR, 10)] == [5]
        assert unit.notices.troubles(DRAFT.id, {Kind.FAILED}) == [refused]
    with store.write() as unit:
        unit.notices.begin(DRAFT.id, Batch(2, BitMap([5]), NOW))
        unit.notices.finish(DRAFT.id, Batch(2, BitMap([5]), NOW), Settlement(BitMap([5]), (), ()), NOW)
        unit.notices.doubt(DRAFT.id, [5, 6], 2, NOW)
    with store.read() as unit:
        assert [t.person for t in unit.notices.troubles(DRAFT.id)] == [6]
        assert unit.notices.doubts(DRAFT.id) == [5, 6]


def test_what_a_person_opened_is_noted_once_and_forgotten_with_them(store: SqlStore, frozen: Campaign) -> None:
    refused = Trouble(PersonNumber(5), Kind.FAILED, "550 <ann@example.org> is unknown", 1, NOW)
    with store.write() as unit:
        unit.notices.begin(DRAFT.id, Batch(1, BitMap([5]), NOW))
        unit.notices.finish(DRAFT.id, Batch(1, BitMap([5]), NOW), Settlement(BitMap(), (refused,), ()), NOW)
        assert unit.notices.mark_seen(PersonNumber(5), DRAFT.id, NOW)
    with store.write() as unit:
        assert not unit.notices.mark_seen(PersonNumber(5), DRAFT.id, NOW + HOUR)
        assert unit.notices.seen(PersonNumber(5)) == {DRAFT.id: NOW}
        unit.notices.forget(PersonNumber(5))
    with store.read() as unit:
        assert unit.notices.seen(PersonNumber(5)) == {}
        assert unit.notices.troubles(DRAFT.id) == [replace(refused, reply="")]


def granted(store: SqlStore, uses: dict[str, timedelta | None]) -> dict[str, Grant]:
    """A grant for each name, a hundred days old, used last so long ago."""
    made: dict[str, Grant] = {}
    with store.write() as unit:
        unit.directory.enrol([NewPerson(OutsideId(n), n, "") for n in uses], NOW, [bytes(32) for _ in uses])
        numbers = unit.directory.numbers(list(uses))
        for name, ago in uses.items():
            grant = Grant(
                GrantId(f"grant_{name}"),
                numbers[name],
                AppNumber(1),
                frozenset({"name"}),
                frozenset(),
                frozenset({"service"}),
                NOW - timedelta(days=100),
                NOW + timedelta(days=265),
            )
            unit.directory.add_grant(grant)
            if ago is not None:
                unit.directory.record_use(grant.person, grant.app, NOW - timedelta(days=120))
                unit.directory.record_use(grant.person, grant.app, NOW - ago)
            made[name] = grant
    return made


def test_grants_that_run_out_are_found_by_the_last_use_and_by_age_in_pages(store: SqlStore) -> None:
    made = granted(
        store,
        {
            "ann": timedelta(days=90),
            "bob": timedelta(days=90) - timedelta(seconds=1),
            "cy": None,
            "di": timedelta(days=95),
            "ended": timedelta(days=95),
        },
    )
    with store.write() as unit:
        unit.directory.end_grant(made["ended"].id, GrantState.REVOKED, EndReason.PERSON, NOW)
    cutoff = NOW - timedelta(days=90)
    found, after = [], None
    with store.read() as unit:
        while page := unit.expiry.running_out(unused_since=cutoff, ends_by=NOW, after=after, limit=1):
            found.extend(page)
            after = (page[-1].grant.person, page[-1].grant.id)
        by_age = unit.expiry.running_out(unused_since=None, ends_by=NOW + timedelta(days=265), after=None, limit=10)
    assert [(out.grant, out.last_use) for out in found] == [
        (made["ann"], cutoff),
        (made["cy"], None),
        (made["di"], NOW - timedelta(days=95)),
    ]
    assert [out.grant.id for out in by_age] == [made[name].id for name in ("ann", "bob", "cy", "di")]


def test_warnings_are_kept_by_grant_end_and_days(store: SqlStore) -> None:
    made = granted(store, {"ann": None, "bob": None})
    ann, bob = made["ann"], made["bob"]
    begun = Warned(ann.person, ann.id, NOW + HOUR, 7, WarningState.BEGUN, NOW)
    sent = replace(begun, days=14, state=WarningState.SENT)
    put_off = Warned(
        bob.person, bob.id, NOW + HOUR, 1, WarningState.DEFERRED, NOW, doubtful=True, reply="451", tries=1, next_at=NOW
    )
    with store.write() as unit:
        unit.expiry.put_warnings([begun, sent, put_off])
        unit.expiry.put_warnings([])
    with store.write() as unit:
        assert unit.expiry.open_warnings(NOW - HOUR, 10) == [begun]
        assert unit.expiry.open_warnings(NOW, 10) == [begun, put_off]
        unit.expiry.put_warnings([replace(begun, state=WarningState.SENT)])
    with store.read() as unit:
        assert unit.expiry.open_warnings(NOW, 10) == [put_off]
        kept = unit.expiry.warned([(ann.person, ann.id)])
        assert {(w.days, w.state) for w in kept} == {(7, WarningState.SENT), (14, WarningState.SENT)}
        assert unit.expiry.grants([(ann.person, ann.id)]).keys() == {ann.id}
    with store.write() as unit:
        unit.expiry.forget(bob.person)
        assert [w.reply for w in unit.expiry.warned([(bob.person, bob.id)])] == [""]
