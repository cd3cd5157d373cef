"""Sources over others: parts, several as one, scattered runs; holes are zeros and are passed over."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.source import Held, Joined, Part, Runs, next_data

DATA = bytes(range(1, 201))
RUNS = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 190)), st.integers(0, 10)), max_size=8)


@given(st.lists(st.binary(max_size=9), max_size=8), st.integers(0, 80), st.integers(0, 80))
def test_several_sources_are_as_their_bytes_joined(parts: list[bytes], offset: int, length: int) -> None:
    whole = b"".join(parts)
    joined = Joined(tuple(Held(part) for part in parts))
    assert joined.size == len(whole) and joined.read(offset, length) == whole[offset : offset + length]


@given(RUNS, st.integers(0, 90), st.integers(0, 90))
def test_runs_are_their_bytes_in_order(runs: list[tuple[int | None, int]], offset: int, length: int) -> None:
    whole = b"".join(bytes(size) if start is None else DATA[start : start + size] for start, size in runs)
    made = Runs(Held(DATA), runs)
    assert made.size == len(whole) and made.read(offset, length) == whole[offset : offset + length]
    places = [DATA[at] for start, size in made.ranges(offset, length) for at in range(start, start + size)]
    assert bytes(places) == whole[offset : offset + length].replace(b"\x00", b"")


@given(RUNS, st.integers(0, 100))
def test_nothing_but_zeros_is_passed_over(runs: list[tuple[int | None, int]], offset: int) -> None:
    made = Runs(Held(DATA), runs)
    for source in (made, Part(made, 0, made.size), Joined((made, Held(b"")))):
        found = next_data(source, min(offset, source.size))
        assert min(offset, source.size) <= found <= source.size
        assert not any(source.read(offset, found - offset))
        assert found == source.size or source.read(found, 1) != b"\x00"
