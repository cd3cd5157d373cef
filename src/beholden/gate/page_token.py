"""Page tokens: where a search goes on, in a text that only this house can write or read.

A token is AES-SIV (RFC 5297) over the page's size and the place of the last candidate, with everything else that was
asked as associated data: under other parameters it does not open (AuthZEN 1.0, search, "page"). Nothing is kept
here for it, so a search can be continued on any host, and the numbers of people do not leave the house.
"""

import base64
import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from beholden.model.errors import BadInput

LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which candidate, a number or a supplied id, the next page begins, and how many results a page has."""

    after: int | str
    limit: int


def write(secret: bytes, parameters: bytes, place: Place) -> str:
    """The token for `place` in a search with these parameters."""
    plain = json.dumps([place.limit, place.after], ensure_ascii=False, separators=(",", ":")).encode()
    return _written(_cipher(secret).encrypt(plain, [parameters]))


def read(secret: bytes, parameters: bytes, token: str) -> Place:
    """The place in a token; raises BadInput where it is not one that was given for these parameters."""
    try:
        if not 0 < len(token) <= LONGEST:
            raise ValueError("no token has this length")
        sealed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        limit, after = json.loads(_cipher(secret).decrypt(sealed, [parameters]))
    except (ValueError, InvalidTag) as error:
        raise BadInput(
            "page: 'token' was not given for this search.", "Repeat the search as it was, or begin without a token."
        ) from error
    if _written(sealed) != token:  # one token, one spelling
        raise BadInput("page: 'token' was not given for this search.", "Send it as it came.")
    return Place(after, limit)


def _written(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _cipher(secret: bytes) -> AESSIV:
    return AESSIV(hashlib.blake2b(key=secret, person=b"page token", digest_size=64).digest())
