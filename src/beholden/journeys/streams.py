"""Streams: what a receiver of signals does with its own streams (SSF 1.0, 8.1) and how it fetches tokens (RFC 8936).

A receiver is a holder of a platform key or a confidential app. To each, the others' streams do not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from beholden.gate.oauth import client, parameters
from beholden.gate.oauth.refusal import Refused
from beholden.gate.pairwise import scoped_ids
from beholden.gate.signals import event
from beholden.gate.signals import stream as streams
from beholden.gate.signals.event import Kind
from beholden.gate.signals.ports import Entry
from beholden.gate.signals.stream import MAX_STREAMS, MAX_WAITING, Method, Receiver, Status, Stream
from beholden.journeys import access
from beholden.journeys.acts import record
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.signal import subject_of
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.errors import BadInput, Conflict, NotFound

__all__ = ["Method", "Receiver", "Status"]

Document = Mapping[str, object]
MAX_POLLED = 100
"""Tokens in one answer; `moreAvailable` says that there are more."""
MAX_ACKS = 1_000
TYP = "secevent+jwt"
"""RFC 8417, 2.3."""
_LONGEST = 200

_TAKEN, _FAILED, _MOOT = "taken", "failed", "moot"


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll says. `errors` are tokens that the receiver could not take, with its words."""

    most: int
    at_once: bool
    acks: tuple[str, ...]
    errors: Mapping[str, str]


def receiver(engines: Engines, authorization: str | None) -> Receiver | None:
    """Who calls: `Bearer` a platform key, or `Basic` an app's id and secret; None when neither is shown.

    An app without a secret cannot show that it is the one.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        caller = access.check_platform_key(engines, key.strip())
        return Receiver(caller, None) if caller is not None else None
    if authorization is None:
        return None
    credentials = client.credentials_of(authorization, parameters.of([]))
    if isinstance(credentials, Refused) or credentials.secret is None:
        return None
    with engines.store.read() as unit:
        app = unit.directory.app(credentials.client_id)
        if app is None or not client.is_authentic(credentials, unit.consent.secrets(app.number)):
            return None
        return Receiver(app.client_id, app.number)


def metadata(engines: Engines) -> Document:
    """The transmitter's configuration."""
    return streams.metadata(engines.url)


def create(engines: Engines, caller: Receiver, given: Mapping[str, Any]) -> Document:
    """A new stream."""
    wishes = streams.wishes(given)
    now = engines.clock.now()
    made = streams.begun(engines.ids.new("stream"), caller, wishes, engines.url, now)
    with engines.store.write() as unit:
        if len(unit.signals.streams(caller.key)) >= MAX_STREAMS:
            raise Conflict(f"There are {MAX_STREAMS} streams already.", "Delete one, or change it.")
        unit.signals.put_stream(made)
        _record(engines, caller, "add", made)
    return streams.document(made, engines.url)


def show(engines: Engines, caller: Receiver, id_: str | None) -> Document | list[Document]:
    """One stream, or all of the receiver's."""
    with engines.store.read() as unit:
        if id_ is not None:
            return streams.document(_theirs(unit, caller, id_), engines.url)
        return [streams.document(one, engines.url) for one in unit.signals.streams(caller.key)]


def change(engines: Engines, caller: Receiver, given: Mapping[str, Any], *, whole: bool) -> Document:
    """Change the parts that are said, or (`whole`) replace what the receiver can say."""
    wishes = streams.wishes(given)
    with engines.store.write() as unit:
        before = _theirs(unit, caller, _id(given))
        after = streams.changed(before, wishes, engines.url, whole=whole)
        unit.signals.put_stream(after)
        _record(engines, caller, "change", after)
    return streams.document(after, engines.url)


def delete(engines: Engines, caller: Receiver, id_: str) -> None:
    """End a stream and all that waits on it."""
    with engines.store.write() as unit:
        found = _theirs(unit, caller, id_)
        unit.signals.drop_stream(found.id)
        _record(engines, caller, "delete", found)


def status(engines: Engines, caller: Receiver, id_: str) -> Document:
    """Whether a stream is enabled, paused or disabled, and why."""
    with engines.store.read() as unit:
        return streams.status_document(_theirs(unit, caller, id_))


def set_status(engines: Engines, caller: Receiver, given: Mapping[str, Any]) -> Document:
    """Enable, pause or disable. What a disabled stream has waiting stays, what comes meanwhile is not kept for it."""
    word, reason = given.get("status"), given.get("reason", "")
    if word not in list(Status):
        raise BadInput("'status' is not known.", f"Use {', '.join(Status)}.")
    if not isinstance(reason, str) or len(reason) > _LONGEST or not reason.isprintable():
        raise BadInput(f"'reason' must be a text of at most {_LONGEST} characters.", "Mend it.")
    with engines.store.write() as unit:
        before = _theirs(unit, caller, _id(given))
        after = replace(before, status=Status(word), reason=reason, failures=0, next_at=None)
        unit.signals.put_stream(after)
        _record(engines, caller, after.status.value, after)
    return streams.status_document(after)


def verify(engines: Engines, caller: Receiver, given: Mapping[str, Any]) -> None:
    """Queue a verification event (SSF 1.0, 8.1.4), by which the receiver sees that the stream works."""
    state = given.get("state")
    if state is not None and not (isinstance(state, str) and 0 < len(state) <= _LONGEST and state.isprintable()):
        raise BadInput(f"'state' must be a text of 1 to {_LONGEST} characters.", "Mend it.")
    now = engines.clock.now()
    with engines.store.write() as unit:
        found = _theirs(unit, caller, _id(given))
        if found.status is Status.DISABLED:
            raise Conflict("The stream is disabled.", "Enable it first.")
        if unit.signals.count_waiting(found.id, MAX_WAITING) >= MAX_WAITING:
            raise Conflict("The stream's queue is full.", "Take what waits first.")
        details = {} if state is None else {"state": state}
        jti, txn = engines.ids.new("set"), engines.ids.new("txn")
        unit.signals.add([Entry(found.id, jti, txn, Kind.VERIFICATION, None, None, None, details, now)])


def read_poll(given: Mapping[str, Any]) -> Poll:
    """The body of a poll (RFC 8936, 2.2); raises BadInput naming the member."""
    most, at_once = given.get("maxEvents", MAX_POLLED), given.get("returnImmediately", False)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise BadInput("'maxEvents' must be a whole number from 0.", "Mend it or leave it out.")
    if not isinstance(at_once, bool):
        raise BadInput("'returnImmediately' must be true or false.", "Mend it or leave it out.")
    acks, errors = given.get("ack", []), given.get("setErrs", {})
    good = isinstance(acks, list) and len(acks) <= MAX_ACKS and all(isinstance(a, str) for a in acks)
    if not good:
        raise BadInput(f"'ack' must be a list of at most {MAX_ACKS} texts.", "Mend it.")
    if not isinstance(errors, dict) or len(errors) > MAX_ACKS:
        raise BadInput(f"'setErrs' must be an object of at most {MAX_ACKS} members.", "Mend it.")
    said = {jti: _words(error) for jti, error in errors.items() if _is_id(jti)}
    return Poll(min(most, MAX_POLLED), at_once, tuple(a for a in acks if _is_id(a)), said)


def settle(engines: Engines, caller: Receiver, id_: str, asked: Poll) -> None:
    """Take the receiver's word on tokens that it had before. An id that is not known here, or known twice, is nothing
    wrong (RFC 8936, 2.4): the receiver says again what it did not hear us take."""
    with engines.store.read() as unit:
        _polled(unit, caller, id_)
    outcomes = dict.fromkeys(asked.errors, _FAILED) | dict.fromkeys(asked.acks, _TAKEN)
    if not outcomes:
        return
    now = engines.clock.now()

    def work(unit: Unit) -> None:
        found = _polled(unit, caller, id_)
        for jti, words in asked.errors.items():
            unit.signals.note(found.id, jti, words)
        unit.signals.settle(found.id, outcomes, now)

    engines.store.perform(work)


def fetch(engines: Engines, caller: Receiver, id_: str, asked: Poll) -> Document:
    """What waits, oldest first; it comes again, under the same ids, until it is acknowledged."""
    with engines.store.read() as unit:
        found = _polled(unit, caller, id_)
        if found.status is not Status.ENABLED:
            return {"sets": {}, "moreAvailable": False}
        waiting = list(unit.signals.waiting(found.id, asked.most + 1))
        written = tokens(engines, unit, found, waiting[: asked.most])
    moot = [jti for jti, token in written.items() if token is None]
    if moot:
        engines.store.perform(lambda unit: drop_moot(engines, unit, found, moot))
    sets = {jti: token for jti, token in written.items() if token is not None}
    return {"sets": sets, "moreAvailable": len(waiting) > asked.most}


@dataclass(frozen=True, slots=True)
class Overview:
    """A stream and how many tokens wait on it."""

    stream: Stream
    waiting: int


def overview(engines: Engines) -> list[Overview]:
    """All streams, for operators."""
    with engines.store.read() as unit:
        return [Overview(s, unit.signals.count_waiting(s.id, MAX_WAITING + 1)) for s in unit.signals.streams()]


def tokens(engines: Engines, unit: Unit, stream: Stream, entries: Sequence[Entry]) -> dict[str, str | None]:
    """Each entry as a signed token for the stream's receiver, by its id.

    None where the platform would be told of a person whom it had erased: there is nobody to speak of any more.
    """
    people = unit.directory.people([entry.person for entry in entries if entry.person is not None])
    return {entry.jti: _token(engines, unit, stream, entry, people) for entry in entries}


def drop_moot(engines: Engines, unit: Unit, stream: Stream, jtis: Sequence[str]) -> None:
    """Settle entries that are about nobody any more."""
    unit.signals.settle(stream.id, dict.fromkeys(jtis, _MOOT), engines.clock.now())


def _token(engines: Engines, unit: Unit, stream: Stream, entry: Entry, people: Mapping[Any, Any]) -> str | None:
    subject: dict[str, object] = event.opaque(stream.id)
    if entry.app is not None:
        app = unit.directory.app_by_number(entry.app)
        assert app is not None, "a signal names an app: apps stay"
        outside = scoped = None
        if entry.person is not None and stream.app is not None:
            (scoped,) = scoped_ids(engines.pairwise, app.number, [entry.person])
        elif entry.person is not None:
            if entry.person not in people:
                return None
            outside = people[entry.person].outside_id
        subject = subject_of(engines, app, outside, scoped)
    details = dict(entry.details) | ({"grant_id": entry.grant} if entry.grant is not None else {})
    return engines.signer.sign(
        event.claims(
            issuer=engines.url,
            audience=stream.audience,
            jti=entry.jti,
            txn=entry.txn,
            at=entry.at,
            subject=subject,
            kind=entry.kind.value,
            event=details,
        ),
        TYP,
    )


def _polled(unit: Unit, caller: Receiver, id_: str) -> Stream:
    found = _theirs(unit, caller, id_)
    if found.method is not Method.POLL:
        raise Conflict("This stream's tokens are pushed.", "Change its delivery to poll for them.")
    return found


def _theirs(unit: Unit, caller: Receiver, id_: str) -> Stream:
    found = unit.signals.stream(id_) if _is_id(id_) else None
    if found is None or found.owner != caller.key:
        raise NotFound(f"You have no stream {id_[:60]!r}.", "A GET of the configuration endpoint lists yours.")
    return found


def _id(given: Mapping[str, Any]) -> str:
    id_ = given.get("stream_id")
    if not isinstance(id_, str):
        raise BadInput("'stream_id' must be a text.", "Add or mend it.")
    return id_


def _is_id(text: str) -> bool:
    """Whether it can be the id of a token of ours; any other is one that we do not know."""
    return text.isascii() and text.isprintable() and 0 < len(text) <= _LONGEST


def _words(error: Any) -> str:
    """What a receiver says of a token (RFC 8935, 2.4), short enough to keep."""
    if not isinstance(error, dict):
        return "refused"
    words = f"{error.get('err', 'refused')}: {error.get('description', '')}"
    return "".join(c for c in words if c.isprintable())[:_LONGEST]


def _record(engines: Engines, caller: Receiver, verb: str, stream: Stream) -> None:
    kind = ActorKind.PLATFORM if caller.app is None else ActorKind.APP
    actor = Actor(kind, caller.name if caller.app is None else str(caller.app))
    record(engines, Act(actor, f"stream:{verb}", stream.id, engines.clock.now(), caller.app))
