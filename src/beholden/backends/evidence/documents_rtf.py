"""Rich text: the text without its control words, which part addresses and names."""

import re
from collections.abc import Iterator

from beholden.backends.evidence.archives.spool import STEP, as_written, made
from beholden.forensics.containers import Budget
from beholden.forensics.ports import Entry
from beholden.forensics.source import Source

_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.I
)
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"cell": "\t", b"tab": "\t", b"page": "\n", b"sect": "\n"}
_HIDDEN = frozenset({
    b"fonttbl", b"colortbl", b"stylesheet", b"pict", b"objdata", b"themedata", b"datastore", b"listtable",
    b"latentstyles",
})  # fmt: skip
MAX_GROUPS = 10_000


def rtf(budget: Budget, source: Source) -> Iterator[Entry]:
    """The text of a document, and the document as it is written."""
    whole = ((0, source.size),)
    yield made(budget, "text", lambda: _text(source), measure=source.size)
    yield as_written("document as written", source, whole)


def _text(source: Source) -> Iterator[bytes]:
    hidden: list[bool] = [False]
    skip = 0
    waiting, at = b"", 0
    while True:
        data = source.read(at, STEP)
        at += len(data)
        waiting += data
        text: list[str] = []
        end = 0
        for token in _TOKEN.finditer(waiting):
            if data and token.end() > len(waiting) - 64:
                break  # it may go on in what is read next
            end = token.end()
            if token[5] == b"{":
                hidden.append(hidden[-1])
            elif token[5] == b"}":
                hidden[1:] = hidden[1:-1]
            elif token[1] in _HIDDEN:
                hidden[-1] = True
            elif not hidden[-1]:
                piece, skip = _piece(token, skip)
                text.append(piece)
            if len(hidden) > MAX_GROUPS:
                return
        yield "".join(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        waiting = waiting[end:] if end or len(waiting) < 4 * STEP else b""
        if not data:
            return


def _piece(token: "re.Match[bytes]", skip: int) -> tuple[str, int]:
    """What a token stands for. Behind a character by number stands one for programs that do not know it: `skip`."""
    if token[1] == b"u" and token[2]:
        return chr(int(token[2]) & 0xFFFF), 1
    if token[1] is not None:
        return _BREAKS.get(token[1], ""), skip
    if token[3] is not None:
        return ("", 0) if skip else (bytes.fromhex(token[3].decode()).decode("cp1252", "replace"), 0)
    if token[4] is not None:
        return {b"~": "\xa0", b"_": "-"}.get(token[4], token[4].decode("latin-1") if token[4] in b"\\{}" else ""), skip
    if token[6] is not None:
        text = token[6].decode("cp1252", "replace")
        return text[skip:], 0
    return "", skip
