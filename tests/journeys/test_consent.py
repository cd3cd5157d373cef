"""Consent from the link to the grant: what a person is shown, what their answer does, and what it never does."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from beholden.gate.oauth.ports import Answer
from beholden.journeys import consent
from beholden.journeys.consent import ConsentView, Refusal, Sent
from beholden.model.app import App, Ask
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason, Grant, GrantState
from beholden.model.ids import GrantId, PersonNumber
from beholden.model.person import Choice, Scope

BACK = "https://app.example/back"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKS = (
    Ask("identity", "service", required=True),
    Ask("likes", "service"),
    Ask("birthday", "service"),
    Ask("likes", "service", through=True),
)


def link(app: App, **changes: str) -> list[tuple[str, str]]:
    """The parameters of a good request, changed."""
    values = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": BACK,
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return [(name, value) for name, value in values.items() if value]


@pytest.fixture
def quiz(house) -> App:
    """A verified app with approved asks: name, likes, birthday, and contacts' likes."""
    app = house.app(client_id="quiz", asks=ASKS, verified=True)
    house.approve(app, "likes", "birthday")
    return app


def answer(outcome: Sent | ConsentView | Refusal) -> dict[str, str]:
    """What the app is told."""
    assert isinstance(outcome, Sent | Refusal) and outcome.redirect is not None, outcome
    assert outcome.redirect.startswith(BACK + "?")
    return {key: values[0] for key, values in parse_qs(urlsplit(outcome.redirect).query).items()}


def allow(house, person: PersonNumber, app: App, ticked: Sequence[str] = (), **changes: str):
    return consent.decide(house.engines, person, link(app, **changes), allow=True, ticked=ticked)


def grants(house, person: PersonNumber) -> Sequence[Grant]:
    with house.engines.store.read() as unit:
        return unit.directory.grants(person=person)


def last_use(house, person: PersonNumber, app: App):
    with house.engines.store.read() as unit:
        return unit.directory.last_uses(person).get(app.number)


def answers(house, person: PersonNumber) -> Sequence[Answer]:
    with house.engines.store.read() as unit:
        return unit.consent.answers(person=person)


def acts(house) -> list[str]:
    return [act.verb for act in house.engines.ledger.acts()]


def test_the_page_shows_each_cluster_its_purpose_and_what_is_optional(house, quiz) -> None:
    view = consent.begin(house.engines, house.person("u1"), link(quiz))
    assert isinstance(view, ConsentView)
    assert [(c.scope, c.required) for c in view.own] == [("identity", True), ("likes", False), ("birthday", False)]
    assert [c.scope for c in view.through] == ["through:likes"]
    assert view.own[1].explains == house.catalogue.by_name["likes"].explains
    assert view.own[1].purposes == ("service",)
    assert (view.inactivity_days, view.grant_max_days) == (90, 365)
    assert not view.contacts_by_default and not view.continuing and view.declined_at is None


def test_the_rules_of_2014_are_said_as_they_were(house, quiz) -> None:
    house.policy("2014")
    view = consent.begin(house.engines, house.person("u1"), link(quiz))
    assert isinstance(view, ConsentView)
    assert view.contacts_by_default and view.inactivity_days is None


def test_what_the_person_ticks_is_granted_and_no_more(house, quiz) -> None:
    person = house.person("u1")
    told = answer(allow(house, person, quiz, ["likes", "religion_politics"]))
    assert told["state"] == "xyz" and told["iss"] == house.engines.url and told["code"]
    (grant,) = grants(house, person)
    assert grant.fields == {"name", "photo", "email", "likes"} and grant.through_fields == frozenset()
    assert grant.purposes == {"service"} and grant.state is GrantState.ACTIVE
    assert grant.ends_at == house.clock.now() + timedelta(days=365)
    assert acts(house) == ["grant:give"]


def test_data_of_contacts_is_granted_apart(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz, ["through:likes"])
    (grant,) = grants(house, person)
    assert grant.fields == {"name", "photo", "email"} and grant.through_fields == {"likes"}


def test_a_scope_narrows_what_is_asked(house, quiz) -> None:
    view = consent.begin(house.engines, house.person("u1"), link(quiz, scope="likes"))
    assert isinstance(view, ConsentView) and [c.scope for c in (*view.own, *view.through)] == ["likes"]


def test_nobody_is_asked_for_what_was_not_approved(house) -> None:
    app = house.app(client_id="quiz", asks=ASKS, verified=True)
    person = house.person("u1")
    view = consent.begin(house.engines, person, link(app))
    assert isinstance(view, ConsentView) and [c.scope for c in (*view.own, *view.through)] == ["identity"]
    allow(house, person, app, ["likes", "through:likes"])
    assert grants(house, person)[0].fields == {"name", "photo", "email"}


def test_an_app_that_requires_what_it_may_not_have_is_told_so(house) -> None:
    app = house.app(client_id="quiz", asks=[Ask("messages", "service", required=True)], verified=True)
    told = answer(consent.begin(house.engines, house.person("u1"), link(app)))
    assert told["error"] == "invalid_scope" and "messages" in told["error_description"]


def test_a_refusal_is_kept_and_the_next_page_says_that_there_was_one(house, quiz) -> None:
    person = house.person("u1")
    told = answer(consent.decide(house.engines, person, link(quiz), allow=False))
    assert told["error"] == "access_denied" and told["state"] == "xyz" and "code" not in told
    assert grants(house, person) == []
    refused_at = house.clock.now()
    view = consent.begin(house.engines, person, link(quiz))
    assert isinstance(view, ConsentView) and view.declined_at == refused_at
    allow(house, person, quiz)  # the simulated clock has not moved: the order must hold all the same
    latest, first = answers(house, person)
    assert (first.allowed, first.grant) == ((), None) and set(first.asked) == {
        "identity",
        "likes",
        "birthday",
        "through:likes",
    }
    assert latest.allowed == ("identity",) and latest.grant == grants(house, person)[0].id
    assert acts(house) == ["grant:decline", "grant:give"]


def test_a_new_grant_replaces_the_active_one(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz, ["likes", "birthday"])
    allow(house, person, quiz, ["likes"], prompt="consent")
    new, old = sorted(grants(house, person), key=lambda g: g.state is GrantState.REVOKED)
    assert old.reason is EndReason.REPLACED and old.ended_at == house.clock.now()
    assert new.fields == {"name", "photo", "email", "likes"}


def test_somebody_who_comes_back_is_not_asked_everything_again(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz, ["likes"])  # birthday and contacts were left out: they are not asked again either
    house.clock.advance(timedelta(days=10))
    view = consent.begin(house.engines, person, link(quiz))
    assert isinstance(view, ConsentView) and view.continuing
    assert [c.scope for c in (*view.own, *view.through)] == ["identity", "likes"]
    told = answer(consent.decide(house.engines, person, link(quiz), allow=True, continuing=True))
    assert told["code"] and len(grants(house, person)) == 1
    assert acts(house) == ["grant:give", "grant:use"]


def test_the_person_may_look_at_everything_again(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz, ["likes"])
    view = consent.begin(house.engines, person, link(quiz, prompt="consent"))
    assert isinstance(view, ConsentView) and not view.continuing and len(view.own) == 3


def test_an_app_that_asks_for_more_meets_the_full_page(house) -> None:
    app = house.app(client_id="quiz", asks=ASKS, verified=True)
    person = house.person("u1")
    allow(house, person, app)
    house.approve(app, "likes")
    outcome = consent.decide(house.engines, person, link(app), allow=True, continuing=True)
    assert isinstance(outcome, ConsentView) and not outcome.continuing, "the short page cannot grant more"
    assert len(grants(house, person)) == 1


def test_law_6_only_the_person_counts_as_use(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz)
    granted_at = house.clock.now()
    house.clock.advance(timedelta(days=10))
    consent.begin(house.engines, person, link(quiz))
    assert last_use(house, person, quiz) == granted_at, "a page that was shown is no use"
    answer(consent.decide(house.engines, person, link(quiz), allow=False, continuing=True))
    assert last_use(house, person, quiz) == granted_at, "nor is a no"
    answer(consent.decide(house.engines, person, link(quiz), allow=True, continuing=True))
    assert last_use(house, person, quiz) == house.clock.now()


def test_r6_after_90_days_coming_back_is_not_enough(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz, ["likes"])
    house.clock.advance(timedelta(days=90))
    outcome = consent.decide(house.engines, person, link(quiz), allow=True, continuing=True)
    assert isinstance(outcome, ConsentView) and not outcome.continuing
    assert last_use(house, person, quiz) == house.clock.now() - timedelta(days=90), "the clock was not revived"
    allow(house, person, quiz)
    new, old = sorted(grants(house, person), key=lambda g: g.state is GrantState.EXPIRED)
    assert old.reason is EndReason.INACTIVE and new.state is GrantState.ACTIVE


def test_only_so_many_people_may_connect_an_unverified_app(house) -> None:
    app = house.app(client_id="quiz")
    one, two, three = house.people(["u1", "u2", "u3"])
    with house.engines.store.write() as unit:
        unit.directory.set_policy("name: small\nunverified_people_max: 2", house.clock.now())
    for person in (one, two):
        assert answer(allow(house, person, app))["code"]
    refusal = allow(house, three, app)
    assert isinstance(refusal, Refusal) and refusal.redirect is None and "at most 2 people" in refusal.sentence
    assert isinstance(consent.begin(house.engines, three, link(app)), Refusal)
    assert grants(house, three) == []
    assert answer(allow(house, one, app, prompt="consent"))["code"], "one of the two may grant again"
    consent.end_grant(house.engines, two, grants(house, two)[0].id, EndReason.PERSON)
    assert isinstance(allow(house, three, app), Refusal), "whoever was there once has had their data taken"
    with house.engines.store.write() as unit:
        unit.directory.set_verified(app.number, verified=True)
    assert answer(allow(house, three, app))["code"]


def test_an_unknown_sender_gets_no_redirect(house, quiz) -> None:
    person = house.person("u1")
    for changes in ({"client_id": "nobody"}, {"redirect_uri": BACK + "/"}, {"redirect_uri": ""}, {"client_id": ""}):
        pairs = link(quiz, **changes)
        refusals = (
            consent.check(house.engines, pairs),
            consent.begin(house.engines, person, pairs),
            consent.decide(house.engines, person, pairs, allow=True),
        )
        for refusal in refusals:
            assert isinstance(refusal, Refusal) and refusal.redirect is None, changes
    assert grants(house, person) == []


def test_other_faults_go_to_the_app(house, quiz) -> None:
    assert consent.check(house.engines, link(quiz)) is None
    for changes, error in (
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "messages"}, "invalid_scope"),
    ):
        refusal = consent.check(house.engines, link(quiz, **changes))
        assert isinstance(refusal, Refusal)
        told = answer(refusal)
        assert (told["error"], told["state"], told["iss"]) == (error, "xyz", house.engines.url)


def test_the_state_goes_back_only_when_it_can_be_told(house, quiz) -> None:
    for pairs in (link(quiz, state="s" * 2001), [*link(quiz), ("state", "other")]):
        told = answer(consent.check(house.engines, pairs))
        assert told["error"] == "invalid_request" and "state" not in told


def test_the_page_says_when_the_persons_own_switches_stand_against_it(house, quiz) -> None:
    person = house.person("u1")
    with house.engines.store.write() as unit:
        for scope, target in ((Scope.ALL, ""), (Scope.APP, "quiz"), (Scope.CLUSTER, "likes")):
            unit.directory.choose(Choice(person, scope, target, sharing=False, since=house.clock.now()))
    view = consent.begin(house.engines, person, link(quiz))
    assert isinstance(view, ConsentView) and view.sharing_off and view.app_off
    assert [c.off for c in view.own] == [False, True, False]
    assert not view.through[0].off, "the switch is about the person's own data"


def test_a_grant_is_ended_once(house, quiz) -> None:
    person = house.person("u1")
    allow(house, person, quiz)
    (grant,) = grants(house, person)
    assert consent.end_grant(house.engines, person, grant.id, EndReason.PERSON)
    assert not consent.end_grant(house.engines, person, grant.id, EndReason.PERSON)
    assert grants(house, person)[0].reason is EndReason.PERSON
    assert acts(house) == ["grant:give", "grant:end"]
    with pytest.raises(NotFound):
        consent.end_grant(house.engines, house.person("u2"), grant.id, EndReason.PERSON)
    with pytest.raises(NotFound):
        consent.end_grant(house.engines, person, GrantId("grant_other"), EndReason.PERSON)
