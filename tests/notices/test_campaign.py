"""The campaign's states and what a batch leaves on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from beholden.model.errors import Conflict
from beholden.model.ids import AppNumber, CampaignId, PersonNumber
from beholden.notices import campaign as campaigns
from beholden.notices.audience import assemble
from beholden.notices.campaign import (
    WAITS,
    Campaign,
    CampaignState,
    Delivery,
    Kind,
    Outcome,
    Trouble,
    missing,
    settle,
    slice_from,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRAFT = Campaign(
    CampaignId("campaign_1"),
    CampaignState.DRAFTED,
    (AppNumber(1),),
    None,
    "It happened.",
    "We stopped it.",
    "privacy@beholden.example",
    bytes(32),
    "beholden.example",
    NOW,
    "operator:ann",
)
ONE = PersonNumber(1)


def at(state: CampaignState) -> Campaign:
    return replace(DRAFT, state=state)


def test_a_campaign_goes_one_way() -> None:
    nobody = assemble({}, set(), 7, "note")
    frozen = campaigns.frozen(DRAFT, nobody, NOW)
    sending = campaigns.taken_over(frozen, NOW)
    again = campaigns.taken_over(sending, NOW + timedelta(hours=1))
    done = campaigns.done(again, NOW)
    assert [c.state for c in (frozen, sending, again, done)] == ["frozen", "sending", "sending", "done"]
    assert again.sending_at == NOW
    assert DRAFT.epoch < frozen.epoch < sending.epoch < again.epoch


def test_a_campaign_skips_nothing_and_never_goes_back() -> None:
    nobody = assemble({}, set(), 7, "note")
    for state in (CampaignState.FROZEN, CampaignState.SENDING, CampaignState.DONE):
        with pytest.raises(Conflict):
            campaigns.frozen(at(state), nobody, NOW)
    for state in (CampaignState.DRAFTED, CampaignState.DONE):
        with pytest.raises(Conflict):
            campaigns.taken_over(at(state), NOW)
    for state in (CampaignState.DRAFTED, CampaignState.FROZEN, CampaignState.DONE):
        with pytest.raises(Conflict):
            campaigns.done(at(state), NOW)


@given(st.sets(st.integers(1, 300_000)), st.integers(1, 50))
def test_slices_by_rank_cover_everyone_once(people: set[int], size: int) -> None:
    impacted, campaign, found = BitMap(people), at(CampaignState.SENDING), list[int]()
    while True:
        some, campaign = slice_from(campaign, impacted, size)
        if not some:
            break
        assert len(some) <= size
        found.extend(some)
    assert found == sorted(people)


def test_what_the_server_took_is_delivered_and_what_it_refused_is_failed_with_its_words() -> None:
    found = settle(
        [Delivery(ONE, Outcome.DELIVERED), Delivery(PersonNumber(2), Outcome.REFUSED, "550 no such user")], [], {}, NOW
    )
    assert set(found.delivered) == {1}
    assert [(t.person, t.kind, t.reply) for t in found.troubles] == [(2, Kind.FAILED, "550 no such user")]
    assert found.doubts == () and found.stalled == ""


def test_a_letter_is_put_off_a_bounded_number_of_times_within_a_day_and_then_listed_as_failed() -> None:
    tries, clock = 0, NOW
    while True:
        (trouble,) = settle([Delivery(ONE, Outcome.LATER, "451 later")], [], {ONE: tries}, clock).troubles
        if trouble.kind is Kind.FAILED:
            break
        assert trouble.next_at is not None and trouble.next_at > clock
        tries, clock = trouble.tries, trouble.next_at
    assert tries == len(WAITS)
    assert clock - NOW < timedelta(hours=24)
    assert "451 later" in trouble.reply


def test_a_letter_in_doubt_is_listed_and_sent_again_at_once_but_not_for_ever() -> None:
    found = settle([Delivery(ONE, Outcome.DOUBTFUL, "closed")], [], {}, NOW)
    assert found.doubts == (ONE,)
    assert found.troubles[0].kind is Kind.DEFERRED and found.troubles[0].next_at == NOW
    last = settle([Delivery(ONE, Outcome.DOUBTFUL, "closed")], [], {ONE: len(WAITS)}, NOW)
    assert last.troubles[0].kind is Kind.FAILED


def test_a_server_in_trouble_costs_no_letter_a_try() -> None:
    found = settle([Delivery(ONE, Outcome.UNSENT, "no connection")], [], {ONE: 2}, NOW)
    assert found.stalled == "no connection"
    assert found.troubles == (Trouble(ONE, Kind.DEFERRED, "no connection", 2, NOW, NOW),)


def test_whoever_has_neither_letter_nor_reason_is_missing() -> None:
    trouble = Trouble(PersonNumber(3), Kind.UNDELIVERABLE, "no address", 0, NOW)
    assert set(missing(BitMap([1, 2, 3, 4]), BitMap([1, 4]), [trouble])) == {2}
