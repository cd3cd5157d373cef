"""The platform's sign-in, from the asking side: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636).

Blocking calls to one configured issuer, each bounded in time and size. What it says about a person is believed only
after the ID token's signature, issuer, audience, time and nonce were checked (Core, 3.1.3.7).
"""

import ssl
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from beholden.model.errors import BadInput, NotAllowed, Unavailable

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Public-key signatures only; `none` and shared-secret ones are refused."""
LEEWAY_SECONDS = 60
MAX_ANSWER_BYTES = 512 * 1024
_TIMEOUT = httpx.Timeout(10, connect=5)
_KEYS_AGE_SECONDS = 3600
_KEYS_RETRY_SECONDS = 30
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Flow:
    """The three secrets of one sign-in, all from the browser's own random value (see `sign_in`)."""

    state: str
    nonce: str
    verifier: str
    challenge: str


@dataclass(frozen=True, slots=True)
class _Provider:
    authorization: str
    token: str
    jwks: str
    basic: bool  # whether the client shows itself by HTTP Basic (else in the form)
    names_itself: bool  # RFC 9207: the answer must carry `iss`


class Platform:
    """One issuer, its metadata and keys read when they are first needed."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._secret = client_secret
        self._lock = threading.Lock()
        self._provider: _Provider | None = None
        self._keys: KeySet | None = None
        self._keys_read_at = 0.0
        self._tls = ssl.create_default_context()  # reading the system's certificates takes 25 ms, so once

    @property
    def configured(self) -> bool:
        """Whether there is an issuer to sign in at."""
        return bool(self.issuer and self._client_id)

    def authorization_url(self, flow: Flow, redirect_uri: str) -> str:
        """Where the browser goes to sign in."""
        provider = self._metadata()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": redirect_uri,
                "scope": "openid",
                "state": flow.state,
                "nonce": flow.nonce,
                "code_challenge": flow.challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{provider.authorization}{'&' if '?' in provider.authorization else '?'}{query}"

    def subject(self, code: str, issuer: str | None, flow: Flow, redirect_uri: str, now: datetime) -> str:
        """Redeem a code; the `sub` of whoever signed in. `issuer` is the answer's `iss` (RFC 9207), where it has one.

        Raises NotAllowed when any check fails, Unavailable when the platform does not answer.
        """
        provider = self._metadata()
        if issuer is None and provider.names_itself:
            raise NotAllowed("The sign-in's answer does not say who it is from.", "Sign in again.")
        if issuer is not None and issuer != self.issuer:
            raise NotAllowed("The sign-in's answer is from somebody else.", "Sign in again.")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
            "client_id": self._client_id,
        }
        # RFC 6749, 2.3.1: both are form-encoded before they are joined by a colon.
        basic = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._secret))
        auth = basic if provider.basic and self._secret else None
        if auth is None and self._secret:
            form["client_secret"] = self._secret
        answer = self._json("POST", provider.token, data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotAllowed("The platform did not say who signed in.", "Sign in again.")
        return self._checked(token, flow, now)

    def _checked(self, token: str, flow: Flow, now: datetime) -> str:
        """The subject of an ID token that stands up to every check."""
        try:
            claims = self._decode(token).claims
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotAllowed("The platform's word on who signed in does not verify.", "Sign in again.") from error
        wrong = _wrong(claims, self.issuer, self._client_id, flow.nonce, now.timestamp())
        if wrong:
            raise NotAllowed(f"The platform's word on who signed in is not for us: {wrong}.", "Sign in again.")
        return str(claims["sub"])

    def _decode(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The platform may have changed its keys; ask once more, but not at every bad token.
            if time.monotonic() - self._keys_read_at < _KEYS_RETRY_SECONDS:
                raise
            return jwt.decode(token, self._key_set(renew=True), algorithms=ALGORITHMS)

    def _key_set(self, *, renew: bool = False) -> KeySet:
        with self._lock:
            keys = self._keys
            if keys is not None and not renew and time.monotonic() - self._keys_read_at < _KEYS_AGE_SECONDS:
                return keys
        address = self._metadata().jwks
        document = self._json("GET", address)
        try:
            keys = KeySet.import_key_set(document)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unavailable(f"The platform's keys at {address} cannot be read.", "Tell the operator.") from error
        with self._lock:
            self._keys, self._keys_read_at = keys, time.monotonic()
        return keys

    def _metadata(self) -> _Provider:
        if self._provider is not None:
            return self._provider
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        document = self._json("GET", address)
        if document.get("issuer") != self.issuer:
            raise Unavailable(f"{address} speaks for another issuer.", "Mend BEHOLDEN_OIDC_ISSUER.")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self._provider = _Provider(
            authorization=_endpoint(document, "authorization_endpoint"),
            token=_endpoint(document, "token_endpoint"),
            jwks=_endpoint(document, "jwks_uri"),
            basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )
        return self._provider

    def _json(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        """One call, its answer a JSON object of bounded size."""
        try:
            with (
                httpx.Client(timeout=_TIMEOUT, follow_redirects=False, verify=self._tls) as client,
                client.stream(method, url, headers={"accept": "application/json"}, **how) as response,
            ):
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise Unavailable("The platform's sign-in answered at too great a length.", "Try again.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable("The platform's sign-in does not answer.", "Try again in a moment.") from error
        if response.status_code in {400, 401} and method == "POST":
            raise NotAllowed("The platform did not accept this sign-in.", "Sign in again.")
        try:
            document = httpx.Response(200, content=body).json() if response.status_code == 200 else None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Unavailable("The platform's sign-in gave no usable answer.", "Try again in a moment.")
        return document


def _wrong(claims: dict[str, Any], issuer: str, client_id: str, nonce: str, now: float) -> str:
    """What is wrong with an ID token's claims, in a word; empty when nothing is."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer:
        return "issuer"
    if client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != client_id):
        return "audience"
    if "azp" in claims and claims["azp"] != client_id:
        return "authorized party"
    if not _seconds(claims.get("exp")) or claims["exp"] + LEEWAY_SECONDS <= now:
        return "expiry"
    if not _seconds(claims.get("iat")) or claims["iat"] - LEEWAY_SECONDS > now:
        return "time of issue"
    if claims.get("nonce") != nonce:
        return "nonce"
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        return "subject"
    return ""


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _endpoint(document: dict[str, Any], name: str) -> str:
    address = document.get(name)
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise Unavailable(f"The platform's {name} is not an address.", "Tell the operator.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Unavailable(f"The platform's {name} is not https.", "Tell the operator.")
    assert isinstance(address, str)
    return address


def check_issuer(issuer: str) -> None:
    """Raises BadInput when people would sign in at an issuer in clear text over a network."""
    parts = urlsplit(issuer)
    if issuer and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise BadInput(f"BEHOLDEN_OIDC_ISSUER={issuer!r} is not https.", "Use https; http is for this machine alone.")
