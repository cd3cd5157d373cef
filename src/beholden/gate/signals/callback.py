"""Callbacks: an app is told that somebody removed it, and that somebody wishes their data deleted.

The form is the one that apps of large platforms have: a POST with `signed_request`, and for deletions an answer
`{"url": …, "confirmation_code": …}`. The signature is a token of ours that anyone can check with our public keys;
decisions/0011 says why it is no MAC under the client secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from beholden.gate.signals.event import OURS
from beholden.model.ids import AppNumber, PersonNumber


class CallKind(StrEnum):
    """What an app is called for."""

    DEAUTHORIZE = "deauthorize"
    DELETION = "data-deletion"

    @property
    def uri(self) -> str:
        """The type of the event in the token."""
        return OURS + self.value


class CallState(StrEnum):
    """What became of a call."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where an app wants to be called; empty where not at all."""

    app: AppNumber
    deauthorize: str = ""
    deletion: str = ""

    def of(self, kind: CallKind) -> str:
        """The address for one kind of call."""
        return self.deauthorize if kind is CallKind.DEAUTHORIZE else self.deletion


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `id` is its idempotency key and the token's `jti`; for a deletion it is the wish's code.

    `url` and `confirmation` are the app's answer to a deletion.
    """

    id: str
    kind: CallKind
    app: AppNumber
    person: PersonNumber
    at: datetime
    state: CallState = CallState.WAITING
    failures: int = 0
    next_at: datetime | None = None
    trouble: str = ""
    settled_at: datetime | None = None
    url: str = ""
    confirmation: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What an app answered to a wish of deletion."""

    url: str
    code: str


MAX_URL = 1_000
MAX_CODE = 200


def confirmation(answer: Any) -> Confirmation | str:
    """The confirmation in an app's answer, or what is wrong with it. People will be shown it, and may follow the link.

    So the link is https, has no credentials in it, and holds nothing that a page or a header could be broken with.
    """
    if not isinstance(answer, Mapping):
        return "the answer is not a JSON object"
    url, code = answer.get("url"), answer.get("confirmation_code")
    if not isinstance(code, str) or not 0 < len(code) <= MAX_CODE or not code.isprintable() or not code.strip():
        return f"'confirmation_code' is not a text of 1 to {MAX_CODE} characters"
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or len(url) > MAX_URL:
        return f"'url' is not an https address of at most {MAX_URL} characters"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "'url' is not an address"
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or set(url) & set(' "<>\\^`{|}'):
        return f"'url' is not an https address of at most {MAX_URL} characters"
    return Confirmation(url, code)
