"""The metadata document, judged by another implementation's validator."""

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from beholden.gate.oauth.metadata import metadata_of
from beholden.model import catalogue as catalogues

CATALOGUE = catalogues.read(
    "clusters: [{name: identity, label: You, explains: You., class: basic, fields: [{name: name, label: Name}]}]"
)


def test_the_document_is_valid_by_rfc_8414() -> None:
    document = AuthorizationServerMetadata(metadata_of("https://beholden.example", CATALOGUE))
    document.validate()


def test_it_offers_no_way_around_pkce_and_no_old_flow() -> None:
    document = metadata_of("https://beholden.example", CATALOGUE)
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["scopes_supported"] == [
        "identity",
        "through:identity",
        "grant_management_query",
        "grant_management_revoke",
    ]
