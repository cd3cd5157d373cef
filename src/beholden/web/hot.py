"""The decision path: AuthZEN evaluations answered on the event loop, from the decision table.

It stands in front of everything else and takes only what it can answer whole: a caller whose key was checked since the
last change of the store, a plain question about a person, a table that can be trusted. Whatever is not so goes to the
doors behind it with the body that was read, so that each refusal is worded in one place.

It speaks to the connection itself (`protocol`), not through ASGI: a task, a scope and two messages a request cost more
than the answer.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
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
from beholden.web.plain import read_one, read_row

_MOST_KEYS = 1_024
_MOST_ANSWERS = 8_192
_REMEMBERED_SECONDS = 1.0
_MEDIA = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_ONE, _MANY = EVALUATION.encode(), EVALUATIONS.encode()
_HEAD = b"content-type: application/json\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
_STRICT = b"strict-transport-security: max-age=31536000\r\n"

Reply = Callable[[bytes | None], None]
"""Is called once, on the event loop: with an answer's headers and body, or None where the doors behind must answer."""


class _Request(NamedTuple):
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    reply: Reply


class HotPath:
    """Belongs to one event loop."""

    paths = frozenset({_ONE, _MANY})

    def __init__(self, engines: Engines, gate: QuickGate) -> None:
        self._engines = engines
        self._gate = gate
        self._committer = Committer(engines.ledger.append)
        self._callers: dict[bytes, tuple[int, float]] = {}
        self._prefix = engines.ids.new("req").encode()
        self._count = 0
        self._head = _HEAD + (_STRICT if engines.url.startswith("https:") else b"")
        self._whole: dict[tuple[str, ...], bytes] = {}
        self._refused: dict[int, tuple[Decision, bytes]] = {}
        self._taken: list[_Request] = []
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
        """Answer all that came in this turn."""
        taken, self._taken = self._taken, []
        singles: list[Item] = []
        replies: list[tuple[bytes, Reply]] = []
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
                self._answer_row(request, request_id, now)
            elif (one := read_one(request.body)) is None:
                request.reply(None)
            elif one.disclose:
                self._disclose([one.item], [0], now, partial(self._tell_one, request.reply, request_id))
            else:
                singles.append(one.item)
                replies.append((request_id, request.reply))
        if singles:
            answers = self._gate.decide_row(Questions.of(singles), now)
            for (request_id, reply), answer in zip(replies, answers, strict=True):
                reply(self._written(self._rendered(answer), request_id))

    def _again(self, request: _Request, key: bytes, admitted: bool) -> None:  # noqa: FBT001 - called by `_ask`
        """Go on with a request whose key was looked up; it is not looked up twice for one."""
        if admitted and self._admitted(key):
            self.take(*request)
        else:
            request.reply(None)

    def _answer_row(self, request: _Request, request_id: bytes, now: int) -> None:
        row = read_row(request.body)
        if row is None:
            request.reply(None)
            return
        questions, disclosing, stop = row
        if not disclosing:
            answers = self._gate.decide_row(questions, now)
            told = answers if stop is Stop.NEVER else answers[: len(cut(answers, stop))]
            self._tell(request.reply, request_id, told)
            return
        items = [questions.item(place) for place in range(len(questions.clients))]
        if stop is not Stop.NEVER:
            items = items[: len(cut(self._gate.decide_row(questions, now), stop))]
        self._disclose(items, disclosing, now, partial(self._tell, request.reply, request_id))

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

    def _disclose(
        self,
        items: Sequence[Item],
        disclosing: Sequence[int],
        now: int,
        then: Callable[[list[Decision] | None], None],
    ) -> None:
        """The answers, those that disclose only after their receipts, all in one append (law 1); None where the table
        cannot name the grant that something leaves by."""
        gate = self._gate
        answers: list[Decision] = []
        leaving: dict[int, Disclosure] = {}
        released = set(disclosing)
        for place, item in enumerate(items):
            if place not in released:
                answers.append(gate.decide(item, now))
                continue
            answer, found = gate.leaving(item, now)
            answers.append(answer)
            if answer.allowed:
                if found is None:
                    then(None)
                    return
                leaving[place] = found
        if not leaving:
            then(answers)
            return

        def told(error: BeholdenError | None) -> None:
            due: list[Noting] = []
            for place, disclosure in leaving.items():
                item, answer = items[place], answers[place]
                if error is not None:
                    answers[place] = withdrawn(answer, Reason.NO_RECEIPT)
                    continue
                due += gate.unnoted(item, answer, now)
                answers[place] = gate.after_receipt(item, disclosure, answer)
            if due:
                asyncio.get_running_loop().run_in_executor(None, gate.note, due)
            then(answers)

        self._committer.submit(list(leaving.values()), told)

    def _written(self, body: bytes, request_id: bytes) -> bytes:
        """Headers and body."""
        if not request_id:  # random once a process, then counted: a random one costs as much as an answer
            self._count += 1
            request_id = b"%b_%d" % (self._prefix, self._count)
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b" % (self._head, len(body), request_id, body)

    def _rendered(self, answer: Decision) -> bytes:
        """`write_decision` as bytes; what is the same each time is written once."""
        allowed, denied, until = answer
        if not denied and until is not None:
            begin = self._whole.get(allowed)
            if begin is None:
                if len(self._whole) >= _MOST_ANSWERS:
                    self._whole.clear()
                begin = self._whole[allowed] = orjson.dumps(write_decision(answer._replace(until=None)))[:-2]
            return b'%b,"valid_until":%b}}' % (begin, orjson.dumps(until, option=orjson.OPT_UTC_Z))
        if allowed:
            return orjson.dumps(write_decision(answer))
        known = self._refused.get(id(answer))  # the table refuses with the same object each time
        if known is None or known[0] is not answer:
            if len(self._refused) >= _MOST_ANSWERS:
                self._refused.clear()
            known = self._refused[id(answer)] = (answer, orjson.dumps(write_decision(answer)))
        return known[1]


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
