"""What clients can find out about this server by themselves (RFC 8414)."""

from collections.abc import Mapping

from beholden.gate.oauth import details, dpop, pkce, signed
from beholden.gate.oauth.authorization import Action
from beholden.gate.oauth.client import METHODS
from beholden.gate.oauth.scope import MANAGEMENT, THROUGH
from beholden.model.catalogue import Catalogue


def metadata_of(issuer: str, catalogue: Catalogue) -> Mapping[str, object]:
    """The metadata document. The issuer is the address of the server, without a slash at the end."""
    clusters = [cluster.name for cluster in catalogue.clusters]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        **_authentication("token"),
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        **_authentication("introspection"),
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        **_authentication("revocation"),
        "grant_management_endpoint": f"{issuer}/oauth/grants",
        "grant_management_actions_supported": ["query", "revoke", *(action.value for action in Action)],
        "grant_management_action_required": False,
        "scopes_supported": [*clusters, *(f"{THROUGH}{name}" for name in clusters), *MANAGEMENT],
        "authorization_details_types_supported": [details.TYPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": [pkce.METHOD],
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["pairwise"],
        "ui_locales_supported": ["en"],
    }


def _authentication(endpoint: str) -> Mapping[str, object]:
    """How an app shows itself there; algorithms must be named where signatures are (RFC 8414, 2)."""
    return {
        f"{endpoint}_endpoint_auth_methods_supported": list(METHODS),
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(signed.ALGORITHMS),
    }
