"""The geometry of bar charts."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.web import chart
from beholden.web.chart import Column

COUNTS = st.integers(min_value=0, max_value=10**9)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=24))
def test_every_bar_stands_on_the_base_and_within_the_picture(counts):
    drawn = chart.stacked([Column("x", below, above) for below, above in counts])
    for bar in drawn.bars:
        assert drawn.left <= bar.x
        assert bar.x + bar.width <= drawn.width + 0.01
        assert abs(bar.below_y + bar.below_height - drawn.base) < 0.02
        assert abs(bar.above_y + bar.above_height - bar.below_y) < 0.02
        assert bar.above_y >= 0


@given(COUNTS)
def test_the_scale_ends_at_a_round_number_that_is_high_enough(highest):
    top = chart.ceiling(highest)
    assert top >= highest
    assert str(top).rstrip("0") in {"1", "2", "4"}
    assert top == 2 or top <= highest * 2.5


def test_twice_the_count_is_twice_the_height():
    one, two = chart.stacked([Column("a", 5, 0), Column("b", 10, 0)]).bars
    assert two.below_height == 2 * one.below_height


def test_nothing_is_drawn_of_nothing():
    drawn = chart.stacked([Column("a", 0, 0)])
    assert drawn.bars[0].below_height == drawn.bars[0].above_height == 0
    assert [count for _, count in drawn.ticks] == [0, 1, 2]
