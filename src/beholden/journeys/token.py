"""Tokens: a code becomes tokens, a refresh token becomes the next, a token is looked at, a token is given back.

None of this is the person's own use (law 6): an app does all of it alone, at night. So nothing here records one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from beholden.gate.oauth import details, dpop, parameters, token
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.dpop import Proof
from beholden.gate.oauth.metadata import metadata_of
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.reach import covered
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.secret import digest_of, written
from beholden.gate.oauth.token import ACCESS_LIFE, Code, Kind, Redemption, Token
from beholden.gate.signals import event
from beholden.journeys import signal
from beholden.journeys.caller import (
    TOKEN,
    Caller,
    Document,
    Pairs,
    TokenRefusal,
    authenticated,
    proof_of,
    refusal,
    take,
)
from beholden.journeys.consent import append, end_in
from beholden.journeys.introspect import introspect, reach_of, situation_of
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.errors import NotFound
from beholden.model.grant import EndReason
from beholden.model.ids import AppNumber, DeveloperNumber

__all__ = ["introspect"]

_ENDED = Refused(OAuthError.INVALID_GRANT, "It is not known, was used before, has ended, or was given to another app.")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a token is for, by scope and by details."""

    scope: str
    details: tuple[Detail, ...]


def metadata(engines: Engines) -> Document:
    """The server's metadata (RFC 8414)."""
    return metadata_of(engines.url, engines.catalogue)


def redeem(
    engines: Engines, authorization: str | None, pairs: Pairs, *, proofs: Sequence[str] = ()
) -> Document | TokenRefusal:
    """The token endpoint (RFC 6749, 3.2): `authorization_code` or `refresh_token`."""
    given = parameters.of(pairs)
    caller = authenticated(engines, authorization, given)
    if isinstance(caller, Refused):
        return refusal(caller)
    proof = proof_of(engines, caller, proofs, TOKEN)
    if isinstance(proof, Refused):
        return refusal(proof)
    match given.one("grant_type"):
        case "authorization_code":
            answer = exchange(engines, caller, given, proof)
        case "refresh_token":
            answer = refresh(engines, caller, given, proof)
        case None:
            answer = Refused(OAuthError.INVALID_REQUEST, "grant_type is missing.")
        case _:
            answer = Refused(OAuthError.UNSUPPORTED_GRANT_TYPE, "Use authorization_code or refresh_token.")
    return refusal(answer) if isinstance(answer, Refused) else answer


def exchange(engines: Engines, caller: Caller, given: Parameters, proof: Proof | None) -> Document | Refused:
    """A code for tokens (RFC 6749, 4.1.3). A second time ends what came of the first (4.1.2)."""
    text, verifier = given.one("code"), given.one("code_verifier")
    if text is None or verifier is None:
        return Refused(OAuthError.INVALID_REQUEST, f"{'code' if text is None else 'code_verifier'} is missing.")
    now = engines.clock.now()

    def work(unit: Unit) -> Document | Refused:
        code = unit.consent.code(digest_of(text))
        fault = token.judge_code(code, caller.app.number, given.one("redirect_uri"), verifier, now)
        if code is None or fault is Redemption.INVALID:
            return _ENDED
        if fault is Redemption.REUSED:
            return _code_reused(engines, unit, code, now)
        if not token.carries(situation_of(unit, caller.app, code.person, code.grant, now)):
            return _ENDED
        wanted = _wanted(engines, code.scope, code.details, given)
        if isinstance(wanted, Refused):
            return wanted
        unproven = dpop.refuse_binding(proof, code.jkt) or take(unit, proof)
        if unproven is not None:
            return unproven
        if not unit.consent.use_code(code, now):
            return _code_reused(engines, unit, code, now)
        return _issue(engines, unit, caller, code, wanted, proof, now)

    return engines.store.perform(work)


def refresh(engines: Engines, caller: Caller, given: Parameters, proof: Proof | None) -> Document | Refused:
    """A refresh token for the next one and an access token (RFC 6749, 6).

    Each is good once. One that comes twice was stolen, from the app or by it; which of the two callers is the thief
    cannot be told, so the grant ends for both (RFC 9700, 4.14.2). Where the token is bound to a key, whoever has not
    the key is the thief, and nothing ends (RFC 9449, 5).
    """
    text = given.one("refresh_token")
    if text is None:
        return Refused(OAuthError.INVALID_REQUEST, "refresh_token is missing.")
    now = engines.clock.now()

    def work(unit: Unit) -> Document | Refused:
        old = unit.consent.token(digest_of(text))
        fault = token.judge_refresh(old, caller.app.number)
        if old is None or fault is Redemption.INVALID:
            return _ENDED
        unproven = dpop.refuse_binding(proof, old.jkt)
        if unproven is not None:
            return unproven
        if fault is Redemption.REUSED:
            return _refresh_reused(engines, unit, old, now)
        if not token.carries(situation_of(unit, caller.app, old.person, old.grant, now)):
            return _ENDED
        wanted = _wanted(engines, old.scope, old.details, given)
        if isinstance(wanted, Refused):
            return wanted
        seen = take(unit, proof)
        if seen is not None:
            return seen
        if not unit.consent.use_token(old, now):
            return _refresh_reused(engines, unit, old, now)
        return _issue(engines, unit, caller, old, wanted, proof, now)

    return engines.store.perform(work)


def revoke(engines: Engines, authorization: str | None, pairs: Pairs) -> TokenRefusal | None:
    """An app gives a token back (RFC 7009). None is done, or that there was nothing to do.

    An access token ends alone. A refresh token stands for the whole grant: the app says that it is through with the
    person, and the grant ends with the reason `app`.
    """
    given = parameters.of(pairs)
    caller = authenticated(engines, authorization, given)
    if isinstance(caller, Refused):
        return refusal(caller)
    text = given.one("token")
    if text is None:
        return refusal(Refused(OAuthError.INVALID_REQUEST, "token is missing."))
    now = engines.clock.now()

    def work(unit: Unit) -> TokenRefusal | None:
        found = unit.consent.token(digest_of(text))
        if found is None:
            return None
        if found.app != caller.app.number:
            return refusal(Refused(OAuthError.INVALID_GRANT, "The token was not given to this app."))
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
    """Delete what is long over: codes and tokens that ended more than a day ago; how many.

    Pushed requests and proofs that cannot come again go too, uncounted.
    """
    now = engines.clock.now()
    with engines.store.write() as unit:
        unit.oauth.sweep(now)
        return unit.consent.sweep(now - 24 * ACCESS_LIFE)


def _end_tokens(engines: Engines, unit: Unit, apps: list[AppNumber]) -> int:
    now = engines.clock.now()
    ended = unit.consent.end_tokens(apps=apps, at=now)
    signal.tokens_ended(unit, apps, now)
    append(engines, [Act(SYSTEM, "token:end-all", str(app), now, app) for app in apps])
    return ended


def _wanted(engines: Engines, scope: str, held: tuple[Detail, ...], given: Parameters) -> _Wanted | Refused:
    """What the new access token is for: all that the code or refresh token holds, or less."""
    less, text = token.narrowed(scope, given.one("scope")), given.one("authorization_details")
    if isinstance(less, Refused) or text is None:
        return less if isinstance(less, Refused) else _Wanted(less, held)
    fewer = details.narrowed(held, text, engines.catalogue)
    return fewer if isinstance(fewer, Refused) else _Wanted(less, fewer)


def _issue(
    engines: Engines,
    unit: Unit,
    caller: Caller,
    ground: Code | Token,
    wanted: _Wanted,
    proof: Proof | None,
    now: datetime,
) -> Document:
    """An access token for what is wanted, and a refresh token for all there is (RFC 6749, 6: it never narrows).

    The access token is bound to the key of the proof. So is a public client's refresh token; a confidential client's is
    bound to the client, which shows who it is (RFC 9449, 5).
    """
    access_token, refresh_token = written(engines.ids.secret()), written(engines.ids.secret())
    jkt = None if proof is None else proof.jkt
    whole = _Wanted(ground.scope, ground.details)
    unit.consent.add_tokens(
        [
            _token(ground, access_token, Kind.ACCESS, wanted, jkt, now, now + ACCESS_LIFE),
            _token(ground, refresh_token, Kind.REFRESH, whole, jkt if caller.public else None, now, None),
        ]
    )
    answer: dict[str, object] = {
        "access_token": access_token,
        "token_type": "Bearer" if jkt is None else "DPoP",
        "expires_in": int(ACCESS_LIFE.total_seconds()),
        "refresh_token": refresh_token,
        "scope": wanted.scope,
    }
    if ground.details:
        opened = reach_of(engines, unit, caller.app, ground.person, wanted.scope, wanted.details)
        answer["authorization_details"] = details.document(covered(wanted.details, opened), ground.grant)
    if caller.terms.manages:
        answer["grant_id"] = ground.grant
    return answer


def _token(
    ground: Code | Token, text: str, kind: Kind, what: _Wanted, jkt: str | None, now: datetime, end: datetime | None
) -> Token:
    return Token(
        ground.person,
        digest_of(text),
        kind,
        ground.app,
        ground.grant,
        what.scope,
        ground.family,
        now,
        end,
        details=what.details,
        jkt=jkt,
    )


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
