"""Columnar files (Parquet, Arrow, ORC): their rows, with the values side by side as they were stored.

The libraries are asked for little at a time. Where a part does not decode, its columns are tried one by one, and only
what still does not is unreadable.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet as pq

from beholden.backends.evidence.archives.spool import FAULTS, Stopped, as_written, handle, made, without
from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.ports import Entry
from beholden.forensics.region import Ranges, Region
from beholden.forensics.rows import line
from beholden.forensics.source import Source
from beholden.model.errors import BadInput

BATCH = 256
AT_ONCE = 16 << 20
"""Bytes of values that are turned into rows at once."""
MAX_FOOTER = 64 << 20
MAX_GROUPS = 100_000
_BROKEN = (pa.ArrowException, *FAULTS)


def parquet(budget: Budget, source: Source) -> Iterator[Entry]:
    """The row groups of a Parquet file. Raises BadInput where what describes them cannot be read."""
    tail = source.read(max(0, source.size - 8), 8)
    if tail[4:] not in (b"PAR1", b"PARE") or int.from_bytes(tail[:4], "little") > min(MAX_FOOTER, source.size):
        raise BadInput("The Parquet file has no readable list of its columns at its end.")
    try:
        file = _parquet_file(source)
        groups = [file.metadata.row_group(number) for number in range(min(file.num_row_groups, MAX_GROUPS))]
        ranges = [_chunks(group, source.size) for group in groups]
    except _BROKEN as error:
        raise BadInput(f"The Parquet file's list of its columns cannot be read ({type(error).__name__}).") from error
    names = list(file.schema_arrow.names)
    around = without(tuple(one for covers in ranges for one in covers), source.size)
    yield as_written("description of the columns", source, around)
    yield made(budget, "names of the columns", lambda: iter((line(names),)), measure=source.size, form=Form.ROWS)
    for number, covers in enumerate(ranges):
        pieces = partial(_row_group, source, number, covers)
        yield made(budget, f"row group {number}", pieces, covers=covers, region=Region.MEMBER, form=Form.ROWS)


def _parquet_file(source: Source, **settings: Any) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.PythonFile(handle(source), mode="r"),
        buffer_size=1 << 20,
        pre_buffer=False,
        thrift_string_size_limit=MAX_FOOTER,
        thrift_container_size_limit=1_000_000,
        **settings,
    )


def _chunks(group: pq.RowGroupMetaData, size: int) -> Ranges:
    """Where the columns of a row group lie."""
    found: set[tuple[int, int]] = set()
    for number in range(group.num_columns):
        column = group.column(number)
        start = column.data_page_offset
        if column.dictionary_page_offset is not None:
            start = min(start, column.dictionary_page_offset)
        length = min(column.total_compressed_size, size - start)
        if start >= 0 and length > 0:
            found.add((start, length))
    return tuple(sorted(found))


def _row_group(source: Source, number: int, covers: Ranges) -> Iterator[bytes]:
    """The rows of a row group, and where they do not decode, those columns that do."""
    file = _parquet_file(source)
    # A value that repeats stays one value in memory: a page of a few bytes may say a million times the same.
    settings = {"read_dictionary": [c.path for c in _columns(file) if c.physical_type == "BYTE_ARRAY"]}
    names = list(file.schema_arrow.names)
    try:
        yield from _lines(partial(_batches, source, number, None, settings))
        return
    except _BROKEN:
        pass
    good = [name for name in names if _decodes(source, number, name, settings)]
    if good:
        yield from _lines(partial(_batches, source, number, good, settings))
    lost = 0
    for name in names:
        if name not in good:
            lost += _size_of(file, number, name)
            with suppress(*_BROKEN):  # the pages before the broken one
                yield from _lines(partial(_batches, source, number, [name], settings))
    raise Stopped(Stop.CORRUPT, max(0, sum(length for _, length in covers) - lost))


def _columns(file: pq.ParquetFile) -> list[Any]:
    return [file.schema.column(number) for number in range(len(file.schema))]


def _size_of(file: pq.ParquetFile, number: int, name: str) -> int:
    group = file.metadata.row_group(number)
    columns = [group.column(n) for n in range(group.num_columns)]
    return sum(c.total_compressed_size for c in columns if c.path_in_schema.split(".")[0] == name)


def _decodes(source: Source, number: int, name: str, settings: dict[str, Any]) -> bool:
    try:
        for _ in _batches(source, number, [name], settings):
            pass
    except _BROKEN:
        return False
    return True


def _batches(
    source: Source, number: int, columns: list[str] | None, settings: dict[str, Any]
) -> Iterator[pa.RecordBatch]:
    file = _parquet_file(source, **settings)
    return file.iter_batches(BATCH, row_groups=[number], columns=columns, use_threads=False)


def _lines(batches: Callable[[], Iterator[pa.RecordBatch]]) -> Iterator[bytes]:
    for batch in batches():
        yield from lines(batch)


def lines(batch: pa.RecordBatch) -> Iterator[bytes]:
    """The rows of a record batch, each a line. Nothing is looked at before the batch is known to be sound."""
    batch.validate(full=True)
    step = max(1, min(BATCH, AT_ONCE // max(1, sum(_longest(column) for column in batch.columns))))
    for start in range(0, batch.num_rows, step):
        columns = [_values(column) for column in batch.slice(start, step).columns]
        for row in zip(*columns, strict=True):
            yield line(row)


def _longest(column: Any) -> int:
    """How long a value of a column may be where rows only name it; others are as long as they are in memory."""
    named = isinstance(column, pa.DictionaryArray) and len(column.dictionary) < BATCH
    return int(column.dictionary.nbytes) if named else 0


def _values(column: "pa.Array[Any]") -> list[object]:
    try:
        return column.to_pylist()
    except _BROKEN:  # a time beyond what Python knows, or text that is none
        return [_value(scalar) for scalar in column]


def _value(scalar: "pa.Scalar[Any]") -> object:
    try:
        return scalar.as_py()
    except _BROKEN:
        if isinstance(scalar, pa.StructScalar):
            return {name: _value(scalar[name]) for name in scalar}
        if isinstance(scalar, pa.ListScalar):
            return [_value(one) for one in scalar.values or ()]
        return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else getattr(scalar, "value", "")


def arrow(budget: Budget, source: Source) -> Iterator[Entry]:
    """The record batches of an Arrow file (Feather is one), together. Raises BadInput where it cannot be opened."""
    try:
        count = pa.ipc.open_file(pa.PythonFile(handle(source), mode="r")).num_record_batches
    except _BROKEN as error:
        raise BadInput(f"The Arrow file cannot be opened ({type(error).__name__}).") from error
    pieces = partial(_arrow, source, min(count, MAX_GROUPS))
    yield made(budget, "rows", pieces, covers=((0, source.size),), region=Region.MEMBER, form=Form.ROWS)


def _arrow(source: Source, count: int) -> Iterator[bytes]:
    file = pa.ipc.open_file(pa.PythonFile(handle(source), mode="r"))
    yield line(list(file.schema.names))
    yield from _each(count, lambda number: [file.get_batch(number)])


def orc(budget: Budget, source: Source) -> Iterator[Entry]:
    """The stripes of an ORC file, together. Raises BadInput where it cannot be opened."""
    try:
        count = pyarrow.orc.ORCFile(pa.PythonFile(handle(source), mode="r")).nstripes
    except _BROKEN as error:
        raise BadInput(f"The ORC file cannot be opened ({type(error).__name__}).") from error
    pieces = partial(_orc, source, min(count, MAX_GROUPS))
    yield made(budget, "rows", pieces, covers=((0, source.size),), region=Region.MEMBER, form=Form.ROWS)


def _orc(source: Source, count: int) -> Iterator[bytes]:
    file = pyarrow.orc.ORCFile(pa.PythonFile(handle(source), mode="r"))
    yield line(list(file.schema.names))
    yield from _each(count, lambda number: [file.read_stripe(number)])


def _each(count: int, read: Callable[[int], Sequence[pa.RecordBatch]]) -> Iterator[bytes]:
    """Part after part, those behind a broken one too."""
    broken = False
    for number in range(count):
        try:
            for batch in read(number):
                yield from lines(batch)
        except _BROKEN:
            broken = True
    if broken:
        raise Stopped(Stop.CORRUPT)
