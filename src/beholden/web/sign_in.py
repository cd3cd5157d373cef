"""Signing in and out. People come by way of the platform; developers and operators by a link that works once.

A sign-in at the platform is tied to the browser that began it: the browser keeps one random value in a short-lived
cookie, and state, nonce and PKCE verifier are derived from it. Nothing is kept here meanwhile, so there is nothing
to fill up, and an answer that another browser began is refused.
"""

import hashlib
import hmac
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import access, account
from beholden.model.act import ActorKind
from beholden.model.errors import BadInput, NotAllowed, NotFound
from beholden.web import pages
from beholden.web.configuration import Configuration
from beholden.web.oidc import Flow, Platform, check_issuer
from beholden.web.session import begin, end, engines_of, form, is_secure, page

FLOW_COOKIE = "beholden_sign_in"
FLOW_SECONDS = 600
MAX_NEXT = 4000
MAX_TOKEN = 200
_PATH_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@%/?")


def routes(settings: Configuration) -> list[BaseRoute]:
    """The pages of signing in and out."""
    check_issuer(settings.oidc_issuer)
    platform = Platform(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)

    def start(request: Request) -> Response:
        return start_at_platform(request, platform)

    def back(request: Request) -> Response:
        return back_from_platform(request, platform)

    return [
        page("/sign-in", choose),
        page("/sign-in/platform", start),
        page("/sign-in/callback", back),
        page("/sign-in/link", link, methods=("GET", "POST")),
        page("/sign-out", sign_out, methods=("POST",)),
    ]


def safe_next(text: str) -> str:
    """A path on this server to go on to after sign-in; the front page for anything else.

    Whatever a browser might read as another site is refused: `//host`, `/\\host`, a scheme, control characters.
    """
    if not text or len(text) > MAX_NEXT or not set(text) <= _PATH_CHARACTERS:
        return "/"
    if not text.startswith("/") or text.startswith("//"):
        return "/"
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or parts.path.startswith(("/sign-in", "/sign-out")):
        return "/"
    return text


def choose(request: Request) -> Response:
    """How each kind of visitor signs in."""
    return pages.render(request, "sign_in.html", next=quote(safe_next(_parameter(request, "next")), safe=""))


def start_at_platform(request: Request, platform: Platform) -> Response:
    """Send the browser to the platform, with a fresh value of its own to come back with."""
    if not platform.configured:
        raise NotFound("Sign-in through the platform is not set up here.", "The operator sets BEHOLDEN_OIDC_ISSUER.")
    secret = urlsafe_b64encode(engines_of(request).ids.secret(32)).decode().rstrip("=")
    url = platform.authorization_url(flow_of(secret), _callback(request))
    response = Response(status_code=303, headers={"location": url, **pages.security_headers()})
    following = urlsafe_b64encode(safe_next(_parameter(request, "next")).encode()).decode().rstrip("=")
    response.set_cookie(
        FLOW_COOKIE,
        f"{secret}.{following}",
        max_age=FLOW_SECONDS,
        path="/sign-in",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


def back_from_platform(request: Request, platform: Platform) -> Response:
    """Take the platform's answer, sign the person in, and go on to where they wanted to be."""
    secret, following = _flow(request)
    flow = flow_of(secret)
    if not hmac.compare_digest(_parameter(request, "state").encode(), flow.state.encode()):
        raise NotAllowed("This sign-in was begun elsewhere, or long ago.", "Sign in again.")
    if _parameter(request, "error"):
        response = pages.render(request, "sign_in_refused.html", 403, next=quote(following, safe=""))
        _forget_flow(request, response)
        return response
    code = _parameter(request, "code", longest=2000)
    if not code:
        raise BadInput("The platform's answer has no code.", "Sign in again.")
    engines = engines_of(request)
    issuer = _parameter(request, "iss", longest=2000) or None
    subject = platform.subject(code, issuer, flow, _callback(request), engines.clock.now())
    person = account.person_known_as(engines, subject)
    if person is None:
        response = pages.render(request, "sign_in_unknown.html", 403)
    else:
        response = begin(request, pages.redirect(following), ActorKind.PERSON, str(person))
    _forget_flow(request, response)
    return response


def link(request: Request) -> Response:
    """A link that signs in once. Opening it only shows a button: programs that follow links must not use it up."""
    if request.method == "GET":
        token = _parameter(request, "token", longest=MAX_TOKEN)
        if not token:
            raise BadInput("The link is not whole.", "Copy it again, to its end.")
        return pages.render(request, "sign_in_link.html", token=token)
    found = access.redeem_link(engines_of(request), form(request).one("token", longest=MAX_TOKEN))
    if found is None:
        return pages.render(request, "sign_in_link_used.html", 403)
    face = pages.FACES.get(found.kind)
    return begin(request, pages.redirect(face.path if face else "/"), found.kind, found.id)


def sign_out(request: Request) -> Response:
    """End the session here; the platform's own goes on."""
    return end(request, pages.redirect("/"))


def flow_of(secret: str) -> Flow:
    """State, nonce and PKCE verifier of one browser's random value; none tells of another."""

    def derived(purpose: bytes) -> str:
        return _text(hmac.digest(secret.encode(), purpose, "sha256"))

    verifier = derived(b"verifier")
    challenge = _text(hashlib.sha256(verifier.encode()).digest())
    return Flow(derived(b"state"), derived(b"nonce"), verifier, challenge)


def _flow(request: Request) -> tuple[str, str]:
    """The browser's value, and where it wanted to go."""
    secret, _, following = request.cookies.get(FLOW_COOKIE, "").partition(".")
    try:
        path = urlsafe_b64decode(following + "=" * (-len(following) % 4)).decode()
    except ValueError:
        path = "/"
    if len(secret) != 43 or not secret.isascii():
        raise NotAllowed("This sign-in was begun elsewhere, or long ago.", "Sign in again.")
    return secret, safe_next(path)


def _forget_flow(request: Request, response: Response) -> None:
    response.delete_cookie(FLOW_COOKIE, path="/sign-in", secure=is_secure(request), httponly=True, samesite="lax")


def _callback(request: Request) -> str:
    return f"{engines_of(request).url}/sign-in/callback"


def _parameter(request: Request, name: str, *, longest: int = MAX_NEXT) -> str:
    """A query parameter; empty when it is missing. Raises BadInput when it is repeated or too long."""
    values = request.query_params.getlist(name)
    if len(values) > 1 or (values and len(values[0]) > longest):
        raise BadInput(f"The address has {name!r} twice, or too long.", "Start again from the page.")
    return values[0] if values else ""


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
