"""The Parquet file: whole or not there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beholden.backends.parquet import ParquetTable
from beholden.model.errors import Unavailable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def chunk(*seqs: int) -> dict[str, list[Any]]:
    n = len(seqs)
    return {
        "seq": list(seqs),
        "ts": [NOW] * n,
        "app": ["quiz"] * n,
        "developer": ["Acme"] * n,
        "person": [2**40] * n,
        "through": [0] * n,
        "fields": [["name", "city"]] * n,
        "purpose": ["service"] * n,
    }


def test_each_chunk_is_a_row_group(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    assert ParquetTable(out).write([chunk(0, 1), chunk(2)]) == 3
    file = pq.ParquetFile(out)
    assert file.num_row_groups == 2
    assert [row["seq"] for row in file.read().to_pylist()] == [0, 1, 2]
    assert file.read().to_pylist()[2] | {"fields": None} == {
        "seq": 2,
        "ts": NOW,
        "app": "quiz",
        "developer": "Acme",
        "person": 2**40,
        "through": 0,
        "fields": None,
        "purpose": "service",
    }


def test_a_source_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    out.write_bytes(b"old")

    def broken() -> Iterator[dict[str, list[Any]]]:
        yield chunk(0)
        raise Unavailable("The ledger did not answer.")

    with pytest.raises(Unavailable):
        ParquetTable(out).write(broken())
    assert out.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        ParquetTable(tmp_path / "no" / "t.parquet").write([chunk(0)])
