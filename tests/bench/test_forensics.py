"""The benchmark of the scan kernels on a small world: it runs whole and finds all that was planted."""

import json

import pytest

from bench.forensics import Size, figures, report

SMALL = Size(identifiers=30_000, piece=200_000, control=100_000, tuples=300, rounds=1, large=0, whole=False)


@pytest.mark.postgres
def test_the_benchmark_of_the_kernels_says_every_figure_of_a_small_world() -> None:
    found = figures(SMALL)
    told = json.loads(found.line())
    assert list(told) == [
        "identifiers", "memcpy_gb_s", "dense_gb_s", "mixed_gb_s", "prose_gb_s", "recall", "unverified_hits",
        "sqlite_recall", "postgres_recall", "expected_coincidences", "observed_coincidences",
    ]  # fmt: skip
    assert told["recall"] == told["sqlite_recall"] == told["postgres_recall"] == 1.0 and told["unverified_hits"] == 0
    assert all(one.planted for one in found.pieces if one.name.startswith("people"))
    assert "Hits that no value of the index explains: 0." in report(found)
