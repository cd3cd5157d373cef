"""Introspection (RFC 7662): what a token is worth now, in the gate's own view.

Two clocks run. A token is active while it, its grant and its app stand; which data it opens is asked of the gate anew
each time, and may be nothing while the token is active.
"""

from collections.abc import Sequence
from datetime import datetime

from beholden.gate.oauth import details, dpop, parameters, token
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.dpop import Proof
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.reach import Reach, reach
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.secret import digest_of
from beholden.gate.oauth.terms import lapse
from beholden.gate.oauth.token import Kind, Situation, Token
from beholden.gate.pairwise import scoped_ids
from beholden.journeys.caller import Document, Pairs, TokenRefusal, authenticated, is_platform, refusal, take
from beholden.journeys.ports import Engines, Unit
from beholden.model.app import App
from beholden.model.ids import GrantId, PersonNumber

_INACTIVE: Document = {"active": False}


def introspect(engines: Engines, authorization: str | None, pairs: Pairs) -> Document | TokenRefusal:
    """What a token is worth now, to the platform for any, to an app for its own.

    The platform is told who the person is; an app only its own id of them. `{"active": false}` is all there is to say
    of a token that is unknown, over, another app's, or stands on a grant or an app that has been stopped.

    The platform may have the DPoP proof checked that came with the token (`dpop_proof`, `dpop_htm`, `dpop_htu`): then
    the token is active only where the proof holds, and the answer says `proof_checked`.
    """
    given = parameters.of(pairs)
    platform = is_platform(engines, authorization)
    caller = None if platform else authenticated(engines, authorization, given)
    if isinstance(caller, Refused):
        return refusal(caller)
    fault = given.refuse()
    if fault is not None:
        return refusal(fault)
    text = given.one("token")
    if text is None:
        return refusal(Refused(OAuthError.INVALID_REQUEST, "token is missing."))
    with engines.store.read() as unit:
        found = unit.consent.token(digest_of(text))
        if found is None or (caller is not None and found.app != caller.app.number):
            return _INACTIVE
        answer = _introspected(engines, unit, found, platform=platform)
    if not platform or answer["active"] is not True or all(name != "dpop_proof" for name, _ in given.pairs):
        return answer
    return {**answer, "proof_checked": True} if _is_proven(engines, found, text, given) else _INACTIVE


def worth_as_bearer(engines: Engines, text: str) -> Document | None:
    """What the platform is told of an access token that somebody shows at its API; None where it is worth nothing.

    A token that is bound to a key (RFC 9449, RFC 8705) is nothing without the proof, which no gateway hands on.
    """
    with engines.store.read() as unit:
        found = unit.consent.token(digest_of(text)) if text else None
        answer = _INACTIVE if found is None else _introspected(engines, unit, found, platform=True)
    usable = answer.get("active") is True and answer.get("token_type") == "Bearer" and "cnf" not in answer
    return answer if usable else None


def _is_proven(engines: Engines, found: Token, text: str, given: Parameters) -> bool:
    """Whether a resource server's caller holds the key of the token (RFC 9449, 7.1), and has not shown so before."""
    method, url = given.one("dpop_htm"), given.one("dpop_htu")
    if found.jkt is None or method is None or url is None:
        return False
    now = engines.clock.now()
    proof = dpop.read([given.one("dpop_proof") or ""], method=method, url=url, now=now, access_token=text)
    if not isinstance(proof, Proof) or dpop.refuse_binding(proof, found.jkt) is not None:
        return False
    return engines.store.perform(lambda unit: take(unit, proof)) is None


def situation_of(unit: Unit, app: App, person: PersonNumber, grant: GrantId, now: datetime) -> Situation:
    """What a code or token of this grant stands on."""
    standing, developer_standing = unit.directory.standing(app)
    found = next((g for g in unit.directory.grants(person=person, app=app.number) if g.id == grant), None)
    if found is None or person not in unit.directory.people([person]):
        return Situation(app, standing, developer_standing, None, lapsed=False)
    last_use = unit.directory.last_uses(person).get(app.number)
    over = lapse(found, last_use, unit.directory.policy(), now) is not None
    return Situation(app, standing, developer_standing, found, lapsed=over)


def reach_of(engines: Engines, unit: Unit, app: App, person: PersonNumber, scope: str, held: Sequence[Detail]) -> Reach:
    """What a token with this scope and these details opens now."""
    return reach(
        unit.gate.facts(app.client_id, person, [person]),
        scope,
        held,
        policy=unit.directory.policy(),
        catalogue=engines.catalogue,
        now=engines.clock.now(),
    )


def _introspected(engines: Engines, unit: Unit, found: Token, *, platform: bool) -> Document:
    app = unit.directory.app_by_number(found.app)
    assert app is not None, "tokens are issued to apps that are there, and apps stay"
    now = engines.clock.now()
    situation = situation_of(unit, app, found.person, found.grant, now)
    if not token.is_live(found, situation, now) or situation.grant is None:
        return _INACTIVE
    end = found.expires_at or situation.grant.ends_at
    opened = reach_of(engines, unit, app, found.person, found.scope, found.details)
    (sub,) = scoped_ids(engines.pairwise, app.number, [found.person])
    answer: dict[str, object] = {
        "active": True,
        "scope": found.scope,
        "client_id": app.client_id,
        "sub": sub,
        "iss": engines.url,
        "iat": int(found.issued_at.timestamp()),
        "grant_id": found.grant,
        "authorization_details": details.document(opened.details, found.grant),
    }
    if found.kind is Kind.ACCESS:
        answer["token_type"] = "Bearer" if found.jkt is None else "DPoP"
    if found.jkt is not None:
        answer["cnf"] = {"jkt": found.jkt}
    if end is not None:
        answer["exp"] = int(end.timestamp())
    if opened.until is not None:
        answer["data_access_expires_at"] = int(opened.until.timestamp())
    if platform:
        answer["purposes"] = sorted(situation.grant.purposes)
        answer["person"] = unit.directory.people([found.person])[found.person].outside_id
    return answer
