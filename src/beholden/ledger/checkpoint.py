"""Checkpoints: a tree's size and root, signed (C2SP tlog-checkpoint in a signed-note, Ed25519 of RFC 8032).

Reading is strict: base64 must be written as we would write it, so that no bit of a checkpoint can be changed without
its being noticed.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from beholden.model.errors import BadInput, Damaged

MAX_CHARACTERS = 100_000
"""A note with a hundred witnesses is far below."""
_ED25519 = b"\x01"
_DASH = "— "
_NAME = re.compile(r"[^\s+\x00-\x20]{1,200}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a tree."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A log's public key with its name, as `name+keyid+base64` (the encoding of Go's sumdb/note)."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """signed-note: SHA-256(name, newline, type, key), the first four bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


def origin_refusal(origin: str) -> str | None:
    """Why a text cannot name a log; None when it can (signed-note: no spaces, no plus)."""
    return None if _NAME.fullmatch(origin) else f"{origin!r} cannot name a log: use a short text without spaces or '+'."


def parse_key(text: str) -> VerifierKey:
    """Read a verifier key; raises BadInput."""
    problem = BadInput("This is not the public key of a log.", "`beholden ledger key` prints one: name+id+base64.")
    name, id_, key = [*text.strip().split("+", 2), "", ""][:3]
    raw = _decoded(key)
    if raw is None or len(raw) != 33 or raw[:1] != _ED25519 or origin_refusal(name):
        raise problem
    verifier = VerifierKey(name, raw[1:])
    if verifier.key_id.hex() != id_:
        raise problem
    return verifier


def verifier_key(origin: str, key: Ed25519PrivateKey) -> VerifierKey:
    """The public half of a signing key under the log's name."""
    return VerifierKey(origin, key.public_key().public_bytes_raw())


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note."""
    verifier = verifier_key(checkpoint.origin, key)
    signature = base64.b64encode(verifier.key_id + key.sign(checkpoint.body.encode())).decode()
    return f"{checkpoint.body}\n{_DASH}{verifier.name} {signature}\n"


def verify(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint that `key` signed; raises Damaged saying what is wrong with it.

    Signatures of others (witnesses) are ignored, as signed-note demands.
    """
    body, _, signatures = note.rpartition("\n\n")
    if not body or not signatures.endswith("\n") or len(note) > MAX_CHARACTERS:
        raise Damaged("The checkpoint is not a signed note.")
    body += "\n"
    checkpoint = _parse(body)
    if checkpoint.origin != key.name:
        raise Damaged(f"The checkpoint is of the log {checkpoint.origin!r}, not of {key.name!r}.")
    if not any(_signed(body, line, key) for line in signatures[:-1].split("\n")):
        raise Damaged("The checkpoint is not signed by this log's key.")
    return checkpoint


def _signed(body: str, line: str, key: VerifierKey) -> bool:
    """Whether the line is the key's valid signature; Damaged when it claims to be and is not."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _decoded(encoded)
    if not line.startswith(_DASH) or raw is None or len(raw) < 5:
        raise Damaged("The checkpoint has a signature line that cannot be read.")
    if name != key.name or raw[:4] != key.key_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], body.encode())
    except InvalidSignature:
        raise Damaged("The checkpoint's signature is wrong.") from None
    return True


def _parse(body: str) -> Checkpoint:
    lines = body.split("\n")
    root = _decoded(lines[2]) if len(lines) == 4 else None
    if root is None or len(root) != 32 or not re.fullmatch(r"0|[1-9]\d{0,18}", lines[1], re.ASCII):
        raise Damaged("The checkpoint is not an origin, a size and a root hash.")
    return Checkpoint(lines[0], int(lines[1]), root)


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None
