"""Transmit: bring to receivers what waits for them, signals by push (RFC 8935) and callbacks to apps.

At least once: an outcome is written after the call, so that a process that dies in between sends again what it had
sent, under the same id, by which the receiver knows it. A receiver in trouble is left alone for a while that grows;
nothing waits for it but its own queue.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from beholden.gate.pairwise import scoped_ids
from beholden.gate.signals import event, retry
from beholden.gate.signals.callback import Call, CallKind, CallState, Confirmation, confirmation
from beholden.gate.signals.ports import Entry, Post, Poster, Reply
from beholden.gate.signals.stream import Method, Status, Stream
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.signal import bound_queues
from beholden.journeys.streams import TYP, drop_moot, tokens
from beholden.model.ids import AppNumber

Lane = tuple[Stream, list[tuple[Entry, str]]]
"""A stream and the head of its queue, as signed tokens."""
LANE = 10
"""Tokens or calls for one receiver between two commits: what is sent again after a crash."""
CALLS = 200
MAX_REFUSALS = 5
"""A token that its receiver refuses so often is no further tried; those behind it are."""
KEPT = timedelta(days=30)
"""How long it is kept what became of a token or a call."""
_DELIVERED, _FAILED, _GIVEN_UP = "delivered", "failed", "given up"


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run did: tokens and calls that were taken, and those that were tried in vain."""

    pushed: int = 0
    refused: int = 0
    called: int = 0
    failed: int = 0

    def __add__(self, other: "Sent") -> "Sent":
        return Sent(
            self.pushed + other.pushed,
            self.refused + other.refused,
            self.called + other.called,
            self.failed + other.failed,
        )


def send_due(engines: Engines, poster: Poster) -> Sent:
    """Send all that is due; raises Conflict when another process of this host does so just now."""
    with engines.locks.hold("signals"):
        bound_queues(engines)
        sent = _push_all(engines, poster) + _call_all(engines, poster)
        with engines.store.write() as unit:
            unit.signals.sweep(engines.clock.now() - KEPT)
    return sent


def _push_all(engines: Engines, poster: Poster) -> Sent:
    sent = Sent()
    while lanes := _due_lanes(engines):
        posts = [[_push(stream, token) for _, token in lane] for stream, lane in lanes]
        replies = poster.post(posts)
        sent += engines.store.perform(partial(_settle_lanes, engines, lanes, replies))
    return sent


def _settle_lanes(engines: Engines, lanes: Sequence[Lane], replies: Sequence[Sequence[Reply]], unit: Unit) -> Sent:
    sent = Sent()
    for (stream, lane), answered in zip(lanes, replies, strict=True):
        sent += _settle_lane(engines, unit, stream, [entry for entry, _ in lane], answered)
    return sent


def _due_lanes(engines: Engines) -> list[Lane]:
    """The head of each queue that can be pushed now, as signed tokens."""
    now = engines.clock.now()
    lanes: list[Lane] = []
    moot: list[tuple[Stream, list[str]]] = []
    with engines.store.read() as unit:
        for stream in unit.signals.streams():
            if stream.method is not Method.PUSH or stream.status is not Status.ENABLED:
                continue
            if stream.next_at is not None and stream.next_at > now:
                continue
            entries = unit.signals.waiting(stream.id, LANE)
            written = tokens(engines, unit, stream, entries)
            lane = [(entry, token) for entry in entries if (token := written[entry.jti]) is not None]
            moot.append((stream, [jti for jti, token in written.items() if token is None]))
            if lane:
                lanes.append((stream, lane))
    for stream, jtis in moot:
        if jtis:
            with engines.store.write() as unit:
                drop_moot(engines, unit, stream, jtis)
    return lanes


def _push(stream: Stream, token: str) -> Post:
    headers = {"Content-Type": f"application/{TYP}", "Accept": "application/json"}
    if stream.authorization:
        headers["Authorization"] = stream.authorization
    return Post(stream.endpoint, token.encode(), headers)


def _settle_lane(
    engines: Engines, unit: Unit, stream: Stream, entries: Sequence[Entry], replies: Sequence[Reply]
) -> Sent:
    """Write what became of one lane. The stream may have been changed or deleted while its tokens were on the way."""
    now = engines.clock.now()
    outcomes: dict[str, str] = {}
    trouble = ""
    for entry, reply in zip(entries, replies, strict=False):  # a lane ends early where the receiver is down
        if reply.status == 202:
            outcomes[entry.jti] = _DELIVERED
            continue
        trouble = _trouble_of_push(reply)
        unit.signals.note(stream.id, entry.jti, trouble)
        if not reply.down and entry.failures + 1 >= MAX_REFUSALS:
            outcomes[entry.jti] = _FAILED
    if trouble:
        late = (entry for entry in entries if entry.jti not in outcomes and retry.is_over(entry.at, now))
        outcomes |= {entry.jti: _GIVEN_UP for entry in late}
    taken = sum(word == _DELIVERED for word in outcomes.values())
    unit.signals.settle(stream.id, outcomes, now)
    present = unit.signals.stream(stream.id)
    # Written only where it changes: whoever revokes reads all streams, and two writers of one row would meet there.
    if present is not None and (trouble or present.trouble):
        unit.signals.put_stream(_after(present, trouble, now))
    return Sent(pushed=taken, refused=min(len(entries), len(replies)) - taken)


def _after(stream: Stream, trouble: str, now: datetime) -> Stream:
    if not trouble:
        return replace(stream, failures=0, next_at=None, trouble="")
    failures = stream.failures + 1
    return replace(stream, failures=failures, next_at=retry.next_try(failures, now), trouble=trouble)


def _trouble_of_push(reply: Reply) -> str:
    """RFC 8935, 2.3: a 400 has `err` and `description`; nobody else's words are kept."""
    if reply.status == 0:
        return reply.trouble
    words = f"answered {reply.status} instead of 202"
    answer = _json(reply.body) if reply.status == 400 else None
    if isinstance(answer, Mapping) and isinstance(answer.get("err"), str):
        said = f"{answer['err']} {answer.get('description', '')}"
        words += ": " + "".join(c for c in said if c.isprintable())[:200]
    return words


def _call_all(engines: Engines, poster: Poster) -> Sent:
    sent, skip = Sent(), set[AppNumber]()
    while lanes := _due_calls(engines, skip):
        posts = [[post for _, post in lane] for lane in lanes]
        replies = poster.post(posts)
        sent += engines.store.perform(partial(_settle_wave, engines, lanes, replies))
        skip |= {lane[0][0].app for lane, answered in zip(lanes, replies, strict=True) if answered[-1].down}
    return sent


def _settle_wave(
    engines: Engines, lanes: Sequence[Sequence[tuple[Call, Post]]], replies: Sequence[Sequence[Reply]], unit: Unit
) -> Sent:
    sent = Sent()
    for lane, answered in zip(lanes, replies, strict=True):
        sent += _settle_calls(engines, unit, [call for call, _ in lane], answered)
    return sent


def _due_calls(engines: Engines, skip: set[AppNumber]) -> list[list[tuple[Call, Post]]]:
    """Calls that are due, a lane for each app. One that has become pointless is settled here."""
    now = engines.clock.now()
    pointless: list[Call] = []
    lanes: dict[AppNumber, list[tuple[Call, Post]]] = {}
    with engines.store.read() as unit:
        for call in unit.calls.due(now, CALLS, skip):
            lane = lanes.setdefault(call.app, [])
            if _connected_again(unit, call):
                pointless.append(call)
            elif len(lane) < LANE:
                lane.append((call, _call_post(engines, unit, call)))
    if pointless:
        with engines.store.write() as unit:
            for call in pointless:
                unit.calls.save(
                    replace(call, state=CallState.DONE, settled_at=now, trouble="not sent: connected again")
                )
    found = [lane for lane in lanes.values() if lane]
    return found or (_due_calls(engines, skip) if pointless else [])


def _connected_again(unit: Unit, call: Call) -> bool:
    """Whether the person has come back meanwhile: an app that was told now would forget somebody who is there."""
    if call.kind is not CallKind.DEAUTHORIZE:
        return False
    return bool(unit.directory.grants(person=call.person, app=call.app, active=True))


def _call_post(engines: Engines, unit: Unit, call: Call) -> Post:
    app = unit.directory.app_by_number(call.app)
    assert app is not None, "a call names an app: apps stay"
    (scoped,) = scoped_ids(engines.pairwise, app.number, [call.person])
    claims = event.claims(
        issuer=engines.url,
        audience=app.client_id,
        jti=call.id,
        txn=call.id,
        at=call.at,
        subject=event.person_at_issuer(engines.url, scoped),
        kind=call.kind.uri,
        event={},
    )
    form = urlencode({"signed_request": engines.signer.sign(claims, TYP)})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "Idempotency-Key": call.id,
    }
    return Post(unit.calls.addresses(app.number).of(call.kind), form.encode(), headers)


def _settle_calls(engines: Engines, unit: Unit, calls: Sequence[Call], replies: Sequence[Reply]) -> Sent:
    """Write what became of an app's calls; those behind one that found it down wait as long as that one."""
    now = engines.clock.now()
    sent, waits = Sent(), None
    for call, reply in zip(calls, replies, strict=False):
        after = _answered(call, reply, now)
        waits = after.next_at if reply.down else None
        sent += Sent(called=1) if after.state is CallState.DONE else Sent(failed=1)
        unit.calls.save(after)
        if after.state is not CallState.WAITING and call.person not in unit.directory.people([call.person]):
            unit.calls.drop(call)  # of somebody who was erased nothing is kept that is not needed
    for call in calls[len(replies) :]:
        unit.calls.save(replace(call, next_at=waits))
    return sent


def _answered(call: Call, reply: Reply, now: datetime) -> Call:
    if 200 <= reply.status < 300:
        if call.kind is CallKind.DEAUTHORIZE:
            return replace(call, state=CallState.DONE, settled_at=now, trouble="", next_at=None)
        found = confirmation(_json(reply.body)) if not reply.trouble else reply.trouble
        if isinstance(found, Confirmation):
            return replace(
                call,
                state=CallState.DONE,
                settled_at=now,
                trouble="",
                next_at=None,
                url=found.url,
                confirmation=found.code,
            )
        trouble = f"answered {reply.status}, but {found}"
    else:
        trouble = reply.trouble or f"answered {reply.status}"
    failures = call.failures + 1
    if retry.is_over(call.at, now):
        return replace(call, state=CallState.FAILED, settled_at=now, failures=failures, trouble=trouble, next_at=None)
    return replace(call, failures=failures, trouble=trouble, next_at=retry.next_try(failures, now))


def _json(body: bytes) -> Any:
    """What a stranger's server answered, bounded by the poster; None where it is no JSON."""
    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return None
