"""Pushing, grants and proofs over HTTP: statuses, headers, and hostile input."""

import base64
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.journeys import client_terms
from tests.journeys.connecting import AppSide, wanting
from tests.journeys.connecting import given as the

URL = "http://beholden.test"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def quiz(web) -> AppSide:
    return AppSide.made(web.house)


def basic(app: AppSide) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{app.app.client_id}:{app.secret}".encode()).decode()}


def pushed(web, app: AppSide, pairs=None, **headers: str) -> httpx.Response:
    body = urlencode(app.request() if pairs is None else pairs)
    return web.visitor().post("/oauth/par", content=body, headers={**FORM, **basic(app), **headers})


def test_a_push_is_answered_with_201_and_kept_by_nobody(web, quiz) -> None:
    response = pushed(web, quiz)
    assert response.status_code == 201 and response.headers["cache-control"] == "no-store"
    body = response.json()
    assert set(body) == {"request_uri", "expires_in"} and body["expires_in"] == 90
    person = web.person(web.house.person("u1"))
    link = "/oauth/authorize?" + urlencode({"client_id": "quiz", "request_uri": body["request_uri"]})
    page = person.get(link)
    assert page.status_code == 200 and "code_challenge" not in page.text and body["request_uri"] in page.text
    assert "form-action 'self' https://app.example;" in page.headers["content-security-policy"]


def test_a_used_or_unknown_reference_is_a_page_and_no_redirect(web, quiz) -> None:
    link = {"client_id": "quiz", "request_uri": "urn:ietf:params:oauth:request_uri:" + "A" * 43}
    response = web.visitor().get("/oauth/authorize?" + urlencode(link))
    assert response.status_code == 400 and "location" not in response.headers
    assert "used already, or is too old" in response.text


def test_only_the_fields_that_are_asked_for_stand_on_the_page(web, quiz) -> None:
    details = wanting({"datatypes": ["city"], "purposes": ["weather"]})
    pairs = quiz.request(authorization_details=details)
    page = web.person(web.house.person("u1")).get("/oauth/authorize?" + urlencode(pairs))
    assert page.status_code == 200
    assert "Present city" in page.text and "Home town" not in page.text and "weather" in page.text


@pytest.mark.parametrize(
    ("more", "headers", "status", "error"),
    [
        ([("scope", "identity"), ("scope", "identity")], {}, 400, "invalid_request"),
        ([("client_id", "quiz")], {}, 400, "invalid_request"),
        ([("request_uri", "")], {}, 400, "invalid_request"),
        ([("authorization_details", "x" * 8001)], {}, 400, "invalid_request"),
        ([("authorization_details", "[" * 8000)], {}, 400, "invalid_authorization_details"),
        ([], {"dpop": "nonsense"}, 400, "invalid_dpop_proof"),
        ([], {"authorization": "Basic eDp5"}, 400, "invalid_request"),
        ([("client_assertion", "x.y.z")], {}, 400, "invalid_request"),
    ],
)
def test_a_bad_push_is_one_clear_error(web, quiz, more, headers, status, error) -> None:
    response = pushed(web, quiz, [*quiz.request(), *more], **headers)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert set(response.json()) == {"error", "error_description"}


def test_an_unknown_app_and_a_wrong_secret_hear_the_same(web, quiz) -> None:
    answers = []
    for name, secret in (("nobody", "x"), ("quiz", "x"), ("é", "x"), ("quiz", "")):
        header = "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
        response = pushed(web, quiz, quiz.request(client_id=""), authorization=header)
        answers.append((response.status_code, response.text, response.headers.get("www-authenticate")))
    assert set(answers) == {answers[0]} and answers[0][0] == 401


def test_two_authorization_headers_and_two_proofs_are_refused(web, quiz) -> None:
    body = urlencode(quiz.request())
    name, value = next(iter(basic(quiz).items()))
    double = httpx.Headers([*FORM.items(), (name, value), (name, value)])
    response = web.visitor().post("/oauth/par", content=body, headers=double)
    assert response.status_code == 400 and response.json()["error"] == "invalid_request"
    proofs = [("dpop", quiz.proof("/oauth/par")), ("dpop", quiz.proof("/oauth/par"))]
    response = web.visitor().post(
        "/oauth/par", content=body, headers=httpx.Headers([*FORM.items(), (name, value), *proofs])
    )
    assert response.status_code == 400 and response.json()["error"] == "invalid_dpop_proof"


def test_a_grant_is_shown_and_ended_over_http(web, quiz) -> None:
    client_terms.change(web.house.engines, "quiz", manages=True)
    scope = "identity grant_management_query grant_management_revoke"
    tokens = the(quiz.redeems(quiz.code(web.house.person("u1"), "identity", scope=scope)))
    path, bearer = f"/oauth/grants/{tokens['grant_id']}", {"authorization": f"Bearer {tokens['access_token']}"}
    client = web.visitor()
    shown = client.get(path, headers=bearer)
    assert shown.status_code == 200 and shown.headers["cache-control"] == "no-store"
    barred = client.get(path)
    assert barred.status_code == 401
    challenges = barred.headers.get_list("www-authenticate")
    assert [c.split()[0] for c in challenges] == ["Bearer", "DPoP"] and "error" not in challenges[0]
    assert client.get("/oauth/grants/unknown", headers=bearer).status_code == 404
    assert client.post(path, headers=bearer).status_code == 405
    ended = client.delete(path, headers=bearer)
    assert (ended.status_code, ended.content) == (204, b"")
    again = client.delete(path, headers=bearer)
    assert again.status_code == 401 and 'error="invalid_token"' in again.headers["www-authenticate"]


NAMES = st.sampled_from(
    [
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "request_uri",
        "authorization_details",
        "dpop_jkt",
        "grant_id",
        "grant_management_action",
        "scope",
        "redirect_uri",
        "response_type",
        "code_challenge",
        "x",
    ]
)
VALUES = st.text(max_size=40) | st.sampled_from(["quiz", "code", "merge", "[]", "[{}]", "https://app.example/back"])


@given(
    pairs=st.lists(st.tuples(NAMES, VALUES), max_size=8),
    proof=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    signs_in=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_pushed_there_is_no_fault_of_ours(web, quiz, pairs, proof, signs_in) -> None:
    headers = {**FORM, **(basic(quiz) if signs_in else {}), **({"dpop": proof} if proof is not None else {})}
    body = urlencode(pairs, errors="replace")
    client = web.visitor()
    for path in ("/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"):
        response = client.post(path, content=body, headers=headers)
        assert response.status_code in {200, 201, 400, 401}, (path, response.text)
    assert client.get("/oauth/authorize?" + body).status_code in {303, 400}
