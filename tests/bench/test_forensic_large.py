"""An index whose rows stay on disk is the same as the one in memory, and finds the same."""

from pathlib import Path

import numpy as np
import pytest

from beholden.forensics.kernel.scan import scan
from bench.disk_index import Kept, make
from bench.forensic_large import measured
from bench.forensic_peers import large_report
from bench.forensic_world import evidence, ledger

PEOPLE = 1_000


def test_an_index_on_disk_says_the_same_as_one_in_memory(tmp_path: Path) -> None:
    make(PEOPLE, tmp_path, at_once=300)
    kept, whole = Kept(tmp_path), ledger(3 * PEOPLE)
    for name in ("rows", "domains", "counts", "leading"):
        assert np.array_equal(getattr(kept.index, name), getattr(whole, name)), name
    for name in ("low", "top", "marks", "wide"):
        assert getattr(kept.index, name) == getattr(whole, name), name
    assert kept.index.address_chance == pytest.approx(whole.address_chance, rel=0.1)
    for piece in evidence(100_000, PEOPLE, tmp_path):
        here, there = (scan(piece.data, index, binary=piece.binary) for index in (kept.index, whole))
        kept.give_back()
        assert list(here) == list(there) and here.tested == there.tested


def test_very_many_keys_are_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    found = measured(3 * PEOPLE, evidence(100_000, PEOPLE, tmp_path))
    assert found.keys == 3 * PEOPLE and found.recall == 1.0
    assert 0 < found.own_gib < found.peak_gib and 0 < found.build_own_gib < found.build_gib
    assert "With 3,000 keys" in large_report(found)
