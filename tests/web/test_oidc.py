"""What the platform says of who signed in is believed only when every check holds. A real provider on a real socket."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey, RSAKey

from beholden.model.errors import BadInput, NotAllowed, Unavailable
from beholden.web import oidc
from beholden.web.oidc import Platform
from beholden.web.sign_in import flow_of
from tests.web import provider as providers
from tests.web.provider import CLIENT_ID, CLIENT_SECRET, Provider

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLOW = flow_of("s" * 43)
BACK = "http://beholden.test/sign-in/callback"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providers.running() as running:
        running.now = NOW.timestamp()
        yield running


def _platform(provider: Provider) -> Platform:
    return Platform(provider.issuer, CLIENT_ID, CLIENT_SECRET)


def _sign_in(provider: Provider, platform: Platform, issuer: str | None = None) -> str:
    query = provider.authorize(platform.authorization_url(FLOW, BACK), "p1")
    return platform.subject(query.split("&")[0].removeprefix("code="), issuer, FLOW, BACK, NOW)


def test_a_sign_in_gives_the_subject(provider):
    assert _sign_in(provider, _platform(provider)) == "p1"
    shown = b64decode(provider.seen[0]["authorization"].removeprefix("Basic ")).decode()
    assert shown == f"{CLIENT_ID}:s3cret%2Fwith%3Asigns"  # form-encoded first (RFC 6749, 2.3.1)
    assert "client_secret" not in provider.seen[0]


def test_the_secret_goes_in_the_form_only_where_the_provider_knows_no_other_way(provider):
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert _sign_in(provider, _platform(provider)) == "p1"
    assert provider.seen[0]["client_secret"] == CLIENT_SECRET


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"aud": [CLIENT_ID, "somebody-else"]},
        {"aud": [CLIENT_ID, "somebody-else"], "azp": "somebody-else"},
        {"azp": "somebody-else"},
        {"nonce": "stolen"},
        {"nonce": None},
        {"exp": int(NOW.timestamp()) - oidc.LEEWAY_SECONDS},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": int(NOW.timestamp()) + oidc.LEEWAY_SECONDS + 1},
        {"iat": None},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(provider, claims):
    provider.claims = claims
    with pytest.raises(NotAllowed):
        _sign_in(provider, _platform(provider))


def test_two_audiences_are_fine_when_we_are_the_party_meant(provider):
    provider.claims = {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}
    assert _sign_in(provider, _platform(provider)) == "p1"


def test_a_signature_by_another_key_is_refused(provider):
    provider.signing_key = RSAKey.generate_key(2048)
    with pytest.raises(NotAllowed, match="does not verify"):
        _sign_in(provider, _platform(provider))


def test_no_signature_is_refused(provider):
    provider.algorithm = "none"
    with pytest.raises(NotAllowed, match="does not verify"):
        _sign_in(provider, _platform(provider))


def test_the_public_key_as_a_shared_secret_is_refused(provider):
    provider.algorithm = "HS256"
    with pytest.raises(NotAllowed, match="does not verify"):
        _sign_in(provider, _platform(provider))


def test_a_key_that_the_provider_changed_is_read_again_but_not_at_every_bad_token(provider):
    platform = _platform(provider)
    assert _sign_in(provider, platform) == "p1"
    provider.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    with pytest.raises(NotAllowed):
        _sign_in(provider, platform)
    platform._keys_read_at -= 31
    assert _sign_in(provider, platform) == "p1"


def test_an_elliptic_key_serves_as_well(provider):
    provider.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    provider.algorithm = "ES256"
    assert _sign_in(provider, _platform(provider)) == "p1"


def test_an_answer_that_names_another_issuer_is_refused_before_the_code_is_spent(provider):
    platform = _platform(provider)
    with pytest.raises(NotAllowed, match="somebody else"):
        _sign_in(provider, platform, "https://evil.example")
    assert provider.seen == []
    assert _sign_in(provider, platform, provider.issuer) == "p1"


def test_an_answer_without_issuer_is_refused_where_the_provider_promises_one(provider):
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(NotAllowed, match="does not say who"):
        _sign_in(provider, _platform(provider))


def test_a_code_that_is_spent_or_made_up_is_refused(provider):
    platform = _platform(provider)
    platform.authorization_url(FLOW, BACK)
    with pytest.raises(NotAllowed, match="did not accept"):
        platform.subject("made-up", None, FLOW, BACK, NOW)


def test_a_code_that_another_browser_began_is_refused(provider):
    platform = _platform(provider)
    query = provider.authorize(platform.authorization_url(flow_of("o" * 43), BACK), "victim")
    with pytest.raises(NotAllowed):
        platform.subject(query.split("&")[0].removeprefix("code="), None, FLOW, BACK, NOW)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://far.example/token"},
        {"token_endpoint": 7},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"authorization_endpoint": None},
    ],
)
def test_a_provider_whose_own_word_is_wrong_is_unavailable(provider, metadata):
    provider.metadata = metadata
    with pytest.raises(Unavailable):
        _platform(provider).authorization_url(FLOW, BACK)


def test_a_provider_that_answers_with_a_flood_or_with_nothing_is_unavailable(provider):
    provider.metadata = {"x": "a" * oidc.MAX_ANSWER_BYTES}
    with pytest.raises(Unavailable, match="too great a length"):
        _platform(provider).authorization_url(FLOW, BACK)
    with pytest.raises(Unavailable, match="does not answer"):
        Platform("http://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET).authorization_url(FLOW, BACK)


def test_a_provider_that_fails_at_the_token_is_unavailable(provider):
    provider.token_status = 500
    with pytest.raises(Unavailable):
        _sign_in(provider, _platform(provider))


def test_an_issuer_in_clear_text_over_a_network_is_wrong_use():
    oidc.check_issuer("")
    oidc.check_issuer("https://platform.example")
    oidc.check_issuer("http://127.0.0.1:8500")
    with pytest.raises(BadInput, match="not https"):
        oidc.check_issuer("http://platform.example")
