"""App-scoped ids: what one app calls a person, so that two apps cannot join their records by id.

An id is one AES block over (person number, zeros) under a key derived for the app: the same every time, reversible by
the house without a table, and with 64 zero bits that only a real id decrypts to. A batch is one call. AES-ECB is
right here because every block is a distinct, single value; equal blocks are equal people, which is the purpose.
"""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from beholden.model.ids import AppNumber, PersonNumber, ScopedId

_ZEROS = bytes(8)
_LENGTH = 26  # base32 of 16 bytes without padding


def _cipher(secret: bytes, app: AppNumber) -> Cipher[modes.ECB]:
    key = hashlib.blake2s(int(app).to_bytes(8, "big"), key=secret, person=b"pairwise", digest_size=32).digest()
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - see the module's docstring


def scoped_ids(secret: bytes, app: AppNumber, persons: Sequence[PersonNumber]) -> list[ScopedId]:
    """The ids by which `app` knows `persons`, in the same order. `secret` is 32 bytes that never leave the house."""
    encryptor = _cipher(secret, app).encryptor()
    blocks = encryptor.update(b"".join(int(p).to_bytes(8, "big") + _ZEROS for p in persons)) + encryptor.finalize()
    return [_written(blocks[i : i + 16]) for i in range(0, len(blocks), 16)]


def person_of(secret: bytes, app: AppNumber, scoped: str) -> PersonNumber | None:
    """The person whom `app` means, or None when the id was never given to this app."""
    if len(scoped) != _LENGTH or not scoped.isascii():
        return None
    try:
        block = base64.b32decode(scoped.upper() + "======")
    except ValueError:
        return None
    decryptor = _cipher(secret, app).decryptor()
    plain = decryptor.update(block) + decryptor.finalize()
    if plain[8:] != _ZEROS or _written(block) != scoped:
        return None
    return PersonNumber(int.from_bytes(plain[:8], "big"))


def _written(block: bytes) -> ScopedId:
    return ScopedId(base64.b32encode(block).decode().rstrip("=").lower())
