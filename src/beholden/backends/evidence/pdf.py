"""The report as a PDF: the same words and pictures as the page, the same bytes for the same report.

The fonts are the ones that every reader of PDF has, so letters outside of Western Europe stand as \\u escapes. Nothing
that evidence wrote is read as markup, and no text can be long enough to break a page.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Circle, Drawing, Line, Rect, String  # type: ignore[import-untyped]
from reportlab.lib.colors import HexColor, white  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from beholden.backends.evidence.page import by_chance
from beholden.backends.evidence.pictures import Box, Dot, Picture, Rule, Shape, Words, pictures
from beholden.forensics.containers import shown

MAX_LISTED = 200
"""Rows of a table; the JSON has them all."""
MAX_TEXT = 600
"""Characters of one text: far less than a page."""
MARGIN = 48
ROOM = A4[0] - 2 * MARGIN - 12  # a frame keeps 6 points to either side
PLAIN, BOLD = "Helvetica", "Helvetica-Bold"

_BODY = ParagraphStyle("body", fontName=PLAIN, fontSize=9.5, leading=13, spaceAfter=4)
_SMALL = ParagraphStyle("small", parent=_BODY, fontSize=8, leading=10.5, textColor=HexColor("#5a5a5a"))
_CELL = ParagraphStyle("cell", parent=_BODY, fontSize=8, leading=10, spaceAfter=0)
_NUMBER = ParagraphStyle("number", parent=_CELL, alignment=2)
_HEAD = ParagraphStyle("head", parent=_CELL, fontName=BOLD)
_NUMBER_HEAD = ParagraphStyle("number head", parent=_HEAD, alignment=2)
_H1 = ParagraphStyle("h1", parent=_BODY, fontName=BOLD, fontSize=16, leading=20, spaceAfter=8)
_H2 = ParagraphStyle("h2", parent=_BODY, fontName=BOLD, fontSize=12, leading=15, spaceBefore=14, spaceAfter=6)
_COLOURS = {"contradicted": "#a4161a", "inconclusive": "#9a6700", "not contradicted": "#1a6b3c"}

Report = Mapping[str, Any]


def pdf(report: Report, sha256: str) -> bytes:
    """The document. `sha256` is the digest of report.json."""
    held = io.BytesIO()
    about = report["examination"]
    document = SimpleDocTemplate(
        held,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"Examination {about['id']}: {report['verdict']}",
        author="Beholden",
        invariant=1,
    )
    foot = f"Examination {about['id']}; SHA-256 of report.json: {sha256}"

    def page(canvas: Canvas, _document: object) -> None:
        canvas.setFont(PLAIN, 6.5)
        canvas.drawString(MARGIN, MARGIN / 2, _plain(foot))
        canvas.drawRightString(A4[0] - MARGIN, MARGIN / 2, str(canvas.getPageNumber()))

    document.build(list(_story(report)), onFirstPage=page, onLaterPages=page)
    return held.getvalue()


def _story(report: Report) -> Iterator[Flowable]:
    drawn = pictures(report)
    for section in (_verdict, _asked, _people, _judgement, _when, _where, _coverage, _custody, _found):
        yield from section(report, drawn)


def _verdict(report: Report, _drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    yield _text(f"Examination of {report['examination']['app_name']}", _H1)
    lines = [_text(f"Verdict: {report['verdict']}.", _HEAD), *(_text(said) for said in report["because"])]
    box = Table([[lines]], colWidths=[ROOM])
    colour = HexColor(_COLOURS[report["verdict"]])
    box.setStyle(TableStyle([("LINEBEFORE", (0, 0), (0, -1), 5, colour), ("LEFTPADDING", (0, 0), (-1, -1), 12)]))
    yield box


def _asked(report: Report, _drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    about = report["examination"]
    claim = about["claim"]["sentence"] if about["claim"] else "none was named; examined against: nothing is left"
    rows = [
        ("App", f"{about['app_name']} ({about['client_id']}), of {about['developer']}"),
        ("Claim", claim),
        ("Evidence taken", about["taken_at"]),
        ("Examined", f"{about['began_at']} to {about['ended_at']}, by {about['operator']}"),
        *([("Case", about["case"])] if about["case"] else []),
        (
            "Ledger",
            f"{report['timeline']['disclosures']:,} disclosures to this app, among the first "
            f"{about['ledger_size']:,} entries",
        ),
    ]
    yield _text("What was asked", _H2)
    yield _table([], rows, (110, ROOM - 110))


def _people(report: Report, drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    numbers, (two, one) = report["numbers"], by_chance(report)
    rows = [
        ("Looked for", numbers["sought"], ""),
        ("Found, by at least two fields each", numbers["found"], two),
        ("of these still in use (live)", numbers["found_live"], two),
        ("of these only in deleted content", numbers["found_deleted_only"], two),
        ("of these with an id that only this app was given", numbers["found_attributed"], two),
        ("More by that id alone, in a table of the app's people", numbers["found_by_own_id"], two),
        (
            "Met by one field only (not used for the verdict)",
            numbers["found_uncorroborated"] - numbers["found_by_own_id"],
            one,
        ),
    ]
    if report["examination"]["claim"]:
        rows.append(("Found against the claim", numbers["against_claim"], two))
        rows.append(("Found, but received again after the claim", numbers["received_again_since"], ""))
    yield from _headed("People", drawn, "people")
    yield _table(["", "People", "Expected by chance"], rows, (ROOM - 190, 80, 110), right=2)
    yield _text(report["coincidences"]["sentence"])


def _judgement(report: Report, _drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    said = report["judgement"]
    yield _text("How sure this is", _H2)
    yield _text(said["test"]["sentence"])
    kinds = [(k["kind"], k["tested"], k["sought"], f"{k['expected']:.2g}") for k in said["coincidences"]["kinds"]]
    heads = ["Finds that chance alone would give", "Compared", "Looked for", "Expected"]
    yield _table(heads, kinds, (ROOM - 250, 90, 80, 80), right=3)
    for table in said["tables"]:
        yield _text(f"{table['path']}: {table['sentence']}", _SMALL)
    if said["recall"]:
        rows = [(r["format"], r["planted"], r["found"], _interval(*r["interval"])) for r in said["recall"]]
        heads = ["Made-up people, planted to measure what is found", "Planted", "Found", "Recall, 95 % interval"]
        yield _table(heads, rows, (ROOM - 250, 60, 60, 130), right=3)


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _when(report: Report, drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    yield from _headed("When", drawn, "timeline")
    yield _text("The time of a file is what its disk says; whoever had the disk could have set it.", _SMALL)
    files = report["timeline"]["files"][:50]
    if files:
        late = ", after the claimed deletion"
        rows = [(f["path"], f["modified"] + (late if f["after_claim"] else ""), f["state"], f["people"]) for f in files]
        yield _table(["File", "Written last", "State", "People"], rows, (ROOM - 260, 150, 55, 55))


def _where(report: Report, drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    yield from _headed("Where", drawn, "strips")
    if "strips" in drawn:
        yield _text(
            "Each strip is an exhibit from its first byte to its last; finds stand above it. Inside of something "
            "compressed, places are in proportion.",
            _SMALL,
        )
    if "matrix" in drawn:
        yield from _picture(drawn["matrix"])
    for column, place in enumerate(report["matrix"]["places"]):
        yield _text(f"{chr(ord('A') + column)}. {place['path']}, {place['where']} ({place['state']})", _SMALL)
    rows = [(p["path"], p["where"], p["state"], p["people"], p["uncorroborated"]) for p in report["places"]]
    heads = ["File", "Part", "State", "People", "One field only"]
    yield from _listed(heads, rows, (ROOM - 310, 120, 55, 55, 80), "Nobody was found.")
    if report["hits"]:
        more = report["hits"]["left_out"]
        rest = f", the first of each exhibit; {more:,} more were only counted" if more else ""
        yield _text(f"Finds in hits.parquet: {report['hits']['rows']:,}{rest}.")


def _coverage(report: Report, drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    said = report["coverage"]
    yield from _headed("Coverage", drawn, "coverage")
    yield _text(
        f"{said['exhibits']:,} exhibits of {said['exhibit_bytes']:,} bytes; {said['unpacked']:,} files of "
        f"{said['unpacked_bytes']:,} bytes unpacked from them. Of these bytes {said['read']:,} were read, "
        f"{said['skipped']:,} left out and {said['unreadable']:,} could not be read. "
        + ("Nothing was left out." if said["complete"] else "The coverage is not complete.")
    )
    columns = ("region", "files", "bytes", "read", "skipped", "unreadable")
    rows = [tuple(one[column] for column in columns) for one in said["regions"]]
    heads = ["Class", "Files", "Bytes", "Read", "Left out", "Unreadable"]
    yield _table(heads, rows, (ROOM - 370, 50, 80, 80, 80, 80))
    if said["gaps"]:
        gaps = [
            (g["path"], g["reason"] + (f": {g['detail']}" if g["detail"] else ""), g["bytes"]) for g in said["gaps"]
        ]
        yield from _listed(["File", "Left out or unreadable because", "Bytes"], gaps, (ROOM - 270, 190, 80), "")
    yield _text("Searched for: " + "; ".join(report["searched"]) + ".", _SMALL)
    yield _text("Not searched for: " + "; ".join(report["not_searched"]) + ".", _SMALL)


def _custody(report: Report, _drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    manifest = report["manifest"]
    yield _text("Chain of custody", _H2)
    yield _text(
        f"The list of exhibits was signed before anything was searched: manifest.txt, SHA-256 {manifest['sha256']}, "
        f"by the key {manifest['key']}."
    )
    rows = [(f"{e['number']}. {e['name']}", e["size"], e["sha256"], _afterwards(e)) for e in report["exhibits"]]
    heads = ["Exhibit", "Bytes", "SHA-256 before", "Afterwards"]
    yield from _listed(heads, rows, (ROOM - 320, 80, 150, 90), "There was no exhibit.")


def _afterwards(exhibit: Report) -> str:
    if exhibit["unchanged"]:
        return "the same"
    return f"changed: {exhibit['after']}" if exhibit["after"] else "could not be read again"


def _found(report: Report, _drawn: Mapping[str, Picture]) -> Iterator[Flowable]:
    yield _text("People found", _H2)
    rows = [
        (
            str(p["person"]),
            p["app_scoped_id"],
            ", ".join(p["fields"]),
            f"{p['path']}, {p['where']} ({p['state']}), byte {p['offset']:,}",
        )
        for p in report["people"]
    ]
    yield from _listed(["Person", "App's id", "Fields", "First place"], rows, (50, 140, 100, ROOM - 290), "Nobody.")


def _headed(title: str, drawn: Mapping[str, Picture], name: str) -> Iterator[Flowable]:
    """A heading, and its picture on the same page."""
    heading = _text(title, _H2)
    if name in drawn:
        yield KeepTogether([heading, *_picture(drawn[name])])
    else:
        yield heading


def _listed(heads: Sequence[str], rows: Sequence[tuple[Any, ...]], widths: Sequence[float], none: str) -> Iterator[Any]:
    if not rows:
        yield _text(none)
        return
    yield _table(heads, rows[:MAX_LISTED], widths)
    if len(rows) > MAX_LISTED:
        yield _text(f"The first {MAX_LISTED} of {len(rows):,}; report.json lists all.", _SMALL)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[float], right: int = -1) -> Table:
    """Numbers to the right, texts to the left but in one column; the heads again on each page."""
    body = [list(row) for row in rows]
    numeric = [column == right or (bool(body) and isinstance(body[0][column], int)) for column in range(len(widths))]
    cells = [[_cell(value, right=numeric[column]) for column, value in enumerate(row)] for row in body]
    if heads:
        cells.insert(0, [_text(h, _NUMBER_HEAD if n else _HEAD) for h, n in zip(heads, numeric, strict=True)])
    made = Table(cells, colWidths=list(widths), repeatRows=1 if heads else 0, spaceAfter=6)
    made.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor("#cccccc")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return made


def _cell(value: object, *, right: bool) -> Paragraph:
    return _text(f"{value:,}" if isinstance(value, int) else str(value), _NUMBER if right else _CELL)


def _text(text: str, style: ParagraphStyle = _BODY) -> Paragraph:
    return Paragraph(escape(_plain(text)), style)


def _plain(text: str) -> str:
    """A text in the letters that the fonts have, of bounded length, without control characters."""
    short = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"
    return shown(short, 2 * MAX_TEXT).encode("cp1252", "backslashreplace").decode("cp1252")


def _picture(picture: Picture) -> Iterator[Flowable]:
    scale = ROOM / picture.width
    drawing = Drawing(ROOM, picture.height * scale)
    drawing.scale(scale, scale)
    for shape in picture.shapes:
        drawing.add(_shape(shape, picture.height))
    yield drawing
    yield _text(picture.says, _SMALL)
    yield Spacer(0, 6)


def _shape(shape: Shape, height: float) -> Any:
    """A PDF counts from below."""
    match shape:
        case Box():
            return Rect(shape.x, height - shape.y - shape.height, shape.width, shape.height, **_paint(shape))
        case Dot():
            return Circle(shape.x, height - shape.y, shape.radius, **_paint(shape))
        case Rule():
            dash = [4, 3] if shape.dashed else None
            ends = (shape.x1, height - shape.y1, shape.x2, height - shape.y2)
            return Line(*ends, strokeColor=HexColor(shape.line), strokeDashArray=dash)
        case Words():
            font = BOLD if shape.bold else PLAIN
            place = (shape.x, height - shape.y, _plain(shape.text))
            look = {"fontName": font, "fontSize": shape.size, "textAnchor": shape.anchor}
            return String(*place, fillColor=HexColor(shape.fill), **look)


def _paint(shape: Box | Dot) -> dict[str, Any]:
    return {
        "fillColor": HexColor(shape.fill) if shape.fill else white,
        "strokeColor": HexColor(shape.line) if shape.line else None,
        "strokeWidth": 1.5 if shape.line else 0,
    }
