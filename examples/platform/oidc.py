"""The platform signs its people in for Beholden: OpenID Connect Core 1.0, authorization code flow with PKCE.

One client (Beholden), one way. Codes and sessions live in memory: they last a minute, and an hour.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import unquote_plus, urlencode

import jinja2
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.platform.forms import MAX_BYTES, Bad, form_of, query_of, refusal
from examples.platform.world import World

T = TypeVar("T")
CODE_LIFE = timedelta(minutes=1)
SESSION_LIFE = timedelta(hours=1)
MAX_KEPT = 10_000
COOKIE = "platform_session"
_REQUEST = ("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
            "code_challenge_method", "prompt")  # fmt: skip
_PAGE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
    (Path(__file__).parent / "sign_in.html").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Client:
    """Beholden, as it is registered here. Without a secret it is a public client, shown by PKCE alone."""

    id: str
    secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class _Code:
    subject: str
    nonce: str
    challenge: str
    signed_in_at: datetime
    expires_at: datetime


class Kept(Generic[T]):
    """Things that are kept under a random name for a while; when there are too many, the oldest go."""

    def __init__(self) -> None:
        self._things: dict[str, tuple[datetime, T]] = {}

    def keep(self, thing: T, until: datetime) -> str:
        """The name of a thing that is now kept."""
        while len(self._things) >= MAX_KEPT:
            del self._things[next(iter(self._things))]
        name = secrets.token_urlsafe(32)
        self._things[name] = (until, thing)
        return name

    def get(self, name: str, now: datetime) -> T | None:
        """The thing, if its time is not over."""
        until, thing = self._things.get(name, (None, None))
        return thing if until is not None and now < until else None

    def take(self, name: str, now: datetime) -> T | None:
        """The thing, which is then kept no longer."""
        thing = self.get(name, now)
        self._things.pop(name, None)
        return thing


class Provider:
    """The OpenID provider of one world."""

    def __init__(self, world: World, issuer: str, client: Client, password: str, now: Callable[[], datetime]) -> None:
        self._world = world
        self._issuer = issuer
        self._client = client
        self._password = password
        self._now = now
        self._key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": secrets.token_hex(8)})
        self._codes: Kept[_Code] = Kept()
        self._sessions: Kept[tuple[str, datetime]] = Kept()

    def routes(self) -> list[Route]:
        """Discovery, keys, authorization and token endpoints."""
        return [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks", self.jwks),
            Route("/authorize", self.authorize, methods=["GET", "POST"], max_body_size=MAX_BYTES),
            Route("/token", self.token, methods=["POST"], max_body_size=MAX_BYTES),
        ]

    async def discovery(self, request: Request) -> Response:
        """OpenID Connect Discovery 1.0, 3."""
        return JSONResponse(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "jwks_uri": f"{self._issuer}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        """The public key that ID tokens are signed with."""
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """Show the sign-in page; with a name and password, or a session from before, send the person back."""
        try:
            given = await form_of(request) if request.method == "POST" else query_of(request)
        except Bad as error:
            return HTMLResponse(str(error), 400)
        if given.get("client_id") != self._client.id or given.get("redirect_uri") != self._client.redirect_uri:
            return HTMLResponse("Who sent you here is not known.", 400)
        fault = _fault(given)
        if fault:
            return self._back(given, {"error": "invalid_request", "error_description": fault})
        if request.method == "GET":
            return self._come(request, given)
        if request.headers.get("origin", self._issuer) != self._issuer:
            return self._page(given, "That form came from another site.", 403)
        return self._sign_in(given)

    async def token(self, request: Request) -> Response:
        """A code for an ID token (Core, 3.1.3)."""
        try:
            given = await form_of(request)
        except Bad as error:
            return refusal("invalid_request", str(error))
        if not self._is_client(request.headers.get("authorization"), given):
            return refusal("invalid_client", "Not the client.", 401, {"www-authenticate": "Basic"})
        if given.get("grant_type") != "authorization_code":
            return refusal("unsupported_grant_type", "Use authorization_code.")
        code = self._codes.take(given.get("code", ""), self._now())
        redirected = given.get("redirect_uri") == self._client.redirect_uri
        if code is None or not redirected or not _proves(given.get("code_verifier", ""), code.challenge):
            return refusal("invalid_grant", "The code is not good, or not for you.")
        return JSONResponse(self._tokens(code), 200, {"cache-control": "no-store"})

    def _come(self, request: Request, given: Mapping[str, str]) -> Response:
        session = self._sessions.get(request.cookies.get(COOKIE, ""), self._now())
        if session is None or given.get("prompt") == "login":
            return self._page(given)
        return self._back(given, {"code": self._code(given, *session)})

    def _sign_in(self, given: Mapping[str, str]) -> Response:
        name = given.get("username", "").strip()
        number = self._world.number_of(name)
        right = hmac.compare_digest(given.get("password", "").encode(), self._password.encode())
        if number is None or not right:
            return self._page(given, "Name and password do not go together.", 403)
        now = self._now()
        subject = self._world.outside_id(number)
        response = self._back(given, {"code": self._code(given, subject, now)})
        session = self._sessions.keep((subject, now), now + SESSION_LIFE)
        # A simulated clock may stand still or leap; the browser's own must not end the session.
        response.set_cookie(COOKIE, session, httponly=True, samesite="lax", secure=self._issuer.startswith("https"))
        return response

    def _code(self, given: Mapping[str, str], subject: str, signed_in_at: datetime) -> str:
        end = self._now() + CODE_LIFE
        code = _Code(subject, given.get("nonce", ""), given["code_challenge"], signed_in_at, end)
        return self._codes.keep(code, end)

    def _tokens(self, code: _Code) -> dict[str, object]:
        now = int(self._now().timestamp())
        claims: dict[str, object] = {
            "iss": self._issuer,
            "sub": code.subject,
            "aud": self._client.id,
            "iat": now,
            "exp": now + 300,
            "auth_time": int(code.signed_in_at.timestamp()),
        }
        if code.nonce:
            claims["nonce"] = code.nonce
        header = {"alg": "RS256", "kid": str(self._key.kid)}
        return {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": jwt.encode(header, claims, self._key),
        }

    def _is_client(self, authorization: str | None, given: Mapping[str, str]) -> bool:
        client_id, secret = given.get("client_id", ""), given.get("client_secret", "")
        if authorization is not None:
            client_id, secret = _basic(authorization)
        known = hmac.compare_digest(client_id.encode(), self._client.id.encode())
        return known and hmac.compare_digest(secret.encode(), self._client.secret.encode())

    def _back(self, given: Mapping[str, str], answer: dict[str, str]) -> Response:
        if "state" in given:
            answer["state"] = given["state"]
        answer["iss"] = self._issuer
        address = f"{self._client.redirect_uri}?{urlencode(answer)}"
        return RedirectResponse(address, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})

    def _page(self, given: Mapping[str, str], problem: str = "", status: int = 200) -> Response:
        request = [(name, given[name]) for name in _REQUEST if name in given]
        page = _PAGE.render(request=request, problem=problem, username=given.get("username", "")[:200])
        origin = "/".join(self._client.redirect_uri.split("/")[:3])
        policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {origin}; frame-ancestors 'none'"
        return HTMLResponse(page, status, {"content-security-policy": policy, "cache-control": "no-store"})


def _fault(given: Mapping[str, str]) -> str:
    """What is wrong with an authentication request of our own client; empty when nothing is."""
    if given.get("response_type") != "code":
        return "Only response_type code is supported."
    if "openid" not in given.get("scope", "").split():
        return "The scope must have openid in it."
    if given.get("code_challenge_method") != "S256" or len(given.get("code_challenge", "")) != 43:
        return "PKCE with S256 is required."
    return ""


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(made.encode(), challenge.encode())


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        text = ""
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
