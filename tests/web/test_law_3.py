"""Law 3 at every door by which an app hears of people: unknown, erased, opted out, inactive, unshared: one answer.

Not only the body: the status and every header too, Date and our own request number left out.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from beholden.gate.oauth.secret import digest_of
from beholden.gate.oauth.token import Kind, Token
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import gateway
from beholden.journeys.access import add_platform_key
from beholden.journeys.disclose import PersonRef
from beholden.model.app import Ask
from beholden.model.ids import PersonNumber
from beholden.model.person import Choice
from beholden.model.person import Scope as ChoiceScope
from beholden.web import app as web_app
from beholden.web.gate_api import FILTER
from beholden.web.gateway import AUTH_REQUEST, EXT_AUTHZ
from beholden.web.middleware import Caller, Guard, Guarded, InProcess
from tests.web.live import serving

ROUTES = """
routes:
  - {path: "/people/{id}", methods: [GET], person: {path: id, ids: platform}, fields: [name], purpose: service}
  - {path: "/scoped/{id}", methods: [GET], person: {path: id}, fields: [name], purpose: service}
"""
pytestmark = pytest.mark.usefixtures("answered_from")
Seen = tuple[int, bytes, tuple[tuple[str, str], ...]]


class World:
    """The house with everybody in it of whom an app may learn nothing."""

    def __init__(self, house) -> None:
        quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
        ann = house.person("ann")
        now = house.clock.now()
        self.people = house.people(["silent", "all-off", "app-off", "erased", "inactive", "shown"])
        silent, all_off, app_off, erased, inactive, shown = self.people
        house.grant(inactive, quiz, ("name",))
        with house.engines.store.write() as unit:
            for person in (all_off, app_off, erased, inactive, shown):
                unit.directory.choose(Choice(person, ChoiceScope.INDIRECT, "", True, now))
            unit.directory.choose(Choice(all_off, ChoiceScope.ALL, "", False, now))
            unit.directory.choose(Choice(app_off, ChoiceScope.APP, quiz.client_id, False, now))
            unit.directory.forget(erased, now)
        house.clock.advance(timedelta(days=100))
        grant = house.grant(ann, quiz, ("name",), ("name",))
        now = house.clock.now()
        with house.engines.store.write() as unit:
            unit.consent.add_tokens(
                [
                    Token(
                        ann,
                        digest_of("token"),
                        Kind.ACCESS,
                        quiz.number,
                        grant.id,
                        "",
                        "family",
                        now,
                        now + timedelta(days=1),
                    )
                ]
            )
        house.engines = replace(house.engines, routes=gateway.read_routes(ROUTES, house.engines.catalogue))
        self.engines = house.engines
        self.quiz = quiz
        self.silent: PersonNumber = silent
        self.key = add_platform_key(house.engines, "tests").secret
        self.names = ["silent", "all-off", "app-off", "erased", "inactive", "nobody", "' OR 1=1"]

    def scoped(self) -> list[str]:
        """The quiz's ids of those people, and two that it made up."""
        return [*scoped_ids(self.engines.pairwise, self.quiz.number, self.people[:5]), "a" * 26, "x"]


@pytest.fixture
def world(house) -> World:
    return World(house)


@pytest.fixture
def url(house, world: World) -> Iterator[str]:
    with serving(web_app.create(world.engines, house.settings)) as found:
        yield found


def seen(answer: httpx.Response, body: bytes | None = None) -> Seen:
    """All that could tell two answers apart."""
    kept = sorted((k, v) for k, v in answer.headers.items() if k not in {"date", "x-request-id", "content-length"})
    return answer.status_code, answer.content if body is None else body, tuple(kept)


def quoted(names: list[str]) -> list[str]:
    return [name.replace(" ", "%20") for name in names]


def test_law_3_envoys_and_nginxs_doors(url: str, world: World) -> None:
    headers = {"x-beholden-key": world.key, "authorization": "Bearer token"}
    paths = [f"/people/{name}" for name in quoted(world.names)] + [f"/scoped/{id_}" for id_ in world.scoped()]
    assert httpx.get(f"{url}{EXT_AUTHZ}/people/shown", headers=headers).status_code == 200
    envoy = {seen(httpx.get(f"{url}{EXT_AUTHZ}{path}", headers=headers)) for path in paths}
    original = [{**headers, "x-original-uri": path, "x-original-method": "GET"} for path in paths]
    nginx = {seen(httpx.get(f"{url}{AUTH_REQUEST}", headers=one)) for one in original}
    assert len(envoy) == len(nginx) == 1
    assert {one[0] for one in envoy | nginx} == {403}


def test_law_3_the_filter(url: str, world: World) -> None:
    headers = {"authorization": f"Bearer {world.key}", "content-type": "application/json"}
    answers = set()
    for name in [*world.names, "shown"]:
        asked = {"app": "quiz", "through": "ann", "purpose": "service", "records": [{"id": name, "name": "x"}]}
        answer = httpx.post(url + FILTER, content=json.dumps(asked), headers=headers)
        answers.add(seen(answer, json.dumps(answer.json()["records"]).encode()))
    assert sorted(len(json.loads(one[1])) for one in answers) == [0, 1]


def test_law_3_the_middleware(world: World) -> None:
    known = {"silent", "all-off", "app-off", "inactive", "shown"}

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        """The platform's own: it knows who is there, and says so."""
        name = scope["path"].rpartition("/")[2]
        record = {"id": name, "name": name.title(), "secret": name}
        answer = JSONResponse(record) if name in known else JSONResponse({"error": f"no {name}"}, 404, {"x-why": name})
        await answer(scope, receive, send)

    caller = Caller("quiz", PersonRef("ann"), "service")
    guarded = Guarded(api, InProcess(world.engines), [Guard("/people", "", lambda _: caller, single=True)])
    with serving(guarded) as url:
        assert httpx.get(f"{url}/people/shown").json()["name"] == "Shown"
        answers = {seen(httpx.get(f"{url}/people/{name}")) for name in quoted(world.names)}
    assert len(answers) == 1
    assert answers.pop()[0] == 404
