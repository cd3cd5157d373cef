"""Grant management (OpenID, Grant Management for OAuth 2.0, draft 03): an app looks at a grant by its id, and ends it.

The app shows an access token of that grant's person, with the scope for it. It is told what the gate would give it
now; of a grant that is over, another person's or another app's it is told that there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from beholden.gate.oauth import details, dpop, token
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.dpop import Proof
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.scope import MANAGEMENT, QUERY, REVOKE
from beholden.gate.oauth.secret import digest_of
from beholden.gate.oauth.token import Kind, Token
from beholden.journeys.caller import Document, take
from beholden.journeys.consent import append, end_in
from beholden.journeys.introspect import reach_of, situation_of
from beholden.journeys.ports import Engines, Unit
from beholden.model.app import App
from beholden.model.grant import EndReason, Grant, GrantState

_LONGEST = 200
_ALGORITHMS = " ".join(dpop.ALGORITHMS)


@dataclass(frozen=True, slots=True)
class Barred:
    """A no in the form of RFC 6750, 3, and RFC 9449, 7.1, with what to show in order to be let in."""

    status: int
    error: str
    description: str
    challenges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bearer:
    """Whoever shows a good access token: the app, for one person. `proof` is still to be used up."""

    app: App
    token: Token
    proof: Proof | None


def show(
    engines: Engines, authorization: str | None, grant_id: str, *, proofs: Sequence[str] = ()
) -> Document | Barred:
    """What a grant gives now (6.3)."""
    with engines.store.read() as unit:
        bearer = _admitted(engines, unit, authorization, proofs, "GET", grant_id, QUERY)
    if isinstance(bearer, Barred):
        return bearer
    if bearer.proof is not None:
        seen = engines.store.perform(lambda unit: take(unit, bearer.proof))
        if seen is not None:
            return _unauthenticated(seen.error, seen.description)
    with engines.store.read() as unit:
        found = _grant(unit, bearer, grant_id)
        return found if isinstance(found, Barred) else _shown(engines, unit, bearer, found)


def end(engines: Engines, authorization: str | None, grant_id: str, *, proofs: Sequence[str] = ()) -> Barred | None:
    """End a grant with all its tokens (6.4); None when that is done."""
    with engines.store.read() as unit:  # so that a stranger holds up no writer
        stranger = _admitted(engines, unit, authorization, proofs, "DELETE", grant_id, REVOKE)
    if isinstance(stranger, Barred):
        return stranger

    def work(unit: Unit) -> Barred | None:
        bearer = _admitted(engines, unit, authorization, proofs, "DELETE", grant_id, REVOKE)
        if isinstance(bearer, Barred):
            return bearer
        seen = take(unit, bearer.proof)
        if seen is not None:
            return _unauthenticated(seen.error, seen.description)
        found = _grant(unit, bearer, grant_id)
        if isinstance(found, Barred):
            return found
        append(engines, end_in(unit, found, EndReason.APP, engines.clock.now()))
        return None

    return engines.store.perform(work)


def _shown(engines: Engines, unit: Unit, bearer: _Bearer, found: Grant) -> Document:
    purposes = tuple(sorted(found.purposes))
    held = [
        Detail(tuple(sorted(found.fields)), purposes),
        Detail(tuple(sorted(found.through_fields)), purposes, through=True),
    ]
    opened = reach_of(engines, unit, bearer.app, found.person, "", held)
    scope = " ".join(name for name in bearer.token.scope.split() if name not in MANAGEMENT)
    answer: dict[str, object] = {
        "scopes": [{"scope": scope}] if scope and bearer.token.grant == found.id else [],
        "authorization_details": details.document(opened.details, found.id),
    }
    if opened.until is not None:
        answer["data_access_expires_at"] = int(opened.until.timestamp())
    return answer


def _admitted(
    engines: Engines,
    unit: Unit,
    authorization: str | None,
    proofs: Sequence[str],
    method: str,
    grant_id: str,
    scope: str,
) -> _Bearer | Barred:
    """Whoever calls, by their access token; one that is bound to a key only with the key's proof (RFC 9449, 7)."""
    scheme, _, text = (authorization or "").partition(" ")
    text, now = text.strip(), engines.clock.now()
    if scheme.lower() not in {"bearer", "dpop"} or not 0 < len(text) <= _LONGEST:
        return _unauthenticated(None, "Show an access token.")
    found = unit.consent.token(digest_of(text))
    app = unit.directory.app_by_number(found.app) if found is not None and found.kind is Kind.ACCESS else None
    if found is None or app is None:
        return _unauthenticated(OAuthError.INVALID_TOKEN, "The token is worth nothing.")
    if not token.is_live(found, situation_of(unit, app, found.person, found.grant, now), now):
        return _unauthenticated(OAuthError.INVALID_TOKEN, "The token is worth nothing.")
    if (scheme.lower() == "dpop") != (found.jkt is not None):
        return _unauthenticated(OAuthError.INVALID_TOKEN, "Send the token by the scheme that is its token_type.")
    proof = None
    if found.jkt is not None:
        url = f"{engines.url}/oauth/grants/{grant_id}"
        proven = dpop.read(proofs, method=method, url=url, now=now, access_token=text)
        fault = proven if isinstance(proven, Refused) else dpop.refuse_binding(proven, found.jkt)
        if fault is not None:
            return _unauthenticated(fault.error, fault.description)
        proof = proven if isinstance(proven, Proof) else None
    if scope not in found.scope.split() or not unit.oauth.terms(app.number).manages:
        challenge = f'Bearer realm="beholden", error="insufficient_scope", scope="{scope}"'
        return Barred(403, OAuthError.INSUFFICIENT_SCOPE.value, f"The token has not the scope {scope}.", (challenge,))
    return _Bearer(app, found, proof)


def _grant(unit: Unit, bearer: _Bearer, grant_id: str) -> Grant | Barred:
    grants = unit.directory.grants(person=bearer.token.person, app=bearer.app.number)
    found = next((grant for grant in grants if grant.id == grant_id), None)
    return found if found is not None and found.state is GrantState.ACTIVE else _unknown()


def _unknown() -> Barred:
    return Barred(404, OAuthError.INVALID_GRANT_ID.value, "There is no such grant.")


def _unauthenticated(error: OAuthError | None, description: str) -> Barred:
    """Without a token the challenge has no error in it (RFC 6750, 3.1)."""
    told = "" if error is None else f', error="{error.value}"'
    challenges = (f'Bearer realm="beholden"{told}', f'DPoP realm="beholden", algs="{_ALGORITHMS}"{told}')
    return Barred(401, (error or OAuthError.INVALID_TOKEN).value, description, challenges)
