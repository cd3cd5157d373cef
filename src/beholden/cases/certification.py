"""Certifications: a developer's signed statement that people's data was deleted.

The document is a mapping (YAML or JSON); what it may say is in `_KEYS`. A thing that it leaves out is not an error
of reading but a defect, which the linter names. A signature is one of two:

* `ed25519`: over `canonical`, by a key that the developer had registered before. It proves itself, wherever the
  document is kept and whoever carried it in.
* `typed`: the signatory's name, typed in the signed-in developer's own session. It proves nothing outside; what binds
  it is the act in the ledger, which names that session's developer and the SHA-256 of `canonical`.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from beholden.model.documents import only_keys, read_mapping
from beholden.model.errors import BadInput
from beholden.model.ids import CaseId, CertificationId, DeveloperNumber

MAX_DOCUMENT = 50_000
"""Characters of a whole document. YAML is read slowly, and these come from outside."""
MAX_TEXT = 10_000
MAX_LIST = 1_000
LARGEST_COUNT = 10**12
PREFIX = b"beholden certification v1\n"
"""Leads the signed bytes, so that no signature given for another purpose passes as one of these."""

_TEXTS = ("signatory", "role", "statement", "raw", "derived", "backups", "recipients")
_COUNTS = ("people_direct", "people_indirect", "records")
_DATES = ("deleted_on", "signed_on")
_LISTS = ("apps", "categories")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")  # no database and no UTF-8 holds these
_KEYS = {*_TEXTS, *_COUNTS, *_DATES, *_LISTS, "signature"}


class SignatureKind(StrEnum):
    """How a certification was signed."""

    ED25519 = "ed25519"
    TYPED = "typed"


class SignatureState(StrEnum):
    """What became of checking it."""

    VALID = "valid"
    UNSIGNED = "unsigned"
    INVALID = "invalid"  # it does not verify, or not by a key of this developer, or another name was typed


@dataclass(frozen=True, slots=True)
class Signature:
    """`key` is empty for a typed one; `value` is the signature's bytes in base64, or the name that was typed."""

    kind: SignatureKind
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What the developer says; empty text, empty list or None where they say nothing.

    `apps` are client ids. `raw`, `derived` (models, scores, aggregates), `backups` and `recipients` (onward) say what
    was done about each. `people_direct` are those who used the app themselves, `people_indirect` those whose data came
    through others; `records` counts disclosures.
    """

    apps: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    signatory: str = ""
    role: str = ""
    statement: str = ""
    raw: str = ""
    derived: str = ""
    backups: str = ""
    recipients: str = ""
    people_direct: int | None = None
    people_indirect: int | None = None
    records: int | None = None
    deleted_on: date | None = None
    signed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong with a statement; `code` is stable.

    `sentence` is for operators and cites the ledger. `ask` goes to the developer and never tells what the ledger
    holds: whoever is told the count can copy it.
    """

    code: str
    sentence: str
    ask: str


@dataclass(frozen=True, slots=True)
class Certification:
    """A statement as it was received, how its signature fared, and what the linter said of it then."""

    id: CertificationId
    developer: DeveloperNumber
    case: CaseId | None
    statement: Statement
    signature: Signature | None
    signature_state: SignatureState
    defects: tuple[Defect, ...]
    received_at: datetime
    received_from: str
    entry: int


def read(text: str) -> tuple[Statement, Signature | None]:
    """Read a certification document, YAML or JSON; raises BadInput naming the key and the remedy."""
    if len(text) > MAX_DOCUMENT:
        raise BadInput(f"The certification is longer than {MAX_DOCUMENT} characters.", "Shorten it.")
    document = _json(text) if text.lstrip().startswith("{") else None
    if document is None:
        document = read_mapping(text, "certification")
    only_keys(document, _KEYS, "certification")
    values: dict[str, Any] = {key: _text(document, key) for key in _TEXTS}
    values |= {key: _count(document, key) for key in _COUNTS}
    values |= {key: _date(document, key) for key in _DATES}
    values |= {key: _list(document, key) for key in _LISTS}
    return Statement(**values), _signature(document.get("signature"))


def canonical(developer: DeveloperNumber, statement: Statement) -> bytes:
    """The bytes that are signed: the prefix, then JSON with sorted keys, no blanks, UTF-8, dates as YYYY-MM-DD.

    All of the statement is in it, also what was left out, and the developer's number, so that one developer's signed
    statement is never another's.
    """
    said: dict[str, object] = {"developer": int(developer)}
    for key in (*_TEXTS, *_COUNTS):
        said[key] = getattr(statement, key)
    for key in _DATES:
        day = getattr(statement, key)
        said[key] = day.isoformat() if day is not None else None
    for key in _LISTS:
        said[key] = list(getattr(statement, key))
    return PREFIX + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(developer: DeveloperNumber, statement: Statement) -> str:
    """SHA-256 of the signed bytes, in hex: what the act in the ledger cites."""
    return hashlib.sha256(canonical(developer, statement)).hexdigest()


def check(
    developer: DeveloperNumber,
    statement: Statement,
    signature: Signature | None,
    keys: Collection[str],
    *,
    in_session: bool,
) -> SignatureState:
    """Whether the signature binds this developer to this statement.

    `keys` are the developer's registered ones. `in_session` is true where the signed-in developer handed it in.
    """
    if signature is None:
        return SignatureState.UNSIGNED
    if signature.kind is SignatureKind.TYPED:
        same = signature.value.split() == statement.signatory.split() != []
        return SignatureState.VALID if same and in_session else SignatureState.INVALID
    if signature.key not in keys:
        return SignatureState.INVALID
    try:
        public = Ed25519PublicKey.from_public_bytes(public_key(signature.key))
        public.verify(base64.b64decode(signature.value, validate=True), canonical(developer, statement))
    except (InvalidSignature, BadInput, binascii.Error, ValueError):
        return SignatureState.INVALID
    return SignatureState.VALID


def public_key(written: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in base64 (RFC 8032); raises BadInput."""
    try:
        key = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32 or base64.b64encode(key).decode() != written:
        raise BadInput("The key is not an Ed25519 public key.", "Give its 32 bytes in base64, 44 characters.")
    return key


def _json(text: str) -> dict[str, Any] | None:
    """JSON by its own rules (tabs and escaped surrogate pairs are no YAML); None where it is not JSON at all."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise BadInput("certification: a key stands twice.", "Keep one of them.")
        return found

    try:
        document = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    assert isinstance(document, dict), "JSON that begins with a brace is an object"
    return document


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or _UNKEEPABLE.search(value):
        raise BadInput(f"certification: {key!r} must be a text of at most {MAX_TEXT} characters.", "Mend it.")
    return value.strip()


def _count(document: Mapping[str, Any], key: str) -> int | None:
    value = document.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_COUNT:
        raise BadInput(f"certification: {key!r} must be a whole number from 0.", "Count them; write only the number.")
    return value


def _date(document: Mapping[str, Any], key: str) -> date | None:
    """A day. YAML makes a date of `2026-01-31` by itself; JSON has it as text."""
    value = document.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            value = object()
    if not isinstance(value, date) or isinstance(value, datetime):
        raise BadInput(f"certification: {key!r} must be a day as YYYY-MM-DD.", "Mend it.")
    return value


def _list(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = document.get(key)
    if value is None:
        return ()
    good = isinstance(value, list) and len(value) <= MAX_LIST
    if not good or not all(isinstance(v, str) and 0 < len(v.strip()) <= 200 and v.isprintable() for v in value):
        raise BadInput(f"certification: {key!r} must be a list of at most {MAX_LIST} names.", "Mend it.")
    return tuple(dict.fromkeys(v.strip() for v in value))


def _signature(value: Any) -> Signature | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadInput("certification: 'signature' must be a mapping.", "Give it kind, value and, for ed25519, key.")
    only_keys(value, {"kind", "key", "value"}, "certification, signature")
    if value.get("kind") not in list(SignatureKind):
        raise BadInput("certification: the signature's kind is not known.", "Use ed25519 or typed.")
    key, said = value.get("key", ""), value.get("value", "")
    short = isinstance(key, str) and isinstance(said, str) and max(len(key), len(said)) <= 500
    if not short or _UNKEEPABLE.search(key + said):
        raise BadInput("certification: the signature's key and value must be short texts.", "Use base64.")
    return Signature(SignatureKind(value["kind"]), key.strip(), said.strip())
