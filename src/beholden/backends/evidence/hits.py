"""Every single find in one Parquet file, in bounded memory, with the same bytes for the same finds.

Finds come in whatever order the examination goes. Each full batch is sorted and spilled; at the end the batches are
merged, what stands there twice is dropped, and the rows are written in groups of fixed size.
"""

import hashlib
import heapq
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from beholden.forensics.hits import Find, Kept
from beholden.model.errors import Unavailable

BATCH = 65_536
"""Finds that are held in memory, some 30 MB of them."""
READ = 2_048
"""Rows of each batch that are held while batches are merged."""
FAN = 64
"""Batches that are merged at once; more are merged in rounds."""

_TYPES: dict[type, pa.DataType] = {int: pa.int64(), str: pa.string(), bool: pa.bool_()}
SCHEMA = pa.schema([(name, _TYPES[kind]) for name, kind in Find.__annotations__.items()])


class ParquetHits:
    """Hits on a file. It takes its name when it is whole; readable by its owner alone."""

    def __init__(self, path: Path, batch: int = BATCH) -> None:
        self._path = path
        self._batch = batch
        self._held: list[Find] = []
        self._spilled: list[Path] = []
        self._mark = f".{path.name}.{secrets.token_hex(4)}"
        self._made = 0
        self._trouble: OSError | None = None

    def __enter__(self) -> "ParquetHits":
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def add(self, find: Find) -> None:
        """See Hits. A disk that fails is no fault of the evidence that is being read: `finish` says so."""
        if self._trouble is not None:
            return
        self._held.append(find)
        if len(self._held) >= self._batch:
            try:
                self._spill(iter(sorted(self._held)))
            except OSError as error:
                self._trouble = error
            self._held = []

    def finish(self) -> Kept:
        """See Hits."""
        try:
            if self._trouble is not None:
                raise self._trouble
            while len(self._spilled) > FAN:
                some, self._spilled = self._spilled[:FAN], self._spilled[FAN:]
                self._spill(heapq.merge(*map(_read, some)))
                _remove(some)
            rows = self._write(_different(heapq.merge(sorted(self._held), *map(_read, self._spilled))))
            return Kept(rows, _sha256(self._path))
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was spilled; also for an examination that was broken off."""
        _remove(self._spilled)
        self._spilled, self._held = [], []

    def _spill(self, finds: Iterator[Find]) -> None:
        """A sorted batch as a file of its own."""
        self._made += 1
        path = self._path.with_name(f"{self._mark}.{self._made}")
        self._spilled.append(path)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(_create(path), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
            while rows := list(islice(finds, READ)):
                writer.write_batch(_batch(rows))

    def _write(self, finds: Iterator[Find]) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = self._path.with_name(f"{self._mark}.whole")
        rows = 0
        try:
            with os.fdopen(_create(scratch), "wb") as file:
                with pq.ParquetWriter(file, SCHEMA, compression="zstd", store_schema=False) as writer:
                    while group := list(islice(finds, BATCH)):
                        writer.write_table(pa.Table.from_batches([_batch(group)]), row_group_size=BATCH)
                        rows += len(group)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self._path)
        finally:
            scratch.unlink(missing_ok=True)
        return rows

    def _unwritable(self, error: OSError) -> Unavailable:
        return Unavailable(f"The finds cannot be written to {self._path} ({error.strerror or error}).")


def read(path: Path) -> Iterator[Find]:
    """The finds of a finished file, in order, a group at a time. Raises Unavailable."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(READ):
                yield from _finds(batch)
    except (OSError, pa.ArrowInvalid) as error:
        raise Unavailable(f"The finds in {path} cannot be read ({error}).") from error


def _read(path: Path) -> Iterator[Find]:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield from _finds(reader.get_batch(number))


def _finds(batch: pa.RecordBatch) -> Iterator[Find]:
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield Find(*row)


def _batch(finds: list[Find]) -> pa.RecordBatch:
    columns = zip(*finds, strict=True)
    return pa.record_batch([pa.array(c, one.type) for c, one in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _different(finds: Iterator[Find]) -> Iterator[Find]:
    """What stands there twice, once: two readings of the same bytes say the same."""
    last: Find | None = None
    for find in finds:
        if find != last:
            yield find
        last = find


def _create(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
