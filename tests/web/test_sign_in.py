"""Signing in and out, by way of a real provider and by link."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.journeys import access
from beholden.model.act import ActorKind
from beholden.web import app, session, sign_in
from tests.web import provider as providers
from tests.web.conftest import URL, Web
from tests.web.provider import CLIENT_ID, CLIENT_SECRET, Provider


@pytest.fixture
def provider(house) -> Iterator[Provider]:
    with providers.running() as running:
        running.now = house.clock.now().timestamp()
        yield running


@pytest.fixture
def web(house, provider) -> Web:
    """A server whose people sign in at the provider."""
    house.engines = replace(house.engines, url=URL)
    house.settings = replace(
        house.settings,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
    )
    return Web(house, app.create(house.engines, house.settings))


def _sign_in(client: httpx.Client, provider: Provider, subject: str, next_: str = "") -> httpx.Response:
    started = client.get("/sign-in/platform", params={"next": next_} if next_ else {})
    assert started.status_code == 303
    return client.get(f"/sign-in/callback?{provider.authorize(started.headers['location'], subject)}")


def _cookie(response: httpx.Response, name: str) -> SimpleCookie:
    for header in response.headers.get_list("set-cookie"):
        if header.startswith(f"{name}="):
            return SimpleCookie(header)
    raise AssertionError(f"no cookie {name}")


def test_a_person_signs_in_through_the_platform_and_goes_on(web, house, provider):
    house.person("p1", name="Ada")
    client = web.visitor()
    response = _sign_in(client, provider, "p1", "/privacy/apps?tab=expired")
    assert response.status_code == 303
    assert response.headers["location"] == "/privacy/apps?tab=expired"
    assert "Your data, <bdi>Ada</bdi>" in client.get("/privacy").text


def test_what_is_asked_of_the_platform_is_bound_to_this_browser(web, house, provider):
    asked = [parse_qs(urlsplit(web.visitor().get("/sign-in/platform").headers["location"]).query) for _ in range(2)]
    for one in asked:
        assert one["response_type"] == ["code"]
        assert one["code_challenge_method"] == ["S256"]
        assert one["redirect_uri"] == [f"{URL}/sign-in/callback"]
        assert one["scope"] == ["openid"]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert len({asked[0][name][0] for name in ("state", "nonce", "code_challenge")}) == 3


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(web, house, provider):
    house.person("p1")
    client = web.visitor()
    flow = _cookie(client.get("/sign-in/platform"), sign_in.FLOW_COOKIE)[sign_in.FLOW_COOKIE]
    kept = _cookie(_sign_in(client, provider, "p1"), session.COOKIE)[session.COOKIE]
    for morsel in (flow, kept):
        assert morsel["httponly"]
        assert morsel["samesite"] == "lax"
        assert not morsel["domain"]
    assert kept["path"] == "/"
    assert flow["path"] == "/sign-in"


def test_cookies_are_for_https_alone_where_people_come_by_https(house):
    engines = replace(house.engines, url="https://beholden.test")
    token = access_link(house, ActorKind.PERSON, str(house.person("p1")))
    client = Web(house, app.create(engines, house.settings)).visitor()
    response = client.post(
        "https://beholden.test/sign-in/link", data={"token": token}, headers={"origin": "https://beholden.test"}
    )
    assert _cookie(response, session.COOKIE)[session.COOKIE]["secure"]
    assert "max-age" in client.get("https://beholden.test/").headers["strict-transport-security"]


def test_sign_in_gives_a_new_token_and_ends_the_one_that_was_planted(web, house, provider):
    house.person("p1")
    mallory = house.person("mallory")
    client = web.person(mallory)
    planted = client.cookies[session.COOKIE]
    _sign_in(client, provider, "p1")
    assert client.cookies[session.COOKIE] != planted
    assert access.session(house.engines, planted) is None


def test_an_answer_that_another_browser_began_signs_nobody_in(web, house, provider):
    house.person("mallory")
    began = web.visitor().get("/sign-in/platform").headers["location"]
    query = provider.authorize(began, "mallory")
    for victim in (web.visitor(), web.visitor()):
        victim.get("/sign-in/platform")
        response = victim.get(f"/sign-in/callback?{query}")
        assert response.status_code == 403
        assert session.COOKIE not in victim.cookies
    assert web.visitor().get(f"/sign-in/callback?{query}").status_code == 403


def test_an_answer_serves_once(web, house, provider):
    house.person("p1")
    client = web.visitor()
    query = provider.authorize(client.get("/sign-in/platform").headers["location"], "p1")
    assert client.get(f"/sign-in/callback?{query}").status_code == 303
    assert client.get(f"/sign-in/callback?{query}").status_code == 403


@pytest.mark.parametrize("query", ["", "state=x", "code=a&code=b&state=x", "code=" + "a" * 3000])
def test_a_damaged_answer_is_one_clear_refusal(web, provider, query):
    client = web.visitor()
    client.get("/sign-in/platform")
    response = client.get(f"/sign-in/callback?{query}")
    assert response.status_code in {400, 403}
    assert response.text.count("<h1") == 1


def test_who_declines_at_the_platform_is_told_that_nothing_changed(web, provider):
    client = web.visitor()
    state = parse_qs(urlsplit(client.get("/sign-in/platform").headers["location"]).query)["state"][0]
    response = client.get(f"/sign-in/callback?error=access_denied&state={state}")
    assert response.status_code == 403
    assert "did not sign you in" in response.text


def test_somebody_whom_the_directory_does_not_know_gets_a_clear_page_and_no_session(web, provider):
    client = web.visitor()
    response = _sign_in(client, provider, "stranger")
    assert response.status_code == 403
    assert "We do not know you yet" in response.text
    assert session.COOKIE not in client.cookies


def test_a_platform_that_does_not_answer_is_not_available(house):
    settings = replace(house.settings, oidc_issuer="http://127.0.0.1:9", oidc_client_id="x")
    response = Web(house, app.create(replace(house.engines, url=URL), settings)).visitor().get("/sign-in/platform")
    assert response.status_code == 503


def test_without_a_platform_sign_in_says_so(house):
    response = (
        Web(house, app.create(replace(house.engines, url=URL), house.settings)).visitor().get("/sign-in/platform")
    )
    assert response.status_code == 404
    assert "not set up" in response.text


@pytest.mark.parametrize(
    "next_",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/%0d%0aset-cookie:x=y\r\n",
        "evil.example",
    ],
)
def test_sign_in_never_leads_to_another_site(web, house, provider, next_):
    house.person("p1")
    assert _sign_in(web.visitor(), provider, "p1", next_).headers["location"] == "/"


def test_an_address_that_is_too_long_to_come_back_to_is_refused(web):
    assert web.visitor().get("/sign-in/platform", params={"next": "/" + "a" * 5000}).status_code == 400


@given(st.text(alphabet=st.sampled_from("/\\.:@?#%ab \t\r\n"), max_size=12) | st.text(max_size=30))
def test_whatever_the_text_next_is_a_path_here(text):
    path = sign_in.safe_next(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isascii()
    assert path.isprintable()
    assert " " not in path


def access_link(house, kind: ActorKind, id_: str) -> str:
    """The token of a fresh sign-in link."""
    return access.issue_link(house.engines, kind, id_).removeprefix("/sign-in/link?token=")


@pytest.fixture
def operator(house) -> str:
    access.add_operator(house.engines, "alice", "Alice", "alice@platform.example")
    return access_link(house, ActorKind.OPERATOR, "alice")


def _redeem(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/sign-in/link", data={"token": token}, headers={"origin": URL})


def test_opening_a_link_does_not_use_it_up_but_the_button_does(web, operator):
    for _ in range(3):
        page = web.visitor().get(f"/sign-in/link?token={operator}")
        assert page.status_code == 200
        assert "<button" in page.text
    client = web.visitor()
    response = _redeem(client, operator)
    assert response.status_code == 303
    assert response.headers["location"] == "/console"
    assert session.COOKIE in client.cookies
    again = web.visitor()
    assert _redeem(again, operator).status_code == 403
    assert session.COOKIE not in again.cookies


def test_a_developers_link_leads_to_the_portal(web, house):
    developer = house.developer()
    response = _redeem(web.visitor(), access_link(house, ActorKind.DEVELOPER, str(developer.number)))
    assert response.headers["location"] == "/developer"


def test_a_link_runs_out(web, house, operator):
    house.clock.advance(access.LINK_LIFE + timedelta(seconds=1))
    assert _redeem(web.visitor(), operator).status_code == 403


@pytest.mark.parametrize("token", ["x", "<script>", "x" * 200])
def test_a_made_up_link_signs_nobody_in_and_is_escaped(web, token):
    client = web.visitor()
    assert "<script>" not in client.get("/sign-in/link", params={"token": token}).text
    assert _redeem(client, token).status_code == 403
    assert session.COOKIE not in client.cookies


def test_a_link_without_its_end_says_so(web):
    assert web.visitor().get("/sign-in/link").status_code == 400


def test_another_site_cannot_sign_a_visitor_in_with_its_own_link(web, operator):
    client = web.visitor()
    response = client.post("/sign-in/link", data={"token": operator}, headers={"origin": "https://evil.example"})
    assert response.status_code == 403
    assert session.COOKIE not in client.cookies
    assert _redeem(web.visitor(), operator).status_code == 303


def test_the_front_page_leads_everybody_to_their_own_face(web, house, operator):
    client = web.visitor()
    assert client.get("/").status_code == 200
    _redeem(client, operator)
    assert client.get("/").headers["location"] == "/console"
    assert web.person(house.person("p1")).get("/").headers["location"] == "/privacy"
