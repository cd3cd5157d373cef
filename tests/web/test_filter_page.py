"""docs/filter.md: every example there is asked of a real server, or run, and answers what the page says."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from beholden.gate.pairwise import scoped_ids
from beholden.journeys.access import add_platform_key
from beholden.model.app import Ask
from beholden.model.person import Choice
from beholden.model.person import Scope as Switch
from beholden.web import app as web_app
from beholden.web.gate_api import FILTER
from tests.web.live import serving

PAGE = (Path(__file__).parents[2] / "docs" / "filter.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PAIRS = [(kind, asked, told) for (kind, role, asked), (_, _, told) in pairwise(BLOCKS) if role == "request"]
DOCUMENT = {"data": {"friends": [{"user": {"id": "bea"}, "profile": {"name": "Bea"}}]}}


@pytest.fixture
def server(house) -> Iterator[tuple[str, str]]:
    """The page's world: Bea and Dan may be seen through Ann's apps, Cas may not; its address, and a key."""
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service", through=True), Ask("contacts", "service")))
    house.approve(quiz, "contacts")
    house.grant(house.person("ann"), quiz, ("name",), ("name", "friends"))
    people = house.people(["bea", "cas", "dan"])
    with house.engines.store.write() as unit:
        for person, sharing in zip(people, (True, False, True), strict=True):
            unit.directory.choose(Choice(person, Switch.INDIRECT, "", sharing, house.clock.now()))
    with serving(web_app.create(house.engines, house.settings)) as url:
        yield url, add_platform_key(house.engines, "page").secret


def named(house, told: str) -> str:
    """The page's words for ids, replaced by the ids."""
    with house.engines.store.read() as unit:
        app, numbers = unit.directory.app("quiz"), unit.directory.numbers(["bea", "dan"])
    for outside, number in numbers.items():
        (scoped,) = scoped_ids(house.engines.pairwise, app.number, [number])
        told = told.replace(f"(the quiz's id of {outside.title()})", scoped)
    return told


@pytest.mark.parametrize(("kind", "asked", "told"), PAIRS, ids=["list", "document", "lines"])
def test_what_the_page_asks_is_answered_as_it_says(house, server, kind, asked, told):
    url, key = server
    media = {"json": "application/json", "ndjson": "application/x-ndjson"}[kind]
    answer = httpx.post(
        url + FILTER, content=asked.encode(), headers={"authorization": f"Bearer {key}", "content-type": media}
    )
    assert answer.status_code == 200, answer.text
    expected = named(house, told)
    if kind == "json":
        assert answer.json() == json.loads(expected)
    else:
        assert list(map(json.loads, answer.text.splitlines())) == list(map(json.loads, expected.splitlines()))


def test_the_pages_python_runs(house, server):
    url, key = server

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse(DOCUMENT)(scope, receive, send)

    world = {
        "settings": house.engines,
        "document": DOCUMENT,
        "engines": house.engines,
        "api": api,
        "url": url,
        "key": key,
    }
    for kind, _, code in BLOCKS:
        if kind == "python":
            exec(code, world)
    assert [record["name"] for record in world["flat"].records] == ["Bea"]
    assert world["whole"].document["data"]["friends"][0]["profile"] == {"name": "Bea"}
    assert world["decision"].whole
    with serving(world["guarded"]) as guarded:
        answer = httpx.get(guarded + "/v1/friends")
        assert httpx.get(guarded + "/v1/other").status_code == 404
    (bea,) = answer.json()["data"]["friends"]
    assert bea["profile"] == {"name": "Bea"}
    assert bea["user"]["id"] != "bea"
