"""`private_key_jwt` (RFC 7523, 2.2): an app shows who it is by signing a small text with its own key.

Nothing that could be stolen from us or on the way would let anybody else do that. The text is good for an hour at most
and once; whoever checks it also has to remember `once`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from beholden.gate.oauth import signed, strict
from beholden.gate.oauth.parameters import Parameters

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = timedelta(hours=1)
"""Authlib, for one, signs for an hour."""
LEEWAY = timedelta(seconds=30)
MOST_KEYS = 10
LARGEST_KEYS = 16_384
_LONGEST_ID = 256


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion that holds; `once` may not be seen again before `until`."""

    once: bytes
    until: datetime


def client_of(parameters: Parameters) -> str | None:
    """Which app an assertion says it is of; to be believed only after `judge`."""
    found = signed.opened(parameters.one("client_assertion") or "")
    issuer = found[1].get("iss") if found is not None else None
    return issuer if isinstance(issuer, str) and parameters.one("client_assertion_type") == TYPE else None


def judge(
    parameters: Parameters, client_id: str, keys: Sequence[object], audiences: Collection[str], now: datetime
) -> Asserted | None:
    """None where the assertion does not show that the caller is this app (RFC 7523, 3)."""
    text = parameters.one("client_assertion") or ""
    found = signed.opened(text)
    if found is None or parameters.one("client_assertion_type") != TYPE:
        return None
    header, claims = found
    if (claims.get("iss"), claims.get("sub")) != (client_id, client_id) or not _is_for(claims.get("aud"), audiences):
        return None
    past, jti = signed.age(claims, "exp", now), claims.get("jti")
    if past is None or not -(LONGEST_LIFE + LEEWAY).total_seconds() <= past < LEEWAY.total_seconds():
        return None
    for name in ("iat", "nbf"):
        age = signed.age(claims, name, now)
        if (name in claims and age is None) or (age is not None and age < -LEEWAY.total_seconds()):
            return None
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_ID:
        return None
    if not any(_signed_by(text, key, header) for key in keys):
        return None
    return Asserted(signed.digest("assertion", client_id, jti), now + LONGEST_LIFE + 2 * LEEWAY)


def keys_of(text: str) -> tuple[object, ...] | None:
    """The public keys of a JWK Set (RFC 7517, 5); None when one of them cannot be used, or there is none."""
    if len(text) > LARGEST_KEYS:
        return None
    try:
        value = strict.read(text)
    except ValueError:
        return None
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_KEYS:
        return None
    return tuple(keys) if all(signed.public_key(key) is not None for key in keys) else None


def _is_for(audience: object, audiences: Collection[str]) -> bool:
    """One audience, and it is us: an assertion for several servers could be used at the others' by any of them."""
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    return isinstance(audience, str) and audience in audiences


def _signed_by(text: str, value: object, header: dict[str, object]) -> bool:
    if not isinstance(value, dict) or ("kid" in header and value.get("kid") != header["kid"]):
        return False
    key = signed.public_key(value)
    return key is not None and signed.verifies(text, key, str(header["alg"]))
