"""Records: readable, opened only with a key, and of values only digests that cannot be guessed without it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.ledger import record
from beholden.ledger.entry import Kind
from beholden.model.act import SYSTEM, Act
from beholden.model.errors import BadInput, Damaged
from tests.ledger.logs import START, act, disclosure, key_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_direct_record_is_canonical_json_that_says_self() -> None:
    data = record.of_disclosure(disclosure(7, fields=("name", "photo")), 0, key_of(7), key_of(7))
    assert data == (
        b'{"app":1,"at":"2026-01-01T00:00:00Z","developer":1,"digests":{},"fields":["name","photo"],'
        b'"grant":"grant_a","kind":"disclosure","person":7,"purpose":"service","through":"self"}'
    )


def test_an_indirect_record_does_not_name_the_granting_person() -> None:
    data = record.of_disclosure(disclosure(7, 424242), 3, key_of(7), key_of(424242))
    assert json.loads(data)["through"] == record.through_digest(key_of(424242), 3, 424242)
    assert b"424242" not in data


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 2**40), st.sampled_from(["name", "birthday"]), texts)
def test_a_digest_matches_the_value_it_was_made_from(seq: int, field: str, value: str) -> None:
    digest = record.value_digest(key_of(1), seq, field, value)
    assert len(digest) == 11
    assert record.matches(key_of(1), seq, field, value, digest)


def test_a_digest_is_bound_to_key_place_field_and_value() -> None:
    digest = record.value_digest(key_of(1), 5, "birthday", "1980-02-01")
    assert not record.matches(key_of(2), 5, "birthday", "1980-02-01", digest)
    assert not record.matches(key_of(1), 6, "birthday", "1980-02-01", digest)
    assert not record.matches(key_of(1), 5, "name", "1980-02-01", digest)
    assert not record.matches(key_of(1), 5, "birthday", "1980-02-02", digest)
    assert not record.matches(key_of(1), 5, "birthday", "1980-02-01", digest[:-1])
    assert not record.matches(key_of(1), 5, "birthday", "1980-02-01", "é" * 11)


def test_field_and_value_cannot_be_shifted_into_each_other() -> None:
    assert record.value_digest(key_of(1), 5, "ab", "c") != record.value_digest(key_of(1), 5, "a", "bc")


def test_a_value_is_compared_in_nfc_and_otherwise_as_given() -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    digest = record.value_digest(key_of(1), 0, "name", composed)
    assert record.matches(key_of(1), 0, "name", decomposed, digest)
    assert not record.matches(key_of(1), 0, "name", composed.upper(), digest)
    assert not record.matches(key_of(1), 0, "name", composed + " ", digest)


def test_a_value_that_is_no_text_is_refused_and_matches_nothing() -> None:
    with pytest.raises(BadInput):
        record.of_disclosure(disclosure(values={"name": "\ud800"}), 0, key_of(1), key_of(1))
    assert not record.matches(key_of(1), 0, "name", "\ud800", "AAAAAAAAAAA")


def test_only_disclosed_fields_are_digested() -> None:
    data = record.of_disclosure(disclosure(values={"name": "Ann", "secret": "x"}), 0, key_of(1), key_of(1))
    assert list(json.loads(data)["digests"]) == ["name"]
    assert b"Ann" not in data


@given(st.dictionaries(texts, texts, max_size=6), st.integers(0, 2**63))
def test_every_value_of_a_record_has_the_digest_that_it_has_alone(values: dict[str, str], seq: int) -> None:
    data = record.of_disclosure(disclosure(fields=tuple(values), values=values), seq, key_of(1), key_of(1))
    digests = json.loads(data)["digests"]
    assert digests == {f: record.value_digest(key_of(1), seq, f, value) for f, value in values.items()}
    assert list(digests) == sorted(values), "canonical JSON"


def test_what_is_recorded_is_read_back() -> None:
    item = disclosure(7, 8, 3, fields=("name", "photo"), developer=9)
    found = record.recorded_disclosure(12, 8, record.of_disclosure(item, 12, key_of(7), key_of(8)))
    assert (found.seq, found.person, found.through, found.app, found.developer) == (12, 7, 8, 3, 9)
    assert (found.fields, found.purpose, found.grant, found.at) == (("name", "photo"), "service", "grant_a", START)
    content = record.recorded_act(record.of_act(act(rule="harvest", counts=[1, 2])))
    assert content["details"] == {"rule": "harvest", "counts": [1, 2]}
    assert (content["actor"], content["verb"], content["app"]) == ("operator:operator_a", "case:open", 1)


@pytest.mark.parametrize(
    "details", [{"x": {1, 2}}, {"x": b"bytes"}, {"x": START}, {"x": "\ud800"}, {"x": 2**70}, {"x": "y" * 70_000}]
)
def test_an_act_with_details_that_are_no_plain_json_is_refused(details: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        record.of_act(Act(SYSTEM, "case:open", "case:1", START, None, details))


@pytest.mark.parametrize(("person", "through", "app"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 2**32)])
def test_a_disclosure_without_person_or_app_is_refused(person: int, through: int, app: int) -> None:
    with pytest.raises(BadInput):
        record.of_disclosure(disclosure(person, through, app), 0, key_of(1), key_of(1))


def test_a_record_opens_only_its_own_entry() -> None:
    data = record.of_disclosure(disclosure(7), 3, key_of(7), key_of(7))
    salt = record.salt(key_of(7), 3)
    commitment = record.commitment(salt, data)
    assert record.opening(Kind.DISCLOSURE, 1, commitment, salt, data) is None
    assert "app 2" in (record.opening(Kind.DISCLOSURE, 2, commitment, salt, data) or "")
    assert record.opening(Kind.ACT, 1, commitment, salt, data)
    assert record.opening(Kind.DISCLOSURE, 1, commitment, record.salt(key_of(7), 4), data)
    assert record.opening(Kind.DISCLOSURE, 1, commitment, record.salt(key_of(8), 3), data)
    assert record.opening(Kind.DISCLOSURE, 1, commitment, salt, data.replace(b'"name"', b'"city"'))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"kind":"act"}', b'{"kind":"disclosure","at":1}', b"\xff"])
def test_what_is_no_record_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        record.recorded_disclosure(0, 1, data)
    with pytest.raises(Damaged):
        record.totals(data)
    with pytest.raises(Damaged):
        record.recorded_act(data)


def test_the_time_of_a_record_is_that_of_the_item_in_utc() -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    data = record.of_disclosure(disclosure(at=at), 0, key_of(1), key_of(1))
    assert record.recorded_disclosure(0, 1, data).at == at
