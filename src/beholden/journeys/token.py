"""Tokens: a code becomes tokens, a refresh token becomes the next, a token is looked at, a token is given back.

None of this is the person's own use (law 6): an app does all of it alone, at night. So nothing here records one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from beholden.gate.oauth import client, parameters, token
from beholden.gate.oauth.metadata import metadata_of
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.secret import digest_of, written
from beholden.gate.oauth.terms import lapse
from beholden.gate.oauth.token import ACCESS_LIFE, Code, Kind, Redemption, Situation, Token
from beholden.gate.pairwise import scoped_ids
from beholden.gate.signals import event
from beholden.journeys import access, signal
from beholden.journeys.consent import Pairs, append, end_in
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.app import App
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber

_ENDED = Refused(OAuthError.INVALID_GRANT, "It is not known, was used before, has ended, or was given to another app.")


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """A no in the form of RFC 6749, 5.2. `unauthenticated` is a 401, everything else a 400."""

    error: str
    description: str
    unauthenticated: bool


Document = Mapping[str, object]
"""A JSON object for the answer's body."""


def metadata(engines: Engines) -> Document:
    """The server's metadata (RFC 8414)."""
    return metadata_of(engines.url, engines.catalogue)


def redeem(engines: Engines, authorization: str | None, pairs: Pairs) -> Document | TokenRefusal:
    """The token endpoint (RFC 6749, 3.2): `authorization_code` or `refresh_token`."""
    given = parameters.of(pairs)
    app = _authenticated(engines, authorization, given)
    if isinstance(app, Refused):
        return _refusal(app)
    match given.one("grant_type"):
        case "authorization_code":
            answer = exchange(engines, app, given)
        case "refresh_token":
            answer = refresh(engines, app, given)
        case None:
            answer = Refused(OAuthError.INVALID_REQUEST, "grant_type is missing.")
        case _:
            answer = Refused(OAuthError.UNSUPPORTED_GRANT_TYPE, "Use authorization_code or refresh_token.")
    return _refusal(answer) if isinstance(answer, Refused) else answer


def exchange(engines: Engines, app: App, given: Parameters) -> Document | Refused:
    """A code for tokens (RFC 6749, 4.1.3). A second time ends what came of the first (4.1.2)."""
    text, verifier = given.one("code"), given.one("code_verifier")
    if text is None or verifier is None:
        return Refused(OAuthError.INVALID_REQUEST, f"{'code' if text is None else 'code_verifier'} is missing.")
    now = engines.clock.now()

    def work(unit: Unit) -> Document | Refused:
        code = unit.consent.code(digest_of(text))
        fault = token.judge_code(code, app.number, given.one("redirect_uri"), verifier, now)
        if code is None or fault is Redemption.INVALID:
            return _ENDED
        if fault is Redemption.REUSED or not unit.consent.use_code(code, now):
            return _code_reused(engines, unit, code, now)
        if not token.carries(_situation(unit, app, code.person, code.grant, now)):
            return _ENDED
        return _issue(engines, unit, code, code.scope, code.scope, now)

    return engines.store.perform(work)


def refresh(engines: Engines, app: App, given: Parameters) -> Document | Refused:
    """A refresh token for the next one and an access token (RFC 6749, 6).

    Each is good once. One that comes twice was stolen, from the app or by it; which of the two callers is the thief
    cannot be told, so the grant ends for both (RFC 9700, 4.14.2).
    """
    text = given.one("refresh_token")
    if text is None:
        return Refused(OAuthError.INVALID_REQUEST, "refresh_token is missing.")
    now = engines.clock.now()

    def work(unit: Unit) -> Document | Refused:
        old = unit.consent.token(digest_of(text))
        fault = token.judge_refresh(old, app.number)
        if old is None or fault is Redemption.INVALID:
            return _ENDED
        if fault is Redemption.REUSED:
            return _refresh_reused(engines, unit, old, now)
        if not token.carries(_situation(unit, app, old.person, old.grant, now)):
            return _ENDED
        scope = token.narrowed(old.scope, given.one("scope"))
        if isinstance(scope, Refused):
            return scope
        if not unit.consent.use_token(old, now):
            return _refresh_reused(engines, unit, old, now)
        return _issue(engines, unit, old, scope, old.scope, now)

    return engines.store.perform(work)


def introspect(engines: Engines, authorization: str | None, pairs: Pairs) -> Document | TokenRefusal:
    """What a token is worth now (RFC 7662), to the platform for any, to an app for its own.

    The platform is told who the person is; an app only its own id of them. `{"active": false}` is all there is to say
    of a token that is unknown, over, another app's, or stands on a grant or an app that has been stopped.
    """
    given = parameters.of(pairs)
    platform = _is_platform(engines, authorization)
    caller = None if platform else _authenticated(engines, authorization, given)
    if isinstance(caller, Refused):
        return _refusal(caller)
    fault = given.refuse()
    if fault is not None:
        return _refusal(fault)
    text = given.one("token")
    if text is None:
        return _refusal(Refused(OAuthError.INVALID_REQUEST, "token is missing."))
    with engines.store.read() as unit:
        found = unit.consent.token(digest_of(text))
        if found is None or (caller is not None and found.app != caller.number):
            return {"active": False}
        return _introspected(engines, unit, found, platform=platform)


def revoke(engines: Engines, authorization: str | None, pairs: Pairs) -> TokenRefusal | None:
    """An app gives a token back (RFC 7009). None is done, or that there was nothing to do.

    An access token ends alone. A refresh token stands for the whole grant: the app says that it is through with the
    person, and the grant ends with the reason `app`.
    """
    given = parameters.of(pairs)
    app = _authenticated(engines, authorization, given)
    if isinstance(app, Refused):
        return _refusal(app)
    text = given.one("token")
    if text is None:
        return _refusal(Refused(OAuthError.INVALID_REQUEST, "token is missing."))
    now = engines.clock.now()

    def work(unit: Unit) -> TokenRefusal | None:
        found = unit.consent.token(digest_of(text))
        if found is None:
            return None
        if found.app != app.number:
            return _refusal(Refused(OAuthError.INVALID_GRANT, "The token was not given to this app."))
        if found.kind is Kind.ACCESS:
            unit.consent.end_token(found, now)
            signal.tell(unit, [event.token_ended(found.app, found.person, found.grant, now)])
        else:
            append(engines, _end_grant(unit, found, EndReason.APP, now))
        return None

    return engines.store.perform(work)


def issue_secret(engines: Engines, actor: Actor, client_id: str) -> str:
    """A new secret for an app, in place of all it had; shown once. An app without one is a public client."""
    secret, now = written(engines.ids.secret()), engines.clock.now()
    with engines.store.write() as unit:
        app = unit.directory.app(client_id)
        if app is None:
            raise NotFound(f"There is no app {client_id!r}.", "`beholden app list` names them.")
        unit.consent.put_secret(app.number, digest_of(secret), now)
        append(engines, [Act(actor, "app:issue-secret", client_id, now, app.number)])
    return secret


def end_tokens_of_app(engines: Engines, app: AppNumber) -> int:
    """End every token of one app; how many there were. The grants stay."""
    with engines.store.write() as unit:
        return _end_tokens(engines, unit, [app])


def end_tokens_of_developer(engines: Engines, developer: DeveloperNumber) -> int:
    """End every token of every app of one developer, in one unit; how many there were. The grants stay."""
    with engines.store.write() as unit:
        return _end_tokens(engines, unit, [app.number for app in unit.directory.apps(developer)])


def sweep(engines: Engines) -> int:
    """Delete what is long over: codes and tokens that ended more than a day ago; how many."""
    now = engines.clock.now()
    with engines.store.write() as unit:
        return unit.consent.sweep(now - 24 * ACCESS_LIFE)


def _end_tokens(engines: Engines, unit: Unit, apps: list[AppNumber]) -> int:
    now = engines.clock.now()
    ended = unit.consent.end_tokens(apps=apps, at=now)
    signal.tokens_ended(unit, apps, now)
    append(engines, [Act(SYSTEM, "token:end-all", str(app), now, app) for app in apps])
    return ended


def _refusal(refused: Refused) -> TokenRefusal:
    unauthenticated = refused.error is OAuthError.INVALID_CLIENT
    return TokenRefusal(refused.error.value, refused.description, unauthenticated)


def _is_platform(engines: Engines, authorization: str | None) -> bool:
    """Whether the caller shows the platform's key, as a bearer token (RFC 7662, 2.1)."""
    scheme, _, key = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and access.check_platform_key(engines, key.strip()) is not None


def _authenticated(engines: Engines, authorization: str | None, given: Parameters) -> App | Refused:
    """The app that calls, or why it is not believed. It reads only: a stranger holds up no writer."""
    fault = given.refuse()
    if fault is not None:
        return fault
    credentials = client.credentials_of(authorization, given)
    if isinstance(credentials, Refused):
        return credentials
    with engines.store.read() as unit:
        app = unit.directory.app(credentials.client_id)
        if app is None or not client.is_authentic(credentials, unit.consent.secrets(app.number)):
            return client.FAILED
        return app


def _situation(unit: Unit, app: App, person: PersonNumber, grant: GrantId, now: datetime) -> Situation:
    standing, developer_standing = unit.directory.standing(app)
    found = next((g for g in unit.directory.grants(person=person, app=app.number) if g.id == grant), None)
    if found is None or person not in unit.directory.people([person]):
        return Situation(app, standing, developer_standing, None, lapsed=False)
    last_use = unit.directory.last_uses(person).get(app.number)
    over = lapse(found, last_use, unit.directory.policy(), now) is not None
    return Situation(app, standing, developer_standing, found, lapsed=over)


def _issue(engines: Engines, unit: Unit, ground: Code | Token, scope: str, full: str, now: datetime) -> Document:
    """An access token with `scope`, and a refresh token with the `full` one (RFC 6749, 6: it never narrows)."""
    access_token, refresh_token = written(engines.ids.secret()), written(engines.ids.secret())
    unit.consent.add_tokens(
        [
            _token(ground, access_token, Kind.ACCESS, scope, now, now + ACCESS_LIFE),
            _token(ground, refresh_token, Kind.REFRESH, full, now, None),
        ]
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "refresh_token": refresh_token,
        "scope": scope,
    }


def _token(ground: Code | Token, text: str, kind: Kind, scope: str, now: datetime, end: datetime | None) -> Token:
    return Token(ground.person, digest_of(text), kind, ground.app, ground.grant, scope, ground.family, now, end)


def _code_reused(engines: Engines, unit: Unit, code: Code, now: datetime) -> Refused:
    unit.consent.end_family(code, now)
    signal.tell(unit, [event.tokens_ended(code.app, now, code.person, code.grant)])
    append(engines, [Act(SYSTEM, "code:reuse", code.grant, now, code.app)])
    return _ENDED


def _refresh_reused(engines: Engines, unit: Unit, old: Token, now: datetime) -> Refused:
    append(engines, _end_grant(unit, old, EndReason.REFRESH_REUSE, now))
    return _ENDED


def _end_grant(unit: Unit, found: Token, reason: EndReason, now: datetime) -> list[Act]:
    grants = unit.directory.grants(person=found.person, app=found.app)
    return [act for grant in grants if grant.id == found.grant for act in end_in(unit, grant, reason, now)]


def _introspected(engines: Engines, unit: Unit, found: Token, *, platform: bool) -> Document:
    app = unit.directory.app_by_number(found.app)
    assert app is not None, "tokens are issued to apps that are there, and apps stay"
    now = engines.clock.now()
    situation = _situation(unit, app, found.person, found.grant, now)
    if not token.is_live(found, situation, now) or situation.grant is None:
        return {"active": False}
    end = found.expires_at or situation.grant.ends_at
    (sub,) = scoped_ids(engines.pairwise, app.number, [found.person])
    answer: dict[str, object] = {
        "active": True,
        "scope": found.scope,
        "client_id": app.client_id,
        "sub": sub,
        "iss": engines.url,
        "iat": int(found.issued_at.timestamp()),
        "authorization_details": [token.details_of(situation.grant)],
    }
    if found.kind is Kind.ACCESS:
        answer["token_type"] = "Bearer"  # noqa: S105 - RFC 6750's name of a kind of token
    if end is not None:
        answer["exp"] = int(end.timestamp())
    if platform:
        answer["person"] = unit.directory.people([found.person])[found.person].outside_id
    return answer
