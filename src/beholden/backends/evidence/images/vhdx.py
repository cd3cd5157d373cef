"""VHDX images, after Microsoft's [MS-VHDX]. A log that was not replayed is left as it is, and said."""

import struct
import uuid
from collections.abc import Sequence

import numpy as np

from beholden.backends.evidence.images.blocks import BlockImage, Places, directory
from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage
from beholden.forensics.source import Source
from beholden.model.errors import BadInput

_REGIONS, _HEADERS = (192 << 10, 256 << 10), (64 << 10, 128 << 10)
_BAT, _METADATA = "2dc27766-f623-4200-9d64-115e9bfd4a08", "8b7ca206-4790-4b9a-b8fe-575f050f886e"
_PARAMETERS, _SIZE = "caa16737-fa36-4d43-b3b6-33f0aa44e76b", "2fa54224-cd1b-4876-b211-5dbed83bf4b8"
_SECTOR = "8141bf1d-a96f-4709-ba47-f233a8faab5f"
_PRESENT, _PARTLY, _HAS_PARENT = 6, 7, 2
MAX_ENTRIES = 2047


class VhdxImage(BlockImage):
    """The disk in a VHDX. Raises BadInput where its headers make no sense."""

    expansion = 0

    def __init__(self, source: Source) -> None:
        regions = _listed(source, _REGIONS, b"regi", 16, 32, 16)
        items = _listed(source, (regions.get(_METADATA, 0),), b"metadata", 32, 32, 16, at=10, width=2)
        base = regions.get(_METADATA, 0)
        block, flags = struct.unpack("<II", source.read(base + items.get(_PARAMETERS, 0), 8).ljust(8, b"\x00"))
        size = int.from_bytes(source.read(base + items.get(_SIZE, 0), 8), "little")
        sector = int.from_bytes(source.read(base + items.get(_SECTOR, 0), 4), "little")
        if not items.keys() >= {_PARAMETERS, _SIZE, _SECTOR} or sector not in (512, 4096) or block < 1 << 20:
            raise BadInput("The VHDX image's header makes no sense.")
        ratio = (sector << 23) // block
        count = -(-size // block)
        if not ratio:
            raise BadInput("The VHDX image's header makes no sense.")
        table = directory(source, regions.get(_BAT, 0), count + (count - 1) // ratio, "<u8")
        table = np.delete(table, np.arange(ratio, len(table), ratio + 1))  # between them stand bitmaps of sectors
        state = table & 7
        self._places = np.where((state == _PRESENT) | (state == _PARTLY), table >> 20 << 20, 0)
        super().__init__(source, size, block, max(1, count), np.ones(1, np.int64))
        if flags & _HAS_PARENT:
            self.absent = "in the image that it is based on"
        self._unwritten = _has_log(source)

    def damage(self) -> Sequence[Damage]:
        """See Unpacked."""
        if not self._unwritten:
            return self.faults.listed()
        said = "its log holds changes that were not written to the disk yet"
        return [Damage(0, 0, Reason.DAMAGED_IMAGE, said), *self.faults.listed()]

    def _read_table(self, number: int) -> Places:
        return self._places

    def _stored(self, place: int, inside: int, length: int, index: int) -> bytes:
        return self._plain(place + inside, length)

    def _taken(self, places: Places) -> tuple[Places, Places]:
        return places, np.full(len(places), self._block, np.int64)


def _listed(
    source: Source, places: Sequence[int], magic: bytes, first: int, size: int, offset: int, at: int = 8, width: int = 4
) -> dict[str, int]:
    """A table of names (GUIDs) and offsets, from the first of its copies that begins as it should."""
    for place in places:
        head = source.read(place, first)
        if place and head[: len(magic)] == magic and len(head) == first:
            count = min(int.from_bytes(head[at : at + width], "little"), MAX_ENTRIES)
            raw = source.read(place + first, count * size)
            number = "<Q" if magic == b"regi" else "<I"
            return {
                str(uuid.UUID(bytes_le=raw[one : one + 16])): struct.unpack_from(number, raw, one + offset)[0]
                for one in range(0, len(raw) - size + 1, size)
            }
    raise BadInput("The VHDX image's tables cannot be found.")


def _has_log(source: Source) -> bool:
    """Whether the newer of both headers names a log."""
    headers = [source.read(place, 64) for place in _HEADERS]
    valid = [head for head in headers if head[:4] == b"head" and len(head) == 64]
    newest = max(valid, key=lambda head: int.from_bytes(head[8:16], "little"), default=bytes(64))
    return any(newest[48:64])
