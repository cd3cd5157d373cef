"""Compact JWS (RFC 7515, 7.1) from outside, read with suspicion: a DPoP proof, a client's assertion.

Header and claims are parsed by our own strict reader before the library sees the text, so that what was verified is
what we act on. Only public-key signatures; `none` and shared secrets have no name here.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from beholden.gate.oauth import strict

ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519")
LONGEST = 4000
_KINDS: Mapping[str, type[ECKey] | type[OKPKey] | type[RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_RSA_BITS = range(2048, 4097)
"""A larger modulus only costs us time."""

PublicKey = ECKey | OKPKey | RSAKey


def opened(text: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Header and claims, not verified yet; None when it is no compact JWS of objects under an algorithm of ours."""
    parts = text.split(".")
    if len(parts) != 3 or not 0 < len(text) <= LONGEST or not text.isascii():
        return None
    try:
        header, claims = (strict.read(_decoded(part)) for part in parts[:2])
    except ValueError:
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    # What we do not know and were told to mind (RFC 7515, 4.1.11), we cannot mind.
    return (header, claims) if header.get("alg") in ALGORITHMS and "crit" not in header else None


def verifies(text: str, key: PublicKey, algorithm: str) -> bool:
    """Whether the signature is the key's, under an algorithm that is meant for such a key."""
    if not _fits(key, algorithm):
        return False
    signing_input, _, signature = text.rpartition(".")
    # The older name of the same (RFC 9864, 2.2).
    model = jws.JWSRegistry.algorithms["Ed25519" if algorithm == "EdDSA" else algorithm]
    try:
        return model.verify(signing_input.encode("ascii"), _bytes(signature), key)
    except (JoseError, ValueError):
        return False


def public_key(value: object) -> PublicKey | None:
    """A public key from a JWK; None for a private or shared one, a weak one, and whatever is no key."""
    if not isinstance(value, dict) or _PRIVATE & value.keys():
        return None
    kind = _KINDS.get(value.get("kty", "")) if isinstance(value.get("kty"), str) else None
    if kind is None:
        return None
    members = {name: value[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in value}
    if not all(isinstance(member, str) for member in members.values()):
        return None
    try:
        if kind is RSAKey and int.from_bytes(_bytes(members["n"])).bit_length() not in _RSA_BITS:
            return None
        key = kind.import_key(members)
        key.get_op_key("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key


def moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate claim (RFC 7519, 2); None when it is left out or no number."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def age(claims: Mapping[str, Any], name: str, now: datetime) -> float | None:
    """How many seconds ago the moment of a claim was; negative when it is to come."""
    at = moment(claims, name)
    return None if at is None else now.timestamp() - at


def digest(*parts: str) -> bytes:
    """What is remembered of a text that may come once: its parts cannot be shifted into one another."""
    joined = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hashlib.sha256(joined).digest()


def _decoded(part: str) -> str:
    return _bytes(part).decode("utf-8")


def _bytes(part: str) -> bytes:
    if "=" in part:
        raise ValueError("padded")
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _fits(key: PublicKey, algorithm: str) -> bool:
    curve = _CURVES.get(algorithm)
    if curve is None:
        return isinstance(key, RSAKey)
    return isinstance(key, ECKey | OKPKey) and key.curve_name == curve
