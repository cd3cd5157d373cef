"""The gate over HTTP, for code that asks one question at a time and would otherwise pay for a request each time.

    with RemoteGate("https://gate.example", key) as gate:
        decision = gate.allowed("quiz", "u17", ["name", "birthday"], "service")

Questions that are asked within a moment of each other travel together as one AuthZEN `evaluations` request. Nothing is
remembered: an answer that was kept would outlive a ban. Whoever gets no answer in time, for whatever reason, is told
no, with the reason `gate_stale` (law 4), and nothing is asked twice. A disclosure whose answer was lost may stand in
the ledger without having left, never the other way round.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any, Self

import httpx

from beholden.journeys.disclose import PersonRef, Question
from beholden.model import time
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput, BeholdenError, Unavailable
from beholden.web import strict_json

_LOG = logging.getLogger("beholden.client")
_LARGEST = 512 * 1024  # bytes of questions in one request


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a question waits for company and how much there is of it, in seconds and questions.

    `waiting` is how many may be without an answer; further ones are told no at once. `timeout` is from the asking to
    the answer, whatever happens between.
    """

    wait: float = 0.002
    together: int = 50
    waiting: int = 10_000
    timeout: float = 2.0
    connections: int = 4


@dataclass(eq=False, slots=True)
class _Asked:
    question: Question
    written: bytes
    answer: asyncio.Future[Decision]

    def told(self, decision: Decision) -> None:
        if not self.answer.done():  # who asked may be gone
            self.answer.set_result(decision)

    def failed(self, error: BeholdenError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class AsyncRemoteGate:
    """Asks the gate at `url` with one of the platform's keys. Belongs to the event loop in which it is used."""

    def __init__(self, url: str, key: str, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._url = f"{url.rstrip('/')}/access/v1/evaluations"
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            timeout=self._limits.timeout,
            limits=httpx.Limits(max_connections=self._limits.connections),
        )
        self._row: dict[_Asked, None] = {}
        self._unanswered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    async def allowed(
        self,
        app: str,
        person: str,
        fields: Sequence[str],
        purpose: str,
        *,
        through: str | None = None,
        disclose: bool = False,
    ) -> Decision:
        """Which of the fields the app may have now; with `disclose`, those are in the ledger before this returns."""
        granter = None if through is None else PersonRef(through)
        return await self.ask(Question(app, PersonRef(person), tuple(fields), purpose, granter, disclose))

    async def ask(self, question: Question) -> Decision:
        """The answer to one question. Raises BadInput for what cannot be read, Unavailable when this is closed."""
        if self._closed:
            raise Unavailable("This client of the gate is closed.", "Open another.")
        asked = _Asked(question, _write_question(question), asyncio.get_running_loop().create_future())
        if self._unanswered >= self._limits.waiting:
            _LOG.error("%d questions wait for the gate already; one more is told no", self._unanswered)
            return _no(question)
        self._unanswered += 1
        try:
            async with asyncio.timeout(self._limits.timeout):
                self._queue(asked)
                return await asked.answer
        except TimeoutError:
            _LOG.error("the gate did not answer within %s s", self._limits.timeout)
            return _no(question)
        finally:
            self._row.pop(asked, None)
            self._unanswered -= 1

    async def aclose(self) -> None:
        """Answer what was asked, as far as the time for that allows, then hang up. The rest is told no."""
        self._closed = True
        try:
            async with asyncio.timeout(self._limits.timeout):
                while self._row or self._under_way:
                    self._send_off()
                    await asyncio.wait(self._under_way)
        except TimeoutError:
            _LOG.error("the gate did not answer before its client was closed")
        for task in self._under_way:
            task.cancel()
        for asked in list(self._row):
            asked.told(_no(asked.question))
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _queue(self, asked: _Asked) -> None:
        self._row[asked] = None
        if len(self._row) >= self._limits.together:
            self._send_off()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._limits.wait, self._send_off)

    def _send_off(self) -> None:
        """Send what is in the row, as far as connections are free; the rest goes when one comes back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._row and len(self._under_way) < self._limits.connections:
            task = asyncio.create_task(self._send(self._taken()))
            self._under_way.add(task)
            task.add_done_callback(self._came_back)

    def _came_back(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._row and not self._closed:
            self._send_off()

    def _taken(self) -> list[_Asked]:
        taken: list[_Asked] = []
        size = 0
        for asked in self._row:
            size += len(asked.written)
            if len(taken) == self._limits.together or (taken and size > _LARGEST):
                break
            taken.append(asked)
        for asked in taken:
            del self._row[asked]
        return taken

    async def _send(self, together: list[_Asked]) -> None:
        """Ask, and tell everyone: whatever happens, nobody is left without an answer."""
        try:
            body = b'{"evaluations":[' + b",".join(asked.written for asked in together) + b"]}"
            async with asyncio.timeout(self._limits.timeout):
                response = await self._client.post(self._url, content=body)
            answers = _read_answers(response, len(together))
            for asked, answer in zip(together, answers, strict=True):
                _tell(asked, answer)
        except (BeholdenError, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            _LOG.error("the gate did not answer (%s: %s)", type(error).__name__, error)
        finally:
            for asked in together:
                asked.told(_no(asked.question))


class RemoteGate:
    """The same for threads: as many as like may share it. It keeps a thread of its own, so make it after a fork."""

    def __init__(self, url: str, key: str, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="beholden-gate", daemon=True)
        self._thread.start()
        self._gate = AsyncRemoteGate(url, key, self._limits)
        self._closed = threading.Event()

    def allowed(
        self,
        app: str,
        person: str,
        fields: Sequence[str],
        purpose: str,
        *,
        through: str | None = None,
        disclose: bool = False,
    ) -> Decision:
        """Which of the fields the app may have now; with `disclose`, those are in the ledger before this returns."""
        granter = None if through is None else PersonRef(through)
        return self.ask(Question(app, PersonRef(person), tuple(fields), purpose, granter, disclose))

    def ask(self, question: Question) -> Decision:
        """See AsyncRemoteGate."""
        asking = self._gate.ask(question)
        try:
            answer = asyncio.run_coroutine_threadsafe(asking, self._loop)
        except RuntimeError:  # the loop is closed
            asking.close()
            raise Unavailable("This client of the gate is closed.", "Open another.") from None
        try:
            # The loop keeps the time; a second more is for a loop that has none left, or was closed meanwhile.
            return answer.result(self._limits.timeout + 1)
        except (TimeoutError, futures.CancelledError):
            return _no(question)
        finally:
            answer.cancel()

    def close(self) -> None:
        """See AsyncRemoteGate.aclose. Who still waits for an answer gets it, or a no."""
        if self._closed.is_set():
            return
        self._closed.set()
        asyncio.run_coroutine_threadsafe(self._gate.aclose(), self._loop).result(2 * self._limits.timeout + 1)
        asyncio.run_coroutine_threadsafe(_last_ones(), self._loop).result(self._limits.timeout + 1)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._limits.timeout + 1)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _last_ones() -> None:
    """Let whoever was just told go their way."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=0.5)
    for task in others:
        task.cancel()


def _no(question: Question) -> Decision:
    return Decision((), dict.fromkeys(question.fields or (), Reason.GATE_STALE))


def _write_question(question: Question) -> bytes:
    """As an item of an AuthZEN `evaluations` request; raises BadInput for text that no JSON can hold."""
    types = {False: "person", True: "scoped_person"}
    resource: dict[str, Any] = {"type": types[question.person.scoped], "id": question.person.id}
    if question.fields is not None:
        resource["properties"] = {"fields": list(question.fields)}
    context: dict[str, Any] = {"purpose": question.purpose}
    if question.through is not None:
        context["through"] = {"type": types[question.through.scoped], "id": question.through.id}
    if question.disclose:
        context["disclose"] = True
    item = {"subject": {"type": "app", "id": question.app}, "action": {"name": "read"}}
    try:
        written = json.dumps({**item, "resource": resource, "context": context}, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise BadInput("The question holds what JSON cannot.", "Use whole texts.") from error
    if len(written) > _LARGEST:
        raise BadInput(f"The question is larger than {_LARGEST} bytes.", "Ask about fewer fields.")
    return written


def _read_answers(response: httpx.Response, count: int) -> list[Any]:
    if response.status_code != 200:
        raise Unavailable(f"It answered {response.status_code}.", "See its log.")
    answers = strict_json.read_object(response.content, largest=16 * strict_json.MEBIBYTE).get("evaluations")
    if not isinstance(answers, list) or len(answers) != count:
        raise Unavailable("What answered in the gate's place is no gate.", "Check its address.")
    return answers


def _tell(asked: _Asked, answer: Any) -> None:
    """Only what is certain is a yes: what was asked for, and is said to be allowed in so many words."""
    context = answer.get("context") if isinstance(answer, dict) else None
    if not isinstance(context, dict):
        return
    error = context.get("error")
    if isinstance(error, dict):
        asked.failed(BadInput(str(error.get("message", "The gate could not read the question."))))
        return
    try:
        asked.told(_decision(asked.question, context))
    except (TypeError, ValueError, AttributeError):
        _LOG.error("what answered in the gate's place is no gate")


def _decision(question: Question, context: Mapping[str, Any]) -> Decision:
    allowed, denied = context.get("allowed_fields", []), context.get("denied_fields", {})
    if question.fields is not None and not set(allowed) <= set(question.fields):
        raise ValueError("fields that nobody asked for")
    if not allowed and not denied:  # a no to the whole question
        denied = dict.fromkeys(question.fields or (), context.get("reason"))
    until = context.get("valid_until")
    reasons = {field: _reason(reason) for field, reason in denied.items()}
    return Decision(tuple(allowed), reasons, None if until is None else time.to_micros(time.parse(until)))


def _reason(text: Any) -> Reason:
    """A reason of a newer gate's that we do not know is still a no."""
    return Reason(text) if text in list(Reason) else Reason.GATE_STALE
