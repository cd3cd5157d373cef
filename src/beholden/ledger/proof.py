"""Receipts: one entry with its inclusion proof, checkpoint and opened record in a text file (C2SP tlog-proof).

The `extra` line holds what is needed to come from the record to the leaf, as JSON: the 45-byte entry, and the record
with its salt where the house can still open it. A receipt verifies offline against the log's public key, for ever,
also after the person was erased. It does not name the granting person; it says that there was one.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from beholden.ledger import checkpoint as checkpoints
from beholden.ledger import record as records
from beholden.ledger import tree
from beholden.ledger.checkpoint import Checkpoint, VerifierKey
from beholden.ledger.entry import Entry, unpack
from beholden.model.errors import BadInput, Damaged

MAX_CHARACTERS = 400_000
_FIRST = "c2sp.org/tlog-proof@v1"
_SHAPE = re.compile(
    rf"{re.escape(_FIRST)}\nextra (\S+)\nindex (0|[1-9]\d{{0,18}})\n((?:\S{{44}}\n){{0,63}})\n", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry, with its record and salt; both None where nobody can open it any more."""

    entry: bytes
    record: bytes | None = None
    salt: bytes | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a verified receipt proves: this entry stands in that tree, and its record says this."""

    index: int
    entry: Entry
    record: Mapping[str, Any] | None
    checkpoint: Checkpoint


def write(index: int, opened: Opened, path: Sequence[bytes], note: str) -> str:
    """The receipt of one entry under a signed checkpoint."""
    extra = {"entry": opened.entry.hex()}
    if opened.record is not None and opened.salt is not None:
        extra |= {"record": opened.record.decode(), "salt": opened.salt.hex()}
    lines = [
        _FIRST,
        f"extra {base64.b64encode(orjson.dumps(extra, option=orjson.OPT_SORT_KEYS)).decode()}",
        f"index {index}",
        *(base64.b64encode(hash_).decode() for hash_ in path),
    ]
    return "\n".join(lines) + "\n\n" + note


def verify(text: str, key: VerifierKey) -> Receipt:
    """Check a receipt with nothing but the log's public key.

    Raises BadInput for what is no receipt, and Damaged naming what does not hold. Without a `record` the receipt
    proves only that the entry stands there.
    """
    found = _SHAPE.match(text) if len(text) <= MAX_CHARACTERS else None
    opened = _opened(found[1]) if found else None
    if found is None or opened is None:
        raise BadInput("This is not a receipt of this ledger (C2SP tlog-proof with an `extra` line).")
    index, path = int(found[2]), [_hash(line) for line in found[3].splitlines()]
    head = checkpoints.verify(text[found.end() :], key)
    if not tree.included(index, head.size, tree.leaf_hash(opened.entry), path, head.root):
        raise Damaged(f"The entry does not stand at place {index} of the tree that was signed.")
    entry = unpack(opened.entry)
    if opened.record is None or opened.salt is None:
        return Receipt(index, entry, None, head)
    refusal = records.opening(entry.kind, entry.app, entry.commitment, opened.salt, opened.record)
    if refusal:
        raise Damaged(f"The receipt's record does not hold: {refusal}.")
    return Receipt(index, entry, records.read(entry.kind, opened.record), head)


def _opened(extra: str) -> Opened | None:
    try:
        content = orjson.loads(base64.b64decode(extra, validate=True))
        entry = bytes.fromhex(content["entry"])
        if set(content) == {"entry"}:
            return Opened(entry)
        if set(content) != {"entry", "record", "salt"}:
            return None
        return Opened(entry, content["record"].encode(), bytes.fromhex(content["salt"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != tree.HASH_SIZE:
        raise BadInput("A line of the receipt's path is not a hash.")
    return raw
