"""The private record behind an entry: readable JSON, opened with a salt that comes from the person's key.

A record is canonical JSON (RFC 8785 for the ASCII keys, texts and integers that we write), so that a receipt can be
read by the person who holds it. It is kept and handed on byte for byte; nobody ever has to write it again to check it.

Every salt is derived, none is stored: destroying the person's 32-byte key makes all records of that person, all value
digests in them, and that person's name on the records of others unopenable at once (law 7). Derivations are keyed
BLAKE2s (RFC 7693) with a `person` parameter for each use, over the place of the entry in the log:

    salt of a record         blake2s(key of the person, "record", seq)
    salt of a value digest   blake2s(key of the person, "value", seq || field)
    salt of a granting name  blake2s(key of the granting person, "through", seq)

Acts and erasures have no person's key; their salt comes from a secret of the log, so that only the house opens them.

An indirect record does not name the granting person; it holds a digest of the number under *that* person's key. So one
person's erasure never makes another person's record unopenable. The number itself is kept beside the record.

A value is digested as text: a string as it was given, in Unicode NFC, encoded as UTF-8. Nothing else is normalised:
no trimming, no case folding. Who compares another notation tries that notation too.
"""

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from beholden.ledger.entry import MAX_APP, Kind
from beholden.model.act import Act
from beholden.model.disclosure import Disclosure, RecordedDisclosure
from beholden.model.errors import BadInput, Damaged
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.model.time import parse, text

KEY_SIZE = 32
SALT_SIZE = 16
MAX_RECORD = 65_536
"""Bytes of one record; a disclosure of a thousand fields fits."""
SELF = "self"
"""What a direct record says under `through`; a digest there has 22 characters."""
_DIGEST_SIZE = 8
_RECORD, _VALUE, _THROUGH = b"record", b"value", b"through"
_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def salt(key: bytes, seq: int) -> bytes:
    """The salt that opens the record at a place; `key` is the person's, or the log's secret for acts and erasures."""
    return _derived(key, seq.to_bytes(8, "big"), _RECORD)


def commitment(salt_: bytes, record: bytes) -> bytes:
    """What the public entry says of a record."""
    return hashlib.sha256(salt_ + record).digest()


def _derived(key: bytes, data: bytes, use: bytes) -> bytes:
    return hashlib.blake2s(data, key=key, person=use, digest_size=SALT_SIZE).digest()


def value_digest(key: bytes, seq: int, field: str, value: str) -> str:
    """The digest of one value in the record at a place: 8 bytes in base64url. Raises BadInput for broken text.

    SHA-256(salt || length of the field's name, 2 bytes || name || value), shortened (compare RFC 9901, 4.2.4). Under
    its own salt each, equal values have unequal digests, and a birthday cannot be guessed without the key.
    """
    name = field.encode()
    salted = _derived(key, seq.to_bytes(8, "big") + name, _VALUE)
    digest = hashlib.sha256(salted + len(name).to_bytes(2, "big") + name + _normal(field, value)).digest()
    return base64.urlsafe_b64encode(digest[:_DIGEST_SIZE]).rstrip(b"=").decode()


def matches(key: bytes, seq: int, field: str, value: str, digest: str) -> bool:
    """Whether `value` is the one that was disclosed in `field` by the entry at `seq` (a chance of 2^-64 aside)."""
    try:
        return hmac.compare_digest(value_digest(key, seq, field, value), digest)
    except (BadInput, TypeError):  # text that is not Unicode, or a digest that is not ASCII, was never disclosed
        return False


def _normal(field: str, value: str) -> bytes:
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise BadInput(f"The value of {field!r} is not Unicode text.", "Mend the surrogates in it.") from None


def through_digest(key: bytes, seq: int, through: int) -> str:
    """What an indirect record says of the granting person; `key` is that person's."""
    salted = _derived(key, seq.to_bytes(8, "big"), _THROUGH)
    digest = hashlib.sha256(salted + through.to_bytes(8, "big")).digest()
    return base64.urlsafe_b64encode(digest[:SALT_SIZE]).rstrip(b"=").decode()


def of_disclosure(disclosure: Disclosure, seq: int, key: bytes, through_key: bytes) -> bytes:
    """The record of a disclosure. Raises BadInput for what cannot be written."""
    d = disclosure
    if not (0 < d.app <= MAX_APP and d.person > 0 and d.through > 0):
        raise BadInput("A disclosure names an app, a person and a granting person.", "Look up their numbers first.")
    digests = {f: value_digest(key, seq, f, d.values[f]) for f in sorted(d.values) if f in d.fields}
    return _written(
        {
            "app": d.app,
            "at": text(d.at),
            "developer": d.developer,
            "digests": digests,
            "fields": d.fields,
            "grant": d.grant,
            "kind": "disclosure",
            "person": d.person,
            "purpose": d.purpose,
            "through": SELF if d.direct else through_digest(through_key, seq, d.through),
        }
    )


def of_act(act: Act) -> bytes:
    """The record of an act. Raises BadInput when its details are not plain JSON."""
    if not 0 <= (act.app or 0) <= MAX_APP:
        raise BadInput(f"{act.app} is not the number of an app.")
    return _written(
        {
            "actor": str(act.actor),
            "app": act.app,
            "at": text(act.at),
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
            "at": text(at),
            "blanked": totals.blanked,
            "kind": "erasure",
            "loosened": totals.loosened,
            "records": records,
            "ticket": ticket,
        }
    )


def _written(content: dict[str, Any]) -> bytes:
    try:
        record = orjson.dumps(content, option=_STRICT)
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
    if not isinstance(content, dict) or content.get("kind") != kind.name.lower():
        raise Damaged(f"A record is not one of {'an act' if kind is Kind.ACT else 'a ' + kind.name.lower()}.")
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
            parse(content["at"]),
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
        return names | {"at": parse(content["at"]), "app": app}
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged("The record of an act is incomplete.") from error
