"""Refusals in OAuth's own words (RFC 6749, 4.1.2.1 and 5.2; RFC 7009, 2.2.1)."""

import re
from dataclasses import dataclass
from enum import StrEnum

_UNSPEAKABLE = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")


class OAuthError(StrEnum):
    """The registered error codes that this server uses."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_SCOPE = "invalid_scope"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"  # RFC 9396, 5
    INVALID_DPOP_PROOF = "invalid_dpop_proof"  # RFC 9449, 5
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - RFC 6750, 3.1
    INSUFFICIENT_SCOPE = "insufficient_scope"  # RFC 6750, 3.1
    INVALID_GRANT_ID = "invalid_grant_id"  # Grant Management, 6.2
    ACCESS_DENIED = "access_denied"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"


@dataclass(frozen=True, slots=True)
class Refused:
    """A no with its code and one sentence for the developer who reads it."""

    error: OAuthError
    description: str


def describable(text: str) -> str:
    """The text without the characters that `error_description` may not have (RFC 6749, 4.1.2.1), at most 200 long."""
    return _UNSPEAKABLE.sub("?", text)[:200]
