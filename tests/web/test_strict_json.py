"""Strict JSON: what two readers could read differently is refused in one sentence, the rest reads as it should."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.model.errors import BadInput
from beholden.web import strict_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_was_written_is_what_is_read(value):
    assert strict_json.read(strict_json.write(value)) == value
    assert strict_json.read(json.dumps(value).encode()) == value, "escaped characters are the same characters"


@given(VALUES, st.text('{}[]":,0123456789.eE+-truefalsn\\\\u00\u00e9 ', max_size=8), st.integers(0, 400))
def test_the_quick_reader_never_differs_from_the_strict_one(value, noise, at):
    clean = strict_json.write(value)
    body = clean[:at] + noise.encode() + clean[at:]
    quick = strict_json._quick(body)
    if quick is not strict_json._NO:
        strict = strict_json._DECODER.decode(body.decode())
        assert repr(quick) == repr(strict), "also in the kind of a number and the order of keys"


REFUSED = [
    (b"", "The body is empty."),
    (b" \n\t", "The body is empty."),
    (b"{", "not JSON"),
    (b'{"a":1}{"b":2}', "not JSON: Extra data"),
    (b"{'a':1}", "not JSON"),
    (b'{"a":1,}', "not JSON"),
    (b"[01]", "not JSON"),
    (b'"\x01"', "not JSON"),
    (b"// a comment\n1", "not JSON"),
    (b"\xef\xbb\xbf{}", "not JSON"),
    (b'{"a":"\xff"}', "not UTF-8"),
    (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
    ('{"a":1}'.encode("utf-16"), "not UTF-8"),
    (b'{"a":1,"a":2}', "The key 'a' stands twice"),
    (b'{"a":1,"\\u0061":2}', "The key 'a' stands twice"),
    (b'[{"x":{"b":1,"b":1}}]', "The key 'b' stands twice"),
    (b'["\\ud800"]', "half of a surrogate pair"),
    (b'{"\\uDFFF":1}', "half of a surrogate pair"),
    (b"[NaN]", "NaN is not JSON"),
    (b"[Infinity]", "Infinity is not JSON"),
    (b"[-Infinity]", "-Infinity is not JSON"),
    (b"[1e999]", "too large to be one"),
    (b"1" * 5000, "more than 40 digits"),
    (b"[" * 33 + b"]" * 33, "nested deeper than 32"),
    (b"[" * 500_000, "nested deeper than 32"),
    (b'{"a":' * 100_000, "nested deeper than 32"),
    (b"[" + b"0," * 600_000 + b"0]", "larger than 1048576 bytes"),
]


@pytest.mark.parametrize(("body", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_is_not_plain_json_is_refused_in_one_sentence(body, sentence):
    with pytest.raises(BadInput, match=sentence) as refused:
        strict_json.read(body)
    assert len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


def test_as_deep_as_allowed_is_allowed():
    assert strict_json.read(b"[" * 32 + b"]" * 32) is not None


def test_brackets_in_texts_are_not_depth():
    assert strict_json.read(json.dumps(["[" * 500]).encode()) == ["[" * 500]


def test_a_pair_of_surrogates_is_one_character():
    assert strict_json.read(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    try:
        value = strict_json.read(body)
    except BadInput:
        return
    assert strict_json.read(strict_json.write(value)) == value


@given(st.text('{}[]":,0123456789.eE+-\\utrfalsn \n', max_size=60))
def test_whatever_we_accept_another_strict_reader_accepts_alike(text):
    try:
        value = strict_json.read(text.encode())
    except BadInput:
        return
    assert json.loads(text) == value


def test_anything_but_an_object_is_refused_where_one_is_needed():
    for body in (b"[]", b"1", b"null", b'"{}"'):
        with pytest.raises(BadInput, match="not a JSON object"):
            strict_json.read_object(body)
