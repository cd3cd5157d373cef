"""Sec-GPC is a sale/share opt-out: in force at once, on record, and never stronger than what the person says later."""

from datetime import timedelta

import pytest

from beholden.journeys import gpc, opt_out
from beholden.journeys.disclose import PersonRef, Question, evaluate
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Ask
from beholden.model.decision import Reason
from beholden.model.errors import NotFound
from beholden.model.ids import PersonNumber
from beholden.model.person import Scope
from tests.conftest import House

PLATFORM = Actor(ActorKind.PLATFORM, "api")


@pytest.fixture
def anna(house: House) -> PersonNumber:
    return house.person("anna")


@pytest.fixture
def ads(house: House, anna: PersonNumber) -> App:
    """An app for advertising that anna connected before."""
    app = house.app(client_id="ads", asks=(Ask("identity", "Advertising"),))
    house.grant(anna, app)
    return app


@pytest.fixture
def quiz(house: House, anna: PersonNumber) -> App:
    """An app for something else."""
    app = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    house.grant(anna, app)
    return app


def reason(house: House, app: App, purpose: str) -> Reason | None:
    question = Question(app.client_id, PersonRef("anna"), ("name",), purpose)
    return evaluate(house.engines, question).denied.get("name")


def later(house: House) -> None:
    house.clock.set(house.clock.now() + timedelta(hours=1))


def off(house: House, person: PersonNumber) -> set[tuple[str, str]]:
    return {(c.scope.value, c.target) for c in opt_out.choices(house.engines, person) if not c.sharing}


def test_law_5_the_signal_is_in_force_at_the_next_request(house: House, anna: PersonNumber, ads: App) -> None:
    assert reason(house, ads, "Advertising") is None
    gpc.heard(house.engines, anna)
    assert reason(house, ads, "Advertising") is Reason.OPTED_OUT_APP


def test_what_the_person_connected_for_another_purpose_stays(house: House, anna: PersonNumber, quiz: App) -> None:
    gpc.heard(house.engines, anna)
    assert reason(house, quiz, "service") is None
    assert off(house, anna) == {("indirect", "")}


def test_law_12_each_switch_is_a_choice_with_its_origin_and_its_act(house: House, anna: PersonNumber, ads: App) -> None:
    heard = gpc.heard_of(house.engines, "anna", PLATFORM)
    assert set(heard.turned_off) == {Scope.INDIRECT, Scope.APP}
    assert {c.origin for c in opt_out.choices(house.engines, anna)} == {"gpc"}
    acts = [a for a in house.engines.ledger.acts() if a.verb == "choice:off"]
    assert [(a.actor, dict(a.details)) for a in acts] == [
        ("platform:api", {"switch": "indirect", "origin": "gpc"}),
        ("platform:api", {"switch": "app", "origin": "gpc"}),
    ]


def test_the_same_signal_again_writes_nothing(house: House, anna: PersonNumber, ads: App) -> None:
    first = gpc.heard(house.engines, anna)
    size = house.engines.ledger.size()
    later(house)
    assert gpc.heard(house.engines, anna) == gpc.Heard((), first.since)
    assert house.engines.ledger.size() == size
    assert len(opt_out.history(house.engines, anna)) == 2


def test_a_choice_made_before_the_signal_yields_to_it(house: House, anna: PersonNumber, ads: App) -> None:
    opt_out.choose(house.engines, anna, Scope.INDIRECT, sharing=True)
    opt_out.choose(house.engines, anna, Scope.APP, "ads", sharing=False)
    opt_out.choose(house.engines, anna, Scope.APP, "ads", sharing=True)
    later(house)
    gpc.heard(house.engines, anna)
    assert off(house, anna) == {("indirect", ""), ("app", "ads")}


def test_a_choice_made_after_the_signal_wins_however_often_it_is_repeated(
    house: House, anna: PersonNumber, ads: App
) -> None:
    gpc.heard(house.engines, anna)
    later(house)
    opt_out.choose(house.engines, anna, Scope.APP, "ads", sharing=True)
    opt_out.choose(house.engines, anna, Scope.INDIRECT, sharing=True)
    later(house)
    gpc.heard(house.engines, anna)
    assert off(house, anna) == set()
    assert reason(house, ads, "Advertising") is None


def test_a_switch_that_was_off_already_and_is_turned_on_after_the_signal_stays_on(
    house: House, anna: PersonNumber
) -> None:
    opt_out.choose(house.engines, anna, Scope.INDIRECT, sharing=False)
    gpc.heard(house.engines, anna)
    later(house)
    opt_out.choose(house.engines, anna, Scope.INDIRECT, sharing=True)
    later(house)
    gpc.heard(house.engines, anna)
    assert off(house, anna) == set()


def test_an_app_for_advertising_that_is_connected_after_the_signal_was_the_persons_own_word(
    house: House, anna: PersonNumber
) -> None:
    gpc.heard(house.engines, anna)
    later(house)
    ads = house.app(client_id="ads", asks=(Ask("identity", "advertising"),))
    house.grant(anna, ads)
    later(house)
    gpc.heard(house.engines, anna)
    assert reason(house, ads, "advertising") is None


def test_the_platform_cannot_speak_for_somebody_who_is_not_there(house: House) -> None:
    with pytest.raises(NotFound):
        gpc.heard_of(house.engines, "nobody", PLATFORM)
