"""Who calls an OAuth endpoint: an app that shows which one it is, by which key it holds its tokens, or the platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beholden.gate.oauth import assertion, client, dpop
from beholden.gate.oauth.client import ClientTerms
from beholden.gate.oauth.dpop import Proof
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.journeys import access
from beholden.journeys.ports import Engines, Unit
from beholden.model.app import App

TOKEN, PAR, INTROSPECT, REVOKE = "/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke"

Pairs = Sequence[tuple[str, str]]
"""A query or a form, in the order in which it came."""
Document = Mapping[str, object]
"""A JSON object for the answer's body."""


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """A no in the form of RFC 6749, 5.2. `unauthenticated` is a 401, everything else a 400."""

    error: str
    description: str
    unauthenticated: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """An app that is the one it names; a `public` one has shown nothing but the name."""

    app: App
    terms: ClientTerms
    public: bool


def refusal(refused: Refused) -> TokenRefusal:
    """A no as it is told to a program."""
    unauthenticated = refused.error is OAuthError.INVALID_CLIENT
    return TokenRefusal(refused.error.value, refused.description, unauthenticated)


def is_platform(engines: Engines, authorization: str | None) -> bool:
    """Whether the caller shows the platform's key, as a bearer token (RFC 7662, 2.1)."""
    scheme, _, key = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and access.check_platform_key(engines, key.strip()) is not None


def authenticated(engines: Engines, authorization: str | None, given: Parameters) -> Caller | Refused:
    """The app that calls, or why it is not believed.

    It only reads, until a signature was found good: a stranger holds up no writer.
    """
    fault = given.refuse()
    if fault is not None:
        return fault
    credentials = client.credentials_of(authorization, given)
    if isinstance(credentials, Refused):
        return credentials
    with engines.store.read() as unit:
        app = unit.directory.app(credentials.client_id)
        if app is None:
            return client.FAILED
        terms, secrets = unit.oauth.terms(app.number), unit.consent.secrets(app.number)
    if not credentials.signed:
        authentic = client.is_authentic(credentials, secrets, has_keys=bool(terms.keys))
        return Caller(app, terms, public=not secrets) if authentic else client.FAILED
    audiences = {engines.url, *(engines.url + path for path in (TOKEN, PAR, INTROSPECT, REVOKE))}
    asserted = assertion.judge(given, app.client_id, terms.keys, audiences, engines.clock.now())
    if asserted is None or not engines.store.perform(lambda unit: unit.oauth.remember(asserted.once, asserted.until)):
        return client.FAILED
    return Caller(app, terms, public=False)


def proof_of(engines: Engines, caller: Caller, proofs: Sequence[str], path: str) -> Proof | Refused | None:
    """The DPoP proof of a POST to one of our addresses; None where there is none and none is needed (RFC 9449, 5)."""
    proof = dpop.read(proofs, method="POST", url=engines.url + path, now=engines.clock.now())
    if proof is None and caller.terms.dpop and path == TOKEN:
        return Refused(OAuthError.INVALID_DPOP_PROOF, "This app gets no token without a DPoP proof.")
    return proof


def take(unit: Unit, proof: Proof | None) -> Refused | None:
    """Use a proof up, in the unit that it is for."""
    return None if proof is None or unit.oauth.remember(proof.once, proof.until) else dpop.seen_before()
