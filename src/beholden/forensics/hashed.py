"""Hashed e-mail addresses and telephone numbers, as advertising audiences use them.

An audience is a list of digests of normalised addresses and numbers. Each network normalises in its own way, so each
value has a few preimages:

- e-mail: trimmed and in small letters (all); without what follows a `+` (TikTok); at Gmail without dots (Google);
- telephone: E.164 with `+` (Google); digits with the country's code (Meta, LinkedIn, TikTok); the national digits
  (TikTok); these with a zero before them, as people write them.

Each is digested by MD5, SHA-1 and SHA-256, and stands as hexadecimal of either case, as base64, or as raw bytes.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from beholden.model.ids import PersonNumber

FEWEST_DIGITS, MOST_DIGITS = 7, 15
_HEX = re.compile(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32,64}(?![0-9A-Fa-f])")
_BASE64 = re.compile(
    rb"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{43}|[A-Za-z0-9+/_-]{27}|[A-Za-z0-9+/_-]{22})(?![A-Za-z0-9+/_-])={0,2}"
)
_BASE64_LENGTHS = frozenset({22, 27, 43})
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_ONE = frozenset("17")
_TWO_RANGES = ((20, 20), (27, 27), (30, 34), (36, 36), (39, 41), (43, 49), (51, 58), (60, 66), (81, 82), (84, 84))
_TWO = frozenset(
    str(code) for first, last in (*_TWO_RANGES, (86, 86), (90, 95), (98, 98)) for code in range(first, last + 1)
)
"""Country codes of one and two digits (ITU-T E.164); all others have three."""


class Algorithm(StrEnum):
    """How a preimage was digested."""

    MD5 = "MD5"
    SHA1 = "SHA-1"
    SHA256 = "SHA-256"


_DIGEST: Mapping[Algorithm, Callable[[bytes], bytes]] = {
    Algorithm.MD5: lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    Algorithm.SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    Algorithm.SHA256: lambda data: hashlib.sha256(data).digest(),
}
LENGTHS: Mapping[int, Algorithm] = {16: Algorithm.MD5, 20: Algorithm.SHA1, 32: Algorithm.SHA256}
"""Algorithms by the bytes of their digests."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What is digested of a person; empty where it is not known."""

    person: PersonNumber
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Digested:
    """One digest and whose it is; `value` is `e-mail` or `phone`."""

    person: PersonNumber
    value: str
    algorithm: Algorithm
    digest: bytes


def of_email(address: str) -> tuple[str, ...]:
    """The normalised forms of an address, each once; none where it is no address."""
    plain = "".join(address.split()).lower()
    local, sign, domain = plain.rpartition("@")
    if not local or not sign or not domain:
        return ()
    bare = local.partition("+")[0] or local
    forms = [plain, f"{bare}@{domain}"]
    if domain in _GMAIL:
        forms += [f"{local.replace('.', '')}@{domain}", f"{bare.replace('.', '')}@{domain}"]
    return tuple(dict.fromkeys(forms))


def of_phone(number: str, country: str = "1") -> tuple[str, ...]:
    """The normalised forms of a number, each once; none where it has too few or too many digits.

    `country` is the code of a number written without one: ten digits of the North American plan, or a zero first.
    """
    digits = "".join(letter for letter in number if letter in "0123456789")
    if number.strip().startswith("+"):
        pass
    elif digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = country + digits.lstrip("0")
    elif not (digits.startswith(country) and len(digits) > 10):
        digits = country + digits
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS:
        return ()
    national = digits[_country_length(digits) :]
    return tuple(dict.fromkeys((f"+{digits}", digits, national, f"0{national}")))


def _country_length(digits: str) -> int:
    if digits[:1] in _ONE:
        return 1
    return 2 if digits[:2] in _TWO else 3


def digests(
    people: Iterable[Contact], algorithms: Iterable[Algorithm] = tuple(Algorithm), country: str = "1"
) -> Iterator[Digested]:
    """All digests of these people, one after the other; nothing is kept."""
    chosen = tuple(algorithms)
    for one in people:
        for value, forms in (("e-mail", of_email(one.email)), ("phone", of_phone(one.phone, country))):
            for form in forms:
                for algorithm in chosen:
                    yield Digested(one.person, value, algorithm, _DIGEST[algorithm](form.encode("utf-8")))


@dataclass(frozen=True, slots=True)
class HashedHit:
    """A digest of somebody sought, at `start` to `end` of the bytes searched."""

    start: int
    end: int
    person: PersonNumber


@dataclass(slots=True)
class Audience:
    """Digests by their bytes, and whose each is. A digest that two people share names both."""

    owners: dict[bytes, tuple[PersonNumber, ...]] = field(default_factory=dict)
    first: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_), repr=False)
    """Which three bytes any digest begins with: a quick no for raw bytes."""

    def __len__(self) -> int:
        return len(self.owners)

    def of(self, value: bytes) -> tuple[PersonNumber, ...]:
        """Whose digest these raw bytes, hexadecimal or base64 are."""
        found = self.owners.get(value)
        if found is None:
            raw = decoded(value)
            found = self.owners.get(raw) if raw is not None else None
        return found or ()


def audience(made: Iterable[Digested]) -> Audience:
    """The table of so many digests."""
    owners: dict[bytes, tuple[PersonNumber, ...]] = {}
    for one in made:
        known = owners.get(one.digest, ())
        if one.person not in known:
            owners[one.digest] = (*known, one.person)
    first = np.zeros(1 << 24, np.bool_)
    first[[int.from_bytes(digest[:3], "big") for digest in owners]] = True
    return Audience(owners, first)


def decoded(text: bytes) -> bytes | None:
    """The digest that a text writes in hexadecimal or base64; None where it writes none."""
    if len(text) in (32, 40, 64):
        try:
            return binascii.unhexlify(text)
        except binascii.Error:
            return None
    bare = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    if len(bare) not in _BASE64_LENGTHS:
        return None
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None


def find(data: bytes, sought: Audience, *, raw: bool = False, hexadecimal: bool = True) -> Iterator[HashedHit]:
    """Every digest in bytes: as text where it stands for itself, and with `raw` as bytes at any place. Without
    `hexadecimal` those are left out that the kernel finds quicker."""
    for shape in (_HEX, _BASE64) if hexadecimal else (_BASE64,):
        for match in shape.finditer(data):
            for person in sought.of(match[0]):
                yield HashedHit(match.start(), match.end(), person)
    if raw:
        yield from _raw(data, sought)


def _raw(data: bytes, sought: Audience) -> Iterator[HashedHit]:
    if len(data) < min(LENGTHS) or not sought.owners:
        return
    octets = np.frombuffer(data, np.uint8).astype(np.uint32)
    begins = octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]
    for at in np.flatnonzero(sought.first[begins]).tolist():
        for length in LENGTHS:
            for person in sought.owners.get(data[at : at + length], ()):
                yield HashedHit(at, at + length, person)
