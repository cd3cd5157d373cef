"""Sanctions by hand: two pairs of eyes, one unit of work, and what is left when they are lifted."""

from hashlib import sha256

import pytest

from beholden.enforcement.sanction import SanctionKind, SanctionState
from beholden.gate.oauth.token import Kind, Token
from beholden.journeys import access, audit, enforce
from beholden.journeys.ports import Review
from beholden.model.act import Actor, ActorKind
from beholden.model.decision import Reason
from beholden.model.errors import BadInput, Conflict, NotAllowed, NotFound
from beholden.model.grant import EndReason
from beholden.model.standing import Standing
from tests.conftest import House
from tests.journeys.court import ANNA, BEN, CARA, Crash, Scene, crashing, scene


@pytest.fixture
def court(house: House) -> Scene:
    return scene(house)


def proposed(court: Scene, kind: str = "ban", app: str | None = None) -> str:
    developer = None if app else court.developer.number
    return enforce.propose(court.engines, ANNA, kind, "harvest", developer=developer, app=app).sanction.id


def test_law_10_a_ban_by_hand_needs_a_second_operator(court: Scene) -> None:
    sanction = proposed(court)
    assert court.refusals(court.apps[0]) == {None}, "a proposal takes nothing away"
    with pytest.raises(NotAllowed, match="law 10"):
        enforce.confirm(court.engines, ANNA, sanction)
    assert court.refusals(court.apps[0]) == {None}
    forced = enforce.confirm(court.engines, BEN, sanction)
    assert forced.grants == 9
    assert all(court.refusals(app) == {Reason.DEVELOPER_BANNED} for app in court.apps)


def test_law_10_a_made_up_or_removed_operator_is_no_second_pair_of_eyes(court: Scene) -> None:
    sanction = proposed(court)
    access.remove_operator(court.engines, "ben")
    for nobody in (BEN, Actor(ActorKind.OPERATOR, "made-up"), court.actor):
        with pytest.raises(NotAllowed):
            enforce.confirm(court.engines, nobody, sanction)
    assert court.refusals(court.apps[0]) == {None}


@pytest.mark.parametrize("place", range(9))
def test_a_confirmed_ban_stops_anywhere_and_the_sweep_ends_it(court: Scene, place: int) -> None:
    sanction = proposed(court)
    crashed = False
    try:
        enforce.confirm(crashing(court.engines, place), BEN, sanction)
    except Crash:
        crashed = True
    assert crashed == (place < 8)
    with court.engines.store.read() as unit:
        standings = {unit.directory.standing(app) for app in court.apps}
        active = sum(len(unit.directory.grants(app=app.number, active=True)) for app in court.apps)
    assert (standings, active) in (
        ({(Standing.ACTIVE, Standing.ACTIVE)}, 9),
        ({(Standing.BANNED, Standing.BANNED)}, 0),
    ), "half banned"
    if place < 3:  # not yet confirmed: whoever confirms asks again
        enforce.confirm(court.engines, BEN, sanction)
    audit.lapse_due(court.engines)
    assert audit.lapse_due(court.engines) == []
    assert enforce.sanction_view(court.engines, sanction).sanction.state is SanctionState.IN_FORCE
    number = court.developer.number
    assert court.acts("developer:", "app:") == [
        ("developer:propose_ban", f"developer:{number}"),
        ("developer:confirm_ban", f"developer:{number}"),
        ("developer:ban", f"developer:{number}"),
        *(("app:ban", f"app:{app.number}") for app in court.apps),
    ], "each act once"


def test_confirming_again_after_a_crash_goes_on_where_it_stopped(court: Scene) -> None:
    sanction = proposed(court)
    with pytest.raises(Crash):
        enforce.confirm(crashing(court.engines, 4), BEN, sanction)
    assert enforce.confirm(court.engines, BEN, sanction).grants == 9


def test_a_ban_ends_every_token_of_every_app(court: Scene) -> None:
    now = court.house.clock.now()
    tokens = []
    with court.engines.store.write() as unit:
        for app in court.apps:
            for grant in unit.directory.grants(app=app.number):
                for kind in Kind:
                    digest = sha256(f"{grant.id}{kind}".encode()).digest()
                    tokens.append(Token(grant.person, digest, kind, app.number, grant.id, "", grant.id, now, None))
        unit.consent.add_tokens(tokens)
    forced = enforce.confirm(court.engines, BEN, proposed(court))
    assert forced.tokens == len(tokens) == 18
    with court.engines.store.read() as unit:
        kept = [unit.consent.token(token.digest) for token in tokens]
    assert all(token is not None and token.ended_at == now for token in kept)


def test_a_ban_of_one_app_leaves_the_others(court: Scene) -> None:
    one, two, _ = court.apps
    forced = enforce.confirm(court.engines, BEN, proposed(court, app=one.client_id))
    assert forced.grants == 3
    assert court.refusals(one) == {Reason.APP_BANNED}
    assert court.refusals(two) == {None}


def test_a_suspension_ends_nothing_and_its_lifting_brings_everything_back(court: Scene) -> None:
    sanction = proposed(court, "suspend")
    forced = enforce.confirm(court.engines, BEN, sanction)
    assert (forced.grants, forced.tokens) == (0, 0)
    assert court.refusals(court.apps[0]) == {Reason.DEVELOPER_SUSPENDED}
    enforce.propose_lift(court.engines, BEN, sanction, "mended")
    assert court.refusals(court.apps[0]) == {Reason.DEVELOPER_SUSPENDED}
    enforce.lift(court.engines, ANNA, sanction)
    assert court.refusals(court.apps[0]) == {None}


def test_law_7_lifting_a_ban_restores_standing_and_no_grant(court: Scene) -> None:
    sanction = proposed(court)
    enforce.confirm(court.engines, BEN, sanction)
    enforce.propose_lift(court.engines, BEN, sanction, "a mistake")
    enforce.lift(court.engines, CARA, sanction)
    with court.engines.store.read() as unit:
        assert unit.directory.standing(court.apps[0]) == (Standing.ACTIVE, Standing.ACTIVE)
        assert unit.directory.grants(app=court.apps[0].number, active=True) == []
    history = enforce.sanction_view(court.engines, sanction).sanction.history
    assert [e.move for e in history] == ["propose", "confirm", "force", "propose_lift", "lift"], "all stays on record"


def test_a_grant_made_in_the_moment_of_the_ban_does_not_outlive_it(court: Scene) -> None:
    sanction = proposed(court)
    enforce.confirm(court.engines, BEN, sanction)
    late = court.house.grant(court.people[0], court.apps[0])
    enforce.propose_lift(court.engines, BEN, sanction, "a mistake")
    enforce.lift(court.engines, CARA, sanction)
    with court.engines.store.read() as unit:
        (found,) = [g for g in unit.directory.grants(app=court.apps[0].number) if g.id == late.id]
    assert found.reason is EndReason.BAN


def test_lifting_a_ban_leaves_the_suspension_of_one_app(court: Scene) -> None:
    one, two, _ = court.apps
    enforce.confirm(court.engines, BEN, proposed(court, "suspend", one.client_id))
    ban = proposed(court)
    enforce.confirm(court.engines, BEN, ban)
    enforce.propose_lift(court.engines, BEN, ban, "a mistake")
    enforce.lift(court.engines, CARA, ban)
    with court.engines.store.read() as unit:
        assert unit.directory.standing(one) == (Standing.SUSPENDED, Standing.ACTIVE)
        assert unit.directory.standing(two) == (Standing.ACTIVE, Standing.ACTIVE)


def test_a_ban_refuses_reviews_that_are_open(court: Scene) -> None:
    now, app = court.house.clock.now(), court.apps[0]
    with court.engines.store.write() as unit:
        unit.directory.put_review(Review("review_open", app.number, "likes", "service", "requested", now))
        unit.directory.put_review(Review("review_done", app.number, "contacts", "service", "approved", now, now, "x"))
    sanction = proposed(court)
    assert enforce.confirm(court.engines, BEN, sanction).reviews == 1
    with court.engines.store.read() as unit:
        states = {r.id: (r.state, r.decided_by) for r in unit.directory.reviews(app.number)}
    assert states["review_open"] == ("refused", sanction)
    assert states["review_done"] == ("approved", "x")


def test_a_withdrawn_proposal_is_over(court: Scene) -> None:
    sanction = proposed(court)
    enforce.withdraw(court.engines, ANNA, sanction, "not enough")
    with pytest.raises(Conflict):
        enforce.confirm(court.engines, BEN, sanction)
    assert enforce.confirm(court.engines, BEN, proposed(court)).grants == 9, "another may be proposed"


def test_a_lifting_can_be_withdrawn_and_proposed_again(court: Scene) -> None:
    sanction = proposed(court)
    enforce.confirm(court.engines, BEN, sanction)
    for _ in range(2):
        enforce.propose_lift(court.engines, BEN, sanction, "a mistake")
        enforce.withdraw(court.engines, CARA, sanction, "it was none")
    assert court.refusals(court.apps[0]) == {Reason.DEVELOPER_BANNED}
    verbs = [verb for verb, _ in court.acts("developer:propose_lift", "developer:withdraw_lift")]
    assert verbs == ["developer:propose_lift", "developer:withdraw_lift_ban"] * 2


def test_the_same_sanction_is_not_proposed_twice(court: Scene) -> None:
    proposed(court)
    with pytest.raises(Conflict):
        proposed(court)
    proposed(court, "suspend")
    proposed(court, app=court.apps[0].client_id)


def test_a_dismissed_appeal_lifts_nothing(court: Scene) -> None:
    sanction = proposed(court)
    enforce.confirm(court.engines, BEN, sanction)
    appeal = enforce.appeal(court.engines, court.actor, sanction, "It was not us.").appeal
    for part in (ANNA, BEN):
        with pytest.raises(NotAllowed, match="took part"):
            enforce.decide_appeal(court.engines, part, appeal.id, "no", granted_=False)
    view = enforce.decide_appeal(court.engines, CARA, appeal.id, "It was.", granted_=False)
    assert view.appeal.state == "dismissed" and view.sanction.state is SanctionState.IN_FORCE
    assert court.refusals(court.apps[0]) == {Reason.DEVELOPER_BANNED}
    assert court.acts("appeal:") == [("appeal:file", f"appeal:{appeal.id}"), ("appeal:decide", f"appeal:{appeal.id}")]


def test_another_developer_does_not_learn_of_a_sanction(court: Scene) -> None:
    sanction = proposed(court)
    enforce.confirm(court.engines, BEN, sanction)
    stranger = Actor(ActorKind.DEVELOPER, str(court.house.developer("Other Ltd").number))
    with pytest.raises(NotFound):
        enforce.appeal(court.engines, stranger, sanction, "let me see")


def test_what_comes_by_letter_names_who_carried_it_in(court: Scene) -> None:
    sanction = proposed(court)
    enforce.confirm(court.engines, BEN, sanction)
    enforce.appeal(court.engines, court.actor, sanction, "It was not us.", carried_by=CARA)
    (act,) = [a for a in court.engines.ledger.acts() if a.verb == "appeal:file"]
    assert (act.actor, act.details["carried_by"]) == (str(court.actor), "operator:cara")


def test_who_comes_back_under_another_name_is_recognised_only_after_a_ban(court: Scene) -> None:
    assert enforce.reregistration_warning(court.engines, "New Name", "x@quizmill.example") is None
    enforce.confirm(court.engines, BEN, proposed(court))
    found = enforce.reregistration_warning(court.engines, "New Name", "x@quizmill.example")
    assert found is not None and found.refuse
    named = enforce.reregistration_warning(court.engines, "Quiz-Mill", "x@else.example")
    assert named is not None and not named.refuse


def test_a_stopped_developer_takes_on_nothing_new(court: Scene) -> None:
    with court.engines.store.read() as unit:
        enforce.refuse_if_stopped(unit, court.developer.number)
    enforce.confirm(court.engines, BEN, proposed(court))
    with court.engines.store.read() as unit, pytest.raises(Conflict, match="banned"):
        enforce.refuse_if_stopped(unit, court.developer.number)


def test_what_does_not_exist_is_named(court: Scene) -> None:
    engines = court.engines
    for wrong in (
        lambda: enforce.propose(engines, ANNA, "ban", "x", developer=99),
        lambda: enforce.propose(engines, ANNA, "ban", "x", app="none"),
        lambda: enforce.propose(engines, ANNA, "ban", "x"),
        lambda: enforce.propose(engines, ANNA, "ban", "x", developer=court.developer.number, case="case_x"),
        lambda: enforce.confirm(engines, BEN, "sanction_x"),
        lambda: enforce.decide_appeal(engines, BEN, "appeal_x", "x", granted_=True),
    ):
        with pytest.raises(NotFound):
            wrong()
    with pytest.raises(BadInput):
        enforce.propose(engines, ANNA, "exile", "x", developer=court.developer.number)


def test_a_restriction_leaves_basic_fields(court: Scene) -> None:
    enforce.confirm(court.engines, BEN, proposed(court, SanctionKind.RESTRICT, court.apps[0].client_id))
    with court.engines.store.read() as unit:
        assert unit.directory.standing(court.apps[0])[0] is Standing.RESTRICTED
    assert court.refusals(court.apps[0]) == {None}, "the name is basic"
