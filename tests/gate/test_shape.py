"""Shapes: what they refuse, what they find, and that nothing which they do not name is left."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.shape import MAX_NESTING, MAX_SETS, RecordSet, Shape, empty, enclosed, find, pointer, rebuilt, tokens
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput

FRIENDS = RecordSet(
    "/data/friends",
    ("/user/id", "/owner"),
    {"birthday": "/profile/dob", "name": "/profile/name"},
    keep=("/kind",),
    sets=(RecordSet("/mutual", ("/id",), field="friends"), RecordSet("/spouse", ("/id",), field="spouse", single=True)),
)
SHAPE = Shape((FRIENDS,), keep=("/paging/next",))
DOCUMENT = {
    "data": {
        "friends": [
            {
                "user": {"id": "bea", "login": "b@x"},
                "owner": "bea",
                "profile": {"dob": "1990", "name": "Bea", "faith": "x"},
                "kind": "close",
                "mutual": [{"id": "cas", "name": "Cas"}, {"id": "dan", "name": "Dan"}],
                "spouse": {"id": "eve", "name": "Eve"},
            },
            {"user": {"id": "fay"}, "profile": {"name": "Fay"}, "mutual": None},
        ],
        "total": 2,
    },
    "paging": {"next": "c", "previous": "bea"},
}


def all_of(found: Any) -> list[Decision]:
    """Everything may leave."""
    return [Decision(fields, {}) for fields in found.fields]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("/", ("",)),
        ("/foo", ("foo",)),
        ("/a~1b", ("a/b",)),
        ("/m~0n", ("m~n",)),
        ("/~01", ("~1",)),
        ("/c%d", ("c%d",)),
        ("/ /é", (" ", "é")),
    ],
)
def test_pointers_are_read_as_rfc_6901_has_it(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize("text", ["foo", "#/foo", "/a~2", "/a~", "/x" * 33, "/" + "x" * 500])
def test_what_is_no_pointer_is_refused(text):
    with pytest.raises(BadInput):
        tokens(text)


@given(st.text(max_size=20))
def test_the_pointer_to_a_member_is_read_as_that_member(name):
    assert tokens(pointer(name)) == (name,)


def nested(depth: int) -> RecordSet:
    """A set in a set in a set."""
    inner = () if depth == 1 else (nested(depth - 1),)
    return RecordSet("/x", field="f", sets=inner)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RecordSet("/x", ()),
        lambda: RecordSet("/x", ("/id",), {"name": "/id"}),
        lambda: RecordSet("/x", ("/user/id",), {"user": "/user"}),
        lambda: RecordSet("/x", ("/id",), {"a": "/a", "b": "/a/b"}),
        lambda: RecordSet("/x", ("/id",), {"a": "/a"}, keep=("/a/b",)),
        lambda: RecordSet("/x", keep=("",)),
        lambda: RecordSet("/x", keep=("/friends/0",), sets=(RecordSet("/friends", field="friends"),)),
        lambda: RecordSet("/x", sets=(RecordSet("/friends"),)),
        lambda: RecordSet("/x", sets=(RecordSet("/a", field="f"), RecordSet("/b", field="f"))),
        lambda: RecordSet("/x", ("/id",), {"f": "/f"}, sets=(RecordSet("/a", field="f"),)),
        lambda: Shape(()),
        lambda: Shape((RecordSet("/x"),), keep=("/x/total",)),
        lambda: Shape((RecordSet("/x"), RecordSet("/x/y"))),
        lambda: Shape((RecordSet(""), RecordSet("/y"))),
        lambda: Shape((RecordSet("/x", field="f"),)),
        lambda: Shape((RecordSet("/x", sets=(nested(MAX_NESTING),)),)),
        lambda: Shape(tuple(RecordSet(f"/{n}") for n in range(MAX_SETS + 1))),
    ],
)
def test_a_shape_that_contradicts_itself_is_refused(make):
    with pytest.raises(BadInput):
        make()


def test_records_are_found_in_one_row_those_within_after_their_own():
    found = find(DOCUMENT, SHAPE, 10)
    assert found.persons == ["bea", "cas", "dan", "eve", "fay"]
    assert found.parents == [-1, 0, 0, 0, -1]
    assert found.fields[0] == ("birthday", "name", "friends", "spouse")
    assert found.fields[4] == ("name",), "what is not there, or null, is not asked for"
    places = [found.pointer(n) for n in range(5)]
    first = "/data/friends/0"
    assert places == [first, f"{first}/mutual/0", f"{first}/mutual/1", f"{first}/spouse", "/data/friends/1"]


def test_what_is_not_declared_is_dropped_and_every_place_of_an_id_is_rewritten():
    found = find(DOCUMENT, SHAPE, 10)
    built = rebuilt(DOCUMENT, SHAPE, found, all_of(found), {n: f"new-{n}" for n in range(5)})
    assert built == {
        "paging": {"next": "c"},
        "data": {
            "friends": [
                {
                    "user": {"id": "new-0"},
                    "owner": "new-0",
                    "profile": {"dob": "1990", "name": "Bea"},
                    "mutual": [{"id": "new-1", "name": "Cas"}, {"id": "new-2", "name": "Dan"}],
                    "spouse": {"id": "new-3", "name": "Eve"},
                    "kind": "close",
                },
                {"user": {"id": "new-4"}, "profile": {"name": "Fay"}},
            ]
        },
    }


def test_the_document_that_came_in_is_left_as_it_was():
    before = copy.deepcopy(DOCUMENT)
    found = find(DOCUMENT, SHAPE, 10)
    rebuilt(DOCUMENT, SHAPE, found, all_of(found), {0: "a", 1: "b", 3: "c"})
    assert before == DOCUMENT


def test_whoever_is_within_what_does_not_leave_does_not_leave():
    found = find(DOCUMENT, SHAPE, 10)
    decisions = all_of(found)
    decisions[0] = Decision(("name",), {"friends": Reason.OPTED_OUT_CLUSTER, "spouse": Reason.FIELD_UNKNOWN})
    settled = enclosed(found, decisions)
    assert [bool(decision.allowed) for decision in settled] == [True, False, False, False, True]
    assert set(settled[1].denied.values()) == {Reason.OPTED_OUT_CLUSTER}
    built = rebuilt(DOCUMENT, SHAPE, found, settled, {0: "a", 4: "b"})
    assert set(built["data"]["friends"][0]) == {"user", "owner", "profile", "kind"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "nothing at '/data/friends'"),
        ([], "nothing at '/data/friends'"),
        ({"data": {"friends": {}}}, "not a list"),
        ({"data": {"friends": ["bea"]}}, "Record 0 of '/data/friends' is not an object"),
        ({"data": {"friends": [{"user": {"id": 7}}]}}, "no text at '/user/id'"),
        ({"data": {"friends": [{"user": [{"id": "bea"}]}]}}, "no text at '/user/id'"),
        ({"data": {"friends": [{"user": {"id": "bea"}, "owner": "cas"}]}}, "names somebody else at '/owner'"),
        ({"data": {"friends": [{"user": {"id": "bea"}, "mutual": {}}]}}, "'/data/friends/0/mutual' is not a list"),
        ({"data": {"friends": [{"user": {"id": "b"}, "spouse": {}}]}}, "at '/data/friends/0/spouse' has no text"),
        ({"data": {"friends": [{"user": {"id": "b"}, "mutual": [{"id": "c"}] * 10}]}}, "11 records are more than 10"),
    ],
)
def test_what_does_not_have_the_shape_is_refused_by_place(document, told):
    with pytest.raises(BadInput, match=told):
        find(document, SHAPE, 10)


def test_a_small_document_cannot_make_much_work():
    shape = Shape((RecordSet("", ("/id",), {str(n): f"/x/{n}" for n in range(999)}),))
    find([{"id": "a"}] * 2_000, shape, 10_000)
    with pytest.raises(BadInput, match="looked up"):
        find([{"id": "a"}] * 2_001, shape, 10_000)


def test_nobody_left_is_a_document_with_empty_lists():
    assert empty(SHAPE) == {"data": {"friends": []}}
    assert empty(Shape((RecordSet(""),))) == []


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
MEMBERS = st.dictionaries(st.sampled_from(["name", "likes", "a/b", "", "~"]), VALUES, max_size=4)
PEOPLE = st.lists(st.tuples(st.integers(0, 9), MEMBERS, st.lists(st.integers(0, 9), max_size=3)), max_size=5)


@given(PEOPLE, st.data())
def test_law_2_and_3_only_released_people_are_in_any_rebuilt_document(people, data):
    """Every id is a mark that occurs nowhere else, so that whoever slips through is seen in the text."""
    rows = [
        {**members, "who": {"id": f"PERSON{n}", "note": "SECRET"}, "mutual": [{"id": f"PERSON{m}"} for m in others]}
        for n, members, others in people
    ]
    shape = Shape((RecordSet("/rows", ("/who/id",), sets=(RecordSet("/mutual", field="friends"),)),))
    document = {"rows": rows, "count": "SECRET"}
    found = find(document, shape, 100)
    decisions = []
    for fields in found.fields:
        kept = data.draw(st.lists(st.sampled_from(fields), unique=True)) if fields else []
        decisions.append(Decision(tuple(kept), {f: Reason.NO_GRANT for f in fields if f not in kept}))
    settled = enclosed(found, decisions)
    ids = {n: f"new{n}" for n, decision in enumerate(settled) if decision.allowed}
    built = rebuilt(document, shape, found, settled, ids)
    text = json.dumps(built)
    assert "PERSON" not in text
    assert "SECRET" not in text
    released = [n for n in ids if found.parents[n] < 0]
    assert [row["who"] for row in built["rows"]] == [{"id": f"new{n}"} for n in released]
    for n, row in zip(released, built["rows"], strict=True):
        assert set(row) - {"who", "mutual"} == set(settled[n].allowed) - {"friends"}
        assert ("mutual" in row) is ("friends" in settled[n].allowed)
