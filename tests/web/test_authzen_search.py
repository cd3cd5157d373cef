"""AuthZEN's searches about people over real HTTP, and whatever else somebody may send to any AuthZEN endpoint."""

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.backends.cedar import read_folder
from beholden.backends.sql.tables import standings
from beholden.journeys.access import add_platform_key
from beholden.journeys.evaluate import ResourceTypes
from beholden.model.app import Ask
from beholden.web import app as web_app
from beholden.web.gate_api import EVALUATION, EVALUATIONS, SEARCHES, routes
from beholden.web.pdp_metadata import CONFIGURATION, OPENAPI
from tests.authzen.serving import HERE
from tests.web.live import serving

pytestmark = pytest.mark.usefixtures("answered_from")
SUBJECT, RESOURCE, ACTION = SEARCHES.values()
ENDPOINTS = (EVALUATION, EVALUATIONS, SUBJECT, RESOURCE, ACTION)
CONTEXT = {"purpose": "service"}
NAME = {"properties": {"fields": ["name"]}}
QUIZ = {"type": "app", "id": "quiz"}
READ = {"name": "read"}


@pytest.fixture
def client(house) -> Iterator[httpx.Client]:
    """A server with ten people who granted the quiz their basic fields, and the certification fixture's records."""
    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    for person in house.people([f"u{n}" for n in range(10)]):
        house.grant(person, quiz)
    key = add_platform_key(house.engines, "tests").secret
    engines = replace(house.engines, resource_types=ResourceTypes([read_folder(HERE / "certification")]))
    headers = {"authorization": f"Bearer {key}"}
    with (
        serving(web_app.create(engines, house.settings)) as url,
        httpx.Client(base_url=url, headers=headers) as found,
    ):
        yield found


def whole(path: str) -> dict:
    """A good request for any of the endpoints."""
    person = {"type": "person", "id": "u1", **NAME}
    request = {"subject": QUIZ, "action": READ, "resource": person, "context": CONTEXT}
    return request | ({"evaluations": [{}, {}]} if path == EVALUATIONS else {})


def test_the_three_searches_answer_in_the_standards_form(client):
    resources = client.post(RESOURCE, json={**whole(RESOURCE), "resource": {"type": "person", **NAME}})
    assert resources.json() == {"results": [{"type": "person", "id": f"u{n}"} for n in range(10)]}
    assert client.post(SUBJECT, json=whole(SUBJECT)).json() == {"results": [QUIZ]}
    assert client.post(ACTION, json=whole(ACTION)).json() == {"results": [READ]}
    scoped = client.post(RESOURCE, json={**whole(RESOURCE), "resource": {"type": "scoped_person", **NAME}}).json()
    (first, *_) = scoped["results"]
    asked = {**whole(EVALUATION), "resource": {**first, **NAME}}
    assert client.post(EVALUATION, json=asked).json()["decision"] is True


def test_pages_come_with_page_first_and_a_token_that_binds_everything_else(client):
    asked = {**whole(RESOURCE), "resource": {"type": "person", **NAME}, "page": {"limit": 4}}
    answer = client.post(RESOURCE, json=asked)
    assert answer.text.startswith('{"page":{"next_token":"')
    assert answer.json()["page"]["count"] == 4
    token = answer.json()["page"]["next_token"]
    seen = [one["id"] for one in answer.json()["results"]]
    while token:
        asked["page"] = {"token": token, "properties": {"ignored": True}}
        body = client.post(RESOURCE, json=asked).json()
        last, token = token, body["page"]["next_token"]
        seen += [one["id"] for one in body["results"]]
    assert seen == [f"u{n}" for n in range(10)]
    same = {**asked, "page": {"token": last, "limit": 4}, "unknown": 1}
    same["resource"] = {**same["resource"], "id": "ignored"}
    assert client.post(RESOURCE, json=same).status_code == 200
    for changed in (
        {"subject": {**QUIZ, "id": "other"}},
        {"subject": {**QUIZ, "properties": {"x": 1}}},
        {"action": {**READ, "properties": {"x": 1}}},
        {"resource": {"type": "person", "properties": {"fields": ["email"]}}},
        {"resource": {"type": "scoped_person", **NAME}},
        {"context": {"purpose": "other"}},
        {"context": {**CONTEXT, "through": "u1"}},
        {"page": {"token": last, "limit": 5}},
        {"page": {"token": last + "A"}},
        {"page": {"token": "x"}},
    ):
        refused = client.post(RESOURCE, json={**same, **changed})
        assert (refused.status_code, type(refused.json())) == (400, str), changed
    elsewhere = client.post(SUBJECT, json={**same, "resource": {**same["resource"], "id": "u1"}})
    assert elsewhere.status_code == 400


def test_people_and_the_platforms_own_types_stand_in_one_row(client, house):
    alice = {"subject": {"type": "user", "id": "alice"}, "resource": {"type": "record", "id": "record-1"}}
    leaving = {"context": {**CONTEXT, "disclose": True}}
    no = {**alice, "action": {"name": "delete"}}
    before = house.engines.ledger.size()

    def row(semantic: str, *items: dict) -> list[bool]:
        options = {"evaluations_semantic": semantic}
        asked = {**whole(EVALUATION), "options": options, "evaluations": list(items)}
        return [one["decision"] for one in client.post(EVALUATIONS, json=asked).json()["evaluations"]]

    assert row("deny_on_first_deny", alice, no, leaving) == [True, False]
    assert row("permit_on_first_permit", no, alice, leaving) == [False, True]
    assert house.engines.ledger.size() == before, "what the row did not come to was not disclosed"
    assert row("execute_all", leaving, no, alice, {"subject": 1}, leaving) == [True, False, True, False, True]
    assert house.engines.ledger.size() == before + 2


@pytest.mark.parametrize("page", [1, [], {"limit": 0}, {"limit": -1}, {"limit": 1.5}, {"limit": True}, {"token": 1}])
def test_a_page_of_the_wrong_kind_is_refused(client, page):
    for path in (SUBJECT, RESOURCE, ACTION):
        assert client.post(path, json={**whole(path), "page": page}).status_code == 400


def test_law_1_a_search_cannot_be_taken_for_a_disclosure(client):
    for path in (SUBJECT, RESOURCE, ACTION):
        answer = client.post(path, json={**whole(path), "context": {**CONTEXT, "disclose": True}})
        assert answer.status_code == 400
        assert "discloses nothing" in answer.json()


def test_who_is_not_known_finds_nothing_and_no_error(client):
    for path in (SUBJECT, RESOURCE, ACTION):
        for member, value in (
            ("subject", {"type": "spaceship", "id": "quiz"}),
            ("action", {"name": "fly"}),
            ("resource", {"type": "spaceship", "id": "u1"}),
        ):
            if member != "action" or path != ACTION:
                answer = client.post(path, json={**whole(path), member: value})
                assert (answer.status_code, answer.json()) == (200, {"results": []}), (path, member)


def test_a_ban_comes_before_any_policy_of_the_platforms(house, tmp_path):
    """The policies allow every app everything; a banned one and an unknown one get nothing all the same."""
    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    (tmp_path / "cedar").mkdir()
    files = {
        "types.yaml": "subjects: {app: App}\nresources: {endpoint: Endpoint}\nactions: [call]\n",
        "policies.cedar": "permit (principal, action, resource);",
        "entities.json": json.dumps(
            [
                {"uid": {"type": t, "id": i}, "attrs": {}, "parents": []}
                for t, i in [*(("App", a) for a in ("good", "banned", "ghost")), ("Endpoint", "/feed")]
            ]
        ),
    }
    for name, text in files.items():
        (tmp_path / "cedar" / name).write_text(text)
    house.app(client_id="good")
    banned = house.app(client_id="banned")
    with house.engines.store.engine.begin() as connection:
        row = {"kind": "app", "number": banned.number, "standing": "banned", "sanction": "sanction_test"}
        connection.execute(standings.insert().values(**row, since=house.clock.now()))
    key = add_platform_key(house.engines, "tests").secret
    engines = replace(house.engines, resource_types=ResourceTypes([read_folder(tmp_path / "cedar")]))
    with (
        serving(web_app.create(engines, house.settings)) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}) as client,
    ):
        call = {"action": {"name": "call"}, "resource": {"type": "endpoint", "id": "/feed"}}
        apps = [{"subject": {"type": "app", "id": name}} for name in ("good", "banned", "ghost")]
        answers = client.post(EVALUATIONS, json={**call, "evaluations": apps}).json()["evaluations"]
        assert [(one["decision"], one["context"]["reason"]) for one in answers] == [
            (True, "allowed"),
            (False, "app_banned"),
            (False, "app_unknown"),
        ]
        good = {"type": "app", "id": "good"}
        assert client.post(SUBJECT, json={**call, "subject": {"type": "app"}}).json() == {"results": [good]}
        for name, found in (("good", 1), ("banned", 0), ("ghost", 0)):
            asked = {**call, "subject": {"type": "app", "id": name}}
            assert len(client.post(RESOURCE, json=asked).json()["results"]) == found
            assert len(client.post(ACTION, json=asked).json()["results"]) == found


def test_metadata_is_served_only_where_it_can_be_true(house):
    for url, path, status in (
        ("https://gate.example", CONFIGURATION, 200),
        ("https://gate.example/tenant1", CONFIGURATION + "/tenant1", 200),
        ("https://gate.example/tenant1", CONFIGURATION, 404),
        ("http://127.0.0.1:8400", CONFIGURATION, 200),
        ("http://localhost:8400", CONFIGURATION, 200),
        ("http://gate.example", CONFIGURATION, 404),
        ("http://192.0.2.7", CONFIGURATION, 404),
    ):
        with serving(web_app.create(replace(house.engines, url=url), house.settings)) as served:
            answer = httpx.get(served + path)
            assert answer.status_code == status, (url, path)
            if status == 200:
                assert answer.json()["policy_decision_point"] == url
                assert answer.json()["access_evaluation_endpoint"] == url + EVALUATION


def test_the_description_knows_every_endpoint_of_the_gate_and_no_other(client):
    described = client.get(OPENAPI).json()
    assert described["servers"][0]["url"].startswith("http")

    class Nothing:
        url = "https://gate.example"

    served = {route.path for route in routes(Nothing())} - {OPENAPI}
    assert set(described["paths"]) == served


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["app", "user", "person", "record", "quiz", "alice", "u1", "read", "write", "service", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "id",
                    "name",
                    "properties",
                    "fields",
                    "through",
                    "purpose",
                    "disclose",
                    "limit",
                    "token",
                    "status",
                    "role",
                    "__entity",
                    "__extn",
                    "fn",
                    "arg",
                ]
            )
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["subject", "action", "resource", "context", "page", "evaluations", "options"])
HOSTILE = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@HOSTILE
@given(st.sampled_from(ENDPOINTS), st.sampled_from(["person", "record"]), st.dictionaries(MEMBERS, VALUES, max_size=4))
def test_whatever_json_stands_at_any_member_the_answer_is_yes_no_or_400(client, path, type_, members):
    request = whole(path)
    if type_ == "record":
        record = {"type": "record", "id": "record-1"}
        request |= {"subject": {"type": "user", "id": "alice"}, "resource": record}
    answer = client.post(path, content=json.dumps({**request, **members}).encode(), headers=JSON)
    assert answer.status_code in {200, 400}, (answer.status_code, answer.text)
    body = answer.json()
    assert isinstance(body, str) if answer.status_code == 400 else isinstance(body, dict)


JSON = {"content-type": "application/json"}
PLACES = [
    ("subject",),
    ("subject", "properties"),
    ("subject", "properties", "role"),
    ("action", "properties"),
    ("resource", "properties", "status"),
    ("context",),
    ("context", "deep"),
    ("page",),
    ("page", "properties"),
]


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("place", PLACES)
def test_deep_and_huge_values_at_any_member_are_never_a_500(client, path, place):
    request = {"subject": {"type": "user", "id": "alice"}, "action": READ, "resource": {"type": "record", "id": "r"}}
    for value in (
        "[" * 5000 + "]" * 5000,
        "[" * 25 + "]" * 25,
        '{"a":' * 25 + "1" + "}" * 25,
        "9" * 39,
        "9" * 41,
        "1e308",
        "1e309",
        "-0",
        "1e-400",
        '"' + "x" * 500_000 + '"',
        '"\\ud83d"',
        '{"a":1,"a":2}',
    ):
        holder = request = json.loads(json.dumps(request))
        for name in place[:-1]:
            holder = holder.setdefault(name, {})
        holder[place[-1]] = "HERE"
        body = json.dumps(request).replace('"HERE"', value).encode()
        answer = client.post(path, content=body, headers=JSON)
        assert answer.status_code in {200, 400}, (value[:20], answer.status_code, answer.text)
