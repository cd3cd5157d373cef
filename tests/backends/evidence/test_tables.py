"""Columnar files are read as rows: who stands in a row is found however wide it is, and however it is damaged."""

import bz2
import gzip
import io
import json
import lzma
import os
import zlib

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
import zstandard

from beholden.backends.evidence.tables import lines
from beholden.forensics.containers import Limits
from beholden.forensics.coverage import Reason
from tests.forensics.people import Search, crowd, numbers
from tests.forensics.test_coverage import adds_up

PEOPLE = crowd(300)
WIDE = "x" * 390
"""As text, the address and the name of a row would lie too far apart to belong together."""


def table() -> pa.Table:
    return pa.table(
        {
            "email": [p.email for p in PEOPLE],
            **{f"filling {n}": [WIDE] * len(PEOPLE) for n in range(3)},
            "profile": [{"name": p.name, "likes": ["tea", "rain"]} for p in PEOPLE],
            "name": [p.name for p in PEOPLE],
        }
    )


def parquet(**how: object) -> bytes:
    held = io.BytesIO()
    pq.write_table(table(), held, row_group_size=100, **how)
    return held.getvalue()


def arrow(compression: str | None = None) -> bytes:
    held = io.BytesIO()
    pa.feather.write_feather(table(), held, compression=compression or "uncompressed", chunksize=100)
    return held.getvalue()


def orc(compression: str) -> bytes:
    held = io.BytesIO()
    pa.orc.write_table(table(), held, compression=compression)
    return held.getvalue()


SCHEMA = {
    "type": "record",
    "name": "person",
    "fields": [
        {"name": "email", "type": ["null", "string"]},
        {"name": "filling", "type": {"type": "array", "items": "string"}},
        {"name": "age", "type": "int"},
        {"name": "score", "type": "double"},
        {"name": "more", "type": {"type": "map", "values": "string"}},
    ],
}
MARK = bytes(range(16))


def number(value: int) -> bytes:
    value = value << 1
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*made, value))


def text(value: str) -> bytes:
    return number(len(value.encode())) + value.encode()


def avro(codec: str = "null") -> bytes:
    pack = {
        "null": lambda data: data,
        "deflate": lambda data: zlib.compress(data)[2:-4],
        "bzip2": bz2.compress,
        "xz": lzma.compress,
        "zstandard": zstandard.compress,
        "snappy": lambda data: pa.Codec("snappy").compress(data, asbytes=True) + zlib.crc32(data).to_bytes(4, "big"),
    }[codec]
    said = {"avro.schema": json.dumps(SCHEMA), "avro.codec": codec}
    head = b"Obj\x01" + number(len(said)) + b"".join(text(k) + text(v) for k, v in said.items()) + b"\0" + MARK
    blocks = b""
    for at in range(0, len(PEOPLE), 100):
        rows = b"".join(
            number(1) + text(p.email) + number(3) + text(WIDE) * 3 + b"\0" + number(40) + bytes(8)
            + number(1) + text("name") + text(p.name) + b"\0"
            for p in PEOPLE[at : at + 100]
        )  # fmt: skip
        packed = pack(rows)
        blocks += number(100) + number(len(packed)) + packed + MARK
    return head + blocks


FORMS = {
    "Parquet, Snappy": parquet(),
    "Parquet, Zstandard, no dictionary": parquet(compression="zstd", use_dictionary=False),
    "Parquet, gzip, second data pages": parquet(compression="gzip", data_page_version="2.0"),
    "Parquet, LZ4": parquet(compression="lz4"),
    "Arrow": arrow(),
    "Arrow, LZ4": arrow("lz4"),
    "Arrow, Zstandard": arrow("zstd"),
    "ORC, zlib": orc("zlib"),
    "ORC, Snappy": orc("snappy"),
    **{f"Avro, {codec}": avro(codec) for codec in ("null", "deflate", "bzip2", "xz", "zstandard", "snappy")},
}


@pytest.mark.parametrize("form", FORMS)
def test_everyone_in_a_row_of_any_width_is_found_live_and_every_byte_was_read(form: str) -> None:
    search = Search(PEOPLE).through(FORMS[form])
    assert search.live == numbers(PEOPLE) and search.alone == set()
    assert search.coverage.complete, search.coverage.gaps
    assert adds_up(search)


def test_of_a_damaged_column_only_that_column_is_unreadable() -> None:
    data = bytearray(parquet(compression="zstd", use_dictionary=False))
    column = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(2)
    start, size = column.data_page_offset, column.total_compressed_size
    data[start : start + size] = b"\xff" * size
    search = Search(PEOPLE).through(bytes(data))
    assert search.found == numbers(PEOPLE)
    assert search.coverage.gap_counts == {Reason.CORRUPT: 1}
    assert search.coverage.unreadable == size and adds_up(search)


def test_a_parquet_file_without_its_end_is_unreadable_and_searched_as_it_is() -> None:
    data = parquet(compression="none", use_dictionary=False)
    search = Search(PEOPLE).through(data[:-9])
    assert not search.coverage.complete and search.coverage.unreadable == len(data) - 9
    assert len(search.found | search.alone) > 250 and adds_up(search)


def test_a_damaged_block_of_avro_costs_only_itself() -> None:
    data = bytearray(avro("deflate"))
    first = data.find(MARK, data.find(MARK) + 16)
    data[first - 400 : first - 100] = bytes(300)
    search = Search(PEOPLE).through(bytes(data))
    assert search.found >= numbers(PEOPLE[100:])
    assert not search.coverage.complete and adds_up(search)


def test_a_block_of_avro_that_announces_records_of_no_length_ends() -> None:
    said = {"avro.schema": '{"type":"record","name":"r","fields":[]}', "avro.codec": "null"}
    head = b"Obj\x01" + number(2) + b"".join(text(k) + text(v) for k, v in said.items()) + b"\0" + MARK
    search = Search(PEOPLE).through(head + number(1 << 40) + number(1) + b"x" + MARK)
    assert search.coverage.gap_counts == {Reason.BOMB: 1} and adds_up(search)


def test_times_beyond_what_python_knows_and_bytes_that_are_no_text_are_rows_all_the_same() -> None:
    batch = pa.record_batch(
        {
            "at": pa.array([2**62, 1], pa.timestamp("s")),
            "raw": pa.array([b"\xff\xfe", b"mail@x.example"], pa.binary()),
            "day": pa.array([-(2**30), 0], pa.date32()),
        }
    )
    made = b"".join(lines(batch))
    assert made.count(b"\n") == 2 and b"mail@x.example" in made


def test_a_value_that_a_few_bytes_repeat_endlessly_is_a_bomb() -> None:
    held = io.BytesIO()
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["y" * 20_000]))
    pq.write_table(pa.table({"a": column}), held)
    search = Search(PEOPLE, Limits(ratio_from=1 << 20)).through(held.getvalue())
    assert search.coverage.gap_counts == {Reason.BOMB: 1} and search.coverage.unpacked_bytes < 10 << 20
    assert adds_up(search)


def test_law_9_a_file_in_a_binary_column_is_opened_and_a_sealed_one_is_unreadable() -> None:
    held = io.BytesIO()
    text = "\n".join(f"{p.email},{p.name}" for p in PEOPLE).encode()
    pq.write_table(pa.table({"file": [gzip.compress(text)]}), held, write_statistics=False)
    search = Search(PEOPLE).through(held.getvalue())
    assert search.live == numbers(PEOPLE) and search.coverage.complete and adds_up(search)
    held = io.BytesIO()
    pq.write_table(pa.table({"file": [os.urandom(20_000)]}), held, write_statistics=False)
    search = Search(PEOPLE).through(held.getvalue())
    assert search.coverage.gap_counts == {Reason.DISORDER: 1} and adds_up(search)
