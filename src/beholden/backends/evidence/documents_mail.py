"""Mail: one message or a whole mbox, taken apart by where its parts stand, so that every byte has its place.

Boundaries and headers are read here and not by Python's parser, which keeps whole messages in memory and knows no
offsets; it only reads single headers.
"""

import binascii
import codecs
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from functools import partial

from beholden.backends.evidence.archives.spool import FAULTS, STEP, as_written, lying_there, made, without
from beholden.forensics.containers import Budget
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.source import Part, Source

LONGEST_HEADERS = 256 << 10
MAX_PARTS = 10_000
MAX_DEPTH = 30
_NEXT_MAIL = b"\nFrom "
_ENVELOPE = re.compile(rb"From \S{1,256} +\S[^\r\n]{8,60}\d{4}")
_BLANK = re.compile(rb"\r?\n\r?\n|^\r?\n")
_PLAIN_CHARSETS = frozenset(
    {"", "us-ascii", "ascii", "utf-8", "utf8", "iso-8859-1", "latin-1", "windows-1252", "binary"}
)
_NOT_BASE64 = bytes(set(range(256)) - {*string.ascii_letters.encode(), *string.digits.encode(), *b"+/"})


def mail(budget: Budget, source: Source) -> Iterator[Entry]:
    """The messages of an mbox; of a single message its headers and parts."""
    starts = list(_messages(source, budget.limits.members))
    if len(starts) == 1:
        yield from _Reader(budget, source).entries()
        return
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], source.size], strict=True), 1):
        part = Part(source, start, end - start)
        yield Entry(f"message {number}", ((start, part.size),), lying_there(Unpacked(part, part.size)))


def _messages(source: Source, most: int) -> Iterator[int]:
    """Where the messages of an mbox begin; just the beginning where it is a single one."""
    yield 0
    if source.read(0, 5) != b"From ":
        return
    count, at = 1, 0
    while data := source.read(at, STEP + 512):
        place = data.find(_NEXT_MAIL)
        while 0 <= place < STEP and count < most:
            if _ENVELOPE.match(data, place + 1):
                count += 1
                yield at + place + 1
            place = data.find(_NEXT_MAIL, place + 1)
        at += STEP


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A part that holds no further parts: where its body stands, and how it is written."""

    name: str
    start: int
    size: int
    encoding: str
    charset: str


class _Reader:
    """One message."""

    def __init__(self, budget: Budget, source: Source) -> None:
        self._budget = budget
        self._source = source
        self._leaves: list[_Leaf] = []
        self._encoded: list[str] = []

    def entries(self) -> Iterator[Entry]:
        """The bodies of its parts, then all that stands around them."""
        self._part(0, self._source.size, 0)
        bodies = tuple((leaf.start, leaf.size) for leaf in self._leaves)
        yield as_written("headers", self._source, without(bodies, self._source.size))
        if self._encoded:
            text = "\n".join(self._encoded).encode("utf-8", "replace")
            yield made(self._budget, "decoded headers", lambda: iter((text,)))
        for leaf in self._leaves:
            yield self._entry(leaf)

    def _part(self, start: int, end: int, depth: int) -> None:
        head, body = self._head(start, end)
        self._decode(head)
        several = head.get_content_maintype() == "multipart"
        boundary = _asked(head.get_boundary) if several else ""
        if boundary and depth < MAX_DEPTH and len(self._leaves) < MAX_PARTS:
            pieces = self._split(body, end, boundary.encode("utf-8", "surrogateescape"))
            for piece in pieces:
                self._part(*piece, depth + 1)
            if pieces:
                return
        if body < end:
            name = _asked(head.get_filename) or f"part {len(self._leaves) + 1} ({head.get_content_type()})"
            encoding = str(head.get("Content-Transfer-Encoding", "")).strip().lower()
            is_text = head.get_content_maintype() == "text"
            charset = _asked(partial(head.get_param, "charset", "")).lower() if is_text else ""
            self._leaves.append(_Leaf(name, body, end - body, encoding, charset))

    def _head(self, start: int, end: int) -> tuple[Message, int]:
        """The headers of a part and where its body begins. The line before a message in an mbox is none of them."""
        data = self._source.read(start, min(LONGEST_HEADERS, end - start))
        blank = _BLANK.search(data)
        length = blank.end() if blank is not None else len(data)
        written = data[:length]
        if written.startswith(b"From "):
            written = written.partition(b"\n")[2]
        return BytesHeaderParser().parsebytes(written), start + length

    def _split(self, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
        """Where the parts between the boundaries begin and end."""
        mark = b"--" + boundary
        pieces: list[tuple[int, int]] = []
        opened: int | None = None
        at = start
        while at < end and len(pieces) + len(self._leaves) < MAX_PARTS:
            data = self._source.read(at, min(STEP + len(mark) + 4, end - at))
            place = data.find(mark)
            if place < 0 or place >= STEP:
                at += STEP
                continue
            found = at + place
            at = found + len(mark)
            if found > start and self._source.read(found - 1, 1) != b"\n":
                continue
            if opened is not None:
                pieces.append((opened, max(opened, found - 1)))
                opened = None
            if self._source.read(at, 2) == b"--":
                break
            line = self._source.read(at, 200)
            opened = at + line.find(b"\n") + 1 if b"\n" in line else at
        if opened is not None and opened < end:
            pieces.append((opened, end))
        return pieces

    def _decode(self, head: Message) -> None:
        """Headers that are written in encoded words, decoded."""
        for name, value in head.items():
            written = _text(value)
            if "=?" in written and len(self._encoded) < MAX_PARTS:
                self._encoded.append(f"{name}: {_words(written)}")
        filename = _asked(head.get_filename)
        if filename and "*" in str(head.get("Content-Disposition", "")):
            self._encoded.append(f"filename: {filename}")

    def _entry(self, leaf: _Leaf) -> Entry:
        covers = ((leaf.start, leaf.size),)
        part = Part(self._source, leaf.start, leaf.size)
        decode = {"base64": _base64, "quoted-printable": _quoted}.get(leaf.encoding)
        convert = leaf.charset not in _PLAIN_CHARSETS and _known(leaf.charset)
        if decode is None and not convert:
            return Entry(leaf.name, covers, lying_there(Unpacked(part, part.size)))
        pieces = partial(decode or _plain, part)
        if convert:
            pieces = partial(_converted, pieces, leaf.charset)
        return made(self._budget, leaf.name, pieces, covers=covers)


def _asked(question: Callable[[], object]) -> str:
    """What Python's parser says of a header; nothing where it stumbles, as it does over some malformed ones."""
    try:
        return _text(question())
    except FAULTS:
        return ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _words(written: str) -> str:
    try:
        pieces = decode_header(written)
    except (HeaderParseError, binascii.Error, ValueError):
        return written
    return "".join(
        piece if isinstance(piece, str) else _decoded(piece, charset or "utf-8") for piece, charset in pieces
    )


def _decoded(data: bytes, charset: str) -> str:
    return data.decode(charset if _known(charset) else "utf-8", "replace")


def _known(charset: str) -> bool:
    """Whether Python decodes text in this way."""
    try:
        return codecs.lookup(charset)._is_text_encoding
    except (LookupError, ValueError):
        return False


def _plain(part: Source) -> Iterator[bytes]:
    for at in range(0, part.size, STEP):
        yield part.read(at, STEP)


def _base64(part: Source) -> Iterator[bytes]:
    """What base64 stands for; whatever else stands between is left out, as mail programs do."""
    waiting = b""
    for data in _plain(part):
        waiting += data.translate(None, _NOT_BASE64)
        whole = len(waiting) // 4 * 4
        yield binascii.a2b_base64(waiting[:whole])
        waiting = waiting[whole:]
    if len(waiting) > 1:
        yield binascii.a2b_base64(waiting + b"=" * (-len(waiting) % 4))


def _quoted(part: Source) -> Iterator[bytes]:
    """What quoted-printable stands for, cut at ends of lines."""
    waiting = b""
    for data in _plain(part):
        waiting += data
        cut = waiting.rfind(b"\n") + 1 or (len(waiting) - 3 if len(waiting) > 4 * STEP else 0)
        while cut and waiting[:cut].endswith((b"=\n", b"=\r\n")):  # a soft end of line belongs to what follows
            cut = waiting.rfind(b"\n", 0, cut - 1) + 1
        yield binascii.a2b_qp(waiting[:cut])
        waiting = waiting[cut:]
    yield binascii.a2b_qp(waiting)


def _converted(pieces: "partial[Iterator[bytes]]", charset: str) -> Iterator[bytes]:
    """Text of another encoding in UTF-8."""
    decoder = codecs.getincrementaldecoder(charset)("replace")
    for piece in pieces():
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")
