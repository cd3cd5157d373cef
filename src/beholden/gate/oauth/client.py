"""Client authentication (RFC 6749, 2.3; RFC 7523, 2.2): by a secret, by a signature, or a public client's bare id."""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from beholden.gate.oauth import assertion
from beholden.gate.oauth.parameters import Parameters, is_value
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.secret import digest_of

METHODS = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")
FAILED = Refused(OAuthError.INVALID_CLIENT, "The app did not show that it is the one it names.")
"""One answer for an unknown app, a wrong secret and a missing one: it is no way to find out which apps there are."""


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """What the platform holds one client to beyond what holds for all, and the keys by which it shows who it is.

    `push` takes requests only from the app itself (RFC 9126, 6), `dpop` gives tokens only to the holder of a key
    (RFC 9449, 5.2), `manages` lets it look at grants and end them by their id (Grant Management).
    """

    push: bool = False
    dpop: bool = False
    manages: bool = False
    keys: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the caller says it is, and how it shows that. `secret` is None for a public client.

    `signed` says that there is an assertion, which is judged by itself (see `assertion`).
    """

    client_id: str
    secret: str | None = field(repr=False)
    signed: bool = False


def credentials_of(authorization: str | None, parameters: Parameters) -> Credentials | Refused:
    """The credentials in the Authorization header or in the form; two ways at once are refused (2.3)."""
    client_id, secret = parameters.one("client_id"), parameters.one("client_secret")
    if any(name in {"client_assertion", "client_assertion_type"} for name, _ in parameters.pairs):
        if authorization is not None or secret is not None:
            return Refused(OAuthError.INVALID_REQUEST, "Send an assertion or a secret, not both.")
        named = assertion.client_of(parameters)
        return FAILED if named is None or client_id not in {None, named} else Credentials(named, None, signed=True)
    if authorization is None:
        return Credentials(client_id, secret) if client_id is not None else FAILED
    if secret is not None:
        return Refused(OAuthError.INVALID_REQUEST, "Send the secret in the header or in the form, not in both.")
    basic = _basic(authorization)
    if basic is None:
        return FAILED
    if client_id is not None and client_id != basic.client_id:
        return Refused(OAuthError.INVALID_REQUEST, "The header and the form name different apps.")
    return basic


def is_authentic(credentials: Credentials, digests: Sequence[bytes], *, has_keys: bool = False) -> bool:
    """Whether the secret is the app's. `digests` are those of its secrets; an app without any is a public client.

    A public client that sends a secret is refused: somebody believes that it protects something. An app that
    registered keys signs; a secret of it that leaked is worth nothing.
    """
    if has_keys or credentials.signed:
        return False
    if not digests:
        return credentials.secret is None
    if credentials.secret is None:
        return False
    given = digest_of(credentials.secret)
    # No early exit: how long it takes says nothing about which secret was nearly right.
    return sum(hmac.compare_digest(given, digest) for digest in digests) > 0


def _basic(authorization: str) -> Credentials | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        # Both halves are form-encoded before they are joined (RFC 6749, 2.3.1 and appendix B).
        client_id, secret = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        return None
    usable = colon and client_id and is_value(client_id) and is_value(secret)
    return Credentials(client_id, secret or None) if usable else None
