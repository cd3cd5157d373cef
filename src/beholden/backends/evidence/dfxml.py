"""The exhibits and the finds in them as Digital Forensics XML, for tools that go to the bytes themselves.

Each exhibit is a file object with its digest. Where people were found, corroborated, a further one of type `v`
(virtual) lists the byte runs of the finds: `file_offset` in the file that its name leads to, `img_offset` in the
exhibit where that is exactly known. Elements stand in the order that the schema demands (DFXML 1.1.1).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from beholden.forensics.containers import shown
from beholden.forensics.hits import Find

SPACE = "http://www.forensicswiki.org/wiki/Category:Digital_Forensics_XML"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"


def write(file: BinaryIO, report: Mapping[str, Any], finds: Iterable[Find]) -> None:
    """Write it, element by element; `finds` come in their order and are never held together."""
    xml = _Xml(file)
    about = report["examination"]
    xml.begin("dfxml", {"version": "1.1.1", "xmlns": SPACE, "xmlns:dc": DUBLIN_CORE})
    xml.begin("metadata")
    xml.leaf("dc:type", f"Beholden examination {about['id']}")
    xml.end("metadata")
    xml.begin("creator")
    xml.leaf("program", "beholden examine")
    xml.leaf("version", about["software"])
    xml.end("creator")
    xml.begin("source")
    for exhibit in report["exhibits"]:
        xml.leaf("image_filename", exhibit["name"])
    xml.end("source")
    for exhibit in report["exhibits"]:
        _exhibit(xml, exhibit)
    for (exhibit, path, state), runs in groupby(_certain(finds), lambda find: (find.exhibit, find.path, find.state)):
        _finds(xml, f"{exhibit}", path, state, runs)
    xml.end("dfxml")
    xml.close()


class _Xml:
    """One element a line. What XML cannot hold is escaped as in names everywhere else."""

    def __init__(self, file: BinaryIO) -> None:
        self._made = XMLGenerator(file, "utf-8", short_empty_elements=True)
        self._made.startDocument()

    def begin(self, name: str, attributes: Mapping[str, str] | None = None) -> None:
        self._made.startElement(name, AttributesImpl(dict(attributes or {})))
        self._made.characters("\n")

    def end(self, name: str) -> None:
        self._made.endElement(name)
        self._made.characters("\n")

    def leaf(self, name: str, text: str = "", attributes: Mapping[str, str] | None = None) -> None:
        self._made.startElement(name, AttributesImpl(dict(attributes or {})))
        self._made.characters(shown(text, 1 << 16))
        self.end(name)

    def close(self) -> None:
        self._made.endDocument()


def _exhibit(xml: _Xml, exhibit: Mapping[str, Any]) -> None:
    size = f"{exhibit['size']}"
    xml.begin("fileobject")
    xml.leaf("filename", exhibit["name"])
    xml.leaf("id", f"{exhibit['number']}")
    xml.leaf("name_type", "r")
    xml.leaf("filesize", size)
    xml.begin("byte_runs")
    xml.leaf("byte_run", attributes={"file_offset": "0", "img_offset": "0", "len": size})
    xml.end("byte_runs")
    xml.leaf("hashdigest", exhibit["sha256"], {"type": "sha256"})
    xml.end("fileobject")


def _certain(finds: Iterable[Find]) -> Iterator[Find]:
    return (find for find in finds if find.certain)


def _finds(xml: _Xml, exhibit: str, path: str, state: str, finds: Iterable[Find]) -> None:
    xml.begin("fileobject")
    xml.leaf("filename", path)
    xml.leaf("id", exhibit)
    xml.leaf("name_type", "v")
    if state == "deleted":
        xml.leaf("unalloc", "1")
    xml.begin("byte_runs")
    for (offset, disk, length), _ in groupby(finds, lambda find: (find.offset, find.disk_offset, find.length)):
        place = {"file_offset": f"{offset}", "len": f"{length}"} | ({"img_offset": f"{disk}"} if disk >= 0 else {})
        xml.leaf("byte_run", attributes=place)
    xml.end("byte_runs")
    xml.end("fileobject")
