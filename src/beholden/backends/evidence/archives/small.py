"""cpio and ar, whose members lie in them as they are. A Debian package is an ar."""

from collections.abc import Iterator

from beholden.backends.evidence.archives.spool import lying_there
from beholden.forensics.containers import Stop
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.source import Part, Source
from beholden.model.errors import BadInput

LONGEST_NAME = 4096


def cpio(source: Source) -> Iterator[Entry]:
    """The members of a cpio archive: old binary of either order, portable ASCII, new ASCII."""
    at, found = 0, False
    while True:
        header = _cpio_header(source, at)
        if header is None:
            break
        head, name_size, size, align = header
        found = True
        name = source.read(at + head, min(name_size, LONGEST_NAME)).split(b"\x00")[0]
        start = at + head + name_size
        start += -start % align
        if name == b"TRAILER!!!":
            break
        entry = _lying(name, source, start, size)
        if entry is not None:
            yield entry
        at = start + size
        at += -at % align
    if not found:
        raise BadInput("The cpio archive has no member that can be read.")


def _cpio_header(source: Source, at: int) -> tuple[int, int, int, int] | None:
    """How long the header, the name and the data are, and what they are padded to."""
    head = source.read(at, 110)
    for magic, order in ((b"\xc7\x71", "little"), (b"\x71\xc7", "big")):
        if head[:2] == magic and len(head) >= 26:
            words = [int.from_bytes(head[n : n + 2], order) for n in range(0, 26, 2)]  # type: ignore[arg-type]
            return 26, words[10], words[11] << 16 | words[12], 2
    try:
        if head[:6] == b"070707":
            return 76, int(head[59:65], 8), int(head[65:76], 8), 1
        if head[:6] in (b"070701", b"070702"):
            return 110, int(head[94:102], 16), int(head[54:62], 16), 4
    except ValueError:
        pass
    return None


def ar(source: Source) -> Iterator[Entry]:
    """The members of an ar archive."""
    at = 8
    while True:
        head = source.read(at, 60)
        if len(head) < 60 or head[58:60] != b"`\n" or not head[48:58].strip().isdigit():
            break
        size = int(head[48:58])
        name, start = head[:16].rstrip(b" /"), at + 60
        if name.startswith(b"#1/") and name[3:].isdigit():  # BSD: the name stands before the data
            length = min(int(name[3:]), size, LONGEST_NAME)
            name, start = source.read(start, length).rstrip(b"\x00"), start + length
        entry = _lying(name, source, start, size - (start - at - 60))
        if entry is not None:
            yield entry
        at += 60 + size + size % 2
    if at == 8 and source.size > 8:
        raise BadInput("The ar archive has no member that can be read.")


def _lying(name: bytes, source: Source, start: int, size: int) -> Entry | None:
    part = Part(source, start, size)
    if part.size <= 0:
        return None
    stop = Stop.CORRUPT if part.size < size else None
    shown = name.decode("utf-8", "surrogateescape")
    return Entry(shown, ((start, part.size),), lying_there(Unpacked(part, part.size, stop)))
