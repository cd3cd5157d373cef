"""How a report is closed: one list of its files' digests, signed (Ed25519, RFC 8032).

The list has the form that `sha256sum` writes and reads, the signature is the plain 64 bytes, and public keys are PEM:
whoever has coreutils and OpenSSL can check a report without anything of ours (docs/examination.md says how).
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from beholden.model.errors import BadInput

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
MANIFEST, MANIFEST_SIGNATURE = "manifest.txt", "manifest.txt.sig"
KEY = "key.pem"
MAX_KEYS = 100
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]{1,4000}?-----END PUBLIC KEY-----")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signs reports, its public half: 32 bytes."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """By which the ledger and people know the key: SHA-256 of its 32 bytes, in hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def pem(self) -> str:
        """As OpenSSL reads it."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature, 64 bytes, and whose it is."""

    key: PublicKey
    signature: bytes

    @property
    def text(self) -> str:
        """The signature for a text, in base64."""
        return base64.b64encode(self.signature).decode()


def read_keys(text: str) -> tuple[PublicKey, ...]:
    """All Ed25519 public keys of a PEM text, whatever else stands between them. Raises BadInput where there is none."""
    problem = BadInput("There is no Ed25519 public key in PEM in it.", "`beholden examine key` prints the platform's.")
    found: list[PublicKey] = []
    for block in _PEM.findall(text)[:MAX_KEYS]:
        try:
            key = load_pem_public_key(block.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise problem from error
        if not isinstance(key, Ed25519PublicKey):
            raise problem
        found.append(PublicKey(key.public_bytes_raw()))
    if not found:
        raise problem
    return tuple(found)


def signer(data: bytes, signature: bytes, keys: Sequence[PublicKey]) -> PublicKey | None:
    """Which of the keys made the signature; None when it was none of them."""
    for key in keys:
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, data)
        except (InvalidSignature, ValueError):
            continue
        return key
    return None


def sums(digests: Mapping[str, str]) -> bytes:
    """The list that is signed: one line a file, in the order of their names."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def read_sums(data: bytes) -> dict[str, str] | None:
    """The digests by name; None unless the list is exactly as `sums` writes it."""
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError:
        return None
    matched = [_LINE.fullmatch(line) for line in lines]
    found = {match[2]: match[1] for match in matched if match is not None}
    return found if found and sums(found) == data else None
