"""A find in a file of a disk is shown where it lies on the disk."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.region import Ranges, Region
from beholden.forensics.spot import CELLS, MAX_MARKED, MAX_SPANS, Spot, Strips, whole


def cut(of: bytes, covers: Ranges) -> bytes:
    """What ranges hold."""
    return b"".join(of[start : start + length] for start, length in covers)


@st.composite
def pieces(draw: st.DrawFn, size: int) -> Ranges:
    """Ranges apart from one another, in any order."""
    ends = sorted(draw(st.sets(st.integers(0, size), min_size=2, max_size=12)))
    ranges = [(low, high - low) for low, high in zip(ends[::2], ends[1::2], strict=False)]
    return tuple(draw(st.permutations(ranges)))


@settings(deadline=None)
@given(st.data())
def test_where_nothing_is_packed_every_byte_of_a_member_is_that_byte_of_the_exhibit(data: st.DataObject) -> None:
    chance = random.Random(data.draw(st.integers(0, 999)))
    held = exhibit = chance.randbytes(500)
    spot = whole(1, len(exhibit))
    for _ in range(data.draw(st.integers(1, 4))):
        covers = data.draw(pieces(len(held)))
        held = cut(held, covers)
        spot = spot.within(covers, len(held), Region.MEMBER)
        assert spot.exact and spot.size == len(held) == spot.taken
        assert bytes(exhibit[spot.at(place)] for place in range(len(held))) == held
        if not held:
            return


@settings(deadline=None)
@given(st.integers(1, 10_000), st.integers(0, 9_999), st.data())
def test_inside_of_something_packed_a_place_is_within_its_container(size: int, at: int, data: st.DataObject) -> None:
    packed = whole(1, 1_000).within(((200, 300),), size, Region.MEMBER)
    inner = packed.within(data.draw(pieces(size)), 77, Region.MEMBER)
    assert 200 <= packed.at(min(at, size)) < 500
    assert 200 <= inner.at(min(at, 77)) < 500
    assert not inner.exact


def test_a_member_that_does_not_say_what_it_takes_is_somewhere_in_its_container() -> None:
    assert whole(1, 1_000).within((), 50, Region.MEMBER).spans == ((0, 1_000),)


def test_a_file_in_very_many_pieces_is_one_stretch() -> None:
    covers = tuple((place * 10, 5) for place in range(MAX_SPANS + 2))
    spot = whole(1, 10 * MAX_SPANS + 100).within(covers, 5 * len(covers), Region.FILE)
    assert len(spot.spans) == 1 and not spot.exact
    assert 0 <= spot.at(20_000) <= spot.spans[0][1]


def test_a_strip_shows_where_something_lies() -> None:
    strips = Strips()
    strips.sized(1, 9_600)
    strips.mark(1, 0, "live")
    strips.mark(1, 9_599, "live")
    strips.mark(2, 5, "live")
    assert strips.cells.keys() == {1}
    row = strips.cells[1]["live"]
    assert row[0] == row[CELLS - 1] == 1 and sum(row) == 2


@settings(deadline=None)
@given(st.integers(1, 100_000), st.data())
def test_bytes_that_were_not_read_are_spread_over_their_spot_and_none_is_lost(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(1, size - start))
    unread = data.draw(st.integers(1, length))
    strips = Strips()
    strips.sized(1, size)
    strips.spread(Spot(1, Region.FILE, ((start, length),), length), unread, "unreadable")
    row = strips.cells[1]["unreadable"]
    assert abs(sum(row) - unread) < 1e-6 * size + 1e-6
    assert all(share <= size / CELLS + 1e-6 for share in row)


def test_strips_of_very_many_exhibits_are_bounded_and_the_others_are_counted() -> None:
    strips, elsewhere = Strips(), Strips()
    for exhibit in range(1, MAX_MARKED + 3):
        (strips if exhibit < 9 else elsewhere).sized(exhibit, 100)
        (strips if exhibit < 9 else elsewhere).mark(exhibit, 5, "live")
    strips.absorb(elsewhere)
    assert len(strips.cells) == MAX_MARKED and strips.more == {MAX_MARKED + 1, MAX_MARKED + 2}
