"""JOSE: tokens signed with keys of ours, through joserfc."""

from beholden.backends.jose.signer import FileSigner

__all__ = ["FileSigner"]
