"""Use: only the person's own presence resets the 90 days, and not when they are over."""

from datetime import timedelta

import pytest

from beholden.journeys.disclose import record_use
from beholden.model.decision import Reason
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason, GrantState


@pytest.fixture
def quiz(house):
    """An app that Ann has connected."""
    app = house.app(client_id="quiz")
    house.grant(house.person("ann"), app)
    return app


def uses(house) -> list[str]:
    """The acts of use in the ledger."""
    return [act.subject for act in house.engines.ledger.acts() if act.verb == "grant:use"]


def grant_of(house, outside_id: str):
    """The latest grant of a person."""
    with house.engines.store.read() as unit:
        return unit.directory.grants(person=unit.directory.numbers([outside_id])[outside_id])[0]


def test_law_6_the_persons_own_use_begins_the_90_days_anew(house, quiz):
    for _ in range(3):
        house.clock.advance(timedelta(days=89))
        assert record_use(house.engines, "quiz", "ann") is None
    with house.engines.store.read() as unit:
        person = unit.directory.numbers(["ann"])["ann"]
        assert unit.directory.last_uses(person)[quiz.number] == house.clock.now()
    assert uses(house) == [grant_of(house, "ann").id] * 3


def test_a_day_of_uses_is_one_entry_in_the_ledger(house, quiz):
    house.clock.advance(timedelta(days=1))
    for _ in range(5):
        house.clock.advance(timedelta(hours=1))
        assert record_use(house.engines, "quiz", "ann") is None
    assert len(uses(house)) == 1


def test_law_6_a_use_after_the_90_days_ends_the_grant_instead_of_reviving_it(house, quiz):
    house.clock.advance(timedelta(days=90))
    assert record_use(house.engines, "quiz", "ann") is Reason.INACTIVE
    grant = grant_of(house, "ann")
    assert (grant.state, grant.reason) == (GrantState.EXPIRED, EndReason.INACTIVE)
    assert record_use(house.engines, "quiz", "ann") is Reason.GRANT_EXPIRED
    assert uses(house) == []
    assert [act.subject for act in house.engines.ledger.acts() if act.verb == "grant:end"] == [grant.id]


def test_a_use_counts_only_while_a_grant_stands(house, quiz):
    house.person("bea")
    assert record_use(house.engines, "quiz", "bea") is Reason.NO_GRANT
    with house.engines.store.write() as unit:
        unit.directory.end_grant(grant_of(house, "ann").id, GrantState.REVOKED, EndReason.PERSON, house.clock.now())
    assert record_use(house.engines, "quiz", "ann") is Reason.GRANT_ENDED


def test_a_use_after_the_grants_own_end_does_not_count(house, quiz):
    cat = house.person("cat")
    house.grant(cat, quiz, ends_at=house.clock.now() + timedelta(days=10))
    house.clock.advance(timedelta(days=10))
    assert record_use(house.engines, "quiz", "cat") is Reason.GRANT_EXPIRED


@pytest.mark.parametrize(("app", "person"), [("nobody", "ann"), ("quiz", "nobody"), ("quiz", "a\0"), ("\ud800", "ann")])
def test_a_use_of_nothing_or_by_nobody_is_refused(house, quiz, app, person):
    before = house.engines.ledger.size()
    with pytest.raises(NotFound):
        record_use(house.engines, app, person)
    assert house.engines.ledger.size() == before
