"""What clients can find out about this server by themselves (RFC 8414)."""

from collections.abc import Mapping

from beholden.gate.oauth import pkce
from beholden.gate.oauth.client import METHODS
from beholden.gate.oauth.scope import THROUGH
from beholden.model.catalogue import Catalogue


def metadata_of(issuer: str, catalogue: Catalogue) -> Mapping[str, object]:
    """The metadata document. The issuer is the address of the server, without a slash at the end."""
    clusters = [cluster.name for cluster in catalogue.clusters]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "token_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "scopes_supported": clusters + [f"{THROUGH}{name}" for name in clusters],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": [pkce.METHOD],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }
