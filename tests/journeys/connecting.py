"""An app at the OAuth endpoints, with a key in its hand, and the person who answers its requests."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey

from beholden.gate.oauth import dpop
from beholden.journeys import consent, grants, introspect, push, token
from beholden.journeys.caller import TokenRefusal
from beholden.journeys.consent import ConsentView, Refusal, Sent
from beholden.model.act import SYSTEM
from beholden.model.app import App, Ask
from beholden.model.ids import PersonNumber

BACK = "https://app.example/back"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKS = (
    Ask("identity", "service"),
    Ask("birthday", "service"),
    Ask("location", "service"),
    Ask("location", "weather"),
    Ask("likes", "service", through=True),
)
Pairs = list[tuple[str, str]]


@dataclass
class AppSide:
    """One app. Without a secret it is a public one."""

    house: object
    app: App
    secret: str | None
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    _proofs: int = 0

    @classmethod
    def made(cls, house, client_id: str = "quiz", *, public: bool = False) -> "AppSide":
        """A verified app with approved asks."""
        app = house.app(client_id=client_id, asks=ASKS, verified=True)
        house.approve(app, "birthday", "location", "likes")
        house.approve(app, "location", purpose="weather")
        return cls(house, app, None if public else token.issue_secret(house.engines, SYSTEM, client_id))

    def proof(
        self, path: str, *, method: str = "POST", access_token: str | None = None, key: ECKey | None = None
    ) -> str:
        """A fresh DPoP proof."""
        self._proofs += 1
        key = key or self.key
        now = int(self.house.clock.now().timestamp())
        claims = {"jti": f"p{self._proofs}", "htm": method, "htu": self.house.engines.url + path, "iat": now}
        if access_token is not None:
            claims["ath"] = dpop.hash_of(access_token)
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
        return jws.serialize_compact(header, json.dumps(claims).encode(), key)

    def request(self, **changes: str) -> Pairs:
        """A good authorization request, changed."""
        values = {
            "response_type": "code",
            "client_id": self.app.client_id,
            "redirect_uri": BACK,
            "state": "xyz",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return [(name, value) for name, value in values.items() if value]

    def form(self, **values: str | None) -> Pairs:
        """A form with the app's credentials in it."""
        given = {"client_id": self.app.client_id, "client_secret": self.secret, **values}
        return [(name, value) for name, value in given.items() if value is not None]

    def pushes(self, *proofs: str, **changes: str):
        """Push a request; the answer."""
        secret = [("client_secret", self.secret)] if self.secret else []
        return push.push(self.house.engines, None, [*self.request(**changes), *secret], proofs=proofs)

    def reference(self, *proofs: str, **changes: str) -> Pairs:
        """The link after a push."""
        answer = given(self.pushes(*proofs, **changes))
        return [("client_id", self.app.client_id), ("request_uri", str(answer["request_uri"]))]

    def code(self, person: PersonNumber, *ticked: str, link: Pairs | None = None, **changes: str) -> str:
        """The code to which the person's yes leads."""
        pairs = self.request(prompt="consent", **changes) if link is None else link
        return told(consent.decide(self.house.engines, person, pairs, allow=True, ticked=ticked))["code"]

    def redeems(self, code: str, *proofs: str, **changes: str | None):
        """Send a code; the answer."""
        values = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return token.redeem(self.house.engines, None, self.form(**{**values, **changes}), proofs=proofs)

    def refreshes(self, refresh_token: object, *proofs: str, **changes: str):
        """Send a refresh token; the answer."""
        values = {"grant_type": "refresh_token", "refresh_token": str(refresh_token), **changes}
        return token.redeem(self.house.engines, None, self.form(**values), proofs=proofs)

    def looks_at(self, text: object) -> Mapping[str, object]:
        """What introspection says to the app."""
        return given(introspect.introspect(self.house.engines, None, self.form(token=str(text))))

    def grant(self, act: str, grant_id: object, access_token: object, *proofs: str, scheme: str = "Bearer"):
        """Look at a grant (`show`) or `end` it with an access token."""
        return getattr(grants, act)(self.house.engines, f"{scheme} {access_token}", str(grant_id), proofs=proofs)


def given(answer) -> Mapping[str, object]:
    """The answer, which must not be a refusal."""
    assert not isinstance(answer, TokenRefusal | grants.Barred), answer
    return answer


def error(answer) -> str:
    """The error, which the answer must be."""
    assert isinstance(answer, TokenRefusal | grants.Barred), answer
    return answer.error


def told(outcome: Sent | ConsentView | Refusal) -> dict[str, str]:
    """What the app is told by way of the browser."""
    assert isinstance(outcome, Sent | Refusal) and outcome.redirect is not None, outcome
    return {key: values[0] for key, values in parse_qs(urlsplit(outcome.redirect).query).items()}


def wanting(*items: Mapping[str, object]) -> str:
    """An `authorization_details` parameter."""
    return json.dumps([{"type": "beholden_fields", **item} for item in items])


def opened(answer: Mapping[str, object]) -> set[tuple[str, tuple[str, ...], bool]]:
    """The details of an answer: field, purposes, through."""
    return {
        (field, tuple(d["purposes"]), d["through"]) for d in answer["authorization_details"] for field in d["datatypes"]
    }


def basic(client_id: str, secret: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
