"""An app that signs: which assertion shows who it is."""

import json
from datetime import UTC, datetime

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from beholden.gate.oauth import assertion, client, parameters
from beholden.gate.oauth.client import Credentials
from beholden.gate.oauth.refusal import Refused

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ISSUER = "https://beholden.example"
AUDIENCES = {ISSUER, ISSUER + "/oauth/token"}
KEY = ECKey.generate_key("P-256", {"kid": "one"})
KEYS = (KEY.as_dict(private=False),)
SECONDS = int(NOW.timestamp())


def form(key=KEY, *, header=None, type_: str = assertion.TYPE, **claims: object) -> parameters.Parameters:
    values = {"iss": "quiz", "sub": "quiz", "aud": ISSUER, "jti": "1", "exp": SECONDS + 60, "iat": SECONDS, **claims}
    body = json.dumps({name: value for name, value in values.items() if value is not None}).encode()
    text = jws.serialize_compact({"alg": "ES256", **(header or {})}, body, key)
    return parameters.of([("client_assertion_type", type_), ("client_assertion", text)])


def judged(given: parameters.Parameters, keys=KEYS, now: datetime = NOW):
    return assertion.judge(given, "quiz", keys, AUDIENCES, now)


@pytest.mark.parametrize("aud", [ISSUER, ISSUER + "/oauth/token", [ISSUER]])
def test_a_signature_by_a_registered_key_for_us_holds(aud) -> None:
    assert judged(form(aud=aud)) is not None
    assert judged(form(header={"kid": "one"}), (*KEYS, ECKey.generate_key("P-256").as_dict(private=False))) is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"sub": "other"},
        {"iss": None},
        {"aud": "https://evil.example"},
        {"aud": [ISSUER, "https://evil.example"]},
        {"aud": None},
        {"aud": []},
        {"exp": None},
        {"exp": SECONDS - 31},
        {"exp": SECONDS + 3631},
        {"exp": "soon"},
        {"iat": SECONDS + 100},
        {"iat": "x"},
        {"nbf": SECONDS + 100},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 300},
    ],
)
def test_one_wrong_claim_shows_nothing(claims) -> None:
    assert judged(form(**claims)) is None


def test_another_key_another_type_and_no_keys_show_nothing() -> None:
    assert judged(form(ECKey.generate_key("P-256"))) is None
    assert judged(form(type_="urn:ietf:params:oauth:client-assertion-type:saml2-bearer")) is None
    assert judged(form(header={"kid": "two"})) is None
    assert judged(form(), ()) is None


def test_the_credentials_name_the_app_and_mix_with_no_secret() -> None:
    good = form()
    found = client.credentials_of(None, good)
    assert isinstance(found, Credentials) and (found.client_id, found.signed) == ("quiz", True)
    for more, header in (([("client_secret", "x")], None), ([], "Basic cXVpejp4")):
        assert isinstance(client.credentials_of(header, parameters.of([*good.pairs, *more])), Refused)
    assert client.credentials_of(None, parameters.of([*good.pairs, ("client_id", "other")])) == client.FAILED
    assert (
        client.credentials_of(None, parameters.of([("client_id", "quiz"), ("client_assertion", "x")])) == client.FAILED
    )


def test_an_app_with_keys_has_no_other_way_in() -> None:
    assert not client.is_authentic(Credentials("quiz", None), [], has_keys=True)
    assert not client.is_authentic(Credentials("quiz", None, signed=True), [])


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_key_set_holds_public_keys_that_can_be_used_and_nothing_else() -> None:
    assert assertion.keys_of(json.dumps({"keys": list(KEYS)})) == KEYS
    for keys in (
        [],
        [KEY.as_dict(private=True)],
        [{"kty": "oct", "k": "x"}],
        [RSAKey.generate_key(1024).as_dict(private=False)],
    ):
        assert assertion.keys_of(json.dumps({"keys": keys})) is None
    for text in ("", "{}", "[]", '{"keys": 1}', "{" * 100, json.dumps({"keys": list(KEYS) * 11}), " " * 20_000):
        assert assertion.keys_of(text) is None
