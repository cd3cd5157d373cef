"""Limits at every door: an app that asks too often hears so, in the door's own form, whoever it asks about."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from beholden.backends.host.limiter import MemoryLimiter, Rate
from beholden.journeys.access import add_platform_key
from beholden.journeys.disclose import PersonRef
from beholden.model.app import Ask
from beholden.web import app as web_app
from beholden.web.gate_api import EVALUATION, EVALUATIONS, FILTER
from beholden.web.middleware import Caller, Guard, Guarded, InProcess, OverHttp, RecordFilter
from tests.web.live import serving


def question(person: str = "ann") -> dict:
    return {
        "subject": {"type": "app", "id": "quiz"},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": person, "properties": {"fields": ["name"]}},
        "context": {"purpose": "service", "through": "ann", "disclose": True},
    }


def filtered(person: str = "ann") -> dict:
    return {"app": "quiz", "through": "ann", "purpose": "service", "records": [{"id": person, "name": "x"}]}


@pytest.fixture
def client(house) -> Iterator[httpx.Client]:
    """A platform whose apps may ask three times at once on one person's word, and ten times in all."""
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    house.grant(house.person("ann"), quiz, ("name",), ("name",))
    house.engines = replace(house.engines, limiter=MemoryLimiter(Rate(1, 10), Rate(1, 3), lambda: 0.0))
    key = add_platform_key(house.engines, "tests").secret
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with (
        serving(web_app.create(house.engines, house.settings)) as url,
        httpx.Client(base_url=url, headers=headers) as client,
    ):
        yield client


def test_an_evaluation_is_a_no_with_its_reason_and_is_not_recorded(house, client: httpx.Client) -> None:
    before = house.engines.ledger.size()
    people = ["ann", "ann", "ann", "ann", "nobody"]
    answers = [client.post(EVALUATION, content=json.dumps(question(person))) for person in people]
    assert [answer.json()["decision"] for answer in answers] == [True, True, True, False, False]
    assert answers[3].content == answers[4].content, "law 3: the same whoever was asked about"
    assert answers[3].json()["context"]["reason"] == "rate_limited"
    assert answers[3].json()["context"]["denied_fields"] == {"name": "rate_limited"}
    assert house.engines.ledger.size() == before + 3


def test_a_row_is_counted_item_by_item(client: httpx.Client) -> None:
    row = client.post(EVALUATIONS, content=json.dumps({**question(), "evaluations": [{}] * 5})).json()["evaluations"]
    assert [one["decision"] for one in row] == [True, True, True, False, False]
    assert row[4]["context"]["reason"] == "rate_limited"
    stopped = {"options": {"evaluations_semantic": "deny_on_first_deny"}, "evaluations": [{}] * 5}
    assert len(client.post(EVALUATIONS, content=json.dumps({**question(), **stopped})).json()["evaluations"]) == 1


def test_the_filter_answers_429_and_when_to_come_again(client: httpx.Client) -> None:
    answers = [client.post(FILTER, content=json.dumps(filtered(p))) for p in ("ann", "nobody", "ann", "ann", "nobody")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].content == answers[4].content
    assert answers[3].headers["retry-after"] == "1"
    assert isinstance(answers[3].json(), str)


def test_an_app_is_limited_in_all_also_where_nobody_knows_it(client: httpx.Client) -> None:
    for app in ("quiz", "no-such-app"):
        told = []
        for n in range(12):
            asked = {**filtered(), "app": app, "through": f"person-{n}"}
            told.append(client.post(FILTER, content=json.dumps(asked)).status_code)
        assert told == [200] * 10 + [429] * 2, app


async def records(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse([{"id": "ann", "name": "Ann"}])(scope, receive, send)


def test_the_middleware_passes_it_on(house, client: httpx.Client) -> None:
    def caller(_scope: Scope) -> Caller:
        return Caller("quiz", PersonRef("ann"), "service")

    key = client.headers["authorization"].removeprefix("Bearer ")

    async def four(wire: httpx.AsyncClient, gate: RecordFilter) -> list[httpx.Response]:
        guarded = httpx.ASGITransport(Guarded(records, gate, [Guard("/people", "", caller)]))
        async with wire, httpx.AsyncClient(transport=guarded, base_url="http://p.test") as app:
            return [await app.get("/people") for _ in range(4)]

    async def both() -> list[list[httpx.Response]]:
        inside = await four(httpx.AsyncClient(), InProcess(house.engines))
        house.engines.limiter._grants.clear()
        wire = httpx.AsyncClient()
        return [inside, await four(wire, OverHttp(wire, str(client.base_url), key))]

    for answers in asyncio.run(both()):
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].headers["retry-after"] == "1"
