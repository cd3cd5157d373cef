"""The export of the ledger as one Parquet file, written row group by row group."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from beholden.journeys.trace import Columns
from beholden.model.errors import Unavailable

COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("seq", pa.int64()),
    ("ts", pa.timestamp("us", tz="UTC")),
    ("app", pa.string()),
    ("developer", pa.string()),
    ("person", pa.int64()),
    ("through", pa.int64()),
    ("fields", pa.list_(pa.string())),
    ("purpose", pa.string()),
)
ID_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (("person_id", pa.string()), ("through_id", pa.string()))


class ParquetTable:
    """See trace.TableFile. The file takes its name when it is whole and on disk; readable by its owner alone."""

    def __init__(self, path: Path, *, with_ids: bool = False) -> None:
        self._path = path
        self._schema = pa.schema([*COLUMNS, *(ID_COLUMNS if with_ids else ())])

    def write(self, chunks: Iterable[Columns]) -> int:
        """See TableFile."""
        scratch = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            rows = self._write(scratch, chunks)
            scratch.replace(self._path)
            _sync(self._path.parent)
        except OSError as error:
            reason = error.strerror or error
            raise Unavailable(
                f"{self._path} cannot be written ({reason}).", "Check the folder and the disk."
            ) from error
        finally:
            scratch.unlink(missing_ok=True)
        return rows

    def _write(self, scratch: Path, chunks: Iterable[Columns]) -> int:
        rows = 0
        handle = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            with pq.ParquetWriter(file, self._schema, compression="zstd") as writer:
                for chunk in chunks:
                    table = pa.table({name: chunk[name] for name in self._schema.names}, schema=self._schema)
                    writer.write_table(table)
                    rows += table.num_rows
            file.flush()
            os.fsync(file.fileno())
        return rows


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
