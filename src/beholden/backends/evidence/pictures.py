"""The pictures of a report as shapes, from its plain values; the page draws them as SVG, the PDF in its own way.

No picture says anything by its colour alone: what is live is filled, what is deleted is hollow, what could not be
read is dark. Each has a sentence that says what it shows, for whoever does not see it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

WIDTH = 720.0
INK, FAINT = "#1a1a1a", "#5a5a5a"
READ, SKIPPED, UNREADABLE = "#cfe5d6", "#b9b9b9", "#4a4a4a"
LIVE, DELETED, NOBODY, ALONE = "#a4161a", "#b35c00", "#e9e9e9", "#f2d9b8"
_LONGEST = 96


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; hollow where `fill` is empty."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    line: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A circle; hollow where `fill` is empty."""

    x: float
    y: float
    radius: float
    fill: str
    line: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    line: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A text whose baseline begins, is centred or ends at a point: `start`, `middle` or `end`."""

    x: float
    y: float
    text: str
    size: float = 11
    anchor: str = "start"
    fill: str = INK
    bold: bool = False


Shape = Box | Dot | Rule | Words


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes on a sheet whose origin is its upper left corner. `says` is what a picture's reader would learn."""

    name: str
    title: str
    says: str
    height: float
    shapes: tuple[Shape, ...]
    width: float = WIDTH


Report = Mapping[str, Any]


def pictures(report: Report) -> dict[str, Picture]:
    """All pictures of a report for which it has something to show, by name."""
    made = (people(report), strips(report), matrix(report), timeline(report), coverage(report))
    return {picture.name: picture for picture in made if picture is not None}


def people(report: Report) -> Picture | None:
    """Everybody who was looked for, as one bar: found live, found deleted only, met by one field, not met."""
    numbers = report["numbers"]
    total = numbers["sought"]
    if not total:
        return None
    parts = [
        (numbers["found_live"], LIVE, "", "live"),
        (numbers["found_deleted_only"], "", DELETED, "deleted only"),
        (numbers["found_uncorroborated"], ALONE, "", "one field only"),
    ]
    parts.append((max(0, total - sum(part[0] for part in parts)), NOBODY, "", "not found"))
    shapes: list[Shape] = []
    x = 0.0
    for count, fill, line, _ in parts:
        if count:
            width = _least(count / total * WIDTH)
            inset = 1 if line else 0
            shapes.append(Box(x + inset, 2 + inset, max(1, width - 2 * inset), 26 - 2 * inset, fill, line))
            x += width
    shapes.extend(_legend([(fill, line, f"{count:,} {word}") for count, fill, line, word in parts], 48))
    said = ", ".join(f"{count:,} {word}" for count, _, _, word in parts)
    return Picture("people", "People looked for", f"Of {total:,} people: {said}.", 56, tuple(_within(shapes)))


def strips(report: Report) -> Picture | None:
    """Each exhibit from its first byte to its last: what was not read, and where finds lie."""
    section = report["strips"]
    if not section["exhibits"]:
        return None
    shapes: list[Shape] = []
    y = 0.0
    for exhibit in section["exhibits"]:
        room = 36 if any(exhibit["live"]) or any(exhibit["deleted"]) else 17
        shapes.extend(_strip(exhibit, section["cells"], y, room))
        y += room + 28
    legend = [
        (READ, "", "read"),
        (SKIPPED, "", "left out"),
        (UNREADABLE, "", "unreadable"),
        (LIVE, "", "live finds"),
        ("", DELETED, "deleted finds"),
    ]
    shapes.extend(_legend(legend, y + 14))
    first = section["exhibits"][0]
    count = sum(first["live"]) + sum(first["deleted"])
    says = f"{_counted(len(section['exhibits']), 'exhibit')} with finds or gaps"
    says += f"; most finds are in {_clip(first['name'])}: {count:,}." if count else "."
    return Picture("strips", "Where on the exhibits", says, y + 22, tuple(shapes))


def _strip(exhibit: Report, cells: int, y: float, room: float) -> Iterator[Shape]:
    step = WIDTH / cells
    size = f"{exhibit['size']:,} bytes"
    yield Words(0, y + 11, f"{exhibit['exhibit']}. {_clip(exhibit['name'], 84)}", bold=True)
    yield Words(WIDTH, y + 11, size, 10, "end", FAINT)
    top, tall = y + room, 16
    yield Box(0, top, WIDTH, tall, READ)
    for what, fill in (("unreadable", UNREADABLE), ("skipped", SKIPPED)):
        below = exhibit["unreadable"] if what == "skipped" else [0.0] * cells
        for start, length, share, under in _runs(exhibit[what], below):
            high = max(1.5, share * tall)
            yield Box(start * step, top + tall - under * tall - high, length * step, high, fill)
    highest = max(1, *exhibit["live"], *exhibit["deleted"])
    for cell in range(cells):
        x, base = cell * step + 1, top - 2.0
        for count, fill, line in ((exhibit["live"][cell], LIVE, ""), (exhibit["deleted"][cell], "", DELETED)):
            if count:
                high = 3 + 6 * math.log1p(count) / math.log1p(highest)
                yield Box(x, base - high, step - 2, high, fill, line)
                base -= high + 1


def _runs(shares: Sequence[float], below: Sequence[float]) -> Iterator[tuple[int, int, float, float]]:
    """Neighbouring cells that look the same, as one: first cell, how many, share, and what lies beneath."""
    start = 0
    for cell in range(1, len(shares) + 1):
        here = (shares[start], below[start])
        if cell == len(shares) or (shares[cell], below[cell]) != here:
            if shares[start]:
                yield start, cell - start, *here
            start = cell


def matrix(report: Report) -> Picture | None:
    """Places by people: a filled dot is live, a hollow one deleted."""
    section = report["matrix"]
    places, people_ = section["places"], section["people"]
    if not people_:
        return None
    left, top, row = 34.0, 22.0, 20.0
    step = min(22.0, (WIDTH - left - 76) / len(people_))
    shapes: list[Shape] = []
    for line, place in enumerate(places):
        y = top + line * row
        shapes.append(Box(0, y, WIDTH, row - 2, "#f5f5f5"))
        shapes.append(Words(10, y + 13, chr(ord("A") + line), 11, "middle", INK, bold=True))
        shapes.append(Words(WIDTH - 6, y + 13, f"{place['people']:,} people", 10, "end", FAINT))
    apart = math.ceil((6 * max(len(f"{one['person']}") for one in people_) + 6) / step)
    for column, person in enumerate(people_):
        x = left + (column + 0.5) * step
        if column % apart == 0:
            shapes.append(Words(x, 12, f"{person['person']}", 9, "middle", FAINT))
        for line, cell in enumerate(person["cells"]):
            if cell != ".":
                fill, outline = (LIVE, LIVE) if cell == "L" else ("", DELETED)
                shapes.append(Dot(x, top + line * row + 9, min(4.5, step * 0.38), fill, outline))
    y = top + len(places) * row + 14
    shapes.extend(_legend([(LIVE, "", "live"), ("", DELETED, "deleted")], y, round_=True))
    more = section["people_not_drawn"]
    says = f"{len(people_):,} people by their numbers, in the {_counted(len(places), 'place')} with most of them."
    says += f" {more:,} more people are not drawn." if more else ""
    return Picture("matrix", "Who was found where", says, y + 8, tuple(shapes))


def timeline(report: Report) -> Picture | None:
    """Disclosures over time, the claimed deletion, and when the files with finds were written last."""
    section = report["timeline"]
    marks = [*_bins(section), *(_at(file["modified"]) for file in section["files"]), _at(section["taken_at"])]
    claimed = _at(section["claimed_at"]) if section["claimed_at"] else None
    marks += [claimed] if claimed else []
    first, last = min(marks), max(marks)
    span = max((last - first) / timedelta(days=1), 1.0)

    def place(at: datetime) -> float:
        return 24 + (at - first) / timedelta(days=1) / span * (WIDTH - 48)

    base, shapes = 104.0, list[Shape]()
    highest = max((one["count"] for one in section["disclosed"]), default=1)
    for one, start in zip(section["disclosed"], _bins(section), strict=True):
        high = max(2.0, one["count"] / highest * 60)
        wide = max(3.0, place(start + timedelta(days=one["days"])) - place(start) - 1)
        shapes.append(Box(place(start), base - high, min(wide, WIDTH - place(start)), high, "#7a9cc6"))
    shapes.append(Rule(0, base, WIDTH, base, FAINT))
    for file in section["files"]:
        live = file["state"] == "live"
        y = base + 14 + (9 if live else 0)
        shapes.append(Dot(place(_at(file["modified"])), y, 4, LIVE if live else "", LIVE if live else DELETED))
    shapes.extend(_line(place(_at(section["taken_at"])), "evidence taken", base, 28, FAINT, dashed=True))
    if claimed:
        shapes.extend(_line(place(claimed), f"claimed deletion {claimed:%Y-%m-%d}", base, 12, INK, dashed=False))
    shapes.append(Words(0, base + 46, f"{first:%Y-%m-%d}", 10, "start", FAINT))
    shapes.append(Words(WIDTH, base + 46, f"{last:%Y-%m-%d}", 10, "end", FAINT))
    shapes.extend(_legend([("#7a9cc6", "", "disclosures")], base + 68))
    files_ = [(LIVE, "", "file with live finds"), ("", DELETED, "file with deleted finds only")]
    shapes.extend(_legend(files_, base + 68, 112, round_=True))
    late, files = section["written_after_claim"], len(section["files"])
    says = (
        f"{_counted(section['disclosures'], 'disclosure')}; {_counted(files, 'file')} with finds and a time of writing"
    )
    says += f", {late:,} of them after the claimed deletion." if claimed else "."
    return Picture("timeline", "When", says, base + 76, tuple(shapes))


def _line(x: float, text: str, base: float, y: float, line: str, *, dashed: bool) -> Iterator[Shape]:
    yield Rule(x, y - 10, x, base + 32, line, dashed)
    anchor, aside = ("end", -5) if x > WIDTH / 2 else ("start", 5)
    yield Words(x + aside, y, text, 11, anchor, line, bold=not dashed)


def _bins(section: Report) -> list[datetime]:
    days = (date.fromisoformat(one["from"]) for one in section["disclosed"])
    return [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def coverage(report: Report) -> Picture | None:
    """Each class of bytes as a bar: read, left out, unreadable."""
    regions = [one for one in report["coverage"]["regions"] if one["bytes"]]
    if not regions:
        return None
    left, shapes, y = 210.0, list[Shape](), 0.0
    for one in regions:
        shapes.append(Words(left - 10, y + 14, str(one["region"]), 11, "end"))
        x = left
        for what, fill in (("read", READ), ("skipped", SKIPPED), ("unreadable", UNREADABLE)):
            width = one[what] / one["bytes"] * (WIDTH - left - 130)
            if one[what]:
                shapes.append(Box(x, y + 2, _least(width), 16, fill))
            x += width
        shapes.append(Words(WIDTH, y + 14, f"{one['bytes']:,} bytes", 10, "end", FAINT))
        y += 24
    shapes.extend(_legend([(READ, "", "read"), (SKIPPED, "", "left out"), (UNREADABLE, "", "unreadable")], y + 14))
    said = "; ".join(f"{one['region']}: {one['read'] / one['bytes']:.1%} read" for one in regions)
    return Picture("coverage", "What was read, by class of bytes", said + ".", y + 22, tuple(shapes))


def _legend(
    entries: Sequence[tuple[str, str, str]], y: float, x: float = 0, *, round_: bool = False
) -> Iterator[Shape]:
    for fill, line, word in entries:
        if round_:
            yield Dot(x + 5, y - 4, 4, fill, line or fill)
        else:
            yield Box(x + 0.5, y - 8.5, 9, 9, fill, line)
        yield Words(x + 15, y, word, 10.5)
        x += 34 + 5.6 * len(word)


def _least(width: float) -> float:
    """What is there is seen, be it ever so little."""
    return max(2.0, width)


def _within(shapes: Sequence[Shape]) -> Iterator[Shape]:
    """Bars that were widened to be seen do not run out of the picture."""
    for shape in shapes:
        if isinstance(shape, Box) and shape.x + shape.width > WIDTH:
            yield Box(shape.x, shape.y, max(1.0, WIDTH - shape.x), shape.height, shape.fill, shape.line)
        else:
            yield shape


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _clip(text: str, longest: int = _LONGEST) -> str:
    """The end of a long name: that is where names differ."""
    return text if len(text) <= longest else "…" + text[1 - longest :]
