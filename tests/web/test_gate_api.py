"""The gate over real HTTP: AuthZEN 1.0, the filter, the platform's keys, and whatever else somebody may send."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.backends.sql.store import SqlStore
from beholden.journeys.access import add_platform_key, revoke_platform_key
from beholden.model.app import Ask
from beholden.model.person import Choice, Scope
from beholden.model.time import parse
from beholden.web import app as web_app
from beholden.web.gate_api import EVALUATION, EVALUATIONS, FILTER, PEOPLE, SEARCHES, USE
from beholden.web.pdp_metadata import CONFIGURATION
from tests.web.live import serving

pytestmark = pytest.mark.usefixtures("answered_from")
ENDPOINTS = (EVALUATION, EVALUATIONS, FILTER, USE, *SEARCHES.values())
JSON = {"content-type": "application/json"}


@dataclass
class Served:
    """A server on a real socket, and a client with one of the platform's keys."""

    house: object
    url: str
    client: httpx.Client

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """A body, as JSON unless it is bytes already."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, content=content, headers={**JSON, **headers})

    def evaluate(self, **members: object) -> dict:
        """The answer to one question about Ann."""
        answer = self.post(EVALUATION, question(**members))
        assert answer.status_code == 200, answer.text
        return answer.json()


def question(person: str = "ann", fields: tuple[str, ...] = ("name",), **context: object) -> dict:
    """An AuthZEN evaluation request of the quiz."""
    return {
        "subject": {"type": "app", "id": "quiz"},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": person, "properties": {"fields": list(fields)}},
        "context": {"purpose": "service", **context},
    }


def records(*people: str, **more: object) -> dict:
    """A filter request of the quiz, on Ann's word."""
    rows = [{"id": person, "name": person.title(), "politics": "x"} for person in people]
    return {"app": "quiz", "through": "ann", "purpose": "service", "records": rows, **more}


@pytest.fixture
def served(house) -> Iterator[Served]:
    """The whole server, with Ann, who gave the quiz her basic fields and her friends'."""
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    house.grant(house.person("ann"), quiz, ("name", "email"), ("name", "email"))
    key = add_platform_key(house.engines, "tests").secret
    headers = {"authorization": f"Bearer {key}"}
    with (
        serving(web_app.create(house.engines, house.settings)) as url,
        httpx.Client(base_url=url, headers=headers) as client,
    ):
        yield Served(house, url, client)


def test_an_evaluation_says_what_is_allowed_and_until_when(served):
    answer = served.evaluate(fields=("name", "email"))
    assert answer["decision"] is True
    assert answer["context"]["reason"] == "allowed"
    assert answer["context"]["allowed_fields"] == ["name", "email"]
    assert answer["context"]["denied_fields"] == {}
    assert (parse(answer["context"]["valid_until"]) - served.house.clock.now()).days == 90


def test_a_decision_is_true_only_if_every_field_is_allowed(served):
    answer = served.evaluate(fields=("name", "politics"))
    assert answer["decision"] is False
    assert answer["context"]["allowed_fields"] == ["name"]
    assert answer["context"]["denied_fields"] == {"politics": "field_not_granted"}
    assert answer["context"]["reason"] == "field_not_granted"
    assert served.evaluate(fields=("politics", "shoe_size"))["context"]["reason"] == "several"


def test_without_fields_it_answers_for_all_of_the_catalogue(served):
    asked = question()
    del asked["resource"]["properties"]
    answer = served.post(EVALUATION, asked).json()
    assert answer["decision"] is False
    assert answer["context"]["allowed_fields"] == ["name", "email"]


def test_an_evaluation_discloses_only_when_it_says_so(served):
    before = served.house.engines.ledger.size()
    served.evaluate()
    assert served.house.engines.ledger.size() == before
    served.evaluate(disclose=True)
    assert served.house.engines.ledger.size() == before + 1


def test_a_friend_is_asked_for_through_the_granting_person(served):
    bea = served.house.person("bea")
    assert served.evaluate(person="bea")["context"]["reason"] == "no_grant"
    assert served.evaluate(person="bea", through="ann")["context"]["reason"] == "indirect_off"
    with served.house.engines.store.write() as unit:
        unit.directory.choose(Choice(bea, Scope.INDIRECT, "", True, served.house.clock.now()))
    assert served.evaluate(person="bea", through="ann")["decision"] is True
    (released,) = served.post(FILTER, records("ann")).json()["records"]
    scoped = {"type": "scoped_person", "id": released["id"]}
    assert served.evaluate(person="bea", through=scoped)["decision"] is True


def test_what_is_not_the_gates_to_decide_is_denied_with_a_reason(served):
    for member, name, reason in (
        ("subject", "type", "subject_type_unknown"),
        ("action", "name", "action_unknown"),
        ("resource", "type", "resource_type_unknown"),
    ):
        asked = question()
        asked[member][name] = "something else"
        answer = served.post(EVALUATION, asked)
        assert (answer.status_code, answer.json()) == (200, {"decision": False, "context": {"reason": reason}})


def test_what_the_standard_does_not_know_is_ignored_even_a_time(served):
    asked = question(time="2019-01-01T00:00:00Z", strange=[1])
    asked |= {"more": {"x": 1}}
    asked["subject"]["properties"] = {"role": "admin"}
    assert served.post(EVALUATION, asked).json()["decision"] is True


def test_law_5_a_ban_is_in_force_at_the_next_request(served):
    from beholden.backends.sql.directory import standings

    assert served.evaluate()["decision"] is True
    with served.house.engines.store.engine.begin() as connection:
        banned = {"kind": "app", "number": 1, "standing": "banned", "sanction": "sanction_test"}
        connection.execute(standings.insert().values(**banned, since=served.house.clock.now()))
    assert served.evaluate()["context"]["reason"] == "app_banned"


def batch(served: Served, *items: object, **members: object) -> list[dict]:
    """The answers to a row of evaluations that share the quiz's defaults."""
    answer = served.post(EVALUATIONS, {**question(), "evaluations": list(items), **members})
    assert answer.status_code == 200, answer.text
    return answer.json()["evaluations"]


def test_evaluations_keep_their_order_and_replace_defaults_whole(served):
    politics = {"resource": {"type": "person", "id": "ann", "properties": {"fields": ["politics"]}}}
    nobody = {"resource": {"type": "person", "id": "nobody"}}
    without_purpose = {"context": {}}
    answers = batch(served, {}, politics, nobody, without_purpose, {})
    assert [answer["decision"] for answer in answers] == [True, False, False, False, True]
    assert answers[2]["context"]["reason"] == "person_unknown"
    assert len(answers[2]["context"]["denied_fields"]) > 1, "the default's fields did not seep into the item's resource"
    assert answers[3]["context"]["reason"] == "purpose_not_granted"


def test_evaluations_stop_where_the_semantic_says(served):
    no = {"resource": {"type": "person", "id": "nobody"}}

    def told(semantic: str, *items: object) -> list[bool]:
        answers = batch(served, *items, options={"evaluations_semantic": semantic})
        return [answer["decision"] for answer in answers]

    assert told("execute_all", {}, no, {}) == [True, False, True]
    assert told("deny_on_first_deny", {}, no, {}) == [True, False]
    assert told("deny_on_first_deny", {}, 17, {}) == [True, False]
    assert told("permit_on_first_permit", no, {}, {}) == [False, True]


def test_one_bad_item_fails_alone(served):
    answers = batch(
        served, {}, {"subject": None}, "x", {"context": {"disclose": "yes"}}, {"resource": {"type": "x"}}, {}
    )
    assert [answer["decision"] for answer in answers] == [True, False, False, False, False, True]
    errors = [answer["context"].get("error") for answer in answers]
    assert [error and error["status"] for error in errors] == [None, 400, 400, 400, 400, None]
    assert all("message" in error for error in errors if error)


def test_an_item_that_nobody_completes_is_a_no(served):
    answer = served.post(EVALUATIONS, {"evaluations": [{"action": {"name": "read"}}]})
    assert answer.status_code == 200
    (only,) = answer.json()["evaluations"]
    assert only["decision"] is False


def test_without_evaluations_it_is_a_single_one(served):
    for asked in (question(), {**question(), "evaluations": []}):
        assert served.post(EVALUATIONS, asked).json()["decision"] is True


def test_the_batch_discloses_in_one_go(served):
    before = served.house.engines.ledger.size()
    batch(served, {}, {}, {}, context={"purpose": "service", "disclose": True})
    assert served.house.engines.ledger.size() == before + 3


def test_the_configuration_names_what_there_is(served):
    answer = httpx.get(served.url + CONFIGURATION)
    found = answer.json()
    base = found["policy_decision_point"]
    assert found["access_evaluation_endpoint"] == base + EVALUATION
    assert found["access_evaluations_endpoint"] == base + EVALUATIONS
    assert [found[f"search_{sought}_endpoint"] for sought in SEARCHES] == [base + path for path in SEARCHES.values()]
    assert not {"capabilities", "signed_metadata"} & found.keys(), "what is not there is not announced"
    assert httpx.post(served.url + CONFIGURATION).status_code == 405


def test_the_filter_gives_records_for_the_app_and_a_report_for_the_platform(served):
    answer = served.post(FILTER, records("ann", "nobody"))
    assert answer.status_code == 200
    found = answer.json()
    assert [set(record) for record in found["records"]] == [{"id", "name"}]
    assert found["report"]["received"] == 2
    assert found["report"]["released"] == 1
    assert found["report"]["reasons"] == {"field_not_granted": 1, "person_unknown": 2}
    assert [one["index"] for one in found["report"]["withheld"]] == [0, 1]


def test_law_3_the_app_sees_the_same_bytes_for_an_unknown_person_and_an_opted_out_one(served):
    bea = served.house.person("bea")
    with served.house.engines.store.write() as unit:
        unit.directory.choose(Choice(bea, Scope.ALL, "", False, served.house.clock.now()))
    seen = []
    for name in ("bea", "nobody"):
        body = served.post(FILTER, records("ann", name)).text
        seen.append(body[: body.index('"report"')])
        assert name not in body
    assert seen[0] == seen[1]


def test_a_use_begins_the_90_days_anew_and_says_when_it_does_not(served):
    assert served.post(USE, {"app": "quiz", "person": "ann"}).json() == {"counted": True}
    served.house.person("bea")
    answer = served.post(USE, {"app": "quiz", "person": "bea"}).json()
    assert answer == {"counted": False, "reason": "no_grant"}
    assert served.post(USE, {"app": "quiz", "person": "nobody"}).status_code == 404


def test_people_are_enrolled_all_or_none(served):
    lines = [{"outside_id": f"p{n}", "name": f"P {n}", "email": ""} for n in range(3)]
    ndjson = {"content-type": "application/x-ndjson"}

    def send(*rows: object) -> httpx.Response:
        return served.client.post(PEOPLE, content="\n".join(map(json.dumps, rows)).encode(), headers=ndjson)

    assert send(*lines).json() == {"people": 3, "added": 3}
    assert send(*lines, {**lines[0], "outside_id": "p9"}).json() == {"people": 4, "added": 1}
    before = served.house.engines.ledger.size()
    for bad in ({**lines[0], "outside_id": 7}, {"outside_id": "x"}, {**lines[0], "outside_id": "\ud800"}, [], "x"):
        answer = send({**lines[0], "outside_id": "not written"}, bad)
        assert answer.status_code == 400, bad
        assert "line 2" in answer.json()
    assert served.house.engines.ledger.size() == before
    assert served.evaluate(person="not written")["context"]["reason"] == "person_unknown"
    assert served.post(PEOPLE, lines[0]).status_code == 400, "JSON alone is not a list of lines"


@pytest.mark.parametrize("path", ENDPOINTS)
def test_who_shows_no_valid_key_gets_no_answer(served, path):
    good = served.client.headers["authorization"]
    key = good.removeprefix("Bearer ")
    for shown in (None, "", "Bearer", f"Basic {key}", f"Bearer {key}x", "Bearer é", f"Bearer {key} {key}"):
        headers = {**JSON} if shown is None else {**JSON, "authorization": shown.encode("latin-1")}
        answer = httpx.post(served.url + path, content=b"{", headers=headers)
        assert answer.status_code == 401, shown
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert isinstance(answer.json(), str)
    twice = [("content-type", "application/json"), ("authorization", good), ("authorization", good)]
    assert httpx.post(served.url + path, content=b"{}", headers=twice).status_code == 401


def test_a_revoked_key_is_refused_at_the_next_request(served):
    issued = add_platform_key(served.house.engines, "leaver")
    headers = {**JSON, "authorization": f"Bearer {issued.secret}"}
    body = json.dumps(question())
    assert httpx.post(served.url + EVALUATION, content=body, headers=headers).status_code == 200
    revoke_platform_key(served.house.engines, issued.id)
    assert httpx.post(served.url + EVALUATION, content=body, headers=headers).status_code == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_wrong_method_type_or_coding_is_told_apart(served, path):
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        answer = served.client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
    for media in ("text/plain", "application/jsonp", "application/json; charset=utf-16", ""):
        assert served.client.post(path, content=b"{}", headers={"content-type": media}).status_code == 400
    assert served.client.post(path, content=b"{}", headers={**JSON, "content-encoding": "gzip"}).status_code == 415
    accepted = {"content-type": "application/json; charset=utf-8"}
    assert served.client.post(path, content=b"{}", headers=accepted).status_code == 400, "read, and found wanting"


BAD_BODIES = {
    "empty": b"",
    "not json": b"{",
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "two documents": b"{}{}",
    "a key twice": b'{"app":"quiz","app":"other"}',
    "a hidden key twice": b'{"subject":{"id":"a","\\u0069d":"b"}}',
    "half a surrogate": b'{"app":"\\ud800"}',
    "not utf-8": b'{"app":"\xff"}',
    "NaN": b'{"x":NaN}',
    "endless": b'{"x":1e999}',
    "deep": b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "nothing in it": b"{}",
    "wrong types": b'{"subject":1,"action":[],"resource":"x","app":1,"through":[],"records":{},"person":[]}',
}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_bad_body_gets_one_clear_sentence(served, path):
    before = served.house.engines.ledger.size()
    for kind, body in BAD_BODIES.items():
        answer = served.post(path, body)
        assert answer.status_code == 400, kind
        sentence = answer.json()
        assert isinstance(sentence, str), kind
        assert 10 < len(sentence) < 300, kind
    assert served.house.engines.ledger.size() == before


WRONG_MEMBERS = [
    ("subject", {"type": "app"}),
    ("subject", {"type": "app", "id": ""}),
    ("subject", {"type": "app", "id": 5}),
    ("subject", {"type": "app", "id": "quiz", "properties": []}),
    ("action", {}),
    ("resource", {"type": "person", "id": "ann", "properties": {"fields": "name"}}),
    ("resource", {"type": "person", "id": "ann", "properties": {"fields": []}}),
    ("resource", {"type": "person", "id": "ann", "properties": {"fields": [1]}}),
    ("resource", {"type": "person", "id": "ann", "properties": {"fields": ["x"] * 1001}}),
    ("context", {"disclose": 1}),
    ("context", {"purpose": 1}),
    ("context", {"purpose": "x" * 201}),
    ("context", {"through": {"type": "group", "id": "x"}}),
    ("context", {"through": {"type": {}, "id": "x"}}),
    ("context", {"through": {"type": "person", "id": ["x"]}}),
    ("context", []),
]


def test_a_member_of_the_wrong_kind_is_refused(served):
    for member, value in WRONG_MEMBERS:
        answer = served.post(EVALUATION, {**question(), member: value})
        assert answer.status_code == 400, (member, value)
        assert isinstance(answer.json(), str)


def test_a_disclosure_without_fields_is_refused(served):
    asked = question(disclose=True)
    del asked["resource"]["properties"]
    assert served.post(EVALUATION, asked).status_code == 400


def test_too_much_is_refused_before_it_is_read(served):
    for path, largest in ((EVALUATION, 1 << 20), (FILTER, 16 << 20)):
        with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=10) as raw:
            key = served.client.headers["authorization"]
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{head}Content-Length: {largest + 1}\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 413")
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    try:
        answer = served.client.post(EVALUATION, content=endless(), headers=JSON)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the server closed while we were still sending: the answer may be lost with the connection
    assert sent < 64 << 20


def test_too_many_records_or_questions_are_refused(served):
    few = {"app": "quiz", "through": "ann", "purpose": "service", "records": [{"id": "ann"}] * 10_001}
    assert served.post(FILTER, few).status_code == 400
    assert served.post(EVALUATIONS, {**question(), "evaluations": [{}] * 1001}).status_code == 400
    assert served.post(EVALUATIONS, {**question(), "options": {"evaluations_semantic": "maybe"}}).status_code == 400


def test_every_answer_is_uncacheable_and_gives_the_callers_id_back(served):
    for path, body in ((EVALUATION, question()), (EVALUATION, {}), (FILTER, records("ann")), (USE, b"x")):
        answer = served.post(path, body, **{"x-request-id": "abc-1/2"})
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers.get_list("x-request-id") == ["abc-1/2"]
    unauthorised = httpx.post(served.url + EVALUATION, headers={**JSON, "x-request-id": "17"})
    assert unauthorised.headers.get_list("x-request-id") == ["17"]


def test_law_4_without_its_store_the_gate_allows_nothing(house, tmp_path):
    gone = SqlStore(f"sqlite:///{tmp_path / 'gone' / 'store.db'}")
    headers = {**JSON, "authorization": "Bearer bhk_" + "A" * 43}
    application = web_app.create(replace(house.engines, store=gone), house.settings)
    with serving(application) as url, httpx.Client(base_url=url, headers=headers) as client:
        single = client.post(EVALUATION, json=question())
        row = client.post(EVALUATIONS, json={**question(), "evaluations": [{}, {}]})
        assert (single.status_code, single.json()["decision"]) == (200, False)
        assert single.json()["context"]["reason"] == "gate_stale"
        assert [one["decision"] for one in row.json()["evaluations"]] == [False, False]
        assert client.post(FILTER, json=records("ann")).status_code == 503
        assert client.post(USE, json={"app": "quiz", "person": "ann"}).status_code == 503
    gone.close()


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
TREES = st.recursive(
    LEAVES | st.sampled_from(["app", "quiz", "person", "ann", "read", "service", "name"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    [
        "subject",
        "action",
        "resource",
        "context",
        "evaluations",
        "options",
        "app",
        "person",
        "records",
        "through",
        "fields",
    ]
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(ENDPOINTS), st.booleans(), st.dictionaries(MEMBERS, TREES, max_size=5))
def test_whatever_json_is_sent_the_answer_is_never_a_crash(served, path, complete, body):
    whole = {**question(disclose=True), **records("ann")} if complete else {}
    answer = served.post(path, {**whole, **body})
    assert answer.status_code in {200, 400, 404}, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    answer.json()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(ENDPOINTS), st.binary(max_size=64))
def test_whatever_bytes_are_sent_the_answer_is_never_a_crash(served, path, body):
    assert served.post(path, body).status_code in {200, 400}


def test_a_caller_who_hangs_up_harms_nobody(served):
    port = int(served.url.rpartition(":")[2])
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            key = served.client.headers["authorization"]
            head = f"POST {FILTER} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
    time.sleep(0.05)
    assert served.evaluate()["decision"] is True
