"""`beholden serve` with BEHOLDEN_GATE=table: real workers, and the table that a real follower keeps true."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from beholden.journeys import access, disclose, opt_out
from beholden.journeys.disclose import PersonRef, Question
from beholden.model.ids import PersonNumber
from beholden.model.person import Scope
from beholden.web.authzen import write_decision
from tests.conftest import House, built

PATIENCE_SECONDS = 30


@dataclass
class Served:
    """A server on the house's data folder, and what a platform asks it."""

    house: House
    client: httpx.Client
    process: "subprocess.Popen[str]"
    key: access.IssuedKey
    people: dict[str, PersonNumber]

    def ask(self, person: str = "ada", fields: tuple[str, ...] = ("name",), **context: Any) -> httpx.Response:
        return fresh(self.client, question(person, fields, **context))

    def reason(self, person: str = "ada") -> str:
        answer = self.client.post("/access/v1/evaluation", json=question(person))
        return str(answer.json()["context"]["reason"])


def question(person: str, fields: tuple[str, ...] = ("name",), **context: Any) -> dict[str, Any]:
    return {
        "subject": {"type": "app", "id": "quiz"},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": person, "properties": {"fields": list(fields)}},
        "context": {"purpose": "service", **context},
    }


def fresh(client: httpx.Client, asked: dict[str, Any]) -> httpx.Response:
    """The answer, once the table's follower has had its turn: on a busy machine it may be late, which is no answer."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = client.post("/access/v1/evaluation", json=asked)
        if b"gate_stale" not in answer.content or time.monotonic() > end:
            return answer
        time.sleep(0.02)


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def unfollowed(served: Served) -> Iterator[None]:
    """The table's follower is stopped, not killed: it is alive, and would not be started again."""
    pids = subprocess.run(
        ["pgrep", "-f", f"beholden follow --data {served.house.data}"], capture_output=True, text=True, check=True
    ).stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGSTOP)
    try:
        until(lambda: served.reason() == "gate_stale")
        yield
    finally:
        for pid in pids:
            os.kill(int(pid), signal.SIGCONT)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator[Served]:
    """One server for all: whoever changes something here changes it back."""
    with built(tmp_path_factory.mktemp("served"), blank_database) as house, serving(house) as here:
        yield here


@contextmanager
def serving(house: House) -> Iterator[Served]:
    """A server on a house, with an app that two people let have their name and address."""
    app = house.app(client_id="quiz")
    people = {name: house.person(name) for name in ("ada", "bob", "eve")}
    for name in ("ada", "bob"):
        house.grant(people[name], app, ["name", "email"])
    key = access.add_platform_key(house.engines, "platform")
    process = subprocess.Popen(
        [sys.executable, "-m", "beholden", "serve", "--data", str(house.data), "--port", "0", "--workers", "2"],
        env={**os.environ, "BEHOLDEN_GATE": "table"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        with httpx.Client(base_url=found[0], headers={"authorization": f"Bearer {key.secret}"}) as client:
            here = Served(house, client, process, key, people)
            until(lambda: _answers(here))
            yield here
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()


def _answers(here: Served) -> bool:
    try:
        return here.reason() == "allowed"
    except httpx.TransportError:
        return False


def test_the_table_says_what_the_store_says(served: Served) -> None:
    for person in ("ada", "bob", "eve", "nobody", "\0"):
        for fields in (("name",), ("name", "email"), ("birthday",), ("name", "shoe_size")):
            asked = Question("quiz", PersonRef(person), fields, "service")
            assert served.ask(person, fields).json() == write_decision(disclose.evaluate(served.house.engines, asked))
    until(lambda: served.reason() == "allowed")
    row = served.client.post("/access/v1/evaluations", json={"evaluations": [question(p) for p in ("ada", "eve")]})
    assert [one["decision"] for one in row.json()["evaluations"]] == [True, False]


def test_law_5_a_switch_holds_at_the_next_request_in_every_worker(served: Served) -> None:
    ada = served.people["ada"]
    for sharing in (False, True) * 5:
        opt_out.choose(served.house.engines, ada, Scope.ALL, sharing=sharing)
        for _ in range(6):
            with httpx.Client(base_url=served.client.base_url, headers=served.client.headers) as other:
                answer = fresh(other, question("ada")).json()
            assert answer["decision"] is sharing
    assert served.ask("bob").json()["decision"] is True


def test_law_1_what_is_disclosed_from_the_table_is_in_the_ledger_under_its_grant(served: Served) -> None:
    before = served.house.engines.ledger.size()
    assert served.ask(disclose=True).json()["decision"] is True
    (row,) = served.house.engines.ledger.disclosures(start=before)
    with served.house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=served.people["ada"])
    assert (row.person, row.fields, row.grant, row.purpose) == (grant.person, ("name",), grant.id, "service")
    assert served.ask("eve", disclose=True).json()["decision"] is False
    assert served.house.engines.ledger.size() == before + 1


def test_a_revoked_key_is_out_at_the_next_request(served: Served) -> None:
    key = access.add_platform_key(served.house.engines, "another platform")
    headers = {"authorization": f"Bearer {key.secret}"}
    with httpx.Client(base_url=served.client.base_url, headers=headers) as client:
        assert fresh(client, question("ada")).status_code == 200
    access.revoke_platform_key(served.house.engines, key.id)
    for _ in range(6):
        with httpx.Client(base_url=served.client.base_url, headers=headers) as other:
            assert other.post("/access/v1/evaluation", json=question("ada")).status_code == 401


def test_what_cannot_be_read_is_refused_in_the_words_of_the_doors_behind(served: Served) -> None:
    headers = {"content-type": "application/json", "x-request-id": "r-1"}
    for body in (b"{", b'{"subject":1,"subject":2}', b"[]", b"", b'{"evaluations":5}'):
        answer = served.client.post("/access/v1/evaluations", content=body, headers=headers)
        assert answer.status_code == 400 and isinstance(answer.json(), str), body
        assert answer.headers["x-request-id"] == "r-1", body


def test_law_4_a_table_that_nobody_follows_allows_nothing(served: Served) -> None:
    with unfollowed(served):
        assert served.reason() == "gate_stale"
    until(lambda: served.reason() == "allowed")
