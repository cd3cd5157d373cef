"""The key that signs reports: Ed25519 in a file, made on first use, replaced on demand.

It is a key of its own: whoever has it can sign a report, and neither a checkpoint of the ledger nor a token. Of a key
that was replaced the private half is destroyed; the public half is kept, so that older reports still verify. Files are
named by when their key was made, in microseconds: `….key` holds the 32 secret bytes, `….pem` the public key.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from beholden.forensics.seal import PublicKey, Signed, read_keys
from beholden.model.errors import Damaged, Unavailable
from beholden.model.time import to_micros


class FileSeal:
    """A Seal on a folder."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._now = now

    def sign(self, data: bytes) -> Signed:
        """See Seal."""
        key = self._key()
        return Signed(PublicKey(key.public_key().public_bytes_raw()), key.sign(data))

    def public(self) -> tuple[PublicKey, ...]:
        """See Seal."""
        self._key()
        try:
            texts = [path.read_text() for path in sorted(self._folder.glob("*.pem"), reverse=True)]
        except OSError as error:
            raise self._unusable(error) from error
        return tuple(key for text in texts for key in read_keys(text))

    def rotate(self) -> PublicKey:
        """See Seal."""
        old = self._secrets()
        made = self._make()
        for path in old:
            path.unlink(missing_ok=True)
        return PublicKey(made.public_key().public_bytes_raw())

    def _key(self) -> Ed25519PrivateKey:
        held = self._secrets()
        if not held:
            self._make()
            held = self._secrets()
        try:
            seed = held[0].read_bytes()
        except OSError as error:
            raise self._unusable(error) from error
        if len(seed) != 32:
            raise Damaged(f"The key {held[0]} has {len(seed)} bytes instead of 32.", "Restore it, or make a new one.")
        return Ed25519PrivateKey.from_private_bytes(seed)

    def _secrets(self) -> list[Path]:
        """The private keys; of two that were made at once, the first in order signs for both."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return sorted(self._folder.glob("*.key"))
        except OSError as error:
            raise self._unusable(error) from error

    def _make(self) -> Ed25519PrivateKey:
        """Write a new key, its public half first: what signs can always be checked."""
        key = Ed25519PrivateKey.generate()
        public = PublicKey(key.public_key().public_bytes_raw())
        name = f"{to_micros(self._now()):020}-{public.fingerprint[:16]}"
        try:
            self._write(self._folder / f"{name}.pem", public.pem.encode())
            self._write(self._folder / f"{name}.key", key.private_bytes_raw())
        except OSError as error:
            raise self._unusable(error) from error
        return key

    def _write(self, path: Path, data: bytes) -> None:
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        scratch.rename(path)

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"The examination keys in {self._folder} cannot be used ({error.strerror}).", "Check who owns them."
        )
