"""What consent needs to keep, and the promises of whoever keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from beholden.gate.oauth.client import ClientTerms
from beholden.gate.oauth.pushed import Pushed
from beholden.gate.oauth.token import Code, Token
from beholden.model.ids import AppNumber, GrantId, PersonNumber


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said when an app asked: the scopes it asked for and those they allowed; none is a refusal.

    `grant` is what came of it. Watch reads from these who was asked again after saying no.
    """

    person: PersonNumber
    app: AppNumber
    at: datetime
    asked: tuple[str, ...]
    allowed: tuple[str, ...]
    grant: GrantId | None


class ConsentBook(Protocol):
    """Consent: answers, clients' secrets, codes and tokens. Of secrets, codes and tokens it keeps digests alone."""

    def record_answer(self, answer: Answer) -> None:
        """Keep an answer, as the last one of this person to this app, whatever the clock says."""
        ...

    def answers(self, *, person: PersonNumber | None = None, app: AppNumber | None = None) -> Sequence[Answer]:
        """Answers by person or app or both, the last first. One of the two must be given."""
        ...

    def claim_place(self, app: AppNumber, at: datetime) -> None:
        """Make units that add to this app's people happen one after the other.

        The unit that comes second waits, or raises Unavailable to be tried again: what it counted may be old.
        """
        ...

    def secrets(self, app: AppNumber) -> Sequence[bytes]:
        """The digests of an app's secrets; none for a public client."""
        ...

    def put_secret(self, app: AppNumber, digest: bytes, at: datetime) -> None:
        """Replace all secrets of an app by this one."""
        ...

    def add_code(self, code: Code) -> None:
        """Keep a new code."""
        ...

    def code(self, digest: bytes) -> Code | None:
        """The code with this digest."""
        ...

    def use_code(self, code: Code, at: datetime) -> bool:
        """Mark a code as redeemed. False when it was before: of two who race, one is told True."""
        ...

    def add_tokens(self, tokens: Sequence[Token]) -> None:
        """Keep new tokens."""
        ...

    def token(self, digest: bytes) -> Token | None:
        """The token with this digest, ended or not."""
        ...

    def use_token(self, token: Token, at: datetime) -> bool:
        """Mark a refresh token as exchanged. False when it was before: of two who race, one is told True."""
        ...

    def end_token(self, token: Token, at: datetime) -> None:
        """End one token."""
        ...

    def end_family(self, code: Code, at: datetime) -> int:
        """End every token that descends from a code; how many had not ended before."""
        ...

    def end_tokens(self, *, apps: Sequence[AppNumber] | None = None, grant: GrantId | None = None, at: datetime) -> int:
        """End all tokens of these apps, or of this grant; how many had not ended before.

        Codes need no ending: the token endpoint looks at grant and standing anyway. Exactly one of the two must be
        given: a missing argument must not end everything. An empty list ends nothing.
        """
        ...

    def forget(self, person: PersonNumber) -> None:
        """Delete everything kept here of one person, for their erasure."""
        ...

    def sweep(self, before: datetime) -> int:
        """Delete codes, access tokens and ended tokens that were over before this time; how many.

        A refresh token that was exchanged stays while its family lives: only so is its second use known as one.
        """
        ...


class OAuthBook(Protocol):
    """What is kept of clients and of their requests before there is a person in them."""

    def terms(self, app: AppNumber) -> ClientTerms:
        """What the platform holds an app to; the default where nothing was said."""
        ...

    def put_terms(self, app: AppNumber, terms: ClientTerms, at: datetime) -> None:
        """Replace them."""
        ...

    def add_pushed(self, request: Pushed) -> None:
        """Keep a new pushed request."""
        ...

    def pushed(self, digest: bytes) -> Pushed | None:
        """The pushed request with this digest, whatever became of it."""
        ...

    def open_pushed(self, request: Pushed, at: datetime) -> bool:
        """Mark a pushed request as opened; False when it was before."""
        ...

    def use_pushed(self, request: Pushed, at: datetime) -> bool:
        """Mark a pushed request as answered. False when it was before: of two who race, one is told True."""
        ...

    def remember(self, once: bytes, until: datetime) -> bool:
        """Remember what may come once, until then. False when it is remembered already: of two who race, one is told
        True."""
        ...

    def sweep(self, before: datetime) -> int:
        """Delete what was over before this time: pushed requests that nobody can answer, and what cannot come again."""
        ...
