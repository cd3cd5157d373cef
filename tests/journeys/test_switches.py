"""The four switches in words."""

from datetime import timedelta

from beholden.journeys import opt_out, switches
from beholden.model.person import Scope


def test_every_switch_is_shown_touched_or_not_and_every_position_is_kept(house):
    person, app = house.person("p1"), house.app(client_id="quiz", name="Quiz")
    house.grant(person, app)
    found = switches.switches(house.engines, person)
    assert found.all.sharing
    assert found.all.since is None
    assert not found.indirect.sharing
    assert [s.target for s in found.clusters] == [c.name for c in house.catalogue.clusters]
    opt_out.choose(house.engines, person, Scope.APP, "quiz", sharing=False)
    house.clock.advance(timedelta(days=1))
    opt_out.choose(house.engines, person, Scope.APP, "quiz", sharing=True)
    opt_out.choose(house.engines, person, Scope.CLUSTER, "likes", sharing=False)
    found = switches.switches(house.engines, person)
    assert [s.sharing for s in found.apps] == [True]
    assert [s.target for s in found.clusters if not s.sharing] == ["likes"]
    past = switches.past_choices(house.engines, person)
    assert [(p.about, p.sharing, p.until is None) for p in past if p.scope is Scope.APP] == [
        ("Quiz", True, True),
        ("Quiz", False, False),
    ]


def test_under_the_policy_of_2014_friends_apps_see_by_default(house):
    house.policy("2014")
    assert switches.switches(house.engines, house.person("p1")).indirect.sharing
