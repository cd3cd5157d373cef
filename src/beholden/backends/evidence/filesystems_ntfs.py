"""NTFS's table of files, looked into directly: where small files stand in it, and what is left of deleted ones."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beholden.forensics.region import Ranges
from beholden.forensics.source import Runs

STEP = 4 << 20
_DATA = 0x80
_END = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class FileTable:
    """The table as a Source over the volume, and the size of a record in bytes."""

    content: Runs
    record: int

    def resident(self, inode: int, id_: int) -> Ranges:
        """Where in the volume a small file's content stands; nothing where the record does not say so."""
        base = inode * self.record
        raw = self.content.read(base, self.record)
        for at, kind, length in _attributes(raw):
            number = int.from_bytes(raw[at + 14 : at + 16], "little")
            if kind == _DATA and number == id_ and raw[at + 8] == 0 and length >= 24:
                size, offset = struct.unpack_from("<IH", raw, at + 16)
                return self.content.ranges(base + at + offset, max(0, min(size, length - offset)))
        return ()

    def remains(self) -> tuple[Ranges, Ranges]:
        """Where records of deleted files stand, and the unused ends of the others."""
        deleted: list[tuple[int, int]] = []
        slack: list[tuple[int, int]] = []
        for base, records in self._records():
            named = (records[:, :4] == np.frombuffer(b"FILE", np.uint8)).all(axis=1)
            in_use = records[:, 22] & 1 == 1
            used = records[:, 24:28].copy().view("<u4")[:, 0].astype(np.int64)
            for number in np.flatnonzero(named & ~in_use):
                deleted += self.content.ranges(base + int(number) * self.record, self.record)
            for number in np.flatnonzero(named & in_use & (used >= 48) & (used < self.record)):
                if records[number, used[number] :].any():
                    start = base + int(number) * self.record + int(used[number])
                    slack += self.content.ranges(start, self.record - int(used[number]))
        return tuple(deleted), tuple(slack)

    def _records(self) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        for base in range(0, self.content.size, STEP):
            data = self.content.read(base, STEP)
            whole = len(data) // self.record * self.record
            yield base, np.frombuffer(data[:whole], np.uint8).reshape(-1, self.record)


def file_table(boot: bytes, content: Runs) -> FileTable | None:
    """The table, where the boot sector says how long a record is."""
    sector = int.from_bytes(boot[11:13], "little")
    shift = struct.unpack_from("b", boot, 64)[0]
    cluster = boot[13] if boot[13] <= 128 else 1 << min(256 - boot[13], 31)
    size = 1 << -shift if -31 < shift < 0 else shift * cluster * sector
    return FileTable(content, size) if 256 <= size <= 65536 and size & (size - 1) == 0 else None


def _attributes(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """The attributes of a record: `(offset, kind, length)`."""
    if raw[:4] != b"FILE" or len(raw) < 48:
        return
    at = int.from_bytes(raw[20:22], "little")
    while at + 24 <= len(raw):
        kind, length = struct.unpack_from("<II", raw, at)
        if kind == _END or length < 16 or at + length > len(raw):
            return
        yield at, kind, length
        at += length
