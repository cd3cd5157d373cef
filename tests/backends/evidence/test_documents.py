"""People in mails and documents are found where their bytes alone would not show them."""

import base64
import email.message
import io
import mailbox
import quopri
import struct
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from reportlab.lib import pdfencrypt
from reportlab.pdfgen.canvas import Canvas

from beholden.forensics.coverage import Reason
from beholden.forensics.needles import Sought
from tests.forensics.people import Search, crowd, csv, numbers
from tests.forensics.test_coverage import adds_up

PEOPLE = crowd(20)


def split(one: Sought, tag: str, run: str) -> str:
    """A person's address and name, split over runs of three characters."""
    text = f"{one.email} {one.name}"
    pieces = [text[at : at + 3].replace("&", "&amp;") for at in range(0, len(text), 3)]
    return "".join(f"<{run}><{tag} xml:space='preserve'>{piece}</{tag}></{run}>" for piece in pieces)


def archive(**members: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in members.items():
            made.writestr(name.replace("__", "/"), text)
    return held.getvalue()


def word(body: str) -> bytes:
    xml = f"<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>{body}</w:document>"
    return archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": xml})


def workbook() -> bytes:
    strings = "".join(f"<si>{split(p, 't', 'r')}</si><si><t>{p.name}</t></si><si><t>{p.email}</t></si>" for p in PEOPLE)
    cells = [f"<row><c t='s'><v>{3 * n + 2}</v></c><c><v>{'9' * 400}</v></c><c t='s'><v>{3 * n + 1}</v></c></row>"
             for n in range(20)]  # fmt: skip
    return archive(
        **{
            "[Content_Types].xml": "<Types/>",
            "xl/sharedStrings.xml": f"<sst>{strings}</sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{''.join(cells)}</sheetData></worksheet>",
        }
    )


def open_document() -> bytes:
    rows = "".join(
        f"<t:table-row><t:table-cell><p>{p.email[:4]}<span>{p.email[4:]}</span></p></t:table-cell>"
        f"<t:table-cell><p>{p.name}</p></t:table-cell></t:table-row>"
        for p in PEOPLE
    )
    content = f"<document-content xmlns:t='t'><t:table>{rows}</t:table></document-content>"
    return archive(**{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content})


def printed(**how: object) -> bytes:
    held = io.BytesIO()
    canvas = Canvas(held, **how)
    for one in PEOPLE:
        canvas.drawString(72, 700, f"{one.email} {one.name}".encode("latin-1", "replace").decode("latin-1"))
        canvas.showPage()
    canvas.save()
    return held.getvalue()


def letter(**how: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "c@d.example", "Grüße an alle"
    message.set_content(csv(PEOPLE), **how)
    return bytes(message)


def with_attachment() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@b.example", "list"
    message.set_content("see the attachment")
    message.add_alternative("<p>see</p>", subtype="html")
    message.add_attachment(workbook(), maintype="application", subtype="zip", filename="Leute Größe.xlsx")
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "x@y.example", "inner"
    inner.set_content("inside")
    message.add_attachment(inner)
    return bytes(message)


def rich() -> bytes:
    def spelt(text: str) -> str:
        return "".join(letter if letter.isascii() else f"\\u{ord(letter)}?" for letter in text)

    lines = (f"{{\\b {one.email[:5]}}}{{\\i {one.email[5:]}}} {spelt(one.name)}\\par\n" for one in PEOPLE)
    return ("{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\n" + "".join(lines) + "}").encode()


FORMS = {
    "a Word document whose text is split over runs": word(
        "".join(f"<w:p>{split(p, 'w:t', 'w:r')}</w:p>" for p in PEOPLE)
    ),
    "a workbook whose cells name strings that stand elsewhere": workbook(),
    "an OpenDocument sheet": open_document(),
    "a letter in base64": letter(cte="base64"),
    "a letter in quoted-printable": letter(cte="quoted-printable"),
    "a letter in another character set": letter(charset="utf-16", cte="base64"),
    "a workbook attached to a letter": with_attachment(),
    "rich text": rich(),
}


@pytest.mark.parametrize("form", FORMS)
def test_everyone_in_a_document_is_found_live_and_every_byte_was_read(form: str) -> None:
    search = Search(PEOPLE).through(FORMS[form])
    assert search.live == numbers(PEOPLE)
    assert search.coverage.complete, search.coverage.gaps
    assert adds_up(search)


@pytest.mark.parametrize("compressed", [0, 1])
def test_everyone_in_a_pdf_is_found(compressed: int) -> None:
    search = Search(PEOPLE).through(printed(pageCompression=compressed))
    latin = {p.person for p in PEOPLE if p.name.encode("latin-1", "replace").decode("latin-1") == p.name}
    assert search.live >= set(map(int, latin)) and search.coverage.complete and adds_up(search)


def test_a_pdf_that_opens_without_a_password_is_read_and_one_that_does_not_is_unreadable() -> None:
    free = pdfencrypt.StandardEncryption("", ownerPassword="owner", canPrint=0)
    opened = Search(PEOPLE).through(printed(encrypt=free))
    assert len(opened.found) > 10 and opened.coverage.complete and adds_up(opened)
    sealed = Search(PEOPLE).through(printed(encrypt=pdfencrypt.StandardEncryption("user", ownerPassword="owner")))
    assert sealed.coverage.gap_counts == {Reason.ENCRYPTED: 1} and sealed.coverage.unreadable > 0
    assert sealed.found == set() and adds_up(sealed)


def test_a_stream_that_no_table_of_a_pdf_names_any_more_is_read() -> None:
    data = printed(pageCompression=1)
    cut = data[: data.rfind(b"xref\n")]
    assert len(Search(PEOPLE).through(cut).found) > 10


def test_every_message_of_an_mbox_is_read(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    for number in range(12):
        box.add(with_attachment() if number == 7 else letter(cte="8bit"))
    box.flush()
    box.close()
    search = Search(PEOPLE).through((tmp_path / "box").read_bytes())
    assert search.live == numbers(PEOPLE) and search.coverage.complete and adds_up(search)
    assert any("message 8" in site.path and ".xlsx" in site.path for site in search.examiner.tally.sites)


def test_a_persons_name_in_encoded_words_of_a_header_is_found() -> None:
    one = next(p for p in PEOPLE if not p.name.isascii())
    message = email.message.Message()
    message["Subject"], message["X-Note"] = "hello", "x"
    name = "=?utf-8?b?" + base64.b64encode(one.name.encode()).decode() + "?="
    head = f"From: {name} <{one.email}>\r\nSubject: x\r\n\r\nbody"
    assert Search([one]).through(head.encode()).found == {int(one.person)}


def test_soft_ends_of_lines_wherever_a_piece_is_cut_lose_nothing() -> None:
    body = quopri.encodestring((csv(PEOPLE) * 400).encode())
    head = b"From: a@b.example\r\nSubject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    assert Search(PEOPLE).through(head + body).found == numbers(PEOPLE)


def test_a_letter_without_an_end_to_its_parts_is_read_to_the_end() -> None:
    head = b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\n'
    search = Search(PEOPLE).through(head + csv(PEOPLE).encode())
    assert search.found == numbers(PEOPLE) and search.coverage.complete and adds_up(search)


def test_text_deleted_by_a_tracked_change_does_not_part_what_stands_around_it() -> None:
    one = PEOPLE[0]
    body = (
        f"<w:p><w:r><w:t>{one.email[:6]}</w:t></w:r><w:del><w:r><w:delText>GONE</w:delText></w:r></w:del>"
        f"<w:r><w:t>{one.email[6:]} {one.name}</w:t></w:r></w:p>"
    )
    assert Search([one]).through(word(body)).found == {int(one.person)}


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;'>]><w:document><w:t>&b;</w:t></w:document>",
        "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><w:document><w:t>&a;</w:t></w:document>",
        "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/'>%p;]><w:document/>",
    ],
    ids=["laughs", "file", "net"],
)
def test_a_document_that_declares_entities_is_not_followed_and_it_is_said(declared: str) -> None:
    data = archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": declared})
    search = Search(PEOPLE).through(data)
    assert search.coverage.gap_counts == {Reason.BOMB: 1} and not search.coverage.complete and adds_up(search)


def test_a_pdf_whose_objects_name_each_other_in_a_circle_ends() -> None:
    objects = (
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R 3 0 R]/Count 9>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 3 0 R/Contents 4 0 R/Resources 3 0 R>>endobj\n"
        b"4 0 obj<</Length 5 0 R>>stream\nBT (x) Tj ET\nendstream endobj\n5 0 obj 5 0 R endobj\n"
    )
    search = Search(PEOPLE).through(b"%PDF-1.7\n" + objects + b"trailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF")
    assert not search.coverage.complete and adds_up(search)


def compound(**streams: bytes) -> bytes:
    """A small OLE file: FAT in sector 0, directory from sector 1, no stream in the mini one."""
    names = ["Root Entry", *streams]
    sectors: list[bytes] = []
    fat: list[int] = [0xFFFFFFFD]
    entries = []
    count = (len(names) * 128 + 511) // 512
    fat += [*range(2, count + 1), 0xFFFFFFFE]
    for number, (name, data) in enumerate(zip(names, [b"", *streams.values()], strict=True)):
        start = len(fat) if data else 0xFFFFFFFE
        padded = data.ljust((len(data) + 511) // 512 * 512, b"\0")
        sectors += [padded[at : at + 512] for at in range(0, len(padded), 512)]
        if data:
            fat += [*range(start + 1, start + len(padded) // 512), 0xFFFFFFFE]
        wide = name.encode("utf-16-le") + b"\0\0"
        nothing = 0xFFFFFFFF
        right = number + 1 if 0 < number < len(names) - 1 else nothing
        child = 1 if number == 0 and streams else nothing
        links = struct.pack("<3I", nothing, right, child)
        kind = 5 if number == 0 else 2
        entries.append(
            wide.ljust(64, b"\0") + struct.pack("<HBB", len(wide), kind, 1) + links + bytes(36)
            + struct.pack("<IQ", start, len(data))
        )  # fmt: skip
    directory = b"".join(entries).ljust(count * 512, b"\0")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack("<I", 0)
    tables = struct.pack("<128I", *fat, *[0xFFFFFFFF] * (128 - len(fat)))
    return head.ljust(512, b"\xff") + tables + directory + b"".join(sectors)


def test_the_streams_of_an_ole_file_are_read_in_one_piece_and_its_sealed_one_is_unreadable() -> None:
    text = csv(PEOPLE).encode("utf-16-le").ljust(5000)
    search = Search(PEOPLE).through(compound(WordDocument=text, Other=b"nothing here " * 400))
    assert search.live == numbers(PEOPLE) and search.coverage.complete and adds_up(search)
    sealed = Search(PEOPLE).through(compound(EncryptedPackage=bytes(range(256)) * 20))
    assert sealed.coverage.gap_counts == {Reason.ENCRYPTED: 1} and adds_up(sealed)


def test_the_properties_of_an_outlook_message_are_read_side_by_side() -> None:
    one = PEOPLE[0]
    data = compound(
        **{
            "__substg1.0_0C1F001F": one.email.ljust(2100).encode("utf-16-le"),
            "__substg1.0_0037001F": b"x\0" * 2200,
            "__substg1.0_0C1A001F": one.name.ljust(2100).encode("utf-16-le"),
        }
    )
    assert Search([one]).through(data).found == {int(one.person)}
