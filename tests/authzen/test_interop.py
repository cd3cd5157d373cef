"""The working group's interop decisions, sent as they are: Todo (40 single, 3 batches) and API gateways (25)."""

import json
from collections.abc import Iterator

import pytest

from tests.authzen.serving import HERE, Pdp, running
from tests.shared_data import shared

TODO = "authzen-todo-backend-decisions-authorization-api-1_0-02.json"
GATEWAYS = "authzen-api-gateways-decisions.json"


@pytest.fixture(scope="module")
def pdp(tmp_path_factory, blank_database) -> Iterator[Pdp]:
    """A gate with both scenarios' policies."""
    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    with running(tmp_path_factory.mktemp("interop"), blank_database, HERE / "interop") as found:
        yield found


@pytest.mark.parametrize(("name", "expected"), [(TODO, 40), (GATEWAYS, 25)])
def test_every_single_decision_of_the_interop_is_ours(pdp: Pdp, name: str, expected: int) -> None:
    cases = json.loads(shared(f"authzen/{name}").read_text(encoding="utf-8"))["evaluation"]
    assert len(cases) == expected
    for case in cases:
        answer = pdp.post("/access/v1/evaluation", case["request"])
        assert answer.status_code == 200
        assert answer.json()["decision"] is case["expected"], case


def test_every_batch_of_the_interop_is_ours(pdp: Pdp) -> None:
    cases = json.loads(shared(f"authzen/{TODO}").read_text(encoding="utf-8"))["evaluations"]
    assert len(cases) == 3
    for case in cases:
        answer = pdp.post("/access/v1/evaluations", case["request"]).json()["evaluations"]
        assert [{"decision": one["decision"]} for one in answer] == case["expected"], case
