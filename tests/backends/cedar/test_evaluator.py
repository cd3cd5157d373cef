"""Cedar policies decide, and whatever they cannot decide is a no with a reason."""

from pathlib import Path

import pytest

from beholden.backends.cedar import CedarEvaluator, read_folder
from beholden.model.resource import Action, Entity, ResourceQuestion, ResourceReason

pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
POLICIES = """
@id("readers") permit (principal is User, action == Action::"read", resource is Record);
@id("not secrets") forbid (principal, action, resource) when { context.resource.level > 3 };
"""
TYPES = "subjects: {user: User}\nresources: {record: Record}\nactions: [read, write]\n"


@pytest.fixture
def evaluator(tmp_path: Path) -> CedarEvaluator:
    """Two policies, of which one needs `level` to be a whole number."""
    (tmp_path / "policies.cedar").write_text(POLICIES)
    (tmp_path / "types.yaml").write_text(TYPES)
    (tmp_path / "entities.json").write_text(
        '[{"uid": {"type": "User", "id": "b"}, "attrs": {}, "parents": []},'
        ' {"uid": {"__entity": {"type": "User", "id": "a"}}, "attrs": {}, "parents": []},'
        ' {"uid": {"type": "Record", "id": "r"}, "attrs": {}, "parents": []}]'
    )
    return read_folder(tmp_path)


def question(action: str = "read", subject: str = "user", **resource: object) -> ResourceQuestion:
    return ResourceQuestion(Entity(subject, "a"), Action(action), Entity("record", "r", resource))


def test_a_yes_and_each_kind_of_no_in_one_row(evaluator: CedarEvaluator) -> None:
    answers = evaluator.decide(
        [
            question(level=1),
            question(level=4),
            question("write", level=1),
            question("fly", level=1),
            question(subject="ghost", level=1),
            question(level=1.23456),
            question(level="high"),
            question(),
            question(level=1),
        ]
    )
    assert [(one.whole, one.reason, one.policies) for one in answers] == [
        (True, ResourceReason.ALLOWED, ("readers",)),
        (False, ResourceReason.FORBIDDEN, ("not secrets",)),
        (False, ResourceReason.NOT_PERMITTED, ()),
        (False, ResourceReason.ACTION_UNKNOWN, ()),
        (False, ResourceReason.SUBJECT_TYPE_UNKNOWN, ()),
        (False, ResourceReason.VALUE_UNUSABLE, ()),
        (False, ResourceReason.POLICY_ERROR, ()),
        (False, ResourceReason.POLICY_ERROR, ()),
        (True, ResourceReason.ALLOWED, ("readers",)),
    ]


def test_law_4_a_forbid_that_cannot_be_evaluated_is_not_skipped(evaluator: CedarEvaluator) -> None:
    import cedarpy

    (answer,) = evaluator.decide([question(level="high")])
    assert not answer.whole
    assert "not secrets" in answer.errors[0] or "policy1" in answer.errors[0]
    request = {
        "principal": {"type": "User", "id": "a"},
        "action": {"type": "Action", "id": "read"},
        "resource": {"type": "Record", "id": "r"},
        "context": {"resource": {"level": "high"}},
    }
    assert cedarpy.is_authorized(request, evaluator.policies, evaluator.entities).allowed, "Cedar itself would skip it"


def test_supplied_entities_are_listed_in_order_from_any_place(evaluator: CedarEvaluator) -> None:
    assert list(evaluator.ids("user", None, 10)) == ["a", "b"]
    assert list(evaluator.ids("user", None, 1)) == ["a"]
    assert list(evaluator.ids("user", "a", 10)) == ["b"]
    assert list(evaluator.ids("user", "b", 10)) == []
    assert list(evaluator.ids("spaceship", None, 10)) == []
    assert evaluator.knows("user", "a")
    assert evaluator.knows("record", "r")
    assert not evaluator.knows("user", "r")
    assert not evaluator.knows("spaceship", "a")


def test_an_id_is_only_ever_an_id(evaluator: CedarEvaluator) -> None:
    for id_ in ('a"; permit(principal, action, resource);//', "a\n\0", "", "日本", "__entity"):
        (answer,) = evaluator.decide([ResourceQuestion(Entity("user", id_), Action("write"), Entity("record", id_))])
        assert not answer.whole
