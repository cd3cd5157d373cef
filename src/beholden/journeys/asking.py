"""What an app asks for: a request, plain or pushed, judged in the order in which it may be answered."""

from dataclasses import dataclass

from beholden.gate.oauth import authorization, details, parameters, pushed, redirect, scope
from beholden.gate.oauth.authorization import AuthorizationRequest
from beholden.gate.oauth.client import ClientTerms
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.pushed import Pushed
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.gate.oauth.scope import Wish
from beholden.gate.oauth.secret import digest_of
from beholden.journeys.caller import Pairs
from beholden.journeys.ports import Engines, Unit
from beholden.model.app import App, Developer
from beholden.model.catalogue import Catalogue
from beholden.model.standing import Standing, worse

REQUEST_NAMES = frozenset(authorization.NAMES)
"""The parameters of a request: what of a form is the request, the rest being the person's answer to it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no: to the app by way of `redirect`, or, where nothing may be sent there, to the person on a page."""

    sentence: str
    redirect: str | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """A request whose every word was found good, and the wishes that it stands for."""

    request: AuthorizationRequest
    wished: tuple[Wish, ...]
    manages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that was found good, who sends it, and what of it goes through the page (`parameters`).

    `pushed` is where it is kept, for a request that the app handed over itself.
    """

    app: App
    developer: Developer
    terms: ClientTerms
    request: AuthorizationRequest
    parameters: Parameters
    wished: tuple[Wish, ...]
    manages: tuple[str, ...]
    pushed: Pushed | None


def asked(engines: Engines, unit: Unit, pairs: Pairs) -> Asking | Refusal:
    """Judge a request: until client and redirect URI are known to be good, the answer is a page."""
    outer = parameters.of(pairs)
    client_id = outer.one("client_id")
    app = unit.directory.app(client_id) if client_id is not None else None
    kept = None
    given = outer
    if app is not None and any(name == "request_uri" for name, _ in pairs):
        kept = _kept(engines, unit, outer, app)
        if kept is None:
            return Refusal(pushed.GONE)
        given = _unfolded(kept, outer)
    words = authorization.refuse_sender(given, app)
    if words is not None or app is None:
        return Refusal(words or "The app that sent you is not known here.")
    if is_stopped(unit, app):
        # Not even an error goes there: people are not sent on to an app that was stopped.
        return Refusal(f"{app.name} was stopped by the platform; nobody can connect it.")
    terms = unit.oauth.terms(app.number)
    if terms.push and kept is None:
        sentence = "This app must push its requests (RFC 9126)."
        return to_app(engines, given, Refused(OAuthError.INVALID_REQUEST, sentence))
    found = understood(app, terms, given, engines.catalogue)
    if isinstance(found, Refused):
        return to_app(engines, given, found)
    developer = unit.directory.developer(app.developer)
    assert developer is not None, "an app has a developer: the store holds a foreign key"
    return Asking(app, developer, terms, found.request, outer, found.wished, found.manages, kept)


def understood(app: App, terms: ClientTerms, given: Parameters, catalogue: Catalogue) -> Understood | Refused:
    """What a request asks for, or what the app is told is wrong with it. Its sender was judged before."""
    request = authorization.read(given)
    if isinstance(request, Refused):
        return request
    registered, manages = scope.wishes_of(app.asks), scope.management_of(request.scope)
    if manages and not terms.manages:
        return Refused(OAuthError.INVALID_SCOPE, "This app may not manage grants.")
    if request.change is not None and not terms.manages:
        return Refused(OAuthError.INVALID_REQUEST, "This app may not manage grants; leave grant_management_action out.")
    by_details = details.wished(registered, request.details or (), catalogue)
    if isinstance(by_details, Refused):
        return by_details
    by_scope = () if request.scope is None and by_details else scope.wished(registered, request.scope)
    if isinstance(by_scope, Refused):
        return by_scope
    return Understood(request, details.merged(by_scope, by_details), manages)


def to_app(engines: Engines, given: Parameters, refused: Refused) -> Refusal:
    """A state goes back exactly as it came, and not at all where it cannot be told (twice, too long)."""
    uri, state = given.one("redirect_uri"), given.one("state")
    assert uri is not None, "the sender was judged before"
    return Refusal(refused.description, redirect.with_refusal(uri, refused, state=state, issuer=engines.url))


def is_stopped(unit: Unit, app: App) -> bool:
    """Whether the app, or its developer, was suspended or banned."""
    return worse(*unit.directory.standing(app)) in {Standing.SUSPENDED, Standing.BANNED}


def found_pushed(unit: Unit, given: Parameters) -> Pushed | None:
    """The pushed request that a link names, whatever became of it."""
    secret = pushed.secret_of(given.one("request_uri") or "")
    return unit.oauth.pushed(digest_of(secret)) if secret is not None else None


def _kept(engines: Engines, unit: Unit, outer: Parameters, app: App) -> Pushed | None:
    kept = found_pushed(unit, outer)
    return kept if pushed.stands(kept, app.number, engines.clock.now()) else None


def _unfolded(kept: Pushed, outer: Parameters) -> Parameters:
    """What was pushed counts, and nothing beside it (RFC 9101, 6.3), but for the person's wish to see it all again."""
    if outer.one("prompt") != "consent":
        return parameters.of(kept.pairs)
    return parameters.of([*((name, value) for name, value in kept.pairs if name != "prompt"), ("prompt", "consent")])
