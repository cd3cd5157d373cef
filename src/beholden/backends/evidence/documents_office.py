"""Office documents in zips (OOXML, OpenDocument): the text of their runs put together again, and their sheets as rows.

A word may be split over any number of runs, a cell may only name a string that stands elsewhere: in the XML as it is
stored much is not to be found. The XML itself is searched too, as the member that it is.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from xml.parsers import expat

from beholden.backends.evidence.archives.spool import STEP, Stopped, made
from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.ports import Entry
from beholden.forensics.rows import line

MAX_STRINGS = 64 << 20
"""Bytes of shared strings that are kept."""
MAX_COLUMNS = 20_000
_OOXML = re.compile(
    r"(?:word|ppt)/(?!theme|_rels|media).*\.xml|xl/(?:comments\d*|drawings/.*|threadedComments/.*)\.xml"
)
_SHEET = re.compile(r"xl/(?:work|chart|dialog)sheets/[^/]+\.xml")
_OPEN_DOCUMENT = frozenset({"content.xml", "styles.xml", "meta.xml"})
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,3})?")


def office(budget: Budget, entries: Sequence[Entry]) -> Iterator[Entry]:
    """What the document among the members of a zip says, if there is one. It covers nothing: the members do."""
    members = {entry.name: entry for entry in entries}
    if "[Content_Types].xml" in members:
        strings = members.get("xl/sharedStrings.xml")
        if strings is not None:
            pieces = partial(_texts, strings, _Paragraphs)
            yield made(budget, f"text of {strings.name}", pieces, measure=strings.packed)
        for entry in members.values():
            if _SHEET.fullmatch(entry.name):
                measure = entry.packed + (strings.packed if strings is not None else 0)
                pieces = partial(_sheet, entry, strings)
                yield made(budget, f"rows of {entry.name}", pieces, measure=measure, form=Form.ROWS)
            elif _OOXML.fullmatch(entry.name):
                pieces = partial(_texts, entry, _Paragraphs)
                yield made(budget, f"text of {entry.name}", pieces, measure=entry.packed)
    elif "mimetype" in members and "content.xml" in members:
        for name in sorted(_OPEN_DOCUMENT & members.keys()):
            pieces = partial(_texts, members[name], _Paragraphs)
            yield made(budget, f"text of {name}", pieces, measure=members[name].packed)
            if name == "content.xml":
                pieces = partial(_texts, members[name], _Tables)
                yield made(budget, f"rows of {name}", pieces, measure=members[name].packed, form=Form.ROWS)


class _Handler:
    """Takes the elements of a document and gives what is to be searched. Names come without their namespace."""

    def __init__(self) -> None:
        self.ready: list[bytes] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, data: str) -> None:
        """Characters within one."""


def _texts(entry: Entry, handler: Callable[[], _Handler]) -> Iterator[bytes]:
    yield from _parsed(entry, handler())


def _parsed(entry: Entry, handler: _Handler) -> Iterator[bytes]:
    """Parse a member piece by piece. A document that declares entities is refused: none of these formats does."""
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: handler.start(_local(name), attributes)
    parser.EndElementHandler = lambda name: handler.end(_local(name))
    parser.CharacterDataHandler = handler.text
    parser.EntityDeclHandler = _refused
    with entry.open() as unpacked:
        source = unpacked.source
        for at in range(0, source.size + 1, STEP):
            data = source.read(at, STEP)
            try:
                parser.Parse(data, at + len(data) >= source.size)
            except (expat.ExpatError, ValueError, LookupError) as error:
                yield b"".join(handler.ready)
                raise Stopped(unpacked.stop or Stop.CORRUPT) from error
            ready, handler.ready = handler.ready, []
            yield b"".join(ready)
        if unpacked.stop is not None:
            raise Stopped(unpacked.stop)


def _refused(*_: object) -> None:
    raise Stopped(Stop.RATIO)


def _local(name: str) -> str:
    return name.rpartition("\n")[2]


class _Paragraphs(_Handler):
    """A paragraph a line; the cells of a table's row on one line. What was deleted by a tracked change stands apart."""

    def __init__(self) -> None:
        super().__init__()
        self._line: list[str] = []
        self._deleted: list[str] = []
        self._rows = 0
        self._into: list[str] | None = None
        self._open_document = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """See _Handler."""
        if name in ("t", "creator", "title", "initial-creator", "user-defined"):
            self._into = self._line
        elif name == "delText":
            self._into = self._deleted
        elif name in ("p", "h") or name == "document-content":
            self._open_document = self._open_document or name == "document-content"
            self._into = self._line if self._open_document else None
        elif name in ("tab", "br", "s", "line-break", "cr"):
            self._line.append("\t" if name == "tab" else " ")
        elif name in ("tr", "table-row"):
            self._rows += 1

    def end(self, name: str) -> None:
        """See _Handler."""
        if name in ("t", "delText", "creator", "title", "initial-creator", "user-defined"):
            self._into = self._line if self._open_document else None
        if name in ("p", "h", "si", "creator", "title", "initial-creator", "user-defined", "text"):
            self._put("\t" if self._rows else "\n")
        elif name in ("tr", "table-row"):
            self._rows = max(0, self._rows - 1)
            self._put("\n")

    def text(self, data: str) -> None:
        """See _Handler."""
        if self._into is not None:
            self._into.append(data)

    def _put(self, end: str) -> None:
        self.ready.append(("".join(self._line) + end).encode("utf-8", "replace"))
        if self._deleted:
            self.ready.append(("\n" + "".join(self._deleted) + "\n").encode("utf-8", "replace"))
        self._line.clear()
        self._deleted.clear()


class _Tables(_Handler):
    """The rows of OpenDocument tables."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: list[str] = []
        self._cell: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """See _Handler."""
        if name == "table-row":
            self._cells = []
        elif name == "table-cell":
            self._cell = []
        elif name in ("tab", "s", "line-break") and self._cell is not None:
            self._cell.append(" ")

    def end(self, name: str) -> None:
        """See _Handler."""
        if name == "table-cell" and self._cell is not None:
            if len(self._cells) < MAX_COLUMNS:
                self._cells.append("".join(self._cell).strip())
            self._cell = None
        elif name == "p" and self._cell is not None:
            self._cell.append(" ")
        elif name == "table-row" and any(self._cells):
            self.ready.append(line(self._cells))
            self._cells = []

    def text(self, data: str) -> None:
        """See _Handler."""
        if self._cell is not None:
            self._cell.append(data)


class _Strings(_Handler):
    """The shared strings of a workbook, each of its runs put together."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._one: list[str] = []
        self._inside = False
        self._size = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """See _Handler."""
        self._inside = name == "t"

    def end(self, name: str) -> None:
        """See _Handler."""
        self._inside = False
        if name == "si":
            text = "".join(self._one)
            self._one.clear()
            self._size += len(text) + 50
            if self._size > MAX_STRINGS:
                raise Stopped(Stop.TOO_LARGE)
            self.strings.append(text)

    def text(self, data: str) -> None:
        """See _Handler."""
        if self._inside:
            self._one.append(data)


class _Sheet(_Handler):
    """The rows of a worksheet."""

    def __init__(self, strings: Sequence[str]) -> None:
        super().__init__()
        self._strings = strings
        self._cells: list[str] = []
        self._kind = ""
        self._value: list[str] = []
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """See _Handler."""
        if name == "row":
            self._cells = []
        elif name == "c":
            self._kind = attributes.get("t", "")
            self._value = []
        self._inside = name in ("v", "t")

    def end(self, name: str) -> None:
        """See _Handler."""
        self._inside = False
        if name == "c" and self._value and len(self._cells) < MAX_COLUMNS:
            self._cells.append(self._shown("".join(self._value)))
            self._value = []
        elif name == "row" and self._cells:
            self.ready.append(line(self._cells))
            self._cells = []

    def text(self, data: str) -> None:
        """See _Handler."""
        if self._inside:
            self._value.append(data)

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            known = value.strip().isdecimal() and len(value) < 12 and int(value) < len(self._strings)
            return self._strings[int(value)] if known else value
        if self._kind in ("", "n") and _NUMBER.fullmatch(value) and not value.isdigit():
            number = float(value)  # a long id is stored as 1.00012345678901E14
            return str(int(number)) if number.is_integer() and abs(number) < 1e18 else value
        return value


def _sheet(entry: Entry, strings: Entry | None) -> Iterator[bytes]:
    known = _Strings()
    stop: Stopped | None = None
    if strings is not None:
        try:
            for _ in _parsed(strings, known):
                pass
        except Stopped as ended:
            stop = ended
    yield from _parsed(entry, _Sheet(known.strings))
    if stop is not None:
        raise stop
