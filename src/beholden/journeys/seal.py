"""Seal: publish the ledger, verify it, say under which key; whole, or from the published half alone."""

from beholden.journeys.ports import Engines
from beholden.ledger import checkpoint, proof
from beholden.ledger.proof import Receipt
from beholden.ledger.verify import Defect, Published, Report, published_half
from beholden.model.errors import NotFound

__all__ = [
    "Defect",
    "Published",
    "Receipt",
    "Report",
    "check_receipt",
    "key",
    "publish",
    "published",
    "verify",
    "verify_published",
]


def publish(engines: Engines) -> str:
    """Publish every entry that there is, and return the signed checkpoint. Doing so again changes nothing.

    Call it at fixed times rather than after each disclosure: a checkpoint over a single new entry would tell the
    public when one disclosure took place.
    """
    return engines.ledger.checkpoint()


def published(engines: Engines, path: str) -> bytes:
    """A published file by its path (C2SP tlog-tiles); raises NotFound for everything else."""
    data = engines.ledger.published(path)
    if data is None:
        raise NotFound("The log has no such file.", "Its addresses are those of C2SP tlog-tiles.")
    return data


def key(engines: Engines) -> str:
    """The public key that checkpoints and receipts verify with, as `name+id+base64`."""
    return engines.ledger.verifier_key()


def verify(engines: Engines, earlier: str | None = None) -> Report:
    """Verify the whole log; with `earlier`, a checkpoint kept from before, also that it only grew since then."""
    return engines.ledger.verify(earlier)


def verify_published(files: Published, key: str, earlier: str | None = None) -> Report:
    """Verify a copy of the published half with nothing but the log's public key; raises BadInput for a bad key."""
    return published_half(files, checkpoint.parse_key(key), earlier)


def check_receipt(text: str, key: str) -> Receipt:
    """What a receipt proves. Raises BadInput for what is none, and Damaged when it does not hold."""
    return proof.verify(text, checkpoint.parse_key(key))
