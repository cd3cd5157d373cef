"""Randomness from the operating system."""

import base64
import secrets


class RandomIds:
    """Ids with 128 bits nobody can guess."""

    def new(self, kind: str) -> str:
        """See Ids."""
        return f"{kind}_{base64.b32encode(secrets.token_bytes(16)).decode().rstrip('=').lower()}"

    def secret(self, length: int = 32) -> bytes:
        """See Ids."""
        return secrets.token_bytes(length)
