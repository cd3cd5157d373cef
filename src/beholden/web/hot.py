"""The decision path: AuthZEN evaluations answered on the event loop, from the decision table.

It stands in front of everything else and takes only what it can answer whole: a caller whose key was checked since the
last change of the store, a well-formed question about a person, a table that can be trusted. Whatever is not so goes to
the doors behind it with the body that was read, so that each refusal is worded in one place.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beholden.journeys.access import check_platform_key
from beholden.journeys.disclose import Question, Stop, cut, withdrawn
from beholden.journeys.ports import Engines
from beholden.journeys.quick import Noting, QuickGate
from beholden.model.decision import Decision, Reason
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, BeholdenError
from beholden.web import strict_json
from beholden.web.authzen import read_question, write_decision
from beholden.web.committer import Committer
from beholden.web.door import MAX_REQUEST_ID
from beholden.web.gate_api import EVALUATION, EVALUATIONS, read_items, read_stop

_MOST_KEYS = 1_024
_REMEMBERED_SECONDS = 1.0
_MEDIA = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_FIXED: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_Answer = Callable[[bytes], "list[Question] | Question | None"]


class HotPath:
    """In front of `behind`. Belongs to one event loop."""

    def __init__(self, behind: ASGIApp, engines: Engines, gate: QuickGate) -> None:
        self._behind = behind
        self._engines = engines
        self._gate = gate
        self._committer = Committer(engines.ledger.append)
        self._callers: dict[bytes, tuple[int, float]] = {}
        self._prefix = engines.ids.new("req").encode()
        self._count = 0
        self._fixed = _FIXED
        if engines.url.startswith("https:"):
            self._fixed = (*_FIXED, (b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["path"] in _PATHS and scope["method"] == "POST":
            await self._serve(scope, receive, send)
        else:
            await self._behind(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _read_headers(scope["headers"])
        if headers is None:
            await self._behind(scope, receive, send)
            return
        key, request_id = headers
        message = await receive()
        body = message.get("body", b"")
        whole = message["type"] == "http.request" and not message.get("more_body") and len(body) <= strict_json.MEBIBYTE
        found = await self._answered(scope["path"], body) if whole and await self._admitted(key) else None
        if found is None:
            await self._behind(scope, _again(message, receive), send)
            return
        head = [*self._fixed, (b"content-length", b"%d" % len(found)), (b"x-request-id", request_id or self._new_id())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": found})

    def _new_id(self) -> bytes:
        """An id like every answer has; random once a process, then counted: a random one costs as much as an answer."""
        self._count += 1
        return b"%s_%d" % (self._prefix, self._count)

    async def _admitted(self, key: bytes) -> bool:
        """Whether this key holds, as checked at the present epoch and within the last second: a revocation is in the
        feed too, and one that only runs out is found when it is looked up again."""
        epoch, now = self._gate.epoch(), time.monotonic()
        known = self._callers.get(key)
        if epoch and known is not None and known[0] == epoch and now - known[1] < _REMEMBERED_SECONDS:
            return True
        text = key.decode("latin-1")
        try:
            caller = await run_in_threadpool(check_platform_key, self._engines, text)
        except BeholdenError:
            return False
        if caller is None:
            return False
        if epoch:
            if len(self._callers) >= _MOST_KEYS:
                self._callers.clear()
            self._callers[key] = (epoch, now)
        return True

    async def _answered(self, path: str, body: bytes) -> bytes | None:
        """The answer's bytes; None where the doors behind must give it."""
        try:
            asked = strict_json.read_object(body)
            items = read_items(asked) if path == EVALUATIONS else []
            if not items:
                question = read_question(asked)
                return await self._one(question) if isinstance(question, Question) else None
            return await self._many(asked, items)
        except BadInput:
            return None

    async def _one(self, question: Question) -> bytes | None:
        now = self._gate.now()
        if not question.disclose:
            return orjson.dumps(write_decision(self._gate.decide(question, now)))
        answers = await self._disclosed([question], [None], now)
        return None if answers is None else orjson.dumps(write_decision(answers[0]))

    async def _many(self, asked: dict[str, Any], items: Sequence[Any]) -> bytes | None:
        stop = read_stop(asked)
        questions = _read_row(asked, items)
        if questions is None:
            return None
        now = self._gate.now()
        decide = self._gate.decide
        answers = [None if question.disclose else decide(question, now) for question in questions]
        if stop is not Stop.NEVER:
            looked = [a or self._gate.decide(q, now) for q, a in zip(questions, answers, strict=True)]
            questions = questions[: len(cut(looked, stop))]
        final = await self._disclosed(questions, answers[: len(questions)], now)
        if final is None:
            return None
        return orjson.dumps({"evaluations": [write_decision(answer) for answer in final]})

    async def _disclosed(
        self, questions: Sequence[Question], answers: Sequence[Decision | None], now: int
    ) -> list[Decision] | None:
        """The answers, those that disclose (None so far) only after their receipts, all in one append (law 1)."""
        final: list[Decision] = []
        items: list[Disclosure] = []
        places: list[int] = []
        for place, (question, given) in enumerate(zip(questions, answers, strict=True)):
            answer, found = (given, None) if given is not None else self._gate.leaving(question, now)
            final.append(answer)
            if given is None and answer.allowed:
                if found is None:
                    return None
                items.append(found)
                places.append(place)
        if items:
            try:
                await self._committer.commit(items)
            except BeholdenError:
                for place in places:
                    final[place] = withdrawn(final[place], Reason.NO_RECEIPT)
                return final
            due: list[Noting] = []
            for place, leaving in zip(places, items, strict=True):
                due += self._gate.unnoted(questions[place], final[place], now)
                final[place] = self._gate.after_receipt(questions[place], leaving, final[place])
            if due:
                await run_in_threadpool(self._gate.note, due)
        return final


_PATHS = frozenset({EVALUATION, EVALUATIONS})


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
            if request_id or len(value) > MAX_REQUEST_ID:
                return None
            request_id = value
        elif name in (b"content-encoding", b"expect"):
            return None
    if media not in _MEDIA or key[:7] != b"Bearer " or len(key) > 512:
        return None
    return key[7:], request_id


def _read_row(asked: Mapping[str, Any], items: Sequence[Any]) -> list[Question] | None:
    """The questions of a row; None where one of them is of the kind that only the doors behind answer."""
    defaults = {name: asked[name] for name in ("subject", "action", "resource", "context") if name in asked}
    found = []
    for item in items:
        if not isinstance(item, dict):
            return None
        question = read_question({**defaults, **item} if defaults else item)
        if not isinstance(question, Question):
            return None
        found.append(question)
    return found


def _again(first: Message, receive: Receive) -> Receive:
    """A `receive` that gives the message that was read already, then what follows it."""
    pending = [first]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
