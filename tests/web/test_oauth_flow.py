"""The whole way over real sockets: Beholden and the example platform as processes, Authlib as the app.

Authlib knows nothing of ours: what it can do, any client can. The last test stops Beholden.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from beholden.gate.pairwise import scoped_ids
from beholden.model.app import App
from beholden.model.grant import EndReason
from tests.town import BACK, PEOPLE, Town, opened

HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator[Town]:
    """Both servers, for all tests of this file."""
    with opened(tmp_path_factory.mktemp("town"), blank_database) as town:
        yield town


@pytest.fixture(autouse=True)
def rules_of_2014(town: Town) -> None:
    """Each test begins under the rules of 2014, so that apps need no review here."""
    town.rules("2014")


@pytest.fixture(scope="module")
def asking(town: Town) -> str:
    """An access token of a person who allowed what is required."""
    town.rules("2014")
    return str(connected(town, "asking", "u000018")[2]["access_token"])


class Browser:
    """A person's browser: cookies, redirects, and forms."""

    def __init__(self) -> None:
        self._client = httpx.Client(timeout=30)
        self.url = ""
        self.text = ""

    def open(self, url: str) -> str:
        """Open an address and follow it until a page, or until the app's own address."""
        return self._follow("GET", url)

    def send(self, *more: tuple[str, str]) -> str:
        """Send the page's last form with its hidden fields and these."""
        action = unescape(re.findall(r'<form method="post" action="([^"]*)"', self.text)[-1])
        form = self.text[self.text.rindex("<form") :]
        pairs = [(unescape(name), unescape(value)) for name, value in HIDDEN.findall(form)]
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.url))
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": origin}
        return self._follow("POST", urljoin(self.url, action), content=urlencode([*pairs, *more]), headers=headers)

    def _follow(self, method: str, url: str, **what) -> str:
        what.setdefault("headers", {})["accept"] = "text/html"
        for _ in range(12):
            response = self._client.request(method, url, **what)
            self.url, self.text = url, response.text
            if response.status_code not in {302, 303}:
                return url
            method, url, what = "GET", urljoin(url, response.headers["location"]), {"headers": {"accept": "text/html"}}
            if url.startswith(BACK):
                return url
        raise AssertionError(f"no end of redirects at {url}")


def consented(town: Town, client: OAuth2Session, person: str, *ticked: str, verifier: str, **more: str) -> str:
    """A person signs in at the platform and allows; the address at which the app gets its answer."""
    browser = Browser()
    address, _state = client.create_authorization_url(
        f"{town.beholden}/oauth/authorize", code_verifier=verifier, **more
    )
    assert browser.open(address).startswith(f"{town.platform}/authorize?"), browser.text
    assert browser.send(("username", person), ("password", "wrong")).startswith(town.platform)
    assert "do not go together" in browser.text
    assert browser.send(("username", person), ("password", "synthetic")).startswith(f"{town.beholden}/oauth/authorize?")
    assert "asks for your data" in browser.text
    return browser.send(*(("allowed", scope) for scope in ticked), ("answer", "allow"))


def connected(town: Town, client_id: str, person: str, *ticked: str) -> tuple[OAuth2Session, App, dict]:
    """An app with tokens for a person."""
    app, client, verifier = town.app(client_id), town.client(client_id), "v" * 64
    back = consented(town, client, person, *ticked, verifier=verifier)
    return client, app, client.fetch_token(authorization_response=back, code_verifier=verifier)


def test_from_sign_in_to_data_with_an_independent_client(town) -> None:
    client, app, tokens = connected(town, "quiz", "u000010", "likes", "contacts", "through:likes")
    assert tokens["scope"] == "contacts identity likes through:likes" and tokens["token_type"] == "Bearer"
    me = town.api("/api/me", tokens["access_token"], fields="name,likes,birthday").json()
    own = PEOPLE.record(10)
    assert (me["name"], me["likes"]) == (own["name"], own["likes"]) and "birthday" not in me
    assert me["id"] == scoped_ids(town.engines.pairwise, app.number, [town.number("u000010")])[0]
    friends = town.api("/api/friends", tokens["access_token"], fields="name,likes").json()
    expected = PEOPLE.friends(10)
    assert len(friends["friends"]) == len(expected) and friends["next"] is None
    ids = scoped_ids(town.engines.pairwise, app.number, [town.number(PEOPLE.outside_id(n)) for n in expected])
    likes = {scoped: PEOPLE.record(n)["likes"] for scoped, n in zip(ids, expected, strict=True)}
    assert {f["id"]: f["likes"] for f in friends["friends"]} == likes
    assert all(set(f) == {"id", "likes"} for f in friends["friends"]), "names of contacts were not asked for"
    rows = list(town.engines.ledger.disclosures(apps=[app.number]))
    assert {row.person for row in rows if not row.direct} == {town.number(PEOPLE.outside_id(n)) for n in expected}
    introspected = client.introspect_token(f"{town.beholden}/oauth/introspect", token=tokens["access_token"]).json()
    assert introspected["active"] and introspected["sub"] == me["id"] and "person" not in introspected


def test_friends_come_page_by_page(town) -> None:
    _, _, tokens = connected(town, "pages", "u000011", "contacts", "through:likes")
    found, offset = [], "0"
    while offset != "None":
        answer = town.api("/api/friends", tokens["access_token"], fields="likes", offset=offset, limit="40").json()
        found += [friend["id"] for friend in answer["friends"]]
        offset = str(answer["next"])
    assert len(found) == len(set(found)) == len(PEOPLE.friends(11))


def test_without_the_list_of_friends_there_are_no_friends(town) -> None:
    _, app, tokens = connected(town, "nolist", "u000012", "through:likes")
    answer = town.api("/api/friends", tokens["access_token"], fields="likes").json()
    assert answer == {"friends": [], "next": None}
    assert not [row for row in town.engines.ledger.disclosures(apps=[app.number]) if not row.direct]


def test_somebody_elses_code_is_worth_nothing_without_the_verifier(town) -> None:
    town.app("victim")
    client = town.client("victim")
    back = consented(town, client, "u000013", verifier="v" * 64)
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.fetch_token(authorization_response=back, code_verifier="w" * 64)
    with pytest.raises(OAuthError, match="invalid_request"):
        client.fetch_token(authorization_response=back)
    tokens = client.fetch_token(authorization_response=back, code_verifier="v" * 64)
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.fetch_token(authorization_response=back, code_verifier="v" * 64)
    assert town.api("/api/me", tokens["access_token"]).status_code == 401, "the code came twice"


def test_refresh_rotates_and_a_second_use_ends_the_grant(town) -> None:
    client, _, first = connected(town, "rotating", "u000014")
    endpoint = f"{town.beholden}/oauth/token"
    second = dict(client.refresh_token(endpoint, refresh_token=first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    assert town.api("/api/me", second["access_token"]).json()["name"] == PEOPLE.name(14)
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(endpoint, refresh_token=first["refresh_token"])
    assert town.api("/api/me", second["access_token"]).status_code == 401
    with town.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=town.number("u000014"))
    assert grant.reason is EndReason.REFRESH_REUSE


def test_giving_the_refresh_token_back_ends_the_grant(town) -> None:
    client, _, tokens = connected(town, "leaving", "u000015")
    answer = client.revoke_token(f"{town.beholden}/oauth/revoke", token=tokens["refresh_token"])
    assert answer.status_code == 200
    assert town.api("/api/me", tokens["access_token"]).status_code == 401


def test_law_5_a_ban_is_in_force_at_the_next_request(town) -> None:
    client, app, tokens = connected(town, "banned", "u000016")
    assert town.api("/api/me", tokens["access_token"]).status_code == 200
    town.ban(app.developer)
    assert town.api("/api/me", tokens["access_token"]).status_code == 401
    answer = client.introspect_token(f"{town.beholden}/oauth/introspect", token=tokens["access_token"])
    assert answer.json() == {"active": False}
    page = httpx.get(f"{town.beholden}/oauth/authorize", params={"client_id": "banned", "redirect_uri": BACK})
    assert page.status_code == 400 and "was stopped by the platform" in page.text


def test_law_6_polling_keeps_nobody_connected(town) -> None:
    town.rules("today")
    client, _, tokens = connected(town, "polling", "u000017")
    refresh_token = tokens["refresh_token"]
    for _ in range(3):
        town.clock.advance(timedelta(days=29))
        renewed = client.refresh_token(f"{town.beholden}/oauth/token", refresh_token=refresh_token)
        refresh_token = renewed["refresh_token"]
        assert town.api("/api/me", renewed["access_token"]).json()["name"] == PEOPLE.name(17)
    town.clock.advance(timedelta(days=3))
    assert town.api("/api/me", renewed["access_token"]).status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(f"{town.beholden}/oauth/token", refresh_token=refresh_token)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/me", {"fields": "name,shoe_size"}),
        ("/api/friends", {"fields": "friends"}),
        ("/api/friends", {"offset": "-1"}),
        ("/api/friends", {"limit": "1001"}),
        ("/api/friends", {"limit": "²"}),
    ],
)
def test_the_data_api_answers_bad_input_with_one_clear_error(town, asking, path, query) -> None:
    response = town.api(path, asking, **query)
    assert response.status_code == 400 and response.json()["error"] == "invalid_request"


def test_an_unknown_token_opens_nothing(town) -> None:
    for header in (
        {},
        {"authorization": "Bearer unknown"},
        {"authorization": "Basic dTpw"},
        {"authorization": "Bearer é"},
    ):
        encoded = {name: value.encode() for name, value in header.items()}
        response = httpx.get(f"{town.platform}/api/me", headers=encoded)
        assert response.status_code == 401 and response.json()["error"] == "invalid_token"
        assert "invalid_token" in response.headers["www-authenticate"]


def test_the_sign_in_sends_nobody_to_a_stranger(town) -> None:
    good = {"client_id": "beholden", "redirect_uri": f"{town.beholden}/sign-in/callback", "response_type": "code"}
    for change in ({"client_id": "x"}, {"redirect_uri": "https://evil.example/"}):
        response = httpx.get(f"{town.platform}/authorize", params={**good, **change})
        assert response.status_code == 400 and "location" not in response.headers
    response = httpx.get(f"{town.platform}/authorize", params={**good, "scope": "openid"})
    assert parse_qs(urlsplit(response.headers["location"]).query)["error"] == ["invalid_request"], "PKCE is missing"


def test_law_4_the_platform_gives_nothing_when_beholden_is_away(town) -> None:
    _, _, tokens = connected(town, "last", "u000019")
    assert town.api("/api/me", tokens["access_token"]).status_code == 200
    town.running["beholden"].terminate()
    town.running["beholden"].wait(20)
    response = town.api("/api/me", tokens["access_token"])
    assert response.status_code == 503 and PEOPLE.name(19) not in response.text
