"""Ranges of bytes: joined, and one without others, as sets of bytes would be."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.region import Ranges, first, merged, without

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=8)


def held(ranges: Ranges) -> list[int]:
    return [at for start, length in ranges for at in range(start, start + length)]


@given(RANGES)
def test_merged_ranges_hold_each_byte_once(ranges: list[tuple[int, int]]) -> None:
    assert held(merged(ranges)) == sorted(set(held(tuple(ranges))))


@given(RANGES, RANGES, RANGES)
def test_what_is_left_is_what_no_other_has(
    ranges: list[tuple[int, int]], one: list[tuple[int, int]], two: list[tuple[int, int]]
) -> None:
    left = without(merged(ranges), [tuple(one), tuple(two)])
    assert held(left) == sorted(set(held(tuple(ranges))) - set(held(tuple(one))) - set(held(tuple(two))))


@given(RANGES, st.integers(0, 100))
def test_the_first_bytes(ranges: list[tuple[int, int]], length: int) -> None:
    assert held(first(tuple(ranges), length)) == held(tuple(ranges))[:length]
