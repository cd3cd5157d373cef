"""What is read by its shape is read as the strict reader reads it, or not at all."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beholden.journeys.disclose import PersonRef, Question, Stop
from beholden.model.errors import BadInput
from beholden.web import strict_json
from beholden.web.authzen import read_question
from beholden.web.gate_api import read_items, read_stop
from beholden.web.plain import PlainReader, Row

ASKED = {
    "subject": {"type": "app", "id": "quiz"},
    "action": {"name": "read"},
    "resource": {"type": "person", "id": "ada", "properties": {"fields": ["name", "likes"]}},
    "context": {"purpose": "service"},
}
MEMBERS = tuple(ASKED)
ODD = ["app", "person", "read", "ada", "a:b", "", "é", "💡", '"', "\\", "x" * 201]
TEXTS = st.one_of(st.sampled_from(ODD), st.text())
READER = PlainReader(["name", "likes", *(text for text in ODD if text)])
PLAIN = json.dumps(ASKED).encode()
ROWS = st.lists(st.lists(st.sampled_from(tuple(ASKED)), unique=True), min_size=1, max_size=4)


def strictly(body: bytes) -> Question | None:
    """What the readers behind make of it; None where they refuse it."""
    try:
        found = read_question(strict_json.read_object(body))
    except BadInput:
        return None
    return found if isinstance(found, Question) else None


def plainly(body: bytes) -> Question | None:
    found = READER.one(body)
    if found is None:
        return None
    client, person, through, fields, purpose = found.item
    granting = None if through is person else PersonRef(str(through))
    return Question(client, PersonRef(str(person)), fields, purpose, granting, found.disclose)


def contexts() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"purpose": TEXTS}, optional={"through": TEXTS, "disclose": st.booleans()})


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """An evaluation of about the plain form, written in some way, with some of its bytes changed."""
    asked: dict[str, Any] = {
        "subject": {"type": draw(st.sampled_from(["app", "person"])), "id": draw(TEXTS)},
        "action": {"name": draw(st.sampled_from(["read", "write"]))},
        "resource": {
            "type": draw(st.sampled_from(["person", "scoped_person", "app"])),
            "id": draw(TEXTS),
            "properties": {"fields": draw(st.lists(TEXTS, max_size=4))},
        },
        "context": draw(contexts()),
    }
    if draw(st.booleans()):
        asked[draw(TEXTS)] = draw(st.none() | st.booleans() | TEXTS)
    if draw(st.booleans()):
        del asked[draw(st.sampled_from(MEMBERS))]
    spaces = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\t")]))
    body = json.dumps(asked, ensure_ascii=draw(st.booleans()), separators=spaces).encode("utf-8", "surrogatepass")
    if draw(st.booleans()) and body:
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 2)) :]
    if draw(st.booleans()):  # a member stands twice
        name = draw(st.sampled_from(MEMBERS))
        body = body[:-1] + b"," + json.dumps({name: ASKED[name]}).encode()[1:]
    return body


@settings(max_examples=3_000, deadline=None)
@given(requests())
@example(PLAIN)
@example(PLAIN.replace(b'"id": "quiz"', b'"id": "quiz", "id": "other"'))
@example(PLAIN.replace(b'"id": "quiz"', b'"id" :"quiz","id" :"a:b"'))
@example(
    json.dumps(ASKED).encode().replace(b"quiz", b"q:\\u003aiz").replace(b'"type": "app"', b'"type":"app","type":"app"')
)
def test_what_is_read_by_shape_is_what_the_strict_reader_reads(body: bytes) -> None:
    found = plainly(body)
    if found is not None:
        strict = strictly(body)
        assert strict is not None and (found.through or found.person) == (strict.through or strict.person)
        assert (found.app, found.person, found.fields, found.purpose, found.disclose) == (
            strict.app, strict.person, strict.fields, strict.purpose, strict.disclose,
        )  # fmt: skip


@settings(max_examples=1_000, deadline=None)
@given(ROWS, st.sets(st.sampled_from(MEMBERS)),
       st.lists(contexts(), min_size=4, max_size=4), st.none() | st.sampled_from(list(Stop)))  # fmt: skip
def test_a_row_is_read_as_its_items_with_what_they_share(items, shared, given_contexts, stop) -> None:
    body: dict[str, Any] = {name: ASKED[name] for name in shared}
    body["evaluations"] = [
        {name: given_contexts[place] if name == "context" else ASKED[name] for name in item}
        for place, item in enumerate(items)
    ]
    if stop is not None:
        body["options"] = {"evaluations_semantic": stop}
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    row = READER.row(raw)
    if row is None:
        return
    asked = strict_json.read_object(raw)
    defaults = {name: asked[name] for name in MEMBERS if name in asked}
    assert row.stop is read_stop(asked)
    for place, item in enumerate(read_items(asked)):
        strict = read_question({**defaults, **item})
        assert isinstance(strict, Question)
        found = row.questions.item(place)
        assert (found.client, found.person, found.fields) == (strict.app, strict.person.id, strict.fields)
        assert (found.through, found.purpose) == ((strict.through or strict.person).id, strict.purpose)
        assert (place in row.disclosing) == strict.disclose


def test_the_common_forms_are_read_by_shape() -> None:
    assert plainly(json.dumps(ASKED).encode()) == strictly(json.dumps(ASKED).encode()) != None  # noqa: E711
    coloned = json.dumps({**ASKED, "resource": {**ASKED["resource"], "id": "user:7"}}).encode()
    assert plainly(coloned) == strictly(coloned) != None  # noqa: E711
    row = READER.row(json.dumps({**ASKED, "evaluations": [{}, {"subject": {"type": "app", "id": "b"}}]}).encode())
    assert isinstance(row, Row) and row.questions.clients == ["quiz", "b"]
    assert row.questions.throughs is row.questions.persons


@pytest.mark.parametrize(
    "change",
    [
        {"subject": {"type": "app", "id": "quiz", "id ": 1}},
        {"context": {"purpose": "service", "through": None}},
        {"context": {"purpose": "service", "disclose": 1}},
        {"resource": {"type": "scoped_person", "id": "x", "properties": {"fields": ["name"]}}},
        {"resource": {"type": "person", "id": "x", "properties": {"fields": []}}},
        {"action": {"name": "write"}},
        {"more": 1},
    ],
)  # fmt: skip
def test_everything_else_is_left_to_the_strict_reader(change: dict[str, Any]) -> None:
    assert READER.one(json.dumps({**ASKED, **change}).encode()) is None
    assert READER.row(json.dumps({"evaluations": [{**ASKED, **change}]}).encode()) is None
