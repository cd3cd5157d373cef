"""A small OpenID provider on a real socket, which can be told to lie in one way at a time."""

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID = "beholden"
CLIENT_SECRET = "s3cret/with:signs"


@cache
def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass
class Provider:
    """The issuer. `claims` and `headers` replace those of the next ID tokens; a claim of None is left out."""

    issuer: str = ""
    now: float = 0.0
    key: RSAKey | ECKey = field(default_factory=_key)
    signing_key: Any = None
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    token_status: int = 200

    def authorize(self, url: str, subject: str) -> str:
        """What the browser would bring back from the sign-in page at `url`, as `subject`: the query."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        code = f"code{len(self.codes)}"
        self.codes[code] = {**asked, "sub": subject}
        return f"code={code}&state={asked['state']}"

    def document(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            **self.metadata,
        }

    def redeem(self, form: dict[str, str]) -> dict[str, Any]:
        """A token answer for a code that was asked for with the right verifier; else an error."""
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        challenge = _base64(sha256(verifier.encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return {"error": "invalid_grant"}
        now = self.now or time.time()
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": asked["sub"],
            "nonce": asked["nonce"],
            "iat": int(now),
            "exp": int(now) + 300,
            **self.claims,
        }
        token = self.signed({key: value for key, value in claims.items() if value is not None})
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}

    def signed(self, claims: dict[str, Any]) -> str:
        """An ID token, signed as this provider was told to; what a library refuses to sign is written by hand."""
        head = {"alg": self.algorithm, "kid": "one"}
        if self.algorithm in {"none", "HS256"}:
            text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
            # The public key's bytes as a shared secret: the oldest trick against JWT.
            mac = hmac.digest(self.key.as_pem(private=False), text.encode(), "sha256")
            return f"{text}.{_base64(mac) if self.algorithm == 'HS256' else ''}"
        return jwt.encode(head, claims, self.signing_key or self.key, algorithms=[self.algorithm])


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@contextmanager
def running() -> Iterator[Provider]:
    """A provider on a free port of this machine."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {
                "/.well-known/openid-configuration": provider.document(),
                "/jwks": {"keys": [provider.key.as_dict(private=False)]},
            }
            self._answer(200 if self.path in pages else 404, pages.get(self.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            provider.seen.append({**form, "authorization": self.headers.get("authorization", "")})
            answer = provider.redeem(form)
            self._answer(400 if "error" in answer else provider.token_status, answer)

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
