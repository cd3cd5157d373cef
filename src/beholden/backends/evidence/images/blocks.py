"""What all disk images have in common: blocks of one size, each where the image's tables say, some of them nowhere.

A block that cannot be read is read as zeros, so that everything behind it keeps its place, and is noted as damage.
Tables are read only when they are needed, and only as far as the image has bytes for them.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from isal.igzip_lib import IsalError

from beholden.forensics.coverage import Reason
from beholden.forensics.ports import Damage
from beholden.forensics.region import Ranges, merged
from beholden.forensics.source import Source
from beholden.model.errors import BadInput

Places = npt.NDArray[np.int64]
CACHE = 16 << 20
"""Bytes of decoded blocks, and of tables, that an image keeps."""
LARGEST_BLOCK = 32 << 20
LARGEST_TABLE = 256 << 20
MAX_NOTED = 100_000
Undecodable: type[Exception] = IsalError  # type: ignore[assignment]  # its stub says that it is an instance
"""What isal raises where bytes cannot be decompressed."""


class DamagedBlock(Exception):
    """A block cannot be read; `kept` are the bytes of it that could be."""

    def __init__(self, reason: Reason, detail: str, kept: bytes = b"") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.kept = kept


class Faults:
    """Parts of an image that could not be read, each once however often it is asked for."""

    def __init__(self) -> None:
        self._noted: dict[int, Damage] = {}
        self._further = 0
        self._mismatches: list[Damage] = []

    def mismatch(self, detail: str) -> None:
        """What was read is not what a stored digest says; nobody knows where."""
        self._mismatches.append(Damage(0, 0, Reason.DAMAGED_IMAGE, detail))

    def note(self, start: int, length: int, reason: Reason, detail: str) -> None:
        """A part is damaged."""
        if start in self._noted or length <= 0:
            return
        if len(self._noted) < MAX_NOTED:
            self._noted[start] = Damage(start, length, reason, detail)
        else:
            self._further += length

    def listed(self) -> Sequence[Damage]:
        """All parts in their order, neighbours with the same fault as one."""
        joined: list[Damage] = []
        for start in sorted(self._noted):
            one = self._noted[start]
            last = joined[-1] if joined else None
            if last and last.start + last.length == start and (last.reason, last.detail) == (one.reason, one.detail):
                joined[-1] = Damage(last.start, last.length + one.length, one.reason, one.detail)
            else:
                joined.append(one)
        if self._further:
            joined.append(Damage(0, self._further, Reason.DAMAGED_IMAGE, "further parts"))
        return joined + self._mismatches


class Cache:
    """The blocks used last, within a size in bytes."""

    def __init__(self, most: int = CACHE) -> None:
        self._most = most
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0

    def get(self, key: int) -> bytes | None:
        """A block that is kept."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: int, data: bytes) -> bytes:
        """Keep a block; it is returned."""
        if key not in self._held:
            self._held[key] = data
            self._size += len(data)
            while self._size > self._most and len(self._held) > 1:
                self._size -= len(self._held.popitem(last=False)[1])
        return data


class BlockImage:
    """A disk image with tables of places, in two steps: a directory of tables, and in each the places of blocks.

    A place of 0 means that the block is stored nowhere: zeros, or what another image holds. Subclasses say what a
    place means.
    """

    def __init__(self, source: Source, size: int, block: int, per_table: int, directory: Places) -> None:
        if not 512 <= block <= LARGEST_BLOCK or not 0 < per_table <= LARGEST_TABLE // 8 or not 0 < size < 1 << 62:
            raise BadInput("The image's header makes no sense.")
        self.source = source
        self.size = size
        self.faults = Faults()
        self.absent = ""
        """What a block that is stored nowhere means, where it is not zeros: in whose image it would be."""
        self._block = block
        self._per_table = per_table
        self._directory = directory
        self._decoded = Cache()
        self._tables: OrderedDict[int, Places | None] = OrderedDict()

    # To be said by each kind of image

    def _read_table(self, number: int) -> Places:
        """The places in a table. Raises DamagedBlock."""
        raise NotImplementedError

    def _stored(self, place: int, inside: int, length: int, index: int) -> bytes:
        """A part of a block. Raises DamagedBlock."""
        raise NotImplementedError

    def _taken(self, places: Places) -> tuple[Places, Places]:
        """Where in the image's file such blocks begin, and how many bytes they take there."""
        raise NotImplementedError

    # What they share

    def read(self, offset: int, length: int) -> bytes:
        """See Source."""
        length = max(0, min(length, self.size - offset))
        pieces: list[bytes] = []
        while length > 0:
            index, inside = divmod(offset, self._block)
            take = min(length, self._block - inside)
            pieces.append(self._part(index, inside, take))
            offset, length = offset + take, length - take
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def next_data(self, offset: int) -> int:
        """See Sparse."""
        if self.absent:
            return offset
        index = offset // self._block
        number, first = divmod(index, self._per_table)
        while number < len(self._directory):
            ahead = np.flatnonzero(self._directory[number : number + 65536])
            if not len(ahead):
                number, first = number + 65536, 0
                continue
            if ahead[0]:
                number, first = number + int(ahead[0]), 0
            table = self._table(number)
            if table is None:
                return self._at(number * self._per_table + first, offset)
            found = np.flatnonzero(table[first:])
            if len(found):
                return self._at(number * self._per_table + first + int(found[0]), offset)
            number, first = number + 1, 0
        return self.size

    def covers(self) -> Ranges:
        """The bytes of the image's file that hold its blocks: what is left may be blocks of an earlier time."""
        found: list[tuple[int, int]] = []
        for number in np.flatnonzero(self._directory):
            table = self._table(int(number))
            if table is not None:
                found += joined(*self._taken(table[table != 0]), self.source.size)
        return merged(found)

    def _at(self, index: int, offset: int) -> int:
        return min(self.size, max(offset, index * self._block))

    def _part(self, index: int, inside: int, take: int) -> bytes:
        number, slot = divmod(index, self._per_table)
        start = index * self._block
        if number >= len(self._directory) or not self._directory[number]:
            return self._nothing(start, take)
        table = self._table(number)
        if table is None:
            return bytes(take)
        if slot >= len(table) or not table[slot]:
            return self._nothing(start, take)
        try:
            data = self._stored(int(table[slot]), inside, take, index)
        except DamagedBlock as fault:
            self.faults.note(start, min(self._block, self.size - start), fault.reason, fault.detail)
            data = fault.kept[inside : inside + take]
        return data if len(data) == take else data + bytes(take - len(data))

    def _nothing(self, start: int, take: int) -> bytes:
        if self.absent:
            self.faults.note(start, min(self._block, self.size - start), Reason.ELSEWHERE, self.absent)
        return bytes(take)

    def _table(self, number: int) -> Places | None:
        """A table; None where it cannot be read, which is noted as damage to all that it would place."""
        if number in self._tables:
            self._tables.move_to_end(number)
            return self._tables[number]
        table: Places | None = None
        try:
            table = self._read_table(number)
        except DamagedBlock as fault:
            start = number * self._per_table * self._block
            length = min(self._per_table * self._block, self.size - start)
            self.faults.note(start, length, fault.reason, fault.detail)
        self._tables[number] = table
        if len(self._tables) > max(2, CACHE // (8 * self._per_table)):
            self._tables.popitem(last=False)
        return table

    def _numbers(self, offset: int, count: int, dtype: str) -> Places:
        """A table's numbers as they stand in the file. Raises DamagedBlock where the file does not hold them."""
        data = self.source.read(offset, count * np.dtype(dtype).itemsize)
        if len(data) < count * np.dtype(dtype).itemsize:
            raise DamagedBlock(Reason.DAMAGED_IMAGE, "a table lies outside the image's file")
        return np.frombuffer(data, dtype).astype(np.int64)

    def _plain(self, offset: int, length: int) -> bytes:
        """Bytes that stand in the file as they are. Raises DamagedBlock where the file ends before them."""
        data = self.source.read(offset, length) if 0 <= offset < self.source.size else b""
        if not data:
            raise DamagedBlock(Reason.DAMAGED_IMAGE, "a block lies outside the image's file")
        return data


def joined(starts: Places, lengths: Places, size: int) -> Ranges:
    """Ranges in their order, none twice, within a file of `size` bytes."""
    inside = (starts >= 0) & (starts < size) & (lengths > 0)
    starts, lengths = starts[inside], lengths[inside]
    if not len(starts):
        return ()
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    ends = np.maximum.accumulate(np.minimum(starts + lengths[order], size))
    begins = np.concatenate(([True], starts[1:] > ends[:-1]))
    first = starts[begins]
    last = ends[np.concatenate((np.flatnonzero(begins)[1:] - 1, [len(ends) - 1]))]
    return tuple(zip(first.tolist(), (last - first).tolist(), strict=True))


def directory(source: Source, offset: int, count: int, dtype: str) -> Places:
    """The first table of an image. Raises BadInput where the file does not hold it."""
    width = np.dtype(dtype).itemsize
    if not 0 < count * width <= LARGEST_TABLE or offset <= 0 or offset + count * width > source.size:
        raise BadInput("The image's first table lies outside its file.")
    return np.frombuffer(source.read(offset, count * width), dtype).astype(np.int64)
