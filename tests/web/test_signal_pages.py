"""The pages of signals: wishes of deletion, the browser's privacy signal, the developer's addresses, the console."""

import json
from datetime import timedelta

import pytest

from beholden.backends.webhooks import HttpPoster
from beholden.journeys import account, callbacks, opt_out, transmit
from beholden.journeys.access import add_platform_key
from beholden.model.app import Ask
from tests.receiver import LOOPBACK, Answer, receiving
from tests.web.conftest import send
from tests.web.misuse import operators
from tests.web.test_console import operator, whole
from tests.web.test_developer_portal import browser_of
from tests.web.test_privacy_centre import check

HOSTILE = "\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def quiz(web, house):
    return house.app(client_id="quiz")


def confirmed(house, app, code, url="https://quiz.example/deletion?id=7"):
    """Somebody whose wish of deletion the app has answered."""
    person = house.person("p1")
    house.grant(person, app)
    account.remove(house.engines, person, app.client_id, ask_deletion=True)
    with receiving() as receiver:
        answer = json.dumps({"url": url, "confirmation_code": code}).encode()
        receiver.answer = lambda _: Answer(200, answer)
        callbacks.register(house.engines, app.client_id, deauthorize=None, deletion=receiver.url)
        transmit.send_due(house.engines, HttpPoster(LOOPBACK))
    return person


def test_the_person_sees_the_apps_link_and_code_and_a_hostile_one_does_nothing(web, house, quiz):
    client = web.person(confirmed(house, quiz, HOSTILE))
    page = check(client.get("/privacy/deletions"))
    assert [a["href"] for a in page.all("a") if "noopener" in a.get("rel", "")] == [
        "https://quiz.example/deletion?id=7"
    ]
    assert "Answered" in client.get("/privacy/deletions").text
    assert 'href="/privacy/deletions"' in client.get("/privacy/apps/quiz").text


def test_every_state_of_a_wish_has_its_words_and_nobody_sees_anothers(web, house, quiz):
    person, other = house.people(["p1", "p2"])
    house.grant(person, quiz)
    account.remove(house.engines, person, "quiz", ask_deletion=True)
    client = web.person(person)
    assert "Shown to the developer" in client.get("/privacy/deletions").text
    with receiving() as receiver:
        receiver.answer = lambda _: Answer(500)
        callbacks.register(house.engines, "quiz", deauthorize=None, deletion=receiver.url)
        assert "On its way" in client.get("/privacy/deletions").text
        house.clock.advance(timedelta(days=8))
        transmit.send_due(house.engines, HttpPoster(LOOPBACK))
    check(web.person(person).get("/privacy/deletions"))
    assert "No answer" in web.person(person).get("/privacy/deletions").text
    assert "You have asked no app" in web.person(other).get("/privacy/deletions").text
    assert web.visitor().get("/privacy/deletions").status_code == 303


def test_law_5_a_page_opened_with_sec_gpc_already_shows_what_it_turned_off(web, house):
    person, ads = house.person("p1"), house.app(client_id="ads", asks=(Ask("identity", "advertising"),))
    house.grant(person, ads)
    client = web.person(person)
    assert "Global Privacy Control" not in client.get("/privacy/choices").text
    answer = client.get("/privacy/choices", headers={"sec-gpc": "1"})
    check(answer)
    assert "Global Privacy Control" in answer.text and "wins over that signal" in answer.text
    assert answer.text.count("By your browser’s privacy signal since") == 2
    assert "turned off by your browser’s privacy signal" in answer.text
    off = {(c.scope.value, c.target) for c in opt_out.choices(house.engines, person) if not c.sharing}
    assert off == {("indirect", ""), ("app", "ads")}


@pytest.mark.parametrize("value", ["0", "true", "1, 1", "", "11"])
def test_only_the_value_one_is_a_signal(web, house, value):
    person = house.person("p1")
    web.person(person).get("/privacy", headers={"sec-gpc": value})
    assert opt_out.choices(house.engines, person) == []


def test_an_operators_browser_speaks_for_nobody(web, house):
    operators(house)
    assert operator(web).get("/console", headers={"sec-gpc": "1"}).status_code == 200
    assert not [a for a in house.engines.ledger.acts() if a.verb == "choice:off"]


def test_the_person_turns_a_switch_on_again_with_the_signal_still_sent(web, house):
    person = house.person("p1")
    client = web.person(person)
    client.headers["sec-gpc"] = "1"
    client.get("/privacy/choices")
    house.clock.advance(timedelta(hours=1))
    send(client, "/privacy/choices", "/privacy/choices", scope="indirect", target="", sharing="on")
    client.get("/privacy/choices")
    (choice,) = opt_out.choices(house.engines, person)
    assert choice.sharing and choice.origin == "person"


def test_the_platform_reports_the_signal_with_its_key_and_for_somebody_it_knows(web, house):
    person = house.person("p1")
    key = add_platform_key(house.engines, "api").secret
    client = web.visitor()
    post = lambda body, **headers: client.post("/gate/v1/gpc", json=body, headers=headers)  # noqa: E731
    assert post({"person": "p1"}).status_code == 401
    bearer = {"authorization": f"Bearer {key}"}
    answer = post({"person": "p1"}, **bearer)
    assert answer.json() == {"turned_off": ["indirect"], "since": "2026-01-01T00:00:00Z"}
    assert post({"person": "p1"}, **bearer).json()["turned_off"] == []
    assert post({"person": "nobody"}, **bearer).status_code == 404
    assert post({}, **bearer).status_code == 400
    (choice,) = opt_out.choices(house.engines, person)
    assert (choice.sharing, choice.origin) == (False, "gpc")


def test_a_developer_sets_where_their_app_is_called_and_sees_what_failed(web, house):
    mine, theirs = house.developer("Mine"), house.developer("Theirs")
    house.app(mine, "quiz")
    client = browser_of(web, mine)
    at = "/developer/apps/quiz"
    fields = {"deauthorize": "https://quiz.example/x", "deletion": "https://quiz.example/d"}
    assert send(client, at, f"{at}/callbacks", **fields).status_code == 303
    page = client.get(f"{at}?done=callbacks")
    whole(page)
    assert "https://quiz.example/d" in page.text
    assert send(client, at, f"{at}/callbacks", deauthorize="http://quiz.example/", deletion="").status_code == 400
    assert send(browser_of(web, theirs), "/developer", f"{at}/callbacks", **fields).status_code in {404, 409}
    person = house.person("p1")
    house.grant(person, callbacks.of_app(house.engines, "quiz").app)
    account.remove(house.engines, person, "quiz", ask_deletion=False)
    with receiving() as receiver:
        receiver.answer = lambda _: Answer(500)
        callbacks.register(house.engines, "quiz", deauthorize=receiver.url, deletion=None)
        transmit.send_due(house.engines, HttpPoster(LOOPBACK))
    page = client.get(at)
    whole(page)
    assert "answered 500" in page.text and "waits after 1 failure" in page.text
    operators(house)
    console = operator(web).get("/console/signals")
    whole(console)
    assert "answered 500" in console.text
