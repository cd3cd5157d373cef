"""The filter's wire form: what is misspelt or hostile is refused in one sentence, and what is written is read again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.journeys.disclose import PersonRef
from beholden.journeys.filter import DocumentRequest, RecordSet, Shape
from beholden.model.errors import BadInput
from beholden.web.records import read_filter, read_header, write_request

BASE = {"app": "quiz", "through": "ann", "purpose": "service"}


def document(*sets: object, **more: object) -> dict:
    """A request with a document."""
    return {**BASE, "document": {}, "sets": list(sets), **more}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({**BASE}, "'records' must be a list"),
        ({**BASE, "records": [], "document": {}}, "no member 'records'"),
        ({**BASE, "records": [], "feilds": []}, "no member 'feilds'"),
        ({**BASE, "records": [], "fields": "name"}, "'fields' must be a list"),
        ({**BASE, "records": [], "fields": [1]}, "'fields' must hold texts"),
        ({**BASE, "records": [], "fields": {"name": None}}, "'fields' must hold texts"),
        ({**BASE, "records": [], "fields": {"name": "/a~"}}, "not a JSON pointer"),
        ({**BASE, "records": [], "fields": {str(n): f"/{n}" for n in range(1_001)}}, "1000 at most"),
        ({**BASE, "records": [], "person": []}, "'person' must be a text"),
        ({**BASE, "records": [], "person": ["/id", ""]}, "'person' must be a text"),
        ({**BASE, "records": [], "single": True}, "no member 'single'"),
        ({**BASE, "records": [], "through": 1}, "through"),
        ({"app": "quiz", "through": "ann", "records": []}, "'purpose' must be a text"),
        (document(), "declares no records"),
        (document("x"), "'sets' must be a list of objects"),
        (document({"person": "/id"}), "where its 'records' stand"),
        (document({"records": 1}), "'records' must be a text"),
        (document({"records": "/a", "single": 1}), "'single' must be true or false"),
        (document({"records": "/a", "keep": "/b"}), "'keep' must be a list"),
        (document({"records": "/a", "purpose": "x"}), "no member 'purpose'"),
        (document({"records": "/a", "sets": [{"records": "/b"}]}), "which field of the enclosing person"),
        (document({"records": "/a", "field": "friends"}), "Only a set within a set"),
        (document({"records": "/a"}, keep=["/a/b"]), "lies within"),
    ],
)
def test_what_is_not_understood_is_refused_and_named(request_, told):
    with pytest.raises(BadInput) as refused:
        read_filter(request_)
    assert told in str(refused.value)


def test_the_plain_form_is_a_document_that_is_one_list():
    request = read_filter({**BASE, "records": [{}], "person": "uid", "fields": ["a/b", "uid", "name"]})
    assert request.document == [{}]
    assert request.shape == Shape((RecordSet("", ("/uid",), {"a/b": "/a~1b", "name": "/name"}),))
    assert read_header(BASE).shape == Shape((RecordSet("", ("/id",)),))


NAMES = st.text(max_size=5)


@given(
    st.dictionaries(NAMES, st.sampled_from(["/a", "/b/c", "/~0~1"]), max_size=1), NAMES, st.booleans(), st.booleans()
)
def test_what_is_written_is_read_as_the_same_request(fields, name, single, scoped):
    inner = RecordSet("/people", ("/id", "/x/id"), fields, ("/kept",), field="friends", single=single)
    outer = RecordSet("/rows", ("/user/id",), None, sets=(inner,), single=single)
    shape = Shape((outer, RecordSet("/more", fields={name: "/value"})), ("/cursor",))
    request = DocumentRequest("quiz", PersonRef("ann", scoped), "service", {"rows": []}, shape)
    assert read_filter(json.loads(json.dumps(write_request(request)))) == request


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "/a", "/a/b", "id", "/", "~", "friends"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["records", "person", "fields", "keep", "sets", "field", "single", "document", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["records", "document", "sets", "keep", "fields", "person"]), JSONISH))
def test_whatever_is_sent_is_read_or_refused(members):
    try:
        read_filter({**BASE, **members})
    except BadInput as error:
        assert error.remedy
