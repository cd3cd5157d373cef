"""The log's own keys: what signs its checkpoints, and the secret behind the salts of acts.

Both are made when the log begins. A log that is under way and misses one of them is not given another: with a new
signing key it would be another log, and with a new secret its acts could not be opened.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from beholden.backends.segments import disk
from beholden.model.errors import Damaged

_LENGTH = 32


@dataclass(frozen=True, slots=True)
class LogKeys:
    """`signing` is Ed25519; `secret` salts acts and erasures."""

    signing: Ed25519PrivateKey
    secret: bytes


def load(folder: Path, *, begun: bool) -> LogKeys:
    """The keys in `folder`; made there (0600) unless the log has begun. The caller holds the log's lock."""
    with disk.failing(f"The log's keys in {folder} cannot be used"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LogKeys(
            Ed25519PrivateKey.from_private_bytes(_secret(folder / "ledger-signing.key", begun)),
            _secret(folder / "ledger-salt.key", begun),
        )


def _secret(path: Path, begun: bool) -> bytes:  # noqa: FBT001 - a fact of the log, handed through
    data = disk.read(path)
    if data is None:
        if begun:
            raise Damaged(f"The log has entries, but its key {path} is gone.", "Restore it from a backup.")
        data = secrets.token_bytes(_LENGTH)
        disk.replace(path, data, 0o600)
        disk.sync_folder(path.parent)
    if len(data) != _LENGTH:
        raise Damaged(f"The key {path} has {len(data)} bytes instead of {_LENGTH}.", "Restore it from a backup.")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return data
