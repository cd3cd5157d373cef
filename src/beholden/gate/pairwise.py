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
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648, section 6, in small letters
_MANY = 32  # from here on it pays to write all ids at once


def _cipher(secret: bytes, app: AppNumber) -> Cipher[modes.ECB]:
    key = hashlib.blake2s(int(app).to_bytes(8, "big"), key=secret, person=b"pairwise", digest_size=32).digest()
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - see the module's docstring


def scoped_ids(secret: bytes, app: AppNumber, persons: Sequence[PersonNumber]) -> list[ScopedId]:
    """The ids by which `app` knows `persons`, in the same order. `secret` is 32 bytes that never leave the house."""
    encryptor = _cipher(secret, app).encryptor()
    blocks = encryptor.update(b"".join(int(p).to_bytes(8, "big") + _ZEROS for p in persons)) + encryptor.finalize()
    if len(persons) < _MANY:
        return [_written(blocks[i : i + 16]) for i in range(0, len(blocks), 16)]
    return _all_written(blocks)


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


def _all_written(blocks: bytes) -> list[ScopedId]:
    """What `_written` makes of each block: five bits a letter, the last one filled up with zeros."""
    import numpy as np  # here, since most processes never see so many people at once

    bits = np.unpackbits(np.frombuffer(blocks, np.uint8).reshape(-1, 16), axis=1)
    letters = np.pad(bits, ((0, 0), (0, 5 * _LENGTH - 128))).reshape(-1, _LENGTH, 5)
    places = np.packbits(letters, axis=2)[:, :, 0] >> 3
    text = np.frombuffer(_ALPHABET, np.uint8)[places].tobytes().decode()
    return [ScopedId(text[i : i + _LENGTH]) for i in range(0, len(text), _LENGTH)]
