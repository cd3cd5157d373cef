"""Every find is kept: however many, in whatever order they came, in the same bytes."""

import random
import stat
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.backends.evidence import hits
from beholden.backends.evidence.hits import ParquetHits, read
from beholden.forensics.hits import Find
from beholden.model.errors import Unavailable


def find(number: int) -> Find:
    """One of many, the same for the same number."""
    state, kinds = ("live", "e-mail, name") if number % 2 else ("deleted", "app-scoped id")
    return Find(
        1 + number % 3, f"/d/{number % 7}", number * 5, number, kinds, "file", state, "file", 30, -1, True, False
    )


def kept(path: Path, finds: list[Find], batch: int) -> tuple[int, bytes]:
    with ParquetHits(path, batch) as keeper:
        for one in finds:
            keeper.add(one)
        done = keeper.finish()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "what was spilled is gone"
    return done.rows, path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=80), st.integers(0, 999), st.integers(1, 90))
def test_order_and_batches_change_no_byte(tmp_path: Path, numbers: list[int], seed: int, batch: int) -> None:
    finds = [find(number) for number in numbers]
    shuffled = list(finds)
    random.Random(seed).shuffle(shuffled)
    assert kept(tmp_path / "hits.parquet", finds, 1_000) == kept(tmp_path / "hits.parquet", shuffled, batch)
    assert list(read(tmp_path / "hits.parquet")) == sorted(set(finds))


def test_many_batches_are_merged_in_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "FAN", 3)
    finds = [find(number) for number in range(100)]
    rows, _ = kept(tmp_path / "hits.parquet", finds[::-1], 4)
    assert rows == 100 and list(read(tmp_path / "hits.parquet")) == sorted(finds)


def test_no_more_than_a_batch_is_held(tmp_path: Path) -> None:
    keeper = ParquetHits(tmp_path / "hits.parquet", 10)
    for number in range(1_000):
        keeper.add(find(number))
        assert len(keeper._held) < 10
    keeper.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_its_owners_alone_and_says_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    kept(tmp_path / "hits.parquet", [find(1)], 10)
    assert stat.S_IMODE((tmp_path / "hits.parquet").stat().st_mode) == 0o600
    assert pq.read_schema(tmp_path / "hits.parquet").names == list(Find._fields)
    assert str(tmp_path).encode() not in (tmp_path / "hits.parquet").read_bytes()


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        ParquetHits(tmp_path / "file" / "hits.parquet").finish()


def test_a_disk_that_fails_meanwhile_is_said_at_the_end_and_not_blamed_on_the_evidence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with ParquetHits(tmp_path / "file" / "hits.parquet", 2) as keeper:
        for number in range(10):
            keeper.add(find(number))
        with pytest.raises(Unavailable, match="cannot be written"):
            keeper.finish()


def test_a_file_that_is_no_list_of_finds_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "hits.parquet").write_text("nothing")
    with pytest.raises(Unavailable, match="cannot be read"):
        list(read(tmp_path / "hits.parquet"))
