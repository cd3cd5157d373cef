"""R8: less by default; more after a review and a signature; what is not used lapses."""

from datetime import timedelta

import pytest

from beholden.journeys import access, review
from beholden.journeys.disclose import PersonRef, Question, evaluate
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Ask
from beholden.model.decision import Reason
from beholden.model.errors import BadInput, Conflict, NotAllowed, NotFound
from tests.conftest import House

INES = Actor(ActorKind.OPERATOR, "ines")


@pytest.fixture
def app(house: House) -> App:
    """An app that asks for likes and birthday, whose person granted both; `ines` is an operator."""
    access.add_operator(house.engines, "ines", "Ines", "ines@platform.example")
    made = house.app(asks=(Ask("identity", "p"), Ask("likes", "p"), Ask("birthday", "p")))
    house.grant(house.person("anna"), made, ("name", "likes", "birthday"))
    return made


def owner(app: App) -> Actor:
    return Actor(ActorKind.DEVELOPER, str(app.developer))


def reason_for(house: House, app: App, field: str) -> Reason | None:
    """Why the field is denied; None when it is allowed."""
    return evaluate(house.engines, Question(app.client_id, PersonRef("anna"), (field,), "p")).denied.get(field)


def approved(house: House, app: App, cluster: str = "likes") -> review.Review:
    asked = review.request(house.engines, owner(app), app.client_id, cluster, "p")
    return review.decide(house.engines, INES, asked.id, approve=True, reason="It is a quiz about likes.")


def test_row_r8_more_than_basic_needs_first_the_review_and_then_the_signature(house: House, app: App) -> None:
    assert reason_for(house, app, "name") is None
    assert reason_for(house, app, "likes") is Reason.NOT_APPROVED
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    assert reason_for(house, app, "likes") is Reason.NOT_APPROVED
    review.decide(house.engines, INES, asked.id, approve=True, reason="Fine.")
    assert reason_for(house, app, "likes") is Reason.NO_CONTRACT
    signed = review.sign(house.engines, owner(app), app.client_id, "likes", "A. Person", "You will not sell it.")
    # The SHA-256 of the text, from sha256sum.
    assert signed.terms_sha256 == "c7a069220ca970efd4608c43ff75cf953d339051d89c6c64021bafe771b75840"
    assert reason_for(house, app, "likes") is None
    assert reason_for(house, app, "birthday") is Reason.NOT_APPROVED, "one cluster's yes is not another's"


def test_a_refusal_is_final_for_that_request_and_the_app_may_ask_again(house: House, app: App) -> None:
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    review.decide(house.engines, INES, asked.id, approve=False, reason="What for?")
    with pytest.raises(Conflict):
        review.decide(house.engines, INES, asked.id, approve=True, reason="Changed my mind.")
    again = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    assert [v.review.state for v in review.reviews(house.engines)] in (
        ["requested", "refused"],
        ["refused", "requested"],
    )
    assert again.id != asked.id


def test_law_5_a_permission_that_is_taken_away_is_gone_at_the_next_request(house: House, app: App) -> None:
    given = approved(house, app)
    review.sign(house.engines, owner(app), app.client_id, "likes", "A. Person", "Terms.")
    assert reason_for(house, app, "likes") is None
    review.decide(house.engines, INES, given.id, approve=False, reason="They lied.")
    assert reason_for(house, app, "likes") is Reason.NOT_APPROVED


def test_a_permission_unused_for_90_days_lapses_and_the_sweep_writes_it_down(house: House, app: App) -> None:
    given = approved(house, app)
    house.clock.advance(timedelta(days=90) - timedelta(microseconds=1))
    assert review.lapse_unused(house.engines) == []
    house.clock.advance(timedelta(microseconds=1))
    assert [r.id for r in review.lapse_unused(house.engines)] == [given.id]
    assert review.lapse_unused(house.engines) == [], "once"
    assert review.show(house.engines, given.id).review.state == "lapsed"
    again = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    assert again.state == "requested"


def test_a_permission_in_use_does_not_lapse(house: House, app: App) -> None:
    given = approved(house, app)
    house.clock.advance(timedelta(days=60))
    with house.engines.store.write() as unit:
        unit.directory.touch_reviews(app.number, ["likes"], "p", house.clock.now())
    house.clock.advance(timedelta(days=60))
    assert review.lapse_unused(house.engines) == []
    assert review.show(house.engines, given.id).lapses_at == house.clock.now() + timedelta(days=30)


def test_an_approval_may_end_at_a_fixed_time(house: House, app: App) -> None:
    end = house.clock.now() + timedelta(days=10)
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    review.decide(house.engines, INES, asked.id, approve=True, reason="For the season.", until=end)
    review.sign(house.engines, owner(app), app.client_id, "likes", "A. Person", "Terms.")
    assert reason_for(house, app, "likes") is None
    house.clock.set(end)
    assert reason_for(house, app, "likes") is Reason.NOT_APPROVED
    assert len(review.lapse_unused(house.engines)) == 1


def test_an_end_in_the_past_or_on_a_refusal_is_refused(house: House, app: App) -> None:
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    now = house.clock.now()
    for approve, until in [(True, now), (False, now + timedelta(days=1))]:
        with pytest.raises(BadInput):
            review.decide(house.engines, INES, asked.id, approve=approve, reason="r", until=until)


def test_while_one_review_is_open_or_holds_there_is_no_second(house: House, app: App) -> None:
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    with pytest.raises(Conflict, match="requested already"):
        review.request(house.engines, owner(app), app.client_id, "likes", "p")
    review.decide(house.engines, INES, asked.id, approve=True, reason="Fine.")
    with pytest.raises(Conflict, match="approved already"):
        review.request(house.engines, owner(app), app.client_id, "likes", "p")


@pytest.mark.parametrize(
    ("cluster", "purpose", "sentence"),
    [
        ("shoes", "p", "no cluster 'shoes'"),
        ("identity", "p", "is basic and needs no review"),
        ("likes", "selling", "has not registered"),
        ("messages", "p", "has not registered"),
    ],
)
def test_only_what_the_app_registered_can_be_reviewed(
    house: House, app: App, cluster: str, purpose: str, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        review.request(house.engines, owner(app), app.client_id, cluster, purpose)


def test_a_developer_speaks_for_their_own_apps_alone(house: House, app: App) -> None:
    stranger = Actor(ActorKind.DEVELOPER, str(house.developer("Other").number))
    person = Actor(ActorKind.PERSON, str(app.developer))
    for actor in (stranger, person):
        with pytest.raises(NotAllowed):
            review.request(house.engines, actor, app.client_id, "likes", "p")
        with pytest.raises(NotAllowed):
            review.sign(house.engines, actor, app.client_id, "likes", "A. Person", "Terms.")


def test_only_an_operator_of_today_decides(house: House, app: App) -> None:
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    access.add_operator(house.engines, "gone", "Gone", "gone@platform.example")
    access.remove_operator(house.engines, "gone")
    for actor in (owner(app), Actor(ActorKind.OPERATOR, "madeup"), Actor(ActorKind.OPERATOR, "gone")):
        with pytest.raises(NotAllowed):
            review.decide(house.engines, actor, asked.id, approve=True, reason="Please.")
        with pytest.raises(NotAllowed):
            review.set_verified(house.engines, actor, app.client_id, verified=True)
    assert review.show(house.engines, asked.id).review.state == "requested"


def test_an_answer_needs_its_reason_and_a_review_that_is_there(house: House, app: App) -> None:
    asked = review.request(house.engines, owner(app), app.client_id, "likes", "p")
    with pytest.raises(BadInput, match="reason"):
        review.decide(house.engines, INES, asked.id, approve=True, reason=" ")
    with pytest.raises(NotFound):
        review.decide(house.engines, INES, "review_nix", approve=True, reason="r")


@pytest.mark.parametrize(("signatory", "terms"), [("", "Terms."), ("A. Person", " "), ("A\x00B", "Terms.")])
def test_a_signature_needs_a_name_and_the_text(house: House, app: App, signatory: str, terms: str) -> None:
    with pytest.raises(BadInput):
        review.sign(house.engines, owner(app), app.client_id, "likes", signatory, terms)


def test_law_12_every_step_is_in_the_ledger(house: House, app: App) -> None:
    start = house.engines.ledger.size()
    given = approved(house, app)
    review.sign(house.engines, owner(app), app.client_id, "likes", "A. Person", "Terms.")
    review.set_verified(house.engines, INES, app.client_id, verified=True)
    review.decide(house.engines, INES, given.id, approve=False, reason="No longer.")
    acts = list(house.engines.ledger.acts(start=start))
    assert [(a.verb, a.actor) for a in acts] == [
        ("review:request", str(owner(app))),
        ("review:approve", "operator:ines"),
        ("contract:sign", str(owner(app))),
        ("app:verify", "operator:ines"),
        ("review:refuse", "operator:ines"),
    ]
    assert all(a.app == app.number for a in acts)
