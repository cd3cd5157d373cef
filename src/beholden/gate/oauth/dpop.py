"""Proof of possession (RFC 9449): a token that only the holder of one key can use.

A proof is a small signed text in the header `DPoP` of one request: by which key, for which method and address, when,
and, beside an access token, for which one. It may come once: whoever checks it also has to remember `once`.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from beholden.gate.oauth import signed
from beholden.gate.oauth.refusal import OAuthError, Refused

ALGORITHMS = signed.ALGORITHMS
OLDEST = timedelta(seconds=60)
NEWEST = timedelta(seconds=30)
"""How far a client's clock may be behind and ahead of ours (11.1): a proof cannot be kept for later."""
_LONGEST_ID = 256
_THUMBPRINT_LENGTH = 43
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds. `jkt` is the key's thumbprint (RFC 7638); `once` may not be seen again before `until`."""

    jkt: str
    once: bytes
    until: datetime


def read(
    headers: Sequence[str], *, method: str, url: str, now: datetime, access_token: str | None = None
) -> Proof | Refused | None:
    """Judge the `DPoP` headers of a request (4.3); None where there is none. `url` is without query and fragment."""
    if not headers:
        return None
    if len(headers) != 1:
        return _refused("A request has one DPoP header.")
    text = headers[0].strip()
    found = signed.opened(text)
    if found is None or found[0].get("typ") != "dpop+jwt":
        return _refused(f"It is no signed text of the type dpop+jwt under {', '.join(ALGORITHMS)}.")
    header, claims = found
    key = signed.public_key(header.get("jwk"))
    if key is None:
        return _refused("Its header has no public key (jwk) that can be used.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_ID:
        return _refused(f"jti must be text of 1 to {_LONGEST_ID} characters.")
    if claims.get("htm") != method or not _same_address(claims.get("htu"), url):
        return _refused(f"htm and htu must be {method} and {url}.")
    age = signed.age(claims, "iat", now)
    if age is None or not -NEWEST.total_seconds() <= age <= OLDEST.total_seconds():
        return _refused("iat is not now.")
    if access_token is not None and not _same(claims.get("ath"), hash_of(access_token)):
        return _refused("ath is not the digest of the access token.")
    if not signed.verifies(text, key, header["alg"]):
        return _refused("The signature is not that of its key.")
    jkt = key.thumbprint()
    return Proof(jkt, signed.digest("dpop", jkt, method, url, jti), now + OLDEST + NEWEST)


def hash_of(access_token: str) -> str:
    """`ath` (4.2): the SHA-256 of the token's text, in base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()).decode().rstrip("=")


def is_thumbprint(text: str) -> bool:
    """Whether the text can be the `dpop_jkt` of an authorization request (10)."""
    return len(text) == _THUMBPRINT_LENGTH and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)


def refuse_binding(proof: Proof | None, jkt: str | None) -> Refused | None:
    """What speaks against a request that must come from the holder of the key `jkt`; None is no binding at all."""
    if jkt is None:
        return None
    if proof is None:
        return _refused("This is bound to a key; send a DPoP proof.")
    return None if _same(proof.jkt, jkt) else _refused("The proof is of another key than the one this is bound to.")


def seen_before() -> Refused:
    """The answer to a proof that comes a second time."""
    return _refused("This proof was used before; sign a new one for each request.")


def _refused(sentence: str) -> Refused:
    return Refused(OAuthError.INVALID_DPOP_PROOF, sentence)


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), wanted.encode())


def _same_address(given: object, url: str) -> bool:
    """Compared without query and fragment, after the normal forms of RFC 3986, 6.2.2 and 6.2.3 (RFC 9449, 4.3)."""
    if not isinstance(given, str) or len(given) > signed.LONGEST:
        return False
    try:
        return _normal(given) == _normal(url)
    except ValueError:
        return False


def _normal(address: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise ValueError("an address with a user in it")
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme), parts.path or "/"
