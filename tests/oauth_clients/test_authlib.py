"""Authlib as an app that signs (private_key_jwt) and asks field by field."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc.jwk import RSAKey

from beholden.journeys import client_terms
from tests.oauth_clients.serving import BACK, Place, opened

CITY = json.dumps([{"type": "beholden_fields", "datatypes": ["city"]}])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator[Place]:
    """One server for all tests of this file."""
    with opened(tmp_path_factory.mktemp("authlib"), blank_database) as place:
        yield place


@pytest.fixture(scope="module")
def found(place: Place) -> AuthorizationServerMetadata:
    """The metadata, where RFC 8414 says that it is, and valid by it but for https, which loopback has not."""
    document = httpx.get(get_well_known_url(place.url, external=True)).json()
    secure = AuthorizationServerMetadata(json.loads(json.dumps(document).replace("http://", "https://")))
    secure.validate()
    return AuthorizationServerMetadata(document)


def session(place: Place, found: AuthorizationServerMetadata, client_id: str, key: RSAKey) -> OAuth2Session:
    """Authlib as this app, which registers its key now."""
    place.app(client_id)
    client_terms.change(place.engines, client_id, keys=json.dumps({"keys": [key.as_dict(private=False)]}))
    return signing(found, client_id, key)


def signing(found: AuthorizationServerMetadata, client_id: str, key: RSAKey) -> OAuth2Session:
    client = OAuth2Session(
        client_id,
        key.as_pem(private=True).decode(),
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
        code_challenge_method="S256",
        redirect_uri=BACK,
        token_endpoint=found["token_endpoint"],
    )
    client.register_client_auth_method(PrivateKeyJWT(found["token_endpoint"], alg="RS256"))
    return client


def test_it_signs_asks_for_one_field_refreshes_and_gives_back(place: Place, found) -> None:
    client = session(place, found, "rich", RSAKey.generate_key(2048))
    address, _ = client.create_authorization_url(
        found["authorization_endpoint"], code_verifier="v" * 64, authorization_details=CITY
    )
    back = place.visit(address, "allow", ["location#city"])
    tokens = client.fetch_token(authorization_response=back, code_verifier="v" * 64)
    assert [d["datatypes"] for d in tokens["authorization_details"]] == [["city"]]
    looked = client.introspect_token(found["introspection_endpoint"], token=tokens["access_token"]).json()
    assert looked["active"] and looked["authorization_details"] == tokens["authorization_details"]
    second = dict(client.refresh_token(found["token_endpoint"], refresh_token=tokens["refresh_token"]))
    assert second["refresh_token"] != tokens["refresh_token"]
    assert client.revoke_token(found["revocation_endpoint"], token=second["refresh_token"]).status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(found["token_endpoint"], refresh_token=second["refresh_token"])


def test_another_key_is_another_app(place: Place, found) -> None:
    client = session(place, found, "keyed", RSAKey.generate_key(2048))
    address, _ = client.create_authorization_url(found["authorization_endpoint"], code_verifier="v" * 64)
    back = place.visit(address, "allow", [])
    thief = signing(found, "keyed", RSAKey.generate_key(2048))
    with pytest.raises(OAuthError, match="invalid_client"):
        thief.fetch_token(authorization_response=back, code_verifier="v" * 64)
    assert client.fetch_token(authorization_response=back, code_verifier="v" * 64)["access_token"]


def test_an_assertion_comes_once(place: Place, found) -> None:
    key = RSAKey.generate_key(2048)
    place.app("once")
    client_terms.change(place.engines, "once", keys=json.dumps({"keys": [key.as_dict(private=False)]}))
    signer = _Signer("once", key.as_pem(private=True).decode())
    signed = PrivateKeyJWT().sign(signer, found["token_endpoint"])
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
        "token": "unknown",
    }
    answers = [httpx.post(found["introspection_endpoint"], data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].json() == {"active": False} and answers[1].json()["error"] == "invalid_client"


class _Signer:
    """What Authlib's method signs for."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
