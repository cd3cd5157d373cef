"""The geometry of small bar charts; a template draws them as SVG, and says the same in a table beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 720
HEIGHT = 200
_LEFT, _TOP, _BOTTOM = 44, 14, 28


@dataclass(frozen=True, slots=True)
class Column:
    """One label with two counts, `below` drawn beneath `above`."""

    label: str
    below: int
    above: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A column's two rectangles: left edge and width, and top and height of each."""

    x: float
    width: float
    below_y: float
    below_height: float
    above_y: float
    above_height: float
    label: str
    label_x: float


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the template draws. `ticks` are (height on the page, count)."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


def stacked(columns: Sequence[Column]) -> Chart:
    """A chart of the columns side by side, scaled so that the highest fits under a round number."""
    top = ceiling(max((c.below + c.above for c in columns), default=0))
    base, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT) / max(1, len(columns))

    def tall(count: int) -> float:
        return round(count / top * room, 2)

    bars = []
    for place, column in enumerate(columns):
        x = round(_LEFT + place * step + step * 0.18, 2)
        below, above = tall(column.below), tall(column.above)
        bars.append(
            Bar(
                x,
                round(step * 0.64, 2),
                round(base - below, 2),
                below,
                round(base - below - above, 2),
                above,
                column.label,
                round(_LEFT + (place + 0.5) * step, 2),
            )
        )
    ticks = tuple((round(base - tall(count), 2), count) for count in dict.fromkeys((0, top // 2, top)))
    return Chart(tuple(bars), ticks)


def ceiling(highest: int) -> int:
    """The least of 2, 4, 10, 20, 40, 100, … that is not below the highest count."""
    top = 2
    for factor in (2, 2.5, 2) * 30:
        if top >= highest:
            break
        top = round(top * factor)
    return top
