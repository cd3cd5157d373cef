"""The private record behind an entry: readable JSON, opened with a salt that comes from the person's key.

A record is canonical JSON (RFC 8785 for the ASCII keys, texts and integers that we write), so that a receipt can be
read by the person who holds it. It is kept and handed on byte for byte; nobody ever has to write it again to check it.

Every salt is derived, none is stored: destroying the person's 32-byte key makes all records of that person, all value
digests in them, and that person's name on the records of others unopenable at once (law 7). Derivations are keyed
BLAKE2s (RFC 7693, with BLAKE2's personalisation for each use) over the place of the entry in the log:

    salt of a record            blake2s(key of the person, "record", seq), 16 bytes
    digest of a value           blake2s(key of the person, "value", seq || length of field || field || value), 8 bytes
    digest of a granting person blake2s(key of the granting person, "through", seq || number), 16 bytes

A digest is salted by its key, place and field in one pass: equal values have unequal digests, and a birthday cannot be
guessed without the key (compare RFC 9901, 4.2.4).

Acts and erasures have no person's key; their salt comes from a secret of the log, so that only the house opens them.

An indirect record does not name the granting person; it holds a digest of the number under *that* person's key. So one
person's erasure never makes another person's record unopenable. The number itself is kept beside the record.

A value is digested as text: a string as it was given, in Unicode NFC, encoded as UTF-8. Nothing else is normalised:
no trimming, no case folding. Who compares another notation tries that notation too.
"""

import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import blake2s
from typing import Any, NamedTuple

import orjson

from beholden.ledger.entry import MAX_APP, Kind
from beholden.model import time
from beholden.model.act import Act
from beholden.model.disclosure import Disclosure, RecordedDisclosure
from beholden.model.errors import BadInput, Damaged
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber

KEY_SIZE = 32
SALT_SIZE = 16
MAX_RECORD = 65_536
"""Bytes of one record; a disclosure of a thousand fields fits."""
SELF = "self"
"""What a direct record says under `through`; a digest there has 22 characters."""
_DIGEST_SIZE = 8
_RECORD, _VALUE, _THROUGH = b"record", b"value", b"through"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_WORDS = {kind: kind.name.lower() for kind in Kind}
_AS_IT_STANDS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_STRICT = _AS_IT_STANDS | orjson.OPT_SORT_KEYS


# The items of a batch share their time; writing and reading it once is a quarter of the work.
_text = lru_cache(4096)(time.text)
_parse = lru_cache(4096)(time.parse)


def salt(key: bytes, seq: int) -> bytes:
    """The salt that opens the record at a place; `key` is the person's, or the log's secret for acts and erasures."""
    return blake2s(seq.to_bytes(8, "big"), key=key, person=_RECORD, digest_size=SALT_SIZE).digest()


def commitment(salt_: bytes, record: bytes) -> bytes:
    """What the public entry says of a record."""
    return hashlib.sha256(salt_ + record).digest()


def value_digest(key: bytes, seq: int, field: str, value: str) -> str:
    """The digest of one value in the record at a place: 8 bytes in base64url. Raises BadInput for broken text."""
    return _digest(key, seq.to_bytes(8, "big") + _named(field) + _utf8(value), _VALUE, _DIGEST_SIZE)


def matches(key: bytes, seq: int, field: str, value: str, digest: str) -> bool:
    """Whether `value` is the one that was disclosed in `field` by the entry at `seq` (a chance of 2^-64 aside)."""
    try:
        return hmac.compare_digest(value_digest(key, seq, field, value), digest)
    except (BadInput, TypeError):  # text that is not Unicode, or a digest that is not ASCII, was never disclosed
        return False


def through_digest(key: bytes, seq: int, through: int) -> str:
    """What an indirect record says of the granting person; `key` is that person's."""
    return _digest(key, seq.to_bytes(8, "big") + through.to_bytes(8, "big"), _THROUGH, SALT_SIZE)


def _value_digests(key: bytes, seq: int, disclosure: Disclosure) -> dict[str, str]:
    """The digest of every value of a disclosure, as `value_digest` has it, in the order of their fields' names."""
    values = disclosure.values
    if not values:
        return {}
    begun = blake2s(seq.to_bytes(8, "big"), key=key, person=_VALUE, digest_size=_DIGEST_SIZE)
    names = [field for field in sorted(values) if field in disclosure.fields]
    digests = bytearray()
    for field in names:
        hashed = begun.copy()
        hashed.update(_named(field) + _utf8(values[field]))
        # A ninth byte, a zero, makes twelve characters of base64, of which the first eleven are those of the eight.
        digests += hashed.digest() + b"\0"
    text = binascii.b2a_base64(digests, newline=False).translate(_URL_SAFE).decode()
    return {field: text[12 * n : 12 * n + 11] for n, field in enumerate(names)}


def _digest(key: bytes, data: bytes, use: bytes, size: int) -> str:
    digest = blake2s(data, key=key, person=use, digest_size=size).digest()
    return binascii.b2a_base64(digest, newline=False).translate(_URL_SAFE, b"=").decode()


@lru_cache(4096)
def _named(field: str) -> bytes:
    name = _utf8(field)
    return len(name).to_bytes(4, "big") + name


def _utf8(value: str) -> bytes:
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise BadInput("A value or the name of its field is not Unicode text.", "Mend the surrogates in it.") from None


def of_disclosure(disclosure: Disclosure, seq: int, key: bytes, through_key: bytes) -> bytes:
    """The record of a disclosure. Raises BadInput for what cannot be written."""
    d = disclosure
    if not (0 < d.app <= MAX_APP and d.person > 0 and d.through > 0):
        raise BadInput("A disclosure names an app, a person and a granting person.", "Look up their numbers first.")
    digests = _value_digests(key, seq, d)
    return _written(
        {  # in the order of canonical JSON, so that nobody need sort them
            "app": d.app,
            "at": _text(d.at),
            "developer": d.developer,
            "digests": digests,
            "fields": d.fields,
            "grant": d.grant,
            "kind": "disclosure",
            "person": d.person,
            "purpose": d.purpose,
            "through": SELF if d.direct else through_digest(through_key, seq, d.through),
        },
        _AS_IT_STANDS,
    )


def of_act(act: Act) -> bytes:
    """The record of an act. Raises BadInput when its details are not plain JSON."""
    if not 0 <= (act.app or 0) <= MAX_APP:
        raise BadInput(f"{act.app} is not the number of an app.")
    return _written(
        {
            "actor": str(act.actor),
            "app": act.app,
            "at": _text(act.at),
            "details": dict(act.details),
            "kind": "act",
            "subject": act.subject,
            "verb": act.verb,
        }
    )


class Totals(NamedTuple):
    """How many records of the log were ever blanked, and how many of the others lost their granting person.

    Each erasure states both as they stand after it, so that a record that somebody else blanks is missed.
    """

    blanked: int = 0
    loosened: int = 0


def of_erasure(ticket: str, at: datetime, records: int, totals: Totals) -> bytes:
    """The record of an erasure: no person, a ticket, how many records it blanked, and the totals after it."""
    return _written(
        {
            "at": _text(at),
            "blanked": totals.blanked,
            "kind": "erasure",
            "loosened": totals.loosened,
            "records": records,
            "ticket": ticket,
        }
    )


def _written(content: dict[str, Any], option: int = _STRICT) -> bytes:
    try:
        record = orjson.dumps(content, option=option)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise BadInput(f"The ledger cannot write this {content['kind']} ({error}).", "Use plain JSON values.") from None
    if len(record) > MAX_RECORD:
        raise BadInput(f"A record of {len(record)} bytes is longer than {MAX_RECORD}.", "Say less in one entry.")
    return record


def read(kind: Kind, record: bytes) -> dict[str, Any]:
    """The content of a record; raises Damaged when it is not a record of this kind."""
    try:
        content = orjson.loads(record)
    except orjson.JSONDecodeError as error:
        raise Damaged(f"A record is not JSON ({error}).") from None
    if not isinstance(content, dict) or content.get("kind") != _WORDS[kind]:
        raise Damaged(f"A record is not that of its entry's kind, {_WORDS[kind]}.")
    return content


def opening(kind: Kind, app: int, commitment_: bytes, salt_: bytes, record: bytes) -> str | None:
    """Why a record and salt do not open an entry; None when they do."""
    if not hmac.compare_digest(commitment(salt_, record), commitment_):
        return "its record is not the one that was committed to"
    try:
        content: Mapping[str, Any] = read(kind, record)
    except Damaged as error:
        return error.message
    if (content.get("app") or 0) != app:
        return f"its entry names app {app}, its record app {content.get('app')}"
    return None


def totals(record: bytes) -> Totals:
    """The totals that an erasure's record states; raises Damaged."""
    content = read(Kind.ERASURE, record)
    found = (content.get("blanked"), content.get("loosened"))
    if not all(isinstance(n, int) for n in found):
        raise Damaged("The record of an erasure states no totals.")
    return Totals(int(found[0] or 0), int(found[1] or 0))


def recorded_disclosure(seq: int, through: int, record: bytes) -> RecordedDisclosure:
    """A disclosure as it stands in the log; `through` is the number kept beside it. Raises Damaged."""
    content = read(Kind.DISCLOSURE, record)
    try:
        return RecordedDisclosure(
            seq,
            _parse(content["at"]),
            AppNumber(content["app"]),
            DeveloperNumber(content["developer"]),
            PersonNumber(content["person"]),
            PersonNumber(through),
            tuple(content["fields"]),
            content["purpose"],
            content["grant"],
            content["digests"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"The record of entry {seq} is incomplete.") from error


def recorded_act(record: bytes) -> dict[str, Any]:
    """What the record of an act says, under the names of `RecordedAct`. Raises Damaged."""
    content = read(Kind.ACT, record)
    try:
        app = None if content["app"] is None else AppNumber(content["app"])
        names = {name: content[name] for name in ("actor", "verb", "subject", "details")}
        return names | {"at": _parse(content["at"]), "app": app}
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged("The record of an act is incomplete.") from error
