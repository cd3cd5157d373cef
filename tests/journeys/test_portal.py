"""What a developer sees of their own, and that nothing of another's exists for them."""

from datetime import timedelta

import pytest

from beholden.journeys import account, audit, enforce, portal, review
from beholden.model.app import Ask
from beholden.model.errors import Conflict, NotFound
from tests.conftest import House
from tests.journeys.court import ANNA, BEN, Scene, scene


@pytest.fixture
def court(house: House) -> Scene:
    return scene(house)


def test_what_waits_comes_in_the_order_of_its_deadlines(court: Scene) -> None:
    engines, number = court.engines, court.developer.number
    cases = []
    for _ in range(3):
        cases.append(audit.open_case(engines, ANNA, number, [], [], "harvest").case.id)
        audit.send_rfi(engines, ANNA, cases[-1], ["What for?"])
        court.house.clock.set(engines.clock.now() + timedelta(days=2))
    audit.answer_rfi(engines, court.actor, cases[1], {1: "For fun."})
    assert [c.id for c in portal.desk(engines, number).waiting] == [cases[0], cases[2]]
    assert portal.desk(engines, court.house.developer("Another").number).waiting == ()


def test_a_sanction_is_theirs_to_see_when_it_is_in_force_and_stays_so(court: Scene) -> None:
    engines, number = court.engines, court.developer.number
    id = enforce.propose(engines, ANNA, "suspend", "harvest", developer=number).sanction.id
    assert portal.sanctions(engines, number) == []
    enforce.confirm(engines, BEN, id)
    assert [s.sanction.id for s in portal.desk(engines, number).in_force] == [id]
    enforce.propose_lift(engines, ANNA, id, "settled")
    enforce.lift(engines, BEN, id)
    assert portal.desk(engines, number).in_force == ()
    assert portal.sanction(engines, number, id).sanction.state == "lifted"
    with pytest.raises(NotFound):
        portal.sanction(engines, court.house.developer("Another").number, id)


def test_another_developers_app_can_be_neither_seen_nor_touched(court: Scene) -> None:
    engines = court.engines
    theirs = court.house.app(court.house.developer("Another"), "their-app", [Ask("likes", "service")])
    own, client = court.developer.number, theirs.client_id
    before = engines.ledger.size()
    for attempt in (
        lambda: portal.app(engines, own, client),
        lambda: portal.terms_of(engines, own, client, "likes"),
        lambda: portal.sign(engines, court.actor, client, "likes", "A", "0" * 64),
        lambda: portal.ask_for_review(engines, court.actor, client, "likes", "service"),
        lambda: portal.rotate_secret(engines, court.actor, client),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert engines.ledger.size() == before


def test_a_lapsed_or_refused_review_can_be_asked_for_again(court: Scene) -> None:
    engines = court.engines
    app = court.house.app(court.developer, "quiz-4", [Ask("likes", "service")])

    def wish() -> portal.Wish:
        (found,) = portal.app(engines, court.developer.number, app.client_id).wishes
        return found

    assert wish().may_ask and wish().may_sign
    asked = portal.ask_for_review(engines, court.actor, app.client_id, "likes", "service")
    assert not wish().may_ask
    with pytest.raises(Conflict):
        portal.ask_for_review(engines, court.actor, app.client_id, "likes", "service")
    review.decide(engines, ANNA, asked.id, approve=False, reason="no need")
    assert wish().may_ask


def test_deletion_wishes_are_newest_first_under_the_apps_own_ids(court: Scene) -> None:
    engines, app = court.engines, court.apps[0]
    codes = []
    for person in court.people:
        codes.append(account.remove(engines, person, app.client_id, ask_deletion=True))
        court.house.clock.set(engines.clock.now() + timedelta(minutes=1))
    found = portal.app(engines, court.developer.number, app.client_id).deletions
    assert [wish.code for wish in found] == codes[::-1]
    assert len({wish.person for wish in found} | {str(p) for p in court.people}) == 2 * len(court.people)
