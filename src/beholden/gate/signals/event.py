"""Events: what happened, and how that is written as a Security Event Token (RFC 8417) for one receiver.

A signal is a notice to the outside, never the way by which a ban takes hold: the gate reads the store. What an app is
told says what ended and not why (law 3): a person who was erased, opted out or removed the app looks the same to it.
"""

import hashlib
from base64 import b32encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from beholden.model.grant import EndReason, Grant
from beholden.model.ids import AppNumber, GrantId, PersonNumber
from beholden.model.standing import Standing
from beholden.model.time import to_micros

OAUTH = "https://schemas.openid.net/secevent/oauth/event-type/"
"""OAuth event types 1.0 (OpenID draft): the closest there is to a ban and to tokens that ended."""
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
OURS = "urn:beholden:secevent:event-type:"
"""For what no published type says. RISC's opt-out is an opt-out from signals, not from sharing, so it is not used."""


class Kind(StrEnum):
    """The URI of each type of event that a stream can carry."""

    GRANT_REVOKED = OURS + "grant-revoked"
    FIELDS_NARROWED = OURS + "fields-narrowed"
    TOKEN_REVOKED = OAUTH + "token-revoked"
    TOKENS_REVOKED = OAUTH + "tokens-revoked"
    CLIENT_DISABLED = OAUTH + "client-disabled"
    CLIENT_ENABLED = OAUTH + "client-enabled"
    VERIFICATION = SSF + "verification"
    STREAM_UPDATED = SSF + "stream-updated"


SUPPORTED = tuple(kind for kind in Kind if not kind.startswith(SSF))
"""What a receiver can ask for; the two of SSF itself always come (SSF 1.0, 8.1.4 and 8.1.5)."""
_REASONS = {
    EndReason.PERSON: "user",
    EndReason.REPLACED: "user",
    EndReason.ERASED: "user",  # to an app, somebody who was erased is somebody who left it
    EndReason.INACTIVE: "inactive",
    EndReason.APP: "api",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that happened. `person` and `grant` are None where it is about the app as a whole.

    `details` are members of the event, the same for every receiver.
    """

    kind: Kind
    app: AppNumber
    at: datetime
    person: PersonNumber | None = None
    grant: GrantId | None = None
    details: Mapping[str, object] | None = None

    @property
    def txn(self) -> str:
        """The act that this signal came of: the same for all receivers (RFC 8417, 2.2)."""
        return _digest("txn", self._essence())

    def jti(self, stream: str) -> str:
        """The token's id on one stream. The same signal always has the same, whatever crashes in between.

        It is made of no person's number: two apps that guess at numbers could join their people by that.
        """
        return _digest("set", [stream, *self._essence()])

    def _essence(self) -> list[str]:
        grant = self.grant or ""
        assert self.person is None or grant, "what concerns a person concerns a grant of theirs"
        said = repr(sorted((self.details or {}).items()))
        return [self.kind, str(self.app), grant, str(to_micros(self.at)), said]


def grant_ended(grant: Grant, reason: EndReason, at: datetime) -> Signal:
    """A grant is over, its tokens with it."""
    details = {"reason": _REASONS.get(reason, "issuer")}
    return Signal(Kind.GRANT_REVOKED, grant.app, at, grant.person, grant.id, details)


def narrowed(grant: Grant, fields: Iterable[str], through_fields: Iterable[str], at: datetime) -> Signal | None:
    """Fields of a grant that still stands, which no longer leave; None when there are none."""
    details = {"fields": sorted(fields), "through_fields": sorted(through_fields)}
    if not any(details.values()):
        return None
    return Signal(Kind.FIELDS_NARROWED, grant.app, at, grant.person, grant.id, details)


def app_narrowed(app: AppNumber, clusters: Iterable[str], at: datetime, purpose: str = "") -> Signal:
    """Kinds of data that the app gets of nobody any more (for `purpose`, where one is named): one signal, however many
    people there are."""
    details: dict[str, object] = {"clusters": sorted(clusters)}
    return Signal(Kind.FIELDS_NARROWED, app, at, details=details | ({"purpose": purpose} if purpose else {}))


def token_ended(app: AppNumber, person: PersonNumber, grant: GrantId, at: datetime) -> Signal:
    """One access token was given back; the grant stands."""
    return Signal(Kind.TOKEN_REVOKED, app, at, person, grant, {"reason": "api"})


def tokens_ended(
    app: AppNumber, at: datetime, person: PersonNumber | None = None, grant: GrantId | None = None
) -> Signal:
    """All tokens of an app, or those that came of one grant, are over."""
    return Signal(Kind.TOKENS_REVOKED, app, at, person, grant, {"reason": "issuer"})


def standing_changed(
    app: AppNumber, before: Standing, after: Standing, beyond_basic: Sequence[str], at: datetime
) -> list[Signal]:
    """What a sanction or its lifting comes to for one app. `beyond_basic` are the clusters that a restriction takes.

    A ban is two signals, not one for each of a million grants: the app is the subject.
    """
    found: list[Signal] = []
    if _stopped(after) and not _stopped(before):
        found.append(Signal(Kind.CLIENT_DISABLED, app, at, details={"reason": str(after)}))
    if _stopped(before) and not _stopped(after):
        found.append(Signal(Kind.CLIENT_ENABLED, app, at, details={}))
    if after is Standing.RESTRICTED and before is not Standing.RESTRICTED:
        found.append(app_narrowed(app, beyond_basic, at))
    if after is Standing.BANNED and before is not Standing.BANNED:
        found.append(tokens_ended(app, at))
    return found


def _stopped(standing: Standing) -> bool:
    return standing in {Standing.SUSPENDED, Standing.BANNED}


def claims(
    *,
    issuer: str,
    audience: str,
    jti: str,
    txn: str,
    at: datetime,
    subject: Mapping[str, object],
    kind: str,
    event: Mapping[str, object],
) -> dict[str, object]:
    """The claims of one token: one event, `sub_id` at the top, neither `sub` nor `exp` (SSF 1.0, 4.1).

    RFC 9493 has the subject's formats. The same arguments give the same claims, so that a token that is sent again is
    the same token.
    """
    issued = int(at.timestamp())
    said = {"event_timestamp": issued, **event}
    return {
        "iss": issuer,
        "aud": audience,
        "jti": jti,
        "iat": issued,
        "txn": txn,
        "sub_id": dict(subject),
        "events": {kind: said},
    }


def opaque(id_: str) -> dict[str, object]:
    """A subject that is only an id in the receiver's own terms (RFC 9493, 3.2.7)."""
    return {"format": "opaque", "id": id_}


def person_at_issuer(issuer: str, id_: str) -> dict[str, object]:
    """A person as the receiver knows them (RFC 9493, 3.2.3)."""
    return {"format": "iss_sub", "iss": issuer, "sub": id_}


def _digest(what: str, parts: Iterable[str]) -> str:
    text = "\x1f".join([what, *parts])
    return f"{what}_{b32encode(hashlib.sha256(text.encode()).digest()[:20]).decode().lower()}"
