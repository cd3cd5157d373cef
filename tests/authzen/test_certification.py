"""The AuthZEN working group's certification scenario, clause by clause, over HTTPS against a started server.

The requests are read from the scenario's own text; the ids of the tests are those of its clauses.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from beholden.web.gate_api import EVALUATION, EVALUATIONS, SEARCHES
from beholden.web.pdp_metadata import CONFIGURATION
from tests.authzen.serving import HERE, Pdp, running
from tests.shared_data import shared

SUBJECT, RESOURCE, ACTION = SEARCHES.values()


@pytest.fixture(scope="module")
def clauses() -> dict[str, list[object]]:
    """The JSON blocks of the scenario by the id of the section they stand in."""
    found: dict[str, list[object]] = {}
    section, block = "", None
    for line in shared("authzen/certification-scenario.md").read_text(encoding="utf-8").splitlines():
        heading = re.match(r"#+ .*\{#(c-[\d-]+)\}$", line)
        if heading:
            section = heading[1]
        elif line == "~~~ json":
            block = []
        elif line == "~~~" and block is not None:
            found.setdefault(section, []).append(json.loads("\n".join(block)))
            block = None
        elif block is not None:
            block.append(line)
    return found


@pytest.fixture(scope="module")
def pdp(tmp_path_factory, blank_database, clauses) -> Iterator[Pdp]:
    """A gate with the scenario's fixture (c-1)."""
    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    with running(tmp_path_factory.mktemp("certification"), blank_database, HERE / "certification") as found:
        yield found


# Basic


@pytest.mark.parametrize("clause", [f"c-2-2-{n}" for n in (1, 2, 4, 5, 6, 7)])
def test_c_2_2_fixture_decisions(pdp: Pdp, clauses, clause: str) -> None:
    request, expected = clauses[clause]
    answer = pdp.post(EVALUATION, request)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["decision"] is expected["decision"]


@pytest.mark.parametrize("clause", ["c-2-2-3", "c-2-2-8", "c-2-2-9"])
def test_c_2_2_context_more_properties_and_unknown_fields_change_nothing(pdp: Pdp, clauses, clause: str) -> None:
    (request,) = clauses[clause]
    answer = pdp.post(EVALUATION, request)
    assert (answer.status_code, answer.json()["decision"]) == (200, True)


MANDATED = [
    ("alice", None, "read", None, "record-1", None, True),
    ("alice", None, "write", None, "record-1", None, True),
    ("bob", None, "read", None, "record-1", None, True),
    ("bob", None, "write", None, "record-1", None, False),
    ("alice", None, "write", None, "record-9", {"status": "archived"}, False),
    ("bob", {"role": "admin"}, "write", None, "record-9", {"status": "archived"}, True),
    ("alice", None, "delete", {"soft": True}, "record-1", None, True),
    ("alice", None, "delete", {"soft": False}, "record-1", None, False),
]


@pytest.mark.parametrize("context", [None, {"time": "2025-06-27T18:03-07:00"}])
@pytest.mark.parametrize("rule", range(1, 9))
def test_c_1_4_the_eight_mandated_decisions(pdp: Pdp, rule: int, context: object) -> None:
    user, says_user, action, says_action, record, says_record, expected = MANDATED[rule - 1]
    request = {
        "subject": {"type": "user", "id": user} | ({"properties": says_user} if says_user else {}),
        "action": {"name": action} | ({"properties": says_action} if says_action else {}),
        "resource": {"type": "record", "id": record} | ({"properties": says_record} if says_record else {}),
    }
    answer = pdp.post(EVALUATION, request | ({"context": context} if context else {}))
    assert answer.json()["decision"] is expected


def test_c_2_3_decision_is_a_boolean_and_context_an_object(pdp: Pdp, clauses) -> None:
    answer = pdp.post(EVALUATION, clauses["c-2-2-1"][0]).json()
    assert isinstance(answer["decision"], bool)
    assert isinstance(answer.get("context", {}), dict)


@pytest.mark.parametrize("clause", ["c-2-4-1", "c-2-4-2", "c-2-4-6"])
def test_c_2_4_missing_or_mistyped_fields_are_400(pdp: Pdp, clauses, clause: str) -> None:
    requests = clauses[clause]
    assert len(requests) >= 2
    for request in requests:
        answer = pdp.post(EVALUATION, request)
        assert (answer.status_code, type(answer.json())) == (400, str), request


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SUBJECT, RESOURCE, ACTION])
def test_c_2_4_3_to_5_content_type_malformed_and_empty_bodies_are_400(pdp: Pdp, path: str) -> None:
    body = b'{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"r"}}'
    assert pdp.client.post(path, content=body, headers={"content-type": "text/plain"}).status_code == 400
    for bad in (b'{"subject": ', b"", b"[]", b"nonsense"):
        answer = pdp.client.post(path, content=bad, headers={"content-type": "application/json"})
        assert answer.status_code == 400, bad


def test_c_2_5_request_ids_come_back_on_answers_and_errors_and_need_not_be_sent(pdp: Pdp, clauses) -> None:
    good, bad = clauses["c-2-2-1"][0], clauses["c-2-4-1"][0]
    for path, body, status in (
        (EVALUATION, good, 200),
        (EVALUATION, bad, 400),
        (SUBJECT, good, 200),
        (SUBJECT, 1, 400),
    ):
        answer = pdp.post(path, body, **{"x-request-id": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"})
        assert answer.status_code == status
        assert answer.headers.get_list("x-request-id") == ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716"]
    assert pdp.post(EVALUATION, good).status_code == 200


@pytest.mark.parametrize("clause", ["c-2-2-1", "c-2-2-2"])
def test_c_2_6_the_same_question_has_the_same_answer(pdp: Pdp, clauses, clause: str) -> None:
    request, expected = clauses[clause]
    assert {pdp.post(EVALUATION, request).json()["decision"] for _ in range(5)} == {expected["decision"]}


# Batch


def decisions(answer: httpx.Response) -> list[bool]:
    """The decisions of a batch, after a look at its form (c-3-3)."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "decision" not in body
    assert all(isinstance(one["decision"], bool) for one in body["evaluations"])
    return [one["decision"] for one in body["evaluations"]]


@pytest.mark.parametrize("clause", ["c-3-2-2", "c-3-2-3", "c-3-2-4", "c-3-2-5", "c-3-2-7"])
def test_c_3_2_batches_with_fixture_decisions(pdp: Pdp, clauses, clause: str) -> None:
    request, expected = clauses[clause]
    assert decisions(pdp.post(EVALUATIONS, request)) == [one["decision"] for one in expected["evaluations"]]


@pytest.mark.parametrize("clause", ["c-3-2-1", "c-3-2-6"])
def test_c_3_2_batches_of_which_the_form_counts(pdp: Pdp, clauses, clause: str) -> None:
    (request,) = clauses[clause]
    assert len(decisions(pdp.post(EVALUATIONS, request))) == 2


def test_c_3_3_as_many_decisions_as_evaluations_in_their_order(pdp: Pdp) -> None:
    row = ["read", "write", "read", "write", "write", "read"]
    items = [{"action": {"name": name}} for name in row]
    request = {"subject": {"type": "user", "id": "bob"}, "resource": {"type": "record", "id": "record-1"}}
    assert decisions(pdp.post(EVALUATIONS, {**request, "evaluations": items})) == [name == "read" for name in row]


def test_c_3_4_1_one_evaluation_that_fails_is_a_no_in_its_place(pdp: Pdp, clauses) -> None:
    (request,) = clauses["c-3-4-1"]
    assert decisions(pdp.post(EVALUATIONS, request)) == [True, False]


@pytest.mark.parametrize("clause", ["c-3-4-2", "c-3-4-3"])
def test_c_3_4_without_evaluations_it_is_the_single_question(pdp: Pdp, clauses, clause: str) -> None:
    request, expected = clauses[clause]
    answer = pdp.post(EVALUATIONS, request)
    assert (answer.status_code, answer.json()["decision"]) == (200, expected["decision"])


def test_a_lone_item_that_nobody_completes_is_a_no_and_an_unknown_semantic_a_400(pdp: Pdp) -> None:
    lone = {"evaluations": [{"action": {"name": "read"}, "resource": {"type": "record", "id": "record-1"}}]}
    assert decisions(pdp.post(EVALUATIONS, lone)) == [False]
    assert pdp.post(EVALUATIONS, {**lone, "options": {"evaluations_semantic": "majority"}}).status_code == 400


@pytest.mark.parametrize(
    ("semantic", "expected"), [("deny_on_first_deny", [True, False]), ("permit_on_first_permit", [True])]
)
def test_short_circuits_hold_for_the_platforms_own_types(
    pdp: Pdp, clauses, semantic: str, expected: list[bool]
) -> None:
    request = clauses["c-3-2-2"][0]
    items = [*request["evaluations"], *request["evaluations"]]
    asked = {**request, "evaluations": items, "options": {"evaluations_semantic": semantic}}
    assert decisions(pdp.post(EVALUATIONS, asked)) == expected


# Search


def found(answer: httpx.Response) -> list[dict]:
    """The results, after a look at their form."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    results = answer.json()["results"]
    assert isinstance(results, list)
    return results


PATHS = {"2": SUBJECT, "3": RESOURCE, "4": ACTION}


@pytest.mark.parametrize("clause", ["c-4-2-1", "c-4-2-4", "c-4-3-1", "c-4-3-4", "c-4-4-1", "c-4-4-3"])
def test_c_4_searches_find_at_least_what_the_fixture_says(pdp: Pdp, clauses, clause: str) -> None:
    request, expected = clauses[clause]
    results = found(pdp.post(PATHS[clause[4]], request))
    assert [one for one in expected["results"] if one not in results] == []
    for member, path in (("subject", SUBJECT), ("resource", RESOURCE)):
        if PATHS[clause[4]] == path:
            assert {one["type"] for one in results} == {request[member]["type"]}


@pytest.mark.parametrize(
    ("clause", "same_as"),
    [
        ("c-4-2-2", "c-4-2-1"),
        ("c-4-2-3", "c-4-2-1"),
        ("c-4-3-2", "c-4-3-1"),
        ("c-4-3-3", "c-4-3-1"),
        ("c-4-4-2", "c-4-4-1"),
    ],
)
def test_c_4_a_context_and_the_sought_id_change_nothing(pdp: Pdp, clauses, clause: str, same_as: str) -> None:
    path = PATHS[clause[4]]
    plain = found(pdp.post(path, clauses[same_as][0]))
    assert found(pdp.post(path, clauses[clause][0])) == plain
    assert plain


def test_c_4_5_pages_come_one_after_the_other_until_the_token_is_empty(pdp: Pdp, clauses) -> None:
    (request,) = clauses["c-4-5-1"]
    everybody = found(pdp.post(SUBJECT, {**request, "page": {}}))
    answer = pdp.post(SUBJECT, request)
    assert list(answer.json()) == ["page", "results"], "page is the first key"
    seen = found(answer)
    (follow_up,) = clauses["c-4-5-2"]
    while token := answer.json()["page"]["next_token"]:
        assert isinstance(token, str)
        answer = pdp.post(SUBJECT, {**follow_up, "page": {"token": token}})
        assert answer.json()["page"]["count"] == len(found(answer)) <= 1
        seen += found(answer)
    assert seen == everybody
    assert len(seen) >= 2


def test_c_4_6_who_or_what_is_unknown_finds_nothing(pdp: Pdp, clauses) -> None:
    (by_id, nothing), (by_type, _) = clauses["c-4-6-1"], clauses["c-4-6-2"]
    assert pdp.post(ACTION, by_id).json() == nothing
    assert pdp.post(SUBJECT, by_type).json() == nothing
    user, read, record = {"type": "user", "id": "alice"}, {"name": "read"}, {"type": "record", "id": "record-1"}
    for path, unknown in (
        (SUBJECT, {"resource": {"type": "record", "id": "nix"}}),
        (SUBJECT, {"resource": {"type": "spaceship", "id": "record-1"}}),
        (SUBJECT, {"action": {"name": "fly"}}),
        (RESOURCE, {"subject": {"type": "user", "id": "nobody"}}),
        (RESOURCE, {"subject": {"type": "spaceship", "id": "alice"}}),
        (RESOURCE, {"resource": {"type": "spaceship"}}),
        (ACTION, {"resource": {"type": "record", "id": "nix"}}),
        (ACTION, {"resource": {"type": "spaceship", "id": "nix"}}),
        (ACTION, {"subject": {"type": "spaceship", "id": "alice"}}),
    ):
        asked = {"subject": user, "action": read, "resource": record} | unknown
        assert pdp.post(path, asked).json() == {"results": []}, (path, unknown)


def test_c_4_7_what_a_search_needs_and_does_not_have_is_400(pdp: Pdp, clauses) -> None:
    for clause in ("c-4-7-1", "c-4-7-2"):
        requests = clauses[clause]
        assert len(requests) == 3
        for path, request in zip((SUBJECT, RESOURCE, ACTION), requests, strict=True):
            answer = pdp.post(path, request)
            assert (answer.status_code, type(answer.json())) == (400, str), (path, request)


# Transport and discovery


def test_c_5_transport(pdp: Pdp, clauses) -> None:
    assert urlsplit(pdp.url).scheme == "https"
    utf8 = {"content-type": "application/json; charset=utf-8"}
    asked = json.dumps(clauses["c-2-2-1"][0]).encode()
    assert pdp.client.post(EVALUATION, content=asked, headers=utf8).status_code == 200
    for method in ("GET", "PUT", "DELETE"):
        assert pdp.client.request(method, EVALUATION).status_code == 405
    refused = pdp.stranger.post(EVALUATION, json=clauses["c-2-2-1"][0])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_c_6_discovery(pdp: Pdp, clauses) -> None:
    answer = pdp.stranger.get(CONFIGURATION, headers={"x-request-id": "d1"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["x-request-id"] == "d1"
    metadata = answer.json()
    assert metadata["policy_decision_point"] == pdp.url
    announced = {key: value for key, value in metadata.items() if key.endswith("_endpoint")}
    assert announced.keys() == {key for key in clauses["c-6-2"][0] if key.endswith("_endpoint")}
    for address in announced.values():
        assert urlsplit(address).scheme == "https"
        assert pdp.client.post(address, json={}).status_code == 400, "it is there, and wants a question"
