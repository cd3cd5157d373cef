"""The decision path: AuthZEN evaluations answered on the event loop, from the decision table.

It stands in front of everything else and takes only what it can answer whole: a caller whose key was checked since the
last change of the store, a plain question about a person, a table that can be trusted. Whatever is not so goes to the
doors behind it with the body that was read, so that each refusal is worded in one place.

It speaks to the connection itself (`protocol`), not through ASGI: a task, a scope and two messages a request cost more
than the answer.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import orjson

from beholden.journeys.access import check_platform_key
from beholden.journeys.disclose import Stop, cut, withdrawn
from beholden.journeys.ports import Engines
from beholden.journeys.quick import Item, Noting, Questions, QuickGate
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BeholdenError
from beholden.web.authzen import write_decision
from beholden.web.committer import Committer
from beholden.web.door import MAX_REQUEST_ID
from beholden.web.gate_api import EVALUATION, EVALUATIONS
from beholden.web.plain import PlainReader

_log = logging.getLogger(__name__)
_MOST_KEYS = 1_024
_MOST_ANSWERS = 8_192
_CROWD = 8
_WINDOW_SECONDS = 0.002
"""Where so many wait at once, an append is put off by this: its fixed cost is then shared by more of them."""
_TURN_BYTES = 65_536
"""Bodies that are answered together: some hundred questions. A loop that never rests accepts no new connection."""
_REMEMBERED_SECONDS = 1.0
_MEDIA = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_ONE, _MANY = EVALUATION.encode(), EVALUATIONS.encode()
_HEAD = b"content-type: application/json\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
_STRICT = b"strict-transport-security: max-age=31536000\r\n"

Reply = Callable[[bytes | None], None]
"""Is called on the event loop: with an answer's headers and body, or None where the doors behind must answer. Only the
first call counts."""


class _Request(NamedTuple):
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    reply: Reply


class _Release(NamedTuple):
    """Questions of one request of which those at `places` disclose; `then` takes the answers, or None."""

    items: list[Item]
    places: list[int]
    then: Callable[[list[Decision] | None], None]


_Receipt = tuple[_Release, list[int], list[Disclosure], list[Decision]]
"""What is in the ledger by now: the places of a release, their disclosures, and the answers as they were before."""


class HotPath:
    """Belongs to one event loop."""

    paths = frozenset({_ONE, _MANY})

    def __init__(self, engines: Engines, gate: QuickGate) -> None:
        self._engines = engines
        self._gate = gate
        self._plain = PlainReader(engines.catalogue.by_field)
        self._committer = Committer(engines.ledger.append)
        self._callers: dict[bytes, tuple[int, float]] = {}
        self._prefix = engines.ids.new("req").encode()
        self._count = 0
        self._head = _HEAD + (_STRICT if engines.url.startswith("https:") else b"")
        self._whole: dict[tuple[str, ...], bytes] = {}
        self._denied: dict[int, tuple[Mapping[str, Reason], tuple[str, ...], bytes]] = {}
        self._taken: list[_Request] = []
        self._releases: list[_Release] = []
        self._releasing: asyncio.Task[None] | None = None
        self._asked: dict[bytes, list[Callable[[bool], None]]] = {}

    def take(self, path: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes, reply: Reply) -> None:
        """Answer a POST to one of `paths`, at the end of this turn of the event loop or later.

        What comes in one turn is read and decided together: code and facts are then at hand, which each single question
        would find driven out of the processor's caches by the system calls before it.
        """
        if not self._taken:
            asyncio.get_running_loop().call_soon(self._answer)
        self._taken.append(_Request(path, headers, body, reply))

    def _answer(self) -> None:
        """Answer what came in this turn, or as much of it as leaves the loop free for others soon enough."""
        size = count = 0
        for request in self._taken:
            size += len(request.body)
            count += 1
            if size >= _TURN_BYTES:
                break
        taken, self._taken = self._taken[:count], self._taken[count:]
        if self._taken:
            asyncio.get_running_loop().call_soon(self._answer)
        try:
            self._answer_all(taken)
        except Exception:  # noqa: BLE001 - nobody is left waiting
            _log.exception("The quick path failed; the doors behind answer.")
            for request in taken:
                request.reply(None)  # which those ignore that were answered

    def _answer_all(self, taken: Sequence[_Request]) -> None:
        singles: list[Item] = []
        replies: list[tuple[bytes, Reply]] = []
        releases: list[_Release] = []
        now = self._gate.now()
        for request in taken:
            found = _read_headers(request.headers)
            if found is None:
                request.reply(None)
                continue
            key, request_id = found
            if not self._admitted(key):
                self._ask(key, partial(self._again, request, key))
            elif request.path == _MANY:
                releases += self._answer_row(request, request_id, now)
            elif (one := self._plain.one(request.body)) is None:
                request.reply(None)
            elif one.disclose:
                releases.append(_Release([one.item], [0], partial(self._tell_one, request.reply, request_id)))
            else:
                singles.append(one.item)
                replies.append((request_id, request.reply))
        if singles:
            answers = self._gate.decide_row(Questions.of(singles), now)
            for (request_id, reply), answer in zip(replies, answers, strict=True):
                reply(self._written(self._rendered(answer), request_id))
        self._releases += releases
        if self._releases and self._releasing is None:
            self._releasing = asyncio.get_running_loop().create_task(self._release())

    def _again(self, request: _Request, key: bytes, admitted: bool) -> None:  # noqa: FBT001 - called by `_ask`
        """Go on with a request whose key was looked up; it is not looked up twice for one."""
        if admitted and self._admitted(key):
            self.take(*request)
        else:
            request.reply(None)

    def _answer_row(self, request: _Request, request_id: bytes, now: int) -> list[_Release]:
        """Answer a boxcar, or say what of it is to be released first."""
        row = self._plain.row(request.body)
        if row is None:
            request.reply(None)
            return []
        questions, disclosing, stop = row
        if not disclosing:
            answers = self._gate.decide_row(questions, now)
            told = answers if stop is Stop.NEVER else answers[: len(cut(answers, stop))]
            self._tell(request.reply, request_id, told)
            return []
        items = [questions.item(place) for place in range(len(questions.clients))]
        if stop is not Stop.NEVER:
            items = items[: len(cut(self._gate.decide_row(questions, now), stop))]
        places = [place for place in disclosing if place < len(items)]
        return [_Release(items, places, partial(self._tell, request.reply, request_id))]

    def _tell_one(self, reply: Reply, request_id: bytes, answers: list[Decision] | None) -> None:
        reply(None if answers is None else self._written(self._rendered(answers[0]), request_id))

    def _tell(self, reply: Reply, request_id: bytes, answers: list[Decision] | None) -> None:
        if answers is None:
            reply(None)
            return
        body = b'{"evaluations":[%b]}' % b",".join(map(self._rendered, answers))
        reply(self._written(body, request_id))

    def _admitted(self, key: bytes) -> bool:
        """Whether this key holds, as checked at the present epoch and within the last second: a revocation is in the
        feed too, and one that only runs out is found when it is looked up again.

        From a table that is stale nobody gets anything, so then a key that held is not looked up in a store that may
        be what cannot be reached: the answer is a no that says why (law 4)."""
        known = self._callers.get(key)
        if known is None or known[0] != self._gate.epoch():
            return False
        return time.monotonic() - known[1] < _REMEMBERED_SECONDS or self._gate.stale()

    def _ask(self, key: bytes, then: Callable[[bool], None]) -> None:
        """Look the key up in the store, in a thread; whoever comes with it meanwhile waits for the same answer."""
        waiting = self._asked.get(key)
        if waiting is not None:
            waiting.append(then)
            return
        self._asked[key] = [then]
        epoch, now = self._gate.epoch(), time.monotonic()

        def answered(done: asyncio.Future[bool]) -> None:
            admitted = not done.cancelled() and done.exception() is None and done.result()
            if admitted and epoch:
                if len(self._callers) >= _MOST_KEYS:
                    self._callers.clear()
                self._callers[key] = (epoch, now)
            for one in self._asked.pop(key):
                one(admitted)

        work = asyncio.get_running_loop().run_in_executor(None, self._holds, key.decode("latin-1"))
        work.add_done_callback(answered)

    def _holds(self, key: str) -> bool:
        try:
            return check_platform_key(self._engines, key) is not None
        except BeholdenError:
            return False

    async def _release(self) -> None:
        """Give what discloses, group after group: whoever comes while one is being recorded is in the next."""
        try:
            while self._releases:
                if len(self._releases) >= _CROWD:  # who was answered a moment ago may be about to ask again
                    await asyncio.sleep(_WINDOW_SECONDS)
                taken, self._releases = self._releases, []
                try:
                    await self._disclose(taken)
                except Exception:  # noqa: BLE001 - nobody is left waiting
                    _log.exception("A disclosure failed in the quick path; the doors behind answer.")
                    for release in taken:
                        release.then(None)
        finally:
            self._releasing = None

    async def _disclose(self, releases: Sequence[_Release]) -> None:
        """Decide what is to leave, have it recorded, and give it where it still stands (law 1)."""
        items = Questions.of([item for one in releases for item in one.items])
        found = iter(self._gate.leaving_row(items, self._gate.now()))
        submitted: list[_Receipt] = []
        for release in releases:
            answers = list(islice(found, len(release.items)))
            leaving = {place: answers[place][1] for place in release.places if answers[place][0].allowed}
            told = [answer for answer, _ in answers]
            said = [disclosure for disclosure in leaving.values() if disclosure is not None]
            if len(said) < len(leaving):  # a grant that the table cannot name
                release.then(None)
            elif not said:
                release.then(told)
            else:
                submitted.append((release, list(leaving), said, told))
        recording = [self._committer.submit(said) for _, _, said, _ in submitted]
        receipts: list[_Receipt] = []
        for receipt, recorded in zip(submitted, recording, strict=True):
            error = await recorded
            if error is None:
                receipts.append(receipt)
                continue
            release, places, _, told = receipt
            for place in places:
                told[place] = withdrawn(told[place], Reason.NO_RECEIPT)
            release.then(told)
        if receipts:
            self._give(receipts)

    def _give(self, receipts: Sequence[_Receipt]) -> None:
        items = [release.items[place] for release, places, _, _ in receipts for place in places]
        leaving = [disclosure for _, _, said, _ in receipts for disclosure in said]
        before = [told[place] for _, places, _, told in receipts for place in places]
        final = iter(self._gate.after_receipts(items, leaving, before))
        now = self._gate.now()
        due: list[Noting] = []
        for release, places, _, told in receipts:
            for place in places:
                due += self._gate.unnoted(release.items[place], told[place], now)
                told[place] = next(final)
            release.then(told)
        if due:
            asyncio.get_running_loop().run_in_executor(None, self._gate.note, due)

    def _written(self, body: bytes, request_id: bytes) -> bytes:
        """Headers and body."""
        if not request_id:  # random once a process, then counted: a random one costs as much as an answer
            self._count += 1
            request_id = b"%b_%d" % (self._prefix, self._count)
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b" % (self._head, len(body), request_id, body)

    def _rendered(self, answer: Decision) -> bytes:
        """`write_decision` as bytes; what is the same each time is written once."""
        allowed, denied, ends = answer
        if denied:
            known = self._denied.get(id(denied))  # the table denies with the same object each time
            if known is None or known[0] is not denied or known[1] != allowed:
                known = self._denied[id(denied)] = (denied, allowed, self._begun(answer))
            begin = known[2]
        else:
            begin = self._whole.get(allowed) or self._whole.setdefault(allowed, self._begun(answer))
        if ends is None:
            return begin + b"}}"
        return b'%b,"valid_until":%b}}' % (begin, orjson.dumps(answer.until, option=orjson.OPT_UTC_Z))

    def _begun(self, answer: Decision) -> bytes:
        """`write_decision` as bytes, up to where the end of its time would stand."""
        for kept in (self._whole, self._denied):
            if len(kept) >= _MOST_ANSWERS:
                kept.clear()
        return orjson.dumps(write_decision(answer._replace(ends=None)))[:-2]


def _read_headers(headers: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
    """The caller's key and request id, where these headers are of the plain kind; None otherwise."""
    key = media = request_id = b""
    for name, value in headers:
        if name == b"content-type":
            if media:
                return None
            media = value
        elif name == b"authorization":
            if key:
                return None
            key = value
        elif name == b"x-request-id":
            if request_id or len(value) > MAX_REQUEST_ID or not (value.isascii() and value.decode().isprintable()):
                return None
            request_id = value
        elif name in (b"content-encoding", b"expect"):
            return None
    if media not in _MEDIA or key[:7] != b"Bearer " or len(key) > 512:
        return None
    return key[7:], request_id
