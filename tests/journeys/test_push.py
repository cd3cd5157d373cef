"""Pushed requests: handed over by the app, opened once by a browser, used up by an answer."""

from datetime import timedelta

import pytest

from beholden.backends.sql.directory import standings
from beholden.backends.sql.oauth import pushed_requests, seen_once
from beholden.gate.oauth.pushed import GONE
from beholden.journeys import client_terms, consent, push, token
from beholden.journeys.consent import ConsentView, Refusal, Sent
from tests.journeys.connecting import AppSide, error, given, told, wanting


@pytest.fixture
def quiz(house) -> AppSide:
    return AppSide.made(house)


def gone(outcome) -> bool:
    return outcome == Refusal(GONE)


def test_a_pushed_request_leads_to_a_code_once(house, quiz) -> None:
    person, link = house.person("u1"), quiz.reference(scope="identity")
    assert consent.check(house.engines, link) is None
    view = consent.begin(house.engines, person, link)
    assert isinstance(view, ConsentView) and [c.scope for c in view.own] == ["identity"]
    assert sorted(view.request) == sorted(link), "nothing of the request goes through the browser"
    sent = consent.decide(house.engines, person, link, allow=True, ticked=["identity"])
    assert told(sent)["state"] == "xyz" and told(sent)["iss"] == house.engines.url
    assert given(quiz.redeems(told(sent)["code"]))["scope"] == "identity"
    for outcome in (
        consent.check(house.engines, link),
        consent.begin(house.engines, person, link),
        consent.decide(house.engines, person, link, allow=True),
    ):
        assert gone(outcome)


def test_a_no_uses_it_up_as_well_and_looking_does_not(house, quiz) -> None:
    person, link = house.person("u1"), quiz.reference()
    for _ in range(3):
        assert isinstance(consent.begin(house.engines, person, link), ConsentView)
    assert told(consent.decide(house.engines, person, link, allow=False))["error"] == "access_denied"
    assert gone(consent.begin(house.engines, person, link))


def test_it_must_be_opened_in_time_and_then_the_person_may_read(house, quiz) -> None:
    person, late, early = house.person("u1"), quiz.reference(), quiz.reference()
    house.clock.advance(timedelta(seconds=89))
    assert consent.check(house.engines, early) is None
    house.clock.advance(timedelta(seconds=1))
    assert gone(consent.check(house.engines, late))
    house.clock.advance(timedelta(minutes=14))
    assert consent.check(house.engines, early) is None, "looking again makes it no longer, and no shorter"
    assert isinstance(consent.decide(house.engines, person, early, allow=True), Sent)
    third = quiz.reference()
    assert consent.check(house.engines, third) is None
    house.clock.advance(timedelta(minutes=15))
    assert gone(consent.decide(house.engines, person, third, allow=True))


def test_it_is_bound_to_the_app_that_pushed_it(house, quiz) -> None:
    AppSide.made(house, "other")
    link = quiz.reference()
    guessed = link[1][1][:-1] + ("B" if link[1][1].endswith("A") else "A")
    assert gone(consent.check(house.engines, [("client_id", "other"), link[1]]))
    assert gone(consent.check(house.engines, [link[0], ("request_uri", guessed)]))
    assert gone(consent.check(house.engines, [link[0], ("request_uri", "https://app.example/request.jwt")]))
    assert gone(consent.check(house.engines, [*link, link[1]])), "twice"
    assert consent.check(house.engines, link) is None


def test_what_stands_beside_a_reference_counts_for_nothing(house, quiz) -> None:
    person = house.person("u1")
    beside = [*quiz.reference(scope="identity"), ("scope", "birthday"), ("redirect_uri", "https://evil.example/")]
    view = consent.begin(house.engines, person, beside)
    assert isinstance(view, ConsentView) and [c.scope for c in view.own] == ["identity"]
    assert view.redirect_uri == "https://app.example/back"


def test_who_comes_back_may_ask_to_see_everything_again(house, quiz) -> None:
    person = house.person("u1")
    quiz.code(person, "identity", scope="identity")
    link = quiz.reference(scope="identity")
    view = consent.begin(house.engines, person, link)
    assert isinstance(view, ConsentView) and view.continuing
    again = consent.begin(house.engines, person, [*link, ("prompt", "consent")])
    assert isinstance(again, ConsentView) and not again.continuing


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "messages"}, "invalid_scope"),
        ({"scope": "grant_management_query"}, "invalid_scope"),
        ({"grant_management_action": "create"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"authorization_details": "{}"}, "invalid_authorization_details"),
        ({"authorization_details": wanting({"datatypes": ["messages"]})}, "invalid_authorization_details"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_pushed(quiz, changes, expected) -> None:
    assert error(quiz.pushes(**changes)) == expected


def test_only_the_app_pushes_for_itself(house, quiz) -> None:
    for pairs in (quiz.request(), [*quiz.request(), ("client_secret", "wrong")], quiz.request(client_id="nobody")):
        assert error(push.push(house.engines, None, pairs)) == "invalid_client"
    mobile = AppSide.made(house, "mobile", public=True)
    assert given(mobile.pushes())["expires_in"] == 90


def test_r2_a_stopped_app_can_push_nothing(house, quiz) -> None:
    link = quiz.reference()
    with house.engines.store.engine.begin() as connection:
        row = {"kind": "app", "number": quiz.app.number, "standing": "banned", "sanction": "s"}
        connection.execute(standings.insert().values(since=house.clock.now(), **row))
    assert error(quiz.pushes()) == "unauthorized_client"
    refusal = consent.check(house.engines, link)
    assert refusal is not None and refusal.redirect is None and "stopped" in refusal.sentence


def test_an_app_that_must_push_is_sent_back_with_a_plain_request(house, quiz) -> None:
    assert client_terms.change(house.engines, "quiz", push=True).push
    assert told(consent.check(house.engines, quiz.request()))["error"] == "invalid_request"
    assert consent.check(house.engines, quiz.reference()) is None
    client_terms.change(house.engines, "quiz", push=False)
    assert consent.check(house.engines, quiz.request()) is None
    assert [a.verb for a in house.engines.ledger.acts()] == ["app:issue-secret", "app:oauth", "app:oauth"]


def test_a_secret_is_not_kept_with_the_request(house, quiz) -> None:
    given(quiz.pushes())
    kept = b"".join(path.read_bytes() for path in house.data.rglob("*") if path.is_file())
    assert quiz.secret.encode() not in kept


def test_a_proof_with_the_push_binds_the_code_to_its_key(house, quiz) -> None:
    person, proof = house.person("u1"), quiz.proof("/oauth/par")
    link = quiz.reference(proof)
    assert error(quiz.pushes(proof)) == "invalid_dpop_proof", "a proof comes once"
    other = AppSide.made(house, "other").key
    assert error(quiz.pushes(quiz.proof("/oauth/par"), dpop_jkt=other.thumbprint())) == "invalid_dpop_proof"
    assert error(quiz.pushes(quiz.proof("/oauth/token"))) == "invalid_dpop_proof"
    code = quiz.code(person, link=link)
    assert error(quiz.redeems(code)) == "invalid_dpop_proof"
    assert error(quiz.redeems(code, quiz.proof("/oauth/token", key=other))) == "invalid_dpop_proof"
    assert given(quiz.redeems(code, quiz.proof("/oauth/token")))["token_type"] == "DPoP"


def test_a_sweep_takes_requests_that_nobody_can_answer_any_more(house, quiz) -> None:
    link = quiz.reference(quiz.proof("/oauth/par"))
    token.sweep(house.engines)
    assert consent.check(house.engines, link) is None
    house.clock.advance(timedelta(hours=1))
    token.sweep(house.engines)
    with house.engines.store.engine.connect() as connection:
        for table in (pushed_requests, seen_once):
            assert connection.execute(table.select()).all() == []
