"""Readers of databases on damaged files: they end, and they raise nothing. The files are synthetic and small."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.database_rows import Row
from beholden.forensics.postgres.cluster import read_relation
from beholden.forensics.postgres.log import read_log
from beholden.forensics.postgres.toast import Toast
from beholden.forensics.region import State
from beholden.forensics.source import Held
from tests.forensics.database_seeds import database_seeds

SEEDS = {name: (data, parse) for name, data, parse in database_seeds()}


@pytest.mark.parametrize("name", list(SEEDS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_bytes_and_a_cut_end_raise_nothing(name: str, data: st.DataObject) -> None:
    seed, parse = SEEDS[name]
    broken = bytearray(seed)
    for _ in range(data.draw(st.integers(0, 30))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    parse(bytes(broken[: data.draw(st.integers(0, len(broken)))]))


@pytest.mark.parametrize("name", list(SEEDS))
@settings(max_examples=40, deadline=None)
@given(noise=st.binary(max_size=600))
def test_random_bytes_behind_the_head_raise_nothing(name: str, noise: bytes) -> None:
    seed, parse = SEEDS[name]
    parse(seed[:64] + noise + seed[64 + len(noise) :])


def test_the_seeds_are_what_they_are_called() -> None:
    heap = read_relation(Held(SEEDS["postgres heap"][0]))
    assert heap is not None
    rows = [row for row in heap.rows() if isinstance(row, Row)]
    assert sum(row.state is State.LIVE for row in rows) == 42 and sum(row.state is State.DELETED for row in rows) == 5
    assert isinstance(read_relation(Held(SEEDS["postgres toast"][0])), Toast)
    log = read_log(Held(SEEDS["postgres log"][0]))
    assert log is not None
    assert len([row for row in log.rows() if isinstance(row, Row)]) == 39
