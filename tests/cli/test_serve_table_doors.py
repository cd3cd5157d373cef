"""The filter, the gateways' doors and the searches of a `beholden serve` that answers from the decision table."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from beholden.enforcement.sanction import TargetKind
from beholden.journeys import opt_out
from beholden.model.ids import AppNumber
from beholden.model.person import Scope
from beholden.model.standing import Standing
from tests.cli.test_serve_table import Served, serving, unfollowed, until
from tests.conftest import EXAMPLES, House
from tests.web.test_gateway import issue

RECORDS = [{"id": name, "name": name.title(), "email": f"{name}@mail.example"} for name in ("ada", "bob", "nobody")]
ASKED = {"app": "quiz", "through": {"type": "person", "id": "ada"}, "purpose": "service"}
WORKERS_TRIED = 6


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    """A server with the routes of the example platform."""
    (house.data / "routes.yaml").write_text((EXAMPLES / "gateways" / "routes.yaml").read_text())
    with serving(house) as here:
        yield here


def posted(served: Served, path: str = "/gate/v1/filter", **more: Any) -> httpx.Response:
    """The answer on a connection of its own, so of any worker, once it is not that the follower was late."""
    answers: list[httpx.Response] = []

    def answered() -> bool:
        with httpx.Client(base_url=served.client.base_url, headers=served.client.headers) as other:
            answers.append(other.post(path, **more))
        return answers[-1].status_code != 503

    until(answered)
    return answers[-1]


def passed(served: Served, token: str) -> httpx.Response:
    """What nginx is told."""
    headers = {"x-beholden-key": served.key.secret, "authorization": f"Bearer {token}", "x-beholden-explain": "yes"}
    headers |= {"x-original-method": "GET", "x-original-uri": "/profile"}
    answers: list[httpx.Response] = []

    def answered() -> bool:
        answers.append(httpx.get(f"{served.client.base_url}/gate/v1/auth_request", headers=headers))
        return answers[-1].headers.get("x-beholden-reason") != "gate_stale"

    until(answered)
    return answers[-1]


def ban(served: Served) -> None:
    with served.house.engines.store.write() as unit:
        unit.enforcement.set_standing(TargetKind.APP, AppNumber(1), Standing.BANNED, None, served.house.clock.now())


def test_law_1_and_5_the_filter_records_what_leaves_and_sees_a_ban_at_the_next_request(served: Served) -> None:
    before = served.house.engines.ledger.size()
    answer = posted(served, json={**ASKED, "records": RECORDS}).json()
    assert [set(record) for record in answer["records"]] == [{"id", "name", "email"}]
    assert answer["report"]["reasons"] == {"indirect_off": 2, "person_unknown": 2}
    (row,) = served.house.engines.ledger.disclosures(start=before)
    with served.house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=served.people["ada"])
    assert (row.person, row.fields, row.grant) == (grant.person, ("name", "email"), grant.id)
    opt_out.choose(served.house.engines, served.people["ada"], Scope.ALL, sharing=False)
    for _ in range(WORKERS_TRIED):
        report = posted(served, json={**ASKED, "records": RECORDS}).json()["report"]
        assert (report["released"], report["reasons"]["opted_out_all"]) == (0, 2)
    opt_out.choose(served.house.engines, served.people["ada"], Scope.ALL, sharing=True)
    assert posted(served, json={**ASKED, "records": RECORDS}).json()["report"]["released"] == 1
    ban(served)
    lines = "\n".join(map(json.dumps, [ASKED, *RECORDS]))
    for _ in range(WORKERS_TRIED):
        assert posted(served, json={**ASKED, "records": RECORDS}).json()["report"]["reasons"] == {"app_banned": 6}
        streamed = posted(served, content=lines, headers={"content-type": "application/x-ndjson"}).text.splitlines()
        assert [json.loads(line)["end"]["reasons"] for line in streamed] == [{"app_banned": 6}]
    assert served.house.engines.ledger.size() == before + 4, "two disclosures, two switches"


def test_law_1_and_5_a_gateway_hears_a_yes_after_the_receipt_and_a_no_at_the_next_request(served: Served) -> None:
    with served.house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=served.people["ada"])
    token = issue(served.house.engines, grant)
    before = served.house.engines.ledger.size()
    answer = passed(served, token)
    assert (answer.status_code, answer.headers["x-beholden-fields"]) == (200, "name,email")
    assert answer.headers["x-beholden-grant"] == grant.id
    (row,) = served.house.engines.ledger.disclosures(start=before)
    assert (row.person, row.fields, row.grant) == (grant.person, ("name", "email"), grant.id)
    for sharing in (False, True) * 3:
        opt_out.choose(served.house.engines, served.people["ada"], Scope.ALL, sharing=sharing)
        answer = passed(served, token)
        assert answer.status_code == (200 if sharing else 403)
        assert sharing or answer.headers["x-beholden-reason"] == "opted_out_all"


def test_a_search_finds_by_the_table_whom_an_evaluation_allows(served: Served) -> None:
    fields = {"properties": {"fields": ["name"]}}
    asked = {"action": {"name": "read"}, "context": {"purpose": "service"}}
    people = {**asked, "subject": {"type": "app", "id": "quiz"}, "resource": {"type": "person", **fields}}
    apps = {**asked, "subject": {"type": "app"}, "resource": {"type": "person", "id": "ada", **fields}}
    for body, path, expected in ((people, "resource", ["ada", "bob"]), (apps, "subject", ["quiz"])):
        found = posted(served, f"/access/v1/search/{path}", json=body).json()
        assert [one["id"] for one in found["results"]] == expected
    ban(served)
    for body, path in ((people, "resource"), (apps, "subject")):
        assert posted(served, f"/access/v1/search/{path}", json=body).json()["results"] == []


def test_law_4_without_a_follower_no_door_allows_anything(served: Served) -> None:
    with served.house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=served.people["ada"])
    token = issue(served.house.engines, grant)
    asked = {"subject": {"type": "app"}, "resource": {"type": "person", "id": "ada"}, "action": {"name": "read"}}
    before = served.house.engines.ledger.size()
    with unfollowed(served):
        filtered = served.client.post("/gate/v1/filter", json={**ASKED, "records": RECORDS})
        searched = served.client.post("/access/v1/search/subject", json={**asked, "context": {"purpose": "service"}})
        headers = {"x-beholden-key": served.key.secret, "authorization": f"Bearer {token}", "x-beholden-explain": "yes"}
        told = httpx.get(f"{served.client.base_url}/gate/v1/ext_authz/profile", headers=headers)
    assert (filtered.status_code, searched.status_code) == (503, 503)
    assert "latest standing" in filtered.text and "latest standing" in searched.text
    assert (told.status_code, told.headers["x-beholden-reason"]) == (403, "gate_stale")
    assert served.house.engines.ledger.size() == before
    assert posted(served, json={**ASKED, "records": RECORDS}).json()["report"]["released"] == 1
