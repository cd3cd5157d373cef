"""Pushed authorization requests (RFC 9126): the app hands its request over itself, the person's browser a reference.

The reference opens within 90 seconds. Who has opened it then has time to sign in and to read; it is used up by the
person's answer.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from beholden.model.ids import AppNumber

PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFE = timedelta(seconds=90)
READING = timedelta(minutes=15)
"""From opening to answering: a person may have to sign in, and shall read."""
_REFERENCE = re.compile(re.escape(PREFIX) + r"([A-Za-z0-9_-]{43})")

GONE = "The link was used already, or is too old. Go back to the app and begin again."
"""One answer for a reference that is unknown, used, too old, or another app's."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A request as it is kept, under the digest of its reference."""

    digest: bytes
    app: AppNumber
    pairs: tuple[tuple[str, str], ...]
    pushed_at: datetime
    expires_at: datetime
    opened_at: datetime | None = None
    used_at: datetime | None = None


def reference(secret: str) -> str:
    """The request URI for a secret (RFC 9126, 2.2)."""
    return PREFIX + secret


def secret_of(request_uri: str) -> str | None:
    """The secret in a request URI; None when it is none of ours."""
    found = _REFERENCE.fullmatch(request_uri)
    return found[1] if found else None


def may_open(pushed: Pushed, now: datetime) -> bool:
    """Whether the browser that brings the reference is in time to open it."""
    return pushed.opened_at is None and pushed.used_at is None and now < pushed.expires_at


def stands(pushed: Pushed | None, app: AppNumber, now: datetime) -> bool:
    """Whether the request may still be shown to the person, or answered."""
    if pushed is None or pushed.app != app or pushed.used_at is not None:
        return False
    return now < pushed.expires_at if pushed.opened_at is None else now < pushed.opened_at + READING
