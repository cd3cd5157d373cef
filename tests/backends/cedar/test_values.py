"""JSON becomes Cedar's values exactly, or not at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.cedar.values import Unusable, cedar_record

cedarpy = pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
EVERYTHING = cedarpy.PolicySet.from_str("permit(principal, action, resource);")
NOBODY = cedarpy.Entities.from_json_str("[]")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def asked(context: dict) -> object:
    request = {
        "principal": {"type": "User", "id": "a"},
        "action": {"type": "Action", "id": "b"},
        "resource": {"type": "Record", "id": "c"},
        "context": json.dumps(context),
    }
    return cedarpy.is_authorized(request, EVERYTHING, NOBODY)


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["__entity", "__extn", "type"]), JSON, max_size=4))
def test_what_is_let_through_cedar_can_read(members: dict) -> None:
    try:
        record = cedar_record(members, "context")
    except Unusable:
        return
    result = asked(record)
    assert result.diagnostics.errors == []
    assert result.allowed


def test_each_value_keeps_its_meaning() -> None:
    given_ = {"a": 1, "b": 1.0, "c": 12.5, "d": None, "e": [True, "x"], "f": {"g": None, "h": -3}, "i": 1e3}
    decimal = {"__extn": {"fn": "decimal", "arg": "12.5"}}
    assert cedar_record(given_, "x") == {"a": 1, "b": 1, "c": decimal, "e": [True, "x"], "f": {"h": -3}, "i": 1000}


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 0.00001, 1.23456, 1e300, [None], {"__entity": {"type": "User", "id": "root"}}]
)
def test_what_cedar_has_no_exact_form_for_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(Unusable, match=r"^context\.a"):
        cedar_record({"a": value}, "context")
