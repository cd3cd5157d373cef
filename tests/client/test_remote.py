"""The client over HTTP: questions travel together, each gets its own answer, and whoever gets none is told no."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from starlette.types import Receive, Scope, Send

from beholden.client import AsyncRemoteGate, Gate, RemoteGate
from beholden.client.remote import Limits
from beholden.journeys.access import add_platform_key, revoke_platform_key
from beholden.journeys.disclose import PersonRef, Question
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput, Unavailable
from beholden.model.person import Choice
from beholden.model.person import Scope as Switch
from beholden.web import app as web_app
from tests.web.live import serving, spawned

STALE = Decision((), {"name": Reason.GATE_STALE})


@dataclass
class Gateway:
    """The real server, and how many questions came in each request."""

    house: object
    url: str
    key: str
    key_id: str
    together: list[int] = field(default_factory=list)

    def client(self, **limits: object) -> AsyncRemoteGate:
        """A client for a loop."""
        return AsyncRemoteGate(self.url, self.key, replace(Limits(timeout=10.0), **limits))


@pytest.fixture
def gateway(house) -> Iterator[Gateway]:
    """Everybody from p0 to p99 connected the quiz."""
    quiz = house.app(client_id="quiz")
    for number in house.people([f"p{n}" for n in range(100)]):
        house.grant(number, quiz, ("name",))
    inner = web_app.create(house.engines, house.settings)
    key = add_platform_key(house.engines, "tests")
    found = Gateway(house, "", key.secret, key.id)

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def read() -> dict:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body"):
                found.together.append(len(json.loads(body)["evaluations"]))
            return message

        await inner(scope, read, send)

    with serving(counted) as found.url:
        yield found


def everybody(gate: AsyncRemoteGate, *people: str, **more: object) -> list:
    """One question for each, asked at once."""
    return [gate.allowed("quiz", person, ["name"], "service", **more) for person in people]


def test_questions_asked_together_travel_together_and_each_gets_its_own_answer(gateway):
    people = [f"p{n}" if n % 3 else f"nobody{n}" for n in range(100)]

    async def ask() -> list[Decision]:
        async with gateway.client() as gate:
            return await asyncio.gather(*everybody(gate, *people))

    answers = asyncio.run(ask())
    assert [answer.whole for answer in answers] == [bool(n % 3) for n in range(100)]
    assert answers[0].denied == {"name": Reason.PERSON_UNKNOWN}
    assert gateway.together == [50, 50]


def test_it_answers_as_the_gate_in_process_does(gateway):
    gateway.house.grant(gateway.house.person("ann"), gateway.house.app(client_id="other"), ("name", "email"))
    near = Gate(gateway.house.engines)
    with RemoteGate(gateway.url, gateway.key, Limits(timeout=10.0)) as far:
        for app, person, fields, through in (
            ("quiz", "p1", ["name"], None),
            ("quiz", "p1", ["name", "birthday", "shoe_size"], None),
            ("quiz", "p1", ["name"], "p2"),
            ("other", "ann", ["email", "name"], None),
            ("nobody", "p1", ["name"], None),
            ("quiz", "\0", ["name"], None),
        ):
            asked = {"through": through}
            assert far.allowed(app, person, fields, "service", **asked) == near.allowed(
                app, person, fields, "service", **asked
            )
        whole = Question("quiz", PersonRef("p1"), None, "service")
        assert "name" in far.ask(whole).allowed


def test_a_lone_question_waits_only_a_moment(gateway):
    async def ask() -> Decision:
        async with gateway.client(wait=0.0) as gate:
            (answer,) = await asyncio.gather(*everybody(gate, "p1"))
            return answer

    assert asyncio.run(ask()).whole
    assert gateway.together == [1]


def test_one_bad_question_does_not_fail_the_others(gateway):
    async def ask() -> list:
        async with gateway.client() as gate:
            half = gate.allowed("quiz", "half \ud800", ["name"], "service")
            return await asyncio.gather(*everybody(gate, "p1", "", "p2"), half, return_exceptions=True)

    one, empty, two, half = asyncio.run(ask())
    assert one.whole
    assert two.whole
    assert isinstance(empty, BadInput)
    assert isinstance(half, BadInput)
    assert gateway.together == [3]


def test_questions_that_are_too_large_together_travel_apart(gateway):
    async def ask() -> list:
        async with gateway.client() as gate:
            wide = [gate.allowed("quiz", "p1", ["name", "x" * 300_000], "service") for _ in range(3)]
            far_too_wide = gate.allowed("quiz", "p1", ["x" * 600_000], "service")
            return await asyncio.gather(far_too_wide, *wide, return_exceptions=True)

    far_too_wide, *wide = asyncio.run(ask())
    assert isinstance(far_too_wide, BadInput)
    assert [answer.allowed for answer in wide] == [("name",)] * 3
    assert gateway.together == [1, 1, 1]


def test_law_1_a_disclosure_is_in_the_ledger_when_the_answer_is_here(gateway):
    async def ask() -> None:
        async with gateway.client() as gate:
            await asyncio.gather(*everybody(gate, "p1", "p2", disclose=True), *everybody(gate, "p3"))

    asyncio.run(ask())
    assert len(list(gateway.house.engines.ledger.disclosures())) == 2


def test_law_5_no_answer_is_remembered(gateway):
    with RemoteGate(gateway.url, gateway.key, Limits(timeout=10.0)) as gate:
        assert gate.allowed("quiz", "p1", ["name"], "service").whole
        with gateway.house.engines.store.write() as unit:
            person = unit.directory.numbers(["p1"])["p1"]
            unit.directory.choose(Choice(person, Switch.ALL, "", False, gateway.house.clock.now()))
        assert gate.allowed("quiz", "p1", ["name"], "service").denied == {"name": Reason.OPTED_OUT_ALL}
        revoke_platform_key(gateway.house.engines, gateway.key_id)
        assert gate.allowed("quiz", "p2", ["name"], "service") == STALE


def test_many_threads_share_one_client_and_their_questions_travel_together(gateway):
    with RemoteGate(gateway.url, gateway.key, Limits(timeout=20.0)) as gate, ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda n: gate.allowed("quiz", f"p{n % 120}", ["name"], "service"), range(600)))
    assert [answer.whole for answer in answers] == [n % 120 < 100 for n in range(600)]
    assert sum(gateway.together) == 600
    assert len(gateway.together) < 300


def test_who_gives_up_is_not_asked_for_and_the_others_are(gateway):
    async def ask() -> list:
        async with gateway.client(wait=0.2) as gate:
            tasks = [asyncio.create_task(one) for one in everybody(gate, *(f"p{n}" for n in range(10)), disclose=True)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert not gate._row
            assert gate._unanswered == 0
            return answers

    answers = asyncio.run(ask())
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [True, False] * 5
    assert all(answer.whole for answer in answers[1::2])
    assert gateway.together == [5]
    assert len(list(gateway.house.engines.ledger.disclosures())) == 5


def test_closing_answers_what_was_asked_and_nothing_more(gateway):
    async def ask() -> list[Decision]:
        gate = gateway.client(wait=5.0)
        tasks = [asyncio.create_task(one) for one in everybody(gate, "p1", "p2")]
        await asyncio.sleep(0.01)
        await gate.aclose()
        with pytest.raises(Unavailable, match="closed"):
            await gate.allowed("quiz", "p1", ["name"], "service")
        return await asyncio.gather(*tasks)

    assert all(answer.whole for answer in asyncio.run(ask()))
    gate = RemoteGate(gateway.url, gateway.key)
    gate.close()
    gate.close()
    with pytest.raises(Unavailable, match="closed"):
        gate.allowed("quiz", "p1", ["name"], "service")
    assert not [thread for thread in threading.enumerate() if thread.name == "beholden-gate"]


@contextmanager
def in_the_gates_place(reply: bytes | None) -> Iterator[tuple[str, list[socket.socket]]]:
    """A port where something else listens: it answers so, hangs up after the question (b""), or says nothing (None)."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                held.append(caller)
                if reply is not None:
                    caller.recv(65_536)
                    caller.sendall(reply)
                    caller.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", held
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for caller in held:
        caller.close()


def saying(status: str, body: bytes) -> bytes:
    """An HTTP answer."""
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


YES = {"decision": True, "context": {"allowed_fields": ["name"], "denied_fields": {}}}


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        saying("500 Oops", b"{}"),
        saying("401 No", b'""'),
        saying("302 Elsewhere", b""),
        saying("200 OK", b"no JSON"),
        saying("200 OK", b"[]"),
        saying("200 OK", json.dumps({"evaluations": [YES] * 2}).encode()),
        saying("200 OK", json.dumps({"evaluations": [{"decision": True}]}).encode()),
        saying("200 OK", json.dumps({"evaluations": ["yes"]}).encode()),
        saying("200 OK", b'{"evaluations":[{"decision":true,"context":{"allowed_fields":["name","email"]}}]}'),
        saying("200 OK", b'{"evaluations":[{"decision":true,"context":{"allowed_fields":[[]]}}]}'),
        saying("200 OK", b'{"evaluations":[{"decision":true,"context":{"allowed_fields":["name"],"valid_until":1}}]}'),
        saying("200 OK", json.dumps({"evaluations": [YES]}).encode())[:-9],
    ],
    ids=lambda reply: reply[:90].decode(),
)
def test_law_4_whatever_answers_in_the_gates_place_is_a_no(reply):
    with in_the_gates_place(reply) as (url, _), RemoteGate(url, "bhk_x", Limits(timeout=3.0)) as gate:
        assert gate.allowed("quiz", "p1", ["name"], "service") == STALE


def test_law_4_a_gate_that_says_nothing_or_is_not_there_is_a_no_in_time():
    with in_the_gates_place(None) as (url, held):
        began = time.monotonic()
        with RemoteGate(url, "bhk_x", Limits(timeout=0.3)) as gate, ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: gate.allowed("quiz", f"p{n}", ["name"], "service"), range(60)))
        assert answers == [STALE] * 60
        assert time.monotonic() - began < 8
        assert held
    with RemoteGate(url, "bhk_x") as gate:
        assert gate.allowed("quiz", "p1", ["name"], "service") == STALE


def test_more_than_may_wait_are_told_no_at_once():
    async def ask(url: str) -> list[Decision]:
        async with AsyncRemoteGate(url, "bhk_x", Limits(timeout=0.5, waiting=100)) as gate:
            waiting = [asyncio.create_task(one) for one in everybody(gate, *["p1"] * 100)]
            await asyncio.sleep(0.05)
            async with asyncio.timeout(0.3):
                refused = await asyncio.gather(*everybody(gate, *["p2"] * 50))
            assert not any(task.done() for task in waiting)
            return refused + await asyncio.gather(*waiting)

    with in_the_gates_place(None) as (url, _):
        assert asyncio.run(ask(url)) == [STALE] * 150


def test_law_4_a_server_killed_midway_leaves_nobody_waiting_and_allows_nothing_more(gateway):
    with (
        spawned(gateway.house.data) as (url, server),
        RemoteGate(url, gateway.key, Limits(timeout=5.0)) as gate,
        ThreadPoolExecutor(30) as pool,
    ):
        assert gate.allowed("quiz", "p1", ["name"], "service").whole
        asking = [pool.submit(gate.allowed, "quiz", f"p{n % 100}", ["name"], "service") for n in range(400)]
        asking[100].result(20)
        server.kill()
        server.wait(10)
        answers = [one.result(20) for one in asking]
        assert gate.allowed("quiz", "p1", ["name"], "service") == STALE
    assert {answer.whole for answer in answers} == {True, False}
    assert all(answer == STALE for answer in answers if not answer.whole)
