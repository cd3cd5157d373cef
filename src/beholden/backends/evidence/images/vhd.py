"""VHD images that grow (dynamic and differencing). A fixed one is a raw disk with 512 bytes behind it.

After Microsoft's "Virtual Hard Disk Image Format Specification" 1.0.
"""

import struct

import numpy as np

from beholden.backends.evidence.images.blocks import BlockImage, Places, directory
from beholden.forensics.source import Source
from beholden.model.errors import BadInput

MAGIC = b"conectix"
_SECTOR = 512
_ABSENT = 0xFFFFFFFF
_DIFFERENCING = 4


class VhdImage(BlockImage):
    """The disk in a dynamic VHD. Raises BadInput where its headers make no sense."""

    expansion = 0

    def __init__(self, source: Source) -> None:
        head = source.read(0, _SECTOR)
        if len(head) < _SECTOR or head[:8] != MAGIC:
            raise BadInput("The VHD image is cut off.")
        size, kind = int.from_bytes(head[48:56], "big"), int.from_bytes(head[60:64], "big")
        dynamic = source.read(int.from_bytes(head[16:24], "big"), 1024)
        if len(dynamic) < 1024 or dynamic[:8] != b"cxsparse":
            raise BadInput("The VHD image's header makes no sense.")
        table, entries, block = struct.unpack_from(">Q4xII", dynamic, 16)
        count = min(entries, -(-size // block)) if block else 0
        places = directory(source, table, count, ">u4")
        self._places = np.where(places == _ABSENT, 0, places * _SECTOR)
        super().__init__(source, size, block, max(1, count), np.ones(1, np.int64))
        self._bitmap = -(-block // _SECTOR // 8 // _SECTOR) * _SECTOR
        if kind == _DIFFERENCING:
            parent = dynamic[64:576].decode("utf-16-be", "replace").split("\x00")[0]
            self.absent = f"in the image that it is based on, {parent or 'which is not named'}"

    def _read_table(self, number: int) -> Places:
        return self._places

    def _stored(self, place: int, inside: int, length: int, index: int) -> bytes:
        return self._plain(place + self._bitmap + inside, length)

    def _taken(self, places: Places) -> tuple[Places, Places]:
        return places + self._bitmap, np.full(len(places), self._block, np.int64)
