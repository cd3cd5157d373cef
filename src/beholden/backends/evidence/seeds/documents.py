"""Made-up people in mails, office documents and tables of columns."""

import io
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from html import escape

import pyarrow as pa
from pyarrow import feather, parquet
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

from beholden.backends.evidence.seeds.packed import zipped
from beholden.backends.evidence.seeds.texts import Format, csv
from beholden.forensics.needles import Sought

_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINES = 40
"""Lines of a page."""


def _mail(people: Sequence[Sought], encoding: str) -> bytes:
    mail = EmailMessage()
    mail["Subject"] = "the list"
    mail.set_content(csv(people), cte=encoding)
    return b"From sender Thu Jan  1 00:00:00 2026\n" + mail.as_bytes()


def _workbook(people: Sequence[Sought]) -> bytes:
    texts = [text for p in people for text in (p.scoped_id, p.email, p.name)]
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    cells = [f'<c t="s"><v>{number}</v></c>' for number in range(len(texts))]
    rows = "".join(f"<row>{''.join(cells[at : at + 3])}</row>" for at in range(0, len(cells), 3))
    return zipped(
        {
            "[Content_Types].xml": b"<Types/>",
            "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}">{shared}</sst>'.encode(),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>'
            ).encode(),
        }
    )


def _pdf(people: Sequence[Sought]) -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made, invariant=True)
    for first in range(0, len(people), _LINES):
        for line, one in enumerate(people[first : first + _LINES]):
            canvas.drawString(40, 800 - 18 * line, f"{one.scoped_id}  {one.email}  {one.name}")
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def _table(people: Sequence[Sought]) -> pa.Table:
    return pa.table(
        {
            "id": [one.scoped_id for one in people],
            "email": [one.email for one in people],
            "name": [one.name for one in people],
        }
    )


def _parquet(people: Sequence[Sought]) -> bytes:
    made = io.BytesIO()
    parquet.write_table(_table(people), made)
    return made.getvalue()


def _arrow(people: Sequence[Sought]) -> bytes:
    made = io.BytesIO()
    feather.write_feather(_table(people), made)
    return made.getvalue()


DOCUMENTS: Mapping[str, Format] = {
    "mail, body in base64": lambda people: _mail(people, "base64"),
    "mail, body quoted-printable": lambda people: _mail(people, "quoted-printable"),
    "workbook": _workbook,
    "PDF": _pdf,
    "Parquet": _parquet,
    "Arrow": _arrow,
}
