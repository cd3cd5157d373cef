"""Gateway: may this request of an app go on to the platform's API, and which fields may the answer have.

A gateway that stands before the API asks about each request and sees none of the data. So the route's declared fields
are decided on, and recorded as disclosed before the gateway hears a yes (law 1). Whoever does not tell the gateway
which fields are allowed relies on whole routes; the record filter is finer, this is what needs no code.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from beholden.gate.pairwise import scoped_ids
from beholden.gate.routing import Match, Place, Route, Routes
from beholden.gate.routing import read as read_routes
from beholden.gate.target import Ambiguous
from beholden.gate.target import read as read_target
from beholden.journeys import introspect
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import PersonRef, Request, Ruling, Wish, confirmed, disclosures, note_permissions, rule
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BeholdenError

__all__ = ["Answer", "Asked", "Passage", "Refusal", "Routes", "Verdict", "pass_on", "read_routes"]

_LONGEST_TOKEN = 512


class Verdict(StrEnum):
    """What kind of no it is, which is all that an app may be told of it."""

    NO_TOKEN = "no_token"  # noqa: S105 - it shows none that is worth anything
    DENIED = "denied"
    RATE_LIMITED = "rate_limited"
    NO_ROUTE = "no_route"  # nothing of the kind is passed, whoever asks
    UNAVAILABLE = "unavailable"  # we cannot know, so we allow nothing (laws 1 and 4)


@dataclass(frozen=True, slots=True)
class Asked:
    """The request as it came to the gateway. `authorization` is its header, None where there is not exactly one."""

    method: str
    target: str
    authorization: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """A yes. Of an open route nothing else is known; `person` is the platform's own id of whom the answer is about."""

    app: str = ""
    person: str = ""
    scoped: str = ""
    grant: str = ""
    purpose: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no. `reason` is for the platform only (law 3); `seconds` until a limited app may ask again."""

    verdict: Verdict
    reason: str
    seconds: int = 0


Answer = Passage | Refusal
_UNSURE = frozenset({Reason.GATE_STALE, Reason.NO_RECEIPT})


def pass_on(engines: Engines, asked: Asked) -> Answer:
    """Whether the request may go on; what its route returns is in the ledger before this says yes.

    Never raises for what an app sends, and fails closed where store or ledger do not answer.
    """
    try:
        found = engines.routes.match(asked.method, read_target(asked.target))
    except Ambiguous as error:
        return Refusal(Verdict.NO_ROUTE, f"ambiguous: {error}")
    if found is None:
        return Refusal(Verdict.NO_ROUTE, "route_unknown")
    if found.route.open:
        return Passage()
    try:
        worth = introspect.worth_as_bearer(engines, _bearer(asked.authorization))
        if worth is None:
            return Refusal(Verdict.NO_TOKEN, "token")
        return _decide(engines, found, str(worth["client_id"]), str(worth["person"]))
    except BeholdenError:  # law 4: who cannot read the standing allows nothing
        return Refusal(Verdict.UNAVAILABLE, Reason.GATE_STALE)


def _bearer(authorization: str | None) -> str:
    """The token of `Authorization: Bearer TOKEN` (RFC 6750, 2.1); empty where there is none.

    In the query (2.3) it is not looked for: it would be in every log on the way.
    """
    scheme, _, text = (authorization or "").partition(" ")
    text = text.strip(" ")
    usable = scheme.lower() == "bearer" and text.isascii() and text.isprintable() and len(text) <= _LONGEST_TOKEN
    return text if usable else ""


def _decide(engines: Engines, found: Match, app: str, granting: str) -> Answer:
    seconds = engines.limiter.wait(app, granting)
    if seconds > 0:
        return Refusal(Verdict.RATE_LIMITED, Reason.RATE_LIMITED, max(1, int(-(-seconds // 1))))
    route, through = found.route, PersonRef(granting)
    person = through if found.person is None else PersonRef(found.person, route.whose.scoped)
    (ruling,) = rule(engines, [Request(app, through, route.purpose, (Wish(person, route.fields),))])
    refused = _refuse(route, ruling)
    if refused is not None:
        return refused
    try:
        engines.ledger.append(disclosures(ruling))
    except BeholdenError:  # law 1: no receipt, no release
        return Refusal(Verdict.UNAVAILABLE, Reason.NO_RECEIPT)
    note_permissions(engines, ruling)
    ruling = confirmed(engines, ruling)
    return _refuse(route, ruling) or _passage(engines, found, ruling, app, granting)


def _refuse(route: Route, ruling: Ruling) -> Refusal | None:
    """None where what is allowed is enough for this route."""
    decision = ruling.decisions[0]
    if decision.whole or (decision.allowed and route.partial):
        return None
    reason = _reason(decision)
    return Refusal(Verdict.UNAVAILABLE if reason in _UNSURE else Verdict.DENIED, reason)


def _reason(decision: Decision) -> str:
    reasons = Counter(decision.denied.values())
    return next(iter(reasons)) if len(reasons) == 1 else "several"


def _passage(engines: Engines, found: Match, ruling: Ruling, app: str, granting: str) -> Answer:
    (number,), judged = ruling.persons, ruling.judged
    assert number is not None and judged.app is not None and judged.grant is not None, "nothing is allowed without them"
    (scoped,) = scoped_ids(engines.pairwise, judged.app.number, [number])
    person = granting if found.route.whose.place is Place.GRANTING else found.person or ""
    if found.route.whose.place is not Place.GRANTING and found.route.whose.scoped:
        with engines.store.read() as unit:
            known = unit.directory.people([number])
        if number not in known:
            return Refusal(Verdict.DENIED, Reason.PERSON_UNKNOWN)  # erased in this very moment
        person = known[number].outside_id
    return Passage(app, person, scoped, judged.grant, ruling.request.purpose, ruling.decisions[0].allowed)
