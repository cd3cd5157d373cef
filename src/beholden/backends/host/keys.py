"""Secrets in files: made on first use, readable by the owner alone."""

import os
import secrets
from pathlib import Path

from beholden.model.errors import Damaged, Unavailable


def secret_file(path: Path, length: int = 32) -> bytes:
    """The secret in `path`, made there if it is not yet. Two processes that race get the same one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        scratch = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(length))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(scratch, path)  # fails when the other process was first; then its secret counts
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"The secret {path} cannot be read.", "Check who owns it.") from error
    if len(secret) != length:
        raise Damaged(f"The secret {path} has {len(secret)} bytes instead of {length}.", "Restore it from a backup.")
    return secret
