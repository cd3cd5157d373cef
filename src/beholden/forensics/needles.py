"""What is looked for: the people whom the ledger says the app received, by what tells them apart.

An app-scoped id belongs to one person and one app: it finds and it attributes. An e-mail address belongs to one
mailbox: it finds. The platform's own id should be nowhere outside; it finds where it is long enough not to be met by
chance. A phone is met by chance: it finds, and convicts nobody without more. A name never finds anybody; it
corroborates, as do other disclosed values, which are compared by digest or, where the platform hands them in, by what
they are.
"""

import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from beholden.forensics.hashed import Audience, Contact, audience, digests
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan
from beholden.forensics.kernel.values import keys
from beholden.forensics.names import Names, names
from beholden.forensics.spelling import Kind, fold
from beholden.model.ids import PersonNumber

__all__ = ["Kind", "Needles", "Sought", "fold", "needles", "only_whole"]

Matches = Callable[[PersonNumber, str, str], bool]
"""Whether a text is the value of this field that was disclosed of this person."""

MAX_CHANCE = 1e-6
"""An id is used only if fewer than one in a million arbitrary ids of its shape belong to somebody sought."""
PHONES = frozenset({"phone", "mobile", "telephone", "phone_number", "mobile_number"})
"""Fields whose values are sought as phones."""
USUAL = re.compile(r"[A-Za-z0-9][\w+.-]*@[A-Za-z0-9.-]*[A-Za-z0-9]", re.ASCII)
"""An address that is recognised in the midst of a text, whatever stands about it."""
IN_HOUSE = b"beholden: an index that stays in the house"
"""The key of an index that nobody else gets: it need not be secret."""


@dataclass(frozen=True, slots=True)
class Sought:
    """One person as the app may hold them. `digests` are the fields of which the ledger kept a digest of the value;
    `values` are those that the platform handed in for this examination."""

    person: PersonNumber
    scoped_id: str
    outside_id: str
    email: str
    name: str
    first_at: datetime
    last_at: datetime
    digests: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(slots=True)
class Needles:
    """All that is looked for. `unusable` counts values that were left out. An address or phone that two people share
    finds both."""

    people: dict[PersonNumber, Sought]
    matches: Matches
    index: Index
    names: Names
    unusable: dict[Kind, int] = field(default_factory=dict)
    audience: Audience = field(default_factory=Audience)


def needles(sought: Iterable[Sought], matches: Matches, key: bytes = IN_HOUSE[:32], *, hashed: bool = False) -> Needles:
    """What is sought of a set of people. `matches` is asked for values other than ids, addresses and names; `key` is
    that of the index. `hashed` looks for digests of addresses and phones too, as advertising audiences hold them."""
    people = {one.person: one for one in sought}
    usable, crowded = _usable(people.values())
    hashes = list(digests(_contacts(people.values()))) if hashed else []
    usable.extend((Kind.DIGEST, one.person, one.digest.hex()) for one in hashes)
    index = Index.of(usable, key)
    unusable = dict(index.unusable)
    if crowded:
        unusable[Kind.OUTSIDE_ID] = unusable.get(Kind.OUTSIDE_ID, 0) + crowded
    made = Needles(people, matches, index, names((one.person, one.name) for one in people.values()), unusable=unusable)
    if hashed:
        made.audience = audience(hashes)
    return made


def _contacts(people: Iterable[Sought]) -> Iterator[Contact]:
    for one in people:
        phones = list(_phones(one))
        for place in range(max(1, len(phones))):
            yield Contact(one.person, one.email if not place else "", phones[place] if phones else "")


def _usable(people: Iterable[Sought]) -> tuple[list[tuple[Kind, PersonNumber, str]], int]:
    """The values that are looked for, and how many outside ids are of a shape so crowded that an arbitrary one would
    be somebody's."""
    chosen: list[tuple[Kind, PersonNumber, str]] = []
    shapes: dict[tuple[int, int], list[tuple[Kind, PersonNumber, str]]] = {}
    for one in people:
        chosen.append((Kind.SCOPED_ID, one.person, one.scoped_id))
        chosen.append((Kind.EMAIL, one.person, one.email))
        chosen.extend((Kind.PHONE, one.person, value) for value in _phones(one))
        low = fold(one.outside_id)
        shapes.setdefault((_alphabet(low), len(low)), []).append((Kind.OUTSIDE_ID, one.person, one.outside_id))
    crowded = 0
    for (letters, length), members in shapes.items():
        if len(members) / float(letters) ** min(length, 64) > MAX_CHANCE:
            crowded += len(members)
        else:
            chosen.extend(members)
    return chosen, crowded


def only_whole(sought: Needles) -> int:
    """How many addresses are found where they are a value of a table, but not in the midst of a text:
    `a(b)@x.example`, `ann@[10.0.0.1]`."""
    people = sought.people.values()
    odd = (one for one in people if USUAL.fullmatch(one.email) is None and keys(Kind.EMAIL, one.email))
    return sum(not _in_text(one, sought.index) for one in odd)


def _in_text(one: Sought, index: Index) -> bool:
    raw = f" {one.email} ".encode("utf-8", "replace")
    found = scan(raw, index, binary=False)
    return any(hit.person == one.person and (hit.start, hit.end) == (1, len(raw) - 1) for hit in found)


def _phones(one: Sought) -> Iterator[str]:
    return (value for name, value in one.values.items() if name.lower() in PHONES)


def _alphabet(key: bytes) -> int:
    """How many characters an id of this look could have in each place."""
    text = key.decode("utf-8", "replace")
    if text.isdigit():
        return 10
    return 16 if all(letter in string.hexdigits + "-" for letter in text) else 36
