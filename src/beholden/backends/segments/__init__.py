"""The ledger on files: a segment log that is written ahead, and the published tiles that are derived from it."""

from beholden.backends.segments.ledger import SegmentLedger
from beholden.backends.segments.publish import folder_reader

__all__ = ["SegmentLedger", "folder_reader"]
