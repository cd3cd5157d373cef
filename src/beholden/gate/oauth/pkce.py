"""Proof Key for Code Exchange (RFC 7636): S256 only, and asked of every client (RFC 9700, 2.1.1)."""

import base64
import hashlib
import hmac
import re

METHOD = "S256"
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")


def is_verifier(text: str) -> bool:
    """Whether the text can be a code verifier (4.1)."""
    return _VERIFIER.fullmatch(text) is not None


def is_challenge(text: str) -> bool:
    """Whether the text can be an S256 code challenge: base64url of 32 bytes, unpadded (4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier is the one from which the challenge was made (4.6)."""
    return is_verifier(verifier) and hmac.compare_digest(challenge_of(verifier), challenge)
