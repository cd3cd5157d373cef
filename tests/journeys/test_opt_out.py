"""R7: the four switches, in force at the next request."""

import pytest

from beholden.journeys import opt_out
from beholden.journeys.disclose import PersonRef, Question, evaluate
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Ask
from beholden.model.decision import Reason
from beholden.model.errors import BadInput, NotFound
from beholden.model.ids import PersonNumber
from beholden.model.person import Scope
from tests.conftest import House


@pytest.fixture
def app(house: House) -> App:
    """An app that `anna` granted everything, her friend `bert`'s data included."""
    made = house.app(asks=(Ask("identity", "p"), Ask("likes", "p"), Ask("likes", "p", through=True)))
    house.approve(made, "likes", purpose="p")
    house.grant(house.person("anna"), made, ("name", "likes"), ("likes",))
    house.person("bert")
    return made


def reason(house: House, app: App, person: str, field: str) -> Reason | None:
    """Why `field` of `person` is denied to the app through anna; None when it is allowed."""
    question = Question(app.client_id, PersonRef(person), (field,), "p", through=PersonRef("anna"))
    return evaluate(house.engines, question).denied.get(field)


def number(house: House, outside_id: str) -> PersonNumber:
    return opt_out.person_called(house.engines, outside_id).number


def turn(house: House, person: str, scope: Scope, target: str = "", *, sharing: bool) -> None:
    opt_out.choose(house.engines, number(house, person), scope, target, sharing=sharing)


@pytest.mark.parametrize(
    ("scope", "target", "denied"),
    [
        (Scope.ALL, "", Reason.OPTED_OUT_ALL),
        (Scope.APP, "app-1", Reason.OPTED_OUT_APP),
        (Scope.CLUSTER, "likes", Reason.OPTED_OUT_CLUSTER),
    ],
)
def test_law_5_a_switch_is_in_force_at_the_next_request_and_so_is_turning_it_back(
    house: House, app: App, scope: Scope, target: str, denied: Reason
) -> None:
    assert reason(house, app, "anna", "likes") is None
    turn(house, "anna", scope, target, sharing=False)
    assert reason(house, app, "anna", "likes") is denied
    turn(house, "anna", scope, target, sharing=True)
    assert reason(house, app, "anna", "likes") is None


def test_law_5_what_friends_apps_see_is_off_until_it_is_turned_on_and_off_again_at_once(house: House, app: App) -> None:
    assert reason(house, app, "bert", "likes") is Reason.INDIRECT_OFF
    turn(house, "bert", Scope.INDIRECT, sharing=True)
    assert reason(house, app, "bert", "likes") is None
    turn(house, "bert", Scope.INDIRECT, sharing=False)
    assert reason(house, app, "bert", "likes") is Reason.INDIRECT_OFF


def test_a_switch_for_one_kind_of_data_or_one_app_leaves_the_others(house: House, app: App) -> None:
    other = house.app()
    turn(house, "anna", Scope.CLUSTER, "likes", sharing=False)
    turn(house, "anna", Scope.APP, other.client_id, sharing=False)
    assert reason(house, app, "anna", "name") is None


def test_law_7_every_position_is_kept(house: House, app: App) -> None:
    anna = number(house, "anna")
    for sharing in (False, True, False):
        opt_out.choose(house.engines, anna, Scope.ALL, sharing=sharing)
    assert [c.sharing for c in opt_out.history(house.engines, anna)] == [False, True, False]
    assert [c.sharing for c in opt_out.choices(house.engines, anna)] == [False]


def test_turning_a_switch_to_where_it_stands_changes_nothing(house: House, app: App) -> None:
    anna = number(house, "anna")
    first = opt_out.choose(house.engines, anna, Scope.ALL, sharing=False)
    size = house.engines.ledger.size()
    assert opt_out.choose(house.engines, anna, Scope.ALL, sharing=False) == first
    assert len(opt_out.history(house.engines, anna)) == 1
    assert house.engines.ledger.size() == size


def test_law_12_the_ledger_knows_who_turned_which_switch_and_not_what_it_was_about(house: House, app: App) -> None:
    anna = number(house, "anna")
    opt_out.choose(house.engines, anna, Scope.CLUSTER, "religion_politics", sharing=False)
    act = list(house.engines.ledger.acts())[-1]
    assert (act.verb, act.actor, act.subject) == ("choice:off", f"person:{anna}", f"person:{anna}")
    assert dict(act.details) == {"switch": "cluster"}
    assert act.app is None


def test_an_operator_who_turns_it_for_the_person_is_named(house: House, app: App) -> None:
    anna, ines = number(house, "anna"), Actor(ActorKind.OPERATOR, "ines")
    chosen = opt_out.choose(house.engines, anna, Scope.ALL, sharing=False, actor=ines)
    assert chosen.origin == "operator"
    assert list(house.engines.ledger.acts())[-1].actor == "operator:ines"


@pytest.mark.parametrize(
    ("scope", "target", "error"),
    [
        (Scope.APP, "nix", NotFound),
        (Scope.APP, "", NotFound),
        (Scope.CLUSTER, "shoes", NotFound),
        (Scope.ALL, "likes", BadInput),
        (Scope.INDIRECT, "app-1", BadInput),
    ],
)
def test_a_switch_that_is_not_there_is_refused_and_nothing_is_kept(
    house: House, app: App, scope: Scope, target: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        turn(house, "anna", scope, target, sharing=False)
    assert opt_out.history(house.engines, number(house, "anna")) == []


def test_an_unknown_or_erased_person_has_no_switches(house: House, app: App) -> None:
    anna = number(house, "anna")
    with house.engines.store.write() as unit:
        unit.directory.forget(anna, house.clock.now())
    for call in (
        lambda: opt_out.choose(house.engines, anna, Scope.ALL, sharing=False),
        lambda: opt_out.choose(house.engines, PersonNumber(99), Scope.ALL, sharing=False),
        lambda: opt_out.choices(house.engines, anna),
        lambda: opt_out.person_called(house.engines, "anna"),
    ):
        with pytest.raises(NotFound):
            call()
