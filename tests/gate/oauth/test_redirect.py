"""Redirect URIs: exactly the registered one, and answers that keep what was in it."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.oauth import redirect
from beholden.gate.oauth.refusal import OAuthError, Refused

REGISTERED = ("https://app.example/back", "https://app.example/back?from=us")


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/back/",
        "https://app.example/back?",
        "https://app.example/back?x=1",
        "https://app.example/Back",
        "https://APP.example/back",
        "https://app.example:443/back",
        "http://app.example/back",
        "https://app.example/back#",
        "https://app.example/back#fragment",
        "https://app.example/b%61ck",
        "https://app.example/x/../back",
        "https://app.example//back",
        "https://app.example.evil.example/back",
        "https://user@app.example/back",
        " https://app.example/back",
        "https://app.example/back ",
        "https://app.example/back\n",
        "https://evil.example/https://app.example/back",
        "",
    ],
)
def test_nothing_but_the_registered_text_matches(uri: str) -> None:
    assert not redirect.matches(uri, REGISTERED)


def test_the_registered_text_matches() -> None:
    assert all(redirect.matches(uri, REGISTERED) for uri in REGISTERED)


@given(st.text())
def test_no_other_text_at_all_matches(uri: str) -> None:
    assert redirect.matches(uri, REGISTERED) == (uri in REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/back",
        "https://app.example",
        "https://[2001:db8::1]/back",
        "http://127.0.0.1:8123/back",
        "http://[::1]/back",
        "http://localhost:1/back",
        "com.example.app:/back",
    ],
)
def test_what_may_be_registered(uri: str) -> None:
    assert redirect.refuse_uri(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "back",
        "//app.example/back",
        "http://app.example/back",
        "http://127.0.0.1.evil.example/back",
        "https:///back",
        "https://user@app.example/back",
        "https://app.example\\@evil.example/",
        "https://app.example/back#here",
        "https://app.example/a b",
        "https://app.example/\x00",
        "https://app.example:99999/",
        "https://app.example:0/",
        "https://äpp.example/back",
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)//.x",
        "data:text/html,x",
        "file:///etc/passwd",
        "app:/back",
        "https://app.example/" + "a" * 2000,
        "https://[::1/back",
    ],
)
def test_what_may_not_be_registered_has_a_reason(uri: str) -> None:
    assert redirect.refuse_uri(uri)
    assert not redirect.matches(uri, [uri]), "nor does it match if somebody registered it all the same"


@given(state=st.text(max_size=50))
def test_the_state_comes_back_as_it_was_and_the_query_stays(state: str) -> None:
    uri = redirect.with_code(REGISTERED[1], code="c", state=state, issuer="https://beholden.example")
    parts = urlsplit(uri)
    assert uri.startswith("https://app.example/back?from=us&")
    assert parse_qs(parts.query, keep_blank_values=True) == {
        "from": ["us"],
        "code": ["c"],
        "state": [state],
        "iss": ["https://beholden.example"],
    }


@given(description=st.text(max_size=300))
def test_a_refusal_is_one_that_clients_can_read(description: str) -> None:
    refused = Refused(OAuthError.INVALID_SCOPE, description)
    uri = redirect.with_refusal(REGISTERED[0], refused, state=None, issuer="https://beholden.example")
    answer = parse_qs(urlsplit(uri).query, keep_blank_values=True)
    assert answer["error"] == ["invalid_scope"] and answer["iss"] == ["https://beholden.example"]
    assert "state" not in answer
    assert all(" " <= c <= "~" and c not in '"\\' for c in answer["error_description"][0])
