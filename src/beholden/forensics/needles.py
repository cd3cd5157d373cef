"""What is looked for: the people whom the ledger says the app received, by what tells them apart.

An app-scoped id belongs to one person and one app: it finds and it attributes. An e-mail address belongs to one
mailbox: it finds. The platform's own id should be nowhere outside; it finds where it is long enough not to be met by
chance. A name never finds anybody; it corroborates, as do other disclosed values, which are compared by digest.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from beholden.forensics.hashed import Audience, Contact, audience, digests
from beholden.model.ids import PersonNumber

Matches = Callable[[PersonNumber, str, str], bool]
"""Whether a text is the value of this field that was disclosed of this person."""

MAX_CHANCE = 1e-6
"""An id is used only if fewer than one in a million arbitrary ids of its shape belong to somebody sought."""
SCOPED_LENGTH = 26
_SCOPED = re.compile(r"[a-z2-7]{26}")
_SCOPED_RUN = re.compile(rb"[a-z2-7]{26}")
_OUTSIDE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{3,255}")
_WORD = re.compile(r"[^\W_]+")


class Kind(StrEnum):
    """What of a person was found."""

    SCOPED_ID = "app-scoped id"
    OUTSIDE_ID = "platform id"
    EMAIL = "e-mail"
    NAME = "name"
    PHONE = "phone"
    DIGEST = "digest of an address or phone"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Sought:
    """One person as the app may hold them. `digests` are the fields of which the ledger kept a digest of the value."""

    person: PersonNumber
    scoped_id: str
    outside_id: str
    email: str
    name: str
    first_at: datetime
    last_at: datetime
    digests: frozenset[str] = frozenset()


@dataclass(slots=True)
class Needles:
    """All that is looked for, in tables keyed by folded bytes. `unusable` counts ids and addresses left out.

    An address that two people share finds both. `domains` gives the lengths of the local parts sought at each.
    """

    people: dict[PersonNumber, Sought]
    matches: Matches
    emails: dict[bytes, tuple[PersonNumber, ...]] = field(default_factory=dict)
    ids: dict[bytes, tuple[Kind, PersonNumber]] = field(default_factory=dict)
    domains: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    domain_lengths: tuple[int, ...] = ()
    digit_lengths: tuple[int, ...] = ()
    outside_token: re.Pattern[bytes] | None = None
    unusable: dict[Kind, int] = field(default_factory=dict)
    audience: Audience = field(default_factory=Audience)

    def may_hold_id(self, low: bytes) -> bool:
        """Whether folded bytes hold something of the shape of an id; a quick no for most texts."""
        if len(low) >= SCOPED_LENGTH and _SCOPED_RUN.search(low) is not None:
            return True
        return self.outside_token is not None and self.outside_token.search(low) is not None


def needles(sought: Iterable[Sought], matches: Matches, *, hashed: bool = False) -> Needles:
    """The tables for a set of people. `matches` is asked for values other than ids, addresses and names; `hashed`
    looks for digests of addresses too, as advertising audiences hold them."""
    people = {one.person: one for one in sought}
    made = Needles(people, matches)
    for one in people.values():
        _add_email(made, one)
        if _SCOPED.fullmatch(one.scoped_id):
            made.ids[one.scoped_id.encode()] = (Kind.SCOPED_ID, one.person)
    _add_outside_ids(made)
    _index_domains(made)
    if hashed:
        made.audience = audience(digests(Contact(one.person, one.email) for one in people.values()))
    return made


def _add_email(made: Needles, one: Sought) -> None:
    if not _EMAIL.fullmatch(one.email):
        made.unusable[Kind.EMAIL] = made.unusable.get(Kind.EMAIL, 0) + 1
        return
    key = fold(one.email)
    made.emails[key] = (*made.emails.get(key, ()), one.person)


def _index_domains(made: Needles) -> None:
    lengths: dict[bytes, set[int]] = {}
    for address in made.emails:
        local, _, domain = address.rpartition(b"@")
        lengths.setdefault(domain, set()).add(len(local))
    made.domains = {domain: tuple(sorted(found, reverse=True)) for domain, found in lengths.items()}
    made.domain_lengths = tuple(sorted({len(domain) for domain in lengths}, reverse=True))


def _add_outside_ids(made: Needles) -> None:
    """Outside ids, except those of a shape so crowded that an arbitrary one would be somebody's."""
    shapes: dict[tuple[int, int], list[tuple[bytes, PersonNumber]]] = {}
    unusable = 0
    for one in made.people.values():
        if _OUTSIDE.fullmatch(one.outside_id):
            key = fold(one.outside_id)
            shapes.setdefault((_alphabet(key), len(key)), []).append((key, one.person))
        else:
            unusable += 1
    kept: set[int] = set()
    digits: set[int] = set()
    for (letters, length), members in shapes.items():
        if len(members) / float(letters) ** length > MAX_CHANCE:
            unusable += len(members)
            continue
        kept.add(length)
        if letters == 10:
            digits.add(length)
        for key, person in members:
            made.ids.setdefault(key, (Kind.OUTSIDE_ID, person))
    if kept:
        token = rb"(?<![a-z0-9_-])[a-z0-9_-]{%d,%d}(?![a-z0-9_-])" % (min(kept), max(kept))
        made.outside_token = re.compile(token)
    made.digit_lengths = tuple(sorted(digits))
    if unusable:
        made.unusable[Kind.OUTSIDE_ID] = unusable


def _alphabet(key: bytes) -> int:
    """How many characters an id of this look could have in each place."""
    text = key.decode()
    if text.isdigit():
        return 10
    return 16 if all(letter in string.hexdigits + "-" for letter in text) else 36


def fold(text: str) -> bytes:
    """The one spelling under which texts are compared: Unicode NFC, case folded, UTF-8."""
    if text.isascii():
        return text.lower().encode()
    return unicodedata.normalize("NFC", text).casefold().encode("utf-8", "replace")


def folded_text(text: str) -> str:
    """The same as text."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def words(text: str) -> list[str]:
    """The words of a text, folded; digits count as letters, an underscore parts."""
    return _WORD.findall(folded_text(text))
