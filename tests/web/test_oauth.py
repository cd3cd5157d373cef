"""The consent page and the OAuth endpoints over HTTP: what is shown, what is refused, and in which words."""

import base64
import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from beholden.journeys import access, token
from beholden.model.act import SYSTEM, ActorKind
from beholden.model.app import Ask

URL = "http://beholden.test"
BACK = "https://app.example/back"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKS = [Ask("identity", "service", required=True), Ask("likes", "service"), Ask("likes", "service", through=True)]
FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e{{7*7}}"


class Page(HTMLParser):
    """Tags, and the fields of the one form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fields: list[tuple[str, str]] = []
        self.boxes: dict[str, bool] = {}
        self.buttons: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden":
            self.fields.append((given["name"], given["value"]))
        elif tag == "input" and given.get("type") == "checkbox":
            self.boxes[given["value"]] = "checked" in given
        elif tag == "button" and "name" in given:
            self.buttons.append(given["value"])

    @property
    def consent(self) -> list[tuple[str, str]]:
        """The fields of the consent form: those after its own CSRF value (the sign-out form has only that)."""
        start = max(n for n, (name, _) in enumerate(self.fields) if name == "csrf")
        return self.fields[start:]


def link(**changes: str) -> str:
    values = {
        "response_type": "code",
        "client_id": "quiz",
        "redirect_uri": BACK,
        "state": "x y&z",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return "/oauth/authorize?" + urlencode({name: value for name, value in values.items() if value})


@pytest.fixture
def quiz(web):
    app = web.house.app(client_id="quiz", asks=ASKS)
    web.house.approve(app, "likes")
    return app


@pytest.fixture
def visitor(web, quiz) -> httpx.Client:
    return web.person(web.house.person("u1"))


def answer(client: httpx.Client, page: Page, word: str, *ticked: str, **changes: str) -> httpx.Response:
    pairs = [(n, changes.get(n, v)) for n, v in page.consent] + [("allowed", t) for t in ticked] + [("answer", word)]
    return client.post("/oauth/authorize", content=urlencode(pairs), headers={**FORM, "origin": URL})


def told(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def post(web, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
    return web.visitor().post(path, content=urlencode(form), headers={**FORM, **headers})


def test_the_page_works_without_scripts_and_ticks_nothing_by_itself(visitor) -> None:
    response = visitor.get(link())
    page = Page(response.text)
    assert response.status_code == 200 and "script" not in page.tags
    assert page.boxes == {"likes": False, "through:likes": False}, "what is required has no box"
    assert page.buttons == ["decline", "allow"], "Enter presses the first: nobody consents by accident"
    for words in ("Pages you liked", "required", "optional", "90 days", "365 days", "if that contact has turned it on"):
        assert words in response.text, words
    assert "has not verified this app" in response.text


def test_the_page_may_not_be_framed_and_leads_only_to_us_and_the_app(visitor) -> None:
    headers = visitor.get(link()).headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "script-src" not in policy
    assert "form-action 'self' https://app.example;" in policy
    assert headers["cache-control"] == "no-store"


def test_the_rules_of_2014_are_on_the_page(web, visitor) -> None:
    web.house.policy("2014")
    text = visitor.get(link()).text
    assert "unless that contact has turned it off" in text and "have no such end" in text


def test_allow_sends_a_code_with_the_state_and_who_sent_it(visitor) -> None:
    response = answer(visitor, Page(visitor.get(link()).text), "allow", "likes")
    found = told(response)
    assert response.headers["location"].startswith(BACK + "?")
    assert found["state"] == "x y&z" and found["iss"] == URL and len(found["code"]) == 43
    assert response.headers["referrer-policy"] == "no-referrer"


def test_decline_sends_a_no_and_the_next_page_remembers_it(visitor) -> None:
    assert told(answer(visitor, Page(visitor.get(link()).text), "decline"))["error"] == "access_denied"
    assert "You said no to this app on" in visitor.get(link()).text


def test_who_comes_back_meets_the_short_page(visitor) -> None:
    answer(visitor, Page(visitor.get(link()).text), "allow", "likes")
    response = visitor.get(link())
    page = Page(response.text)
    assert "Continue to" in response.text and page.boxes == {}
    assert told(answer(visitor, page, "allow"))["code"]
    (afresh,) = re.findall(r'href="(/oauth/authorize\?[^"]*)"', response.text)
    assert Page(visitor.get(unescape(afresh)).text).boxes == {"likes": False, "through:likes": False}


def test_a_stranger_signs_in_first_and_comes_back(web, quiz) -> None:
    response = web.visitor().get(link())
    assert response.status_code == 303
    assert parse_qs(urlsplit(response.headers["location"]).query)["next"] == [link()]


def test_an_operator_is_nobody_whose_data_it_is(web, quiz) -> None:
    access.add_operator(web.house.engines, "olga", "Olga", "olga@beholden.example")
    response = web.signed_in(ActorKind.OPERATOR, "olga").get(link())
    assert response.status_code == 403 and "code" not in response.headers.get("location", "")


@pytest.mark.parametrize("csrf", ["", "wrong", "é"])
def test_an_answer_without_the_sessions_value_is_refused(web, visitor, csrf) -> None:
    page = Page(visitor.get(link()).text)
    response = answer(visitor, page, "allow", csrf=csrf)
    assert response.status_code == 403
    assert web.house.engines.ledger.size() == 0


def test_an_answer_from_another_site_is_refused(web, visitor) -> None:
    page = Page(visitor.get(link()).text)
    body = urlencode([*page.consent, ("answer", "allow")])
    response = visitor.post("/oauth/authorize", content=body, headers={**FORM, "origin": "https://app.example"})
    assert response.status_code == 403
    assert web.house.engines.ledger.size() == 0


def test_the_form_cannot_say_what_the_link_could_not(visitor) -> None:
    page = Page(visitor.get(link()).text)
    response = answer(visitor, page, "allow", redirect_uri="https://evil.example/")
    assert response.status_code == 400 and "location" not in response.headers
    assert told(answer(visitor, page, "allow", code_challenge_method="plain"))["error"] == "invalid_request"
    response = answer(visitor, page, "perhaps")
    assert response.status_code == 400 and "neither allow nor decline" in response.text


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "https://app.example/back/"},
        {"redirect_uri": "https://app.example/back?x=1"},
        {"redirect_uri": "https://app.example.evil.example/back"},
        {"redirect_uri": "https://app.example/back#x"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
def test_an_unknown_sender_gets_a_page_and_never_a_redirect(web, quiz, visitor, changes) -> None:
    for client in (visitor, web.visitor()):
        response = client.get(link(**changes))
        assert response.status_code == 400 and "location" not in response.headers
        assert "<h1>This cannot be connected</h1>" in response.text


def test_a_doubled_redirect_uri_gets_a_page(visitor) -> None:
    response = visitor.get(link() + "&" + urlencode({"redirect_uri": BACK}))
    assert response.status_code == 400 and "location" not in response.headers


@pytest.mark.parametrize("query", ["client_id=%ff", "&".join(f"a{n}=1" for n in range(60)), "%00=%00"])
def test_a_link_that_cannot_be_read_gets_a_page(visitor, query) -> None:
    response = visitor.get("/oauth/authorize?" + query)
    assert response.status_code == 400 and "<h1>" in response.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "messages"}, "invalid_scope"),
        ({"prompt": "none"}, "invalid_request"),
    ],
)
def test_other_faults_are_told_to_the_app(visitor, changes, error) -> None:
    found = told(visitor.get(link(**changes)))
    assert found["error"] == error and found["state"] == "x y&z" and found["iss"] == URL


def test_hostile_names_are_only_text(web) -> None:
    developer = web.house.developer(HOSTILE)
    web.house.app(developer, client_id="quiz", name=HOSTILE, asks=[Ask("identity", HOSTILE, required=True)])
    response = web.person(web.house.person("u1")).get(link(state=HOSTILE))
    page = Page(response.text)
    assert not {"script", "img"} & set(page.tags)
    assert "49" not in re.findall(r"<h1>.*?</h1>", response.text, re.S)[0]
    assert response.text.count("<bdi>&lt;script&gt;") >= 3, "the app, the developer, the purpose"
    assert ("state", HOSTILE) in page.consent


def credentials(web) -> str:
    secret = token.issue_secret(web.house.engines, SYSTEM, "quiz")
    return "Basic " + base64.b64encode(f"quiz:{secret}".encode()).decode()


def test_the_token_endpoint_answers_so_that_nothing_keeps_it(web, visitor) -> None:
    code = told(answer(visitor, Page(visitor.get(link()).text), "allow"))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    response = post(web, "/oauth/token", form, authorization=credentials(web))
    assert response.status_code == 200 and response.json()["scope"] == "identity"
    assert response.headers["cache-control"] == "no-store" and response.headers["pragma"] == "no-cache"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_bad_input_is_one_clear_oauth_error(web, quiz, path) -> None:
    basic = credentials(web)
    client = web.visitor()
    cases = [
        (client.post(path, json={"token": "x"}, headers={"authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"", headers={"authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"", headers={**FORM, "authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"\xff\xfe=%zz", headers={**FORM, "authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"token=%ff", headers={**FORM, "authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"a=1&a=2", headers={**FORM, "authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"&".join([b"a=1"] * 99), headers=FORM), 400, "invalid_request"),
        (client.post(path + "?token=x", content=b"", headers={**FORM, "authorization": basic}), 400, "invalid_request"),
        (client.post(path, content=b"token=" + b"x" * 3000, headers={**FORM, "authorization": basic}), 400, None),
        (client.post(path, content=b"token=x", headers=FORM), 401, "invalid_client"),
        (client.post(path, content=b"token=x", headers={**FORM, "authorization": "Basic ???"}), 401, "invalid_client"),
        (client.post(path, content=b"token=x", headers={**FORM, "authorization": "Bearer x"}), 401, "invalid_client"),
    ]
    for response, status, error in cases:
        body = response.json()
        assert response.status_code == status and set(body) == {"error", "error_description"}, response.text
        assert error in {None, body["error"]} and body["error_description"]
        assert ("www-authenticate" in response.headers) == (status == 401)
    assert client.get(path).status_code == 405


def test_a_huge_body_is_not_read(web, quiz) -> None:
    response = web.visitor().post("/oauth/token", content=b"a" * 100_000, headers=FORM)
    assert response.status_code == 413 and "access_token" not in response.text


def test_an_unknown_token_is_given_back_with_200(web, quiz) -> None:
    response = post(web, "/oauth/revoke", {"token": "unknown"}, authorization=credentials(web))
    assert (response.status_code, response.content) == (200, b"")


def test_the_metadata_names_what_is_there(web) -> None:
    document = web.visitor().get("/.well-known/oauth-authorization-server").json()
    assert document["issuer"] == URL
    for name, value in document.items():
        if name.endswith("_endpoint"):
            assert value.startswith(URL)
            address, method = (value + "/x", "GET") if name == "grant_management_endpoint" else (value, "POST")
            assert web.visitor().request(method, address).status_code not in {404, 405}, name
