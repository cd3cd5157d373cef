"""Batches: items with consecutive places, each bound to its own."""

import pytest

from beholden.ledger import batch, entry, record
from beholden.ledger.entry import Kind
from beholden.model.errors import BadInput, Conflict
from beholden.model.ids import PersonNumber
from tests.ledger.logs import act, disclosure, key_of

SECRET = bytes(32)
KEYS = {PersonNumber(n): key_of(n) for n in (1, 2)}


def test_items_become_entries_in_their_order_at_one_time() -> None:
    sealed = batch.sealed([disclosure(1), act(), disclosure(2, 1)], 10, 99, KEYS, SECRET)
    kinds = [entry.unpack(data).kind for data in sealed.entries]
    assert kinds == [Kind.DISCLOSURE, Kind.ACT, Kind.DISCLOSURE]
    assert {entry.unpack(data).time for data in sealed.entries} == {99}
    assert (sealed.persons, sealed.throughs, sealed.end) == ([1, 0, 2], [1, 0, 1], 13)
    salts = [record.salt(key_of(1), 10), record.salt(SECRET, 11), record.salt(key_of(2), 12)]
    for data, salt, held in zip(sealed.entries, salts, sealed.records, strict=True):
        found = entry.unpack(data)
        assert record.opening(found.kind, found.app, found.commitment, salt, held) is None


@pytest.mark.parametrize(("person", "through"), [(3, 1), (1, 3)])
def test_a_disclosure_that_nobody_could_open_is_refused(person: int, through: int) -> None:
    with pytest.raises(Conflict, match="Person 3 has no key"):
        batch.sealed([disclosure(person, through)], 0, 0, KEYS, SECRET)


def test_equal_disclosures_at_different_places_look_unrelated() -> None:
    sealed = batch.sealed([disclosure(1, 2, values={"name": "Ann"})] * 2, 0, 0, KEYS, SECRET)
    assert sealed.entries[0] != sealed.entries[1]
    first, second = (record.read(Kind.DISCLOSURE, data) for data in sealed.records)
    assert first["digests"] != second["digests"]
    assert first["through"] != second["through"]


def test_the_keys_that_items_need_are_named_once() -> None:
    assert batch.people([disclosure(2, 1), disclosure(2), act()]) == [1, 2]


def test_anything_else_is_no_item() -> None:
    with pytest.raises(BadInput):
        batch.sealed(["text"], 0, 0, KEYS, SECRET)  # type: ignore[list-item]
