"""A batch: items as they become entries and records, with consecutive places and one time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from beholden.ledger import entry as entries
from beholden.ledger import record as records
from beholden.ledger.entry import Kind
from beholden.model.act import Act
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, Conflict
from beholden.model.ids import NOBODY, PersonNumber


class Batch(NamedTuple):
    """Entries with what is kept beside them, column by column; a record is empty where it was blanked.

    `persons` and `throughs` are the people whom a record names, NOBODY for acts and erasures.
    """

    first: int
    entries: list[bytes]
    persons: list[int]
    throughs: list[int]
    records: list[bytes]

    @property
    def end(self) -> int:
        """The place after the last."""
        return self.first + len(self.entries)

    def extend(self, other: "Batch") -> None:
        """Add the batch that follows."""
        self.entries.extend(other.entries)
        self.persons.extend(other.persons)
        self.throughs.extend(other.throughs)
        self.records.extend(other.records)


def empty(first: int) -> Batch:
    """A batch without entries."""
    return Batch(first, [], [], [], [])


def people(items: Sequence[Disclosure | Act]) -> list[PersonNumber]:
    """Whose keys the items need."""
    needed = {p for item in items if isinstance(item, Disclosure) for p in (item.person, item.through)}
    return sorted(needed)


def sealed(
    items: Sequence[Disclosure | Act], first: int, time: int, keys: Mapping[PersonNumber, bytes], secret: bytes
) -> Batch:
    """The entries and records of items at consecutive places from `first` on, all at `time` (microseconds).

    Raises Conflict for a disclosure of, or through, a person without a key: nobody could ever open it. Raises BadInput
    for an item that cannot be written.
    """
    batch = empty(first)
    for seq, item in enumerate(items, first):
        if isinstance(item, Disclosure):
            key, through_key = _key(keys, item.person), _key(keys, item.through)
            record = records.of_disclosure(item, seq, key, through_key)
            _add(batch, Kind.DISCLOSURE, time, item.app, records.salt(key, seq), record, item.person, item.through)
        elif isinstance(item, Act):
            record = records.of_act(item)
            _add(batch, Kind.ACT, time, item.app or 0, records.salt(secret, seq), record)
        else:
            raise BadInput(f"A {type(item).__name__} cannot be put in the ledger.", "Append disclosures and acts.")
    return batch


def erasure(first: int, time: int, record: bytes, secret: bytes) -> Batch:
    """The one entry of an erasure."""
    batch = empty(first)
    _add(batch, Kind.ERASURE, time, 0, records.salt(secret, first), record)
    return batch


def _add(
    batch: Batch,
    kind: Kind,
    time: int,
    app: int,
    salt: bytes,
    record: bytes,
    person: int = NOBODY,
    through: int = NOBODY,
) -> None:
    batch.entries.append(entries.pack(kind, time, app, records.commitment(salt, record)))
    batch.persons.append(person)
    batch.throughs.append(through)
    batch.records.append(record)


def _key(keys: Mapping[PersonNumber, bytes], person: PersonNumber) -> bytes:
    key = keys.get(person)
    if key is None:
        raise Conflict(f"Person {person} has no key: never enrolled, or erased.", "Leave that person out.")
    return key
