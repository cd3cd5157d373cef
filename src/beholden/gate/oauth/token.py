"""Codes and tokens, and what may still be done with them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from beholden.gate.oauth import pkce
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.model.app import App
from beholden.model.grant import Grant, GrantState
from beholden.model.ids import AppNumber, GrantId, PersonNumber
from beholden.model.standing import Standing, worse

CODE_LIFE = timedelta(seconds=60)
"""RFC 6749, 4.1.2, allows ten minutes; an app redeems a code at once."""
ACCESS_LIFE = timedelta(hours=1)


class Kind(StrEnum):
    """What a token is for."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code as it is kept. `family` names all that descends from it.

    `details` are those of RFC 9396 that the person allowed; `jkt` is the key that has to redeem it (RFC 9449, 10).
    """

    person: PersonNumber
    digest: bytes
    app: AppNumber
    grant: GrantId
    redirect_uri: str
    challenge: str
    scope: str
    family: str
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    details: tuple[Detail, ...] = ()
    jkt: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept. A refresh token has no end of its own: it lives as long as the grant.

    `used_at` is when a refresh token was exchanged for the next one; `ended_at` when either was ended. `jkt` is the
    key without which it is worth nothing (RFC 9449, 6).
    """

    person: PersonNumber
    digest: bytes
    kind: Kind
    app: AppNumber
    grant: GrantId
    scope: str
    family: str
    issued_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = None
    ended_at: datetime | None = None
    details: tuple[Detail, ...] = ()
    jkt: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What a token stands on: the app, its standing and its developer's, and the grant."""

    app: App
    standing: Standing
    developer_standing: Standing
    grant: Grant | None
    lapsed: bool


class Redemption(StrEnum):
    """What is wrong with a code or a refresh token that comes to the token endpoint."""

    INVALID = "invalid"
    REUSED = "reused"


def judge_code(
    code: Code | None, app: AppNumber, redirect_uri: str | None, verifier: str, now: datetime
) -> Redemption | None:
    """None where the code may be redeemed (RFC 6749, 4.1.3; RFC 7636, 4.6).

    Another app's code is merely invalid, whatever became of it: only its own app can betray that it was used twice.
    """
    if code is None or code.app != app:
        return Redemption.INVALID
    if code.used_at is not None:
        return Redemption.REUSED
    if now >= code.expires_at or redirect_uri != code.redirect_uri or not pkce.proves(verifier, code.challenge):
        return Redemption.INVALID
    return None


def judge_refresh(token: Token | None, app: AppNumber) -> Redemption | None:
    """None where the refresh token may be exchanged; REUSED where it was before (RFC 9700, 4.14.2)."""
    if token is None or token.app != app or token.kind is not Kind.REFRESH or token.ended_at is not None:
        return Redemption.INVALID
    return Redemption.REUSED if token.used_at is not None else None


def narrowed(scope: str, wanted: str | None) -> str | Refused:
    """The scope of a refreshed access token: at most what was granted (RFC 6749, 6)."""
    if wanted is None:
        return scope
    if not set(wanted.split(" ")) <= set(scope.split(" ")):
        return Refused(OAuthError.INVALID_SCOPE, "That is more than the person allowed.")
    return wanted


def carries(situation: Situation) -> bool:
    """Whether tokens on this ground are worth anything: the gate's own view, so that neither can be asked instead."""
    grant = situation.grant
    stopped = worse(situation.standing, situation.developer_standing) in {Standing.SUSPENDED, Standing.BANNED}
    return not stopped and grant is not None and grant.state is GrantState.ACTIVE and not situation.lapsed


def is_live(token: Token, situation: Situation, now: datetime) -> bool:
    """Whether a token is active (RFC 7662, 2.2)."""
    over = token.expires_at is not None and now >= token.expires_at
    return token.ended_at is None and token.used_at is None and not over and carries(situation)
