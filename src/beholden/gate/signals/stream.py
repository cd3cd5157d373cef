"""Streams: who hears of what, by which way (SSF 1.0, section 8.1). A stream belongs to an app or to a platform key's
holder; an app's carries only what concerns that app, with the ids by which the app knows people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from beholden.gate.signals.address import checked
from beholden.gate.signals.event import SUPPORTED, Kind, Signal
from beholden.model.errors import BadInput
from beholden.model.ids import AppNumber

MAX_STREAMS = 4
"""Of one receiver."""
MAX_WAITING = 10_000
"""Tokens that wait on one stream. A receiver that is so far behind has to look at every grant anew anyway."""
_LONGEST = 500


class Method(StrEnum):
    """How tokens get to the receiver: we bring them (RFC 8935), or they are fetched (RFC 8936)."""

    PUSH = "urn:ietf:rfc:8935"
    POLL = "urn:ietf:rfc:8936"


class Status(StrEnum):
    """SSF 1.0, 8.1.2. Paused keeps what happens meanwhile, disabled does not."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who owns a stream: an app, or (`app` None) the platform's caller of that name."""

    name: str
    app: AppNumber | None

    @property
    def key(self) -> str:
        """One text for both."""
        return f"platform:{self.name}" if self.app is None else f"app:{self.app}"


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream. `failures` and `next_at` are a push that does not get through."""

    id: str
    owner: str
    app: AppNumber | None
    audience: str
    method: Method
    endpoint: str
    authorization: str = field(repr=False)
    requested: tuple[str, ...]
    description: str
    status: Status
    reason: str
    created_at: datetime
    failures: int = 0
    next_at: datetime | None = None
    trouble: str = ""

    @property
    def delivered(self) -> tuple[str, ...]:
        """The types that the stream carries: what was asked for, of what there is."""
        return tuple(kind for kind in SUPPORTED if kind in self.requested)


def hears(stream: Stream, signal: Signal) -> bool:
    """Whether a signal goes into a stream. One app never hears of another (law 3)."""
    if stream.status is Status.DISABLED or stream.app not in {None, signal.app}:
        return False
    return signal.kind in stream.delivered


_UNKEPT = {
    "iss", "aud", "events_supported", "events_delivered", "min_verification_interval", "inactivity_timeout"
}  # fmt: skip
"""What the transmitter says and a receiver may send back (SSF 1.0, 8.1.1.3); it changes nothing."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a receiver may say of a stream; None is "not said"."""

    method: Method | None
    endpoint: str | None
    authorization: str | None
    requested: tuple[str, ...] | None
    description: str | None


def wishes(document: Mapping[str, Any]) -> Wishes:
    """Read what a receiver sent; raises BadInput naming the member."""
    allowed = _UNKEPT | {"stream_id", "delivery", "events_requested", "description"}
    for key in document:
        if key not in allowed:
            raise BadInput(f"The member {key[:60]!r} is not known.", "Leave it out.")
    method, endpoint, authorization = _delivery(document.get("delivery"))
    return Wishes(method, endpoint, authorization, _requested(document), _text(document, "description"))


def begun(id_: str, receiver: Receiver, asked: Wishes, url: str, now: datetime) -> Stream:
    """A new stream. Left out, the way is polling and the types are all that there are."""
    method = asked.method or Method.POLL
    requested = SUPPORTED if asked.requested is None else asked.requested
    made = Stream(
        id_, receiver.key, receiver.app, receiver.name, method, "", "", tuple(requested), asked.description or "",
        Status.ENABLED, "", now,
    )  # fmt: skip
    return _delivered_by(made, method, asked, url)


def changed(stream: Stream, asked: Wishes, url: str, *, whole: bool) -> Stream:
    """A stream as the receiver now wants it: in the parts that are said (PATCH), or altogether (PUT)."""
    requested = asked.requested if asked.requested is not None else (SUPPORTED if whole else stream.requested)
    description = asked.description if asked.description is not None else ("" if whole else stream.description)
    after = replace(stream, requested=tuple(requested), description=description)
    if asked.method is None and not whole:
        return after
    return _delivered_by(after, asked.method or Method.POLL, asked, url)


def _delivered_by(stream: Stream, method: Method, asked: Wishes, url: str) -> Stream:
    if method is Method.POLL:
        endpoint, authorization = f"{url}/signals/v1/poll/{stream.id}", ""
    elif asked.endpoint is None:
        raise BadInput("delivery: 'endpoint_url' is missing.", "Say where tokens are to be pushed.")
    else:
        endpoint, authorization = asked.endpoint, asked.authorization or ""
    return replace(
        stream, method=method, endpoint=endpoint, authorization=authorization, failures=0, next_at=None, trouble=""
    )


def document(stream: Stream, issuer: str) -> dict[str, object]:
    """The stream as its receiver reads it. The authorization header is a secret of theirs and does not come back."""
    return {
        "stream_id": stream.id,
        "iss": issuer,
        "aud": stream.audience,
        "delivery": {"method": stream.method.value, "endpoint_url": stream.endpoint},
        "events_supported": list(SUPPORTED),
        "events_requested": list(stream.requested),
        "events_delivered": list(stream.delivered),
        "description": stream.description,
    }


def status_document(stream: Stream) -> dict[str, object]:
    """SSF 1.0, 8.1.2.1."""
    answer: dict[str, object] = {"stream_id": stream.id, "status": stream.status.value}
    return answer | ({"reason": stream.reason} if stream.reason else {})


def metadata(issuer: str) -> dict[str, object]:
    """The transmitter's configuration (SSF 1.0, 7.1).

    Subjects are neither added nor removed: a stream carries all that its receiver may hear of, and a receiver that
    could silence a person's revocation would be no better than one that missed it.
    """
    here = f"{issuer}/signals/v1"
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{here}/jwks",
        "delivery_methods_supported": [method.value for method in Method],
        "configuration_endpoint": f"{here}/stream",
        "status_endpoint": f"{here}/status",
        "verification_endpoint": f"{here}/verify",
        "default_subjects": "ALL",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}, {"spec_urn": "urn:ietf:rfc:7617"}],
    }


def _delivery(given: Any) -> tuple[Method | None, str | None, str | None]:
    if given is None:
        return None, None, None
    if not isinstance(given, dict) or given.get("method") not in list(Method):
        raise BadInput("delivery: 'method' is not known.", f"Use {' or '.join(Method)}.")
    method = Method(given["method"])
    endpoint, authorization = given.get("endpoint_url"), given.get("authorization_header")
    if method is Method.POLL:
        return method, None, None  # ours to say (RFC 8936, 2.4)
    if not isinstance(endpoint, str):
        raise BadInput("delivery: 'endpoint_url' is missing.", "Say where tokens are to be pushed.")
    if authorization is not None and not (
        isinstance(authorization, str)
        and 0 < len(authorization) <= _LONGEST
        and authorization.isascii()
        and authorization.isprintable()
    ):
        raise BadInput("delivery: 'authorization_header' cannot be a header.", "Use printable ASCII.")
    return method, checked(endpoint, "push endpoint"), authorization


def _requested(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    given = document.get("events_requested")
    if given is None:
        return None
    good: Sequence[Any] = given if isinstance(given, list) and len(given) <= 50 else [None]
    if not all(isinstance(one, str) and len(one) <= 200 for one in good):
        raise BadInput("'events_requested' must be a list of at most 50 event type URIs.", "Mend it.")
    # Types that we do not have are let pass: a receiver may ask for more than there is (SSF 1.0, 8.1.1).
    return tuple(Kind(one).value for one in dict.fromkeys(good) if one in SUPPORTED)


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise BadInput(f"{key!r} must be a text of at most {_LONGEST} characters.", "Mend it.")
    return value
