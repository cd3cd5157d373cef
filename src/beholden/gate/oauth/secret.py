"""Codes, tokens and client secrets: 256 random bits that we hand out once and keep only as a digest.

A plain SHA-256 is enough here, and a slow password hash would be waste: nobody can guess 256 bits.
"""

import base64
import hashlib

BYTES = 32


def written(secret: bytes) -> str:
    """A secret as text: unpadded base64url, 43 characters for 32 bytes."""
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def digest_of(text: str) -> bytes:
    """What is kept of it: the SHA-256 of its text."""
    return hashlib.sha256(text.encode()).digest()
