"""Pushing a request (RFC 9126): the app hands it over itself, and gets a reference to send the person with."""

from collections.abc import Sequence

from beholden.gate.oauth import authorization, parameters, pushed
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.pushed import Pushed
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.secret import digest_of, written
from beholden.journeys.asking import REQUEST_NAMES, found_pushed, is_stopped, understood
from beholden.journeys.caller import PAR, Caller, Document, Pairs, TokenRefusal, authenticated, proof_of, refusal, take
from beholden.journeys.ports import Engines, Unit


def push(
    engines: Engines, authorization_: str | None, pairs: Pairs, *, proofs: Sequence[str] = ()
) -> Document | TokenRefusal:
    """Keep a request that is good in every word; whatever the person's browser could be refused for is refused here.

    A DPoP proof binds the code to its key (RFC 9449, 10.1).
    """
    given = parameters.of(pairs)
    caller = authenticated(engines, authorization_, given)
    if isinstance(caller, Refused):
        return refusal(caller)
    proof = proof_of(engines, caller, proofs, PAR)
    if isinstance(proof, Refused):
        return refusal(proof)
    request = _request(caller, given, None if proof is None else proof.jkt)
    if isinstance(request, Refused):
        return refusal(request)
    with engines.store.read() as unit:  # so that what is refused anyway holds up no writer
        fault = _refuse(engines, unit, caller, request)
    if fault is not None:
        return refusal(fault)
    now, secret = engines.clock.now(), written(engines.ids.secret())

    def work(unit: Unit) -> Document | TokenRefusal:
        unfit = _refuse(engines, unit, caller, request) or take(unit, proof)
        if unfit is not None:
            return refusal(unfit)
        kept = Pushed(digest_of(secret), caller.app.number, request.pairs, now, now + pushed.LIFE)
        unit.oauth.add_pushed(kept)
        return {"request_uri": pushed.reference(secret), "expires_in": int(pushed.LIFE.total_seconds())}

    return engines.store.perform(work)


def open_request(engines: Engines, pairs: Pairs) -> None:
    """Note that a browser brought a reference in time; from then on its person has time to sign in and to read.

    It writes at most once for each request that an app has pushed, so that no stranger keeps us writing.
    """
    given, now = parameters.of(pairs), engines.clock.now()
    if given.one("request_uri") is None:
        return
    with engines.store.read() as unit:
        found = found_pushed(unit, given)
    if found is not None and pushed.may_open(found, now):
        engines.store.perform(lambda unit: unit.oauth.open_pushed(found, now))


def _request(caller: Caller, given: Parameters, jkt: str | None) -> Parameters | Refused:
    """The request alone, without what shows who sent it."""
    if any(name == "request_uri" for name, _ in given.pairs):
        return Refused(OAuthError.INVALID_REQUEST, "A pushed request holds no request_uri (RFC 9126, 2.1).")
    if jkt is not None and given.one("dpop_jkt") not in {None, jkt}:
        return Refused(OAuthError.INVALID_DPOP_PROOF, "dpop_jkt names another key than the proof.")
    kept = {name: value for name, value in given.pairs if name in REQUEST_NAMES and value}
    kept["client_id"] = caller.app.client_id
    if jkt is not None:
        kept["dpop_jkt"] = jkt
    return parameters.of(list(kept.items()))


def _refuse(engines: Engines, unit: Unit, caller: Caller, request: Parameters) -> Refused | None:
    if is_stopped(unit, caller.app):
        return Refused(OAuthError.UNAUTHORIZED_CLIENT, "The platform has stopped this app.")
    words = authorization.refuse_sender(request, caller.app)
    if words is not None:
        return Refused(OAuthError.INVALID_REQUEST, words)
    found = understood(caller.app, caller.terms, request, engines.catalogue)
    return found if isinstance(found, Refused) else None
