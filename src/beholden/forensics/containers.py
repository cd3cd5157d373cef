"""What a file is, by its first bytes, and how far a container may be opened.

Form decides how a file is read. What is compressed or encrypted in a way that is not read here is named as such: its
bytes count as unreadable, never as searched.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from beholden.forensics import filesystems, innodb
from beholden.forensics.postgres import page as postgres_page
from beholden.forensics.postgres import wal as postgres_log
from beholden.forensics.source import Source
from beholden.forensics.sqlite.format import MAGIC as SQLITE_MAGIC
from beholden.forensics.sqlite.wal import JOURNAL_MAGIC, WAL_MAGIC

HEAD = 512
"""Bytes that `recognise` wants to see; `form_of` looks further into what may be a disk."""


class Form(StrEnum):
    """How a file is to be read."""

    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZIP = "zip"
    TAR = "tar"
    SQLITE = "SQLite database"
    SQLITE_LOG = "SQLite write-ahead log"
    SQLITE_JOURNAL = "SQLite rollback journal"
    OPAQUE = "format that is not decoded"
    PLAIN = "plain"
    DISK_IMAGE = "disk image"
    DISK = "disk with partitions"
    FILE_SYSTEM = "file system"
    ROWS = "rows of a table, one JSON array a line"
    FRAGMENTS = "compressed fragments in other bytes"
    LZMA = "LZMA"
    ZSTD = "Zstandard"
    LZ4 = "LZ4"
    COMPRESS = "compress (.Z)"
    ZLIB = "zlib"
    SEVENZIP = "7-Zip archive"
    CPIO = "cpio"
    AR = "ar"
    MAIL = "mail"
    OLE = "OLE compound file"
    PDF = "PDF document"
    RTF = "RTF document"
    PARQUET = "Parquet file"
    ARROW = "Arrow file"
    ORC = "ORC file"
    AVRO = "Avro file"
    POSTGRES = "PostgreSQL table or index"
    POSTGRES_LOG = "PostgreSQL write-ahead log"
    INNODB = "InnoDB tablespace"


STREAMS = frozenset(
    {Form.GZIP, Form.BZIP2, Form.XZ, Form.LZMA, Form.ZSTD, Form.LZ4, Form.COMPRESS, Form.ZLIB}
)  # fmt: skip
VOLUMES = frozenset({Form.DISK_IMAGE, Form.DISK, Form.FILE_SYSTEM})
PACKED = STREAMS | VOLUMES | {
    Form.ZIP, Form.TAR, Form.SEVENZIP, Form.CPIO, Form.AR,
    Form.MAIL, Form.OLE, Form.PDF, Form.RTF, Form.PARQUET, Form.ARROW, Form.ORC, Form.AVRO,
}  # fmt: skip

_MAGIC: tuple[tuple[int, bytes, Form, str], ...] = (
    (0, SQLITE_MAGIC, Form.SQLITE, ""),
    (0, WAL_MAGIC[0], Form.SQLITE_LOG, ""),
    (0, WAL_MAGIC[1], Form.SQLITE_LOG, ""),
    (0, JOURNAL_MAGIC, Form.SQLITE_JOURNAL, ""),
    (0, b"\x1f\x8b\x08", Form.GZIP, ""),
    (0, b"BZh", Form.BZIP2, ""),
    (0, b"\xfd7zXZ\x00", Form.XZ, ""),
    (0, b"PK\x03\x04", Form.ZIP, ""),
    (0, b"PK\x05\x06", Form.ZIP, ""),
    (257, b"ustar", Form.TAR, ""),
    (0, b"Rar!\x1a\x07", Form.OPAQUE, "RAR archive"),
    (0, b"\xff\xd8\xff", Form.OPAQUE, "JPEG picture"),
    (0, b"\x89PNG\r\n", Form.OPAQUE, "PNG picture"),
    (0, b"GIF8", Form.OPAQUE, "GIF picture"),
    (4, b"ftyp", Form.OPAQUE, "MPEG-4 file"),
    (0, b"LUKS\xba\xbe", Form.OPAQUE, "LUKS encrypted volume"),
    (0, b"Salted__", Form.OPAQUE, "OpenSSL encrypted file"),
    (0, b"-----BEGIN PGP MESSAGE", Form.OPAQUE, "PGP encrypted message"),
    (0, b"age-encryption.org/", Form.OPAQUE, "age encrypted file"),
    (0, b"PK\x07\x08PK\x03\x04", Form.ZIP, ""),
    (0, b"PK00PK\x03\x04", Form.ZIP, ""),
    (0, b"\x28\xb5\x2f\xfd", Form.ZSTD, ""),
    (0, b"\x04\x22\x4d\x18", Form.LZ4, ""),
    (0, b"7z\xbc\xaf\x27\x1c", Form.SEVENZIP, ""),
    (0, b"!<arch>\n", Form.AR, ""),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Form.OLE, ""),
    (0, b"%PDF-", Form.PDF, ""),
    (0, b"{\\rtf", Form.RTF, ""),
    (0, b"PAR1", Form.PARQUET, ""),
    (0, b"PARE", Form.OPAQUE, "encrypted Parquet file"),
    (0, b"ARROW1\x00\x00", Form.ARROW, ""),
    (0, b"FEA1", Form.OPAQUE, "Feather file of version 1"),
    (0, b"Obj\x01", Form.AVRO, ""),
)
_MAIL_HEADER = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|mime-version|received|return-path|delivered-to|reply-to|sender"
    rb"|content-type|content-transfer-encoding|content-disposition|dkim-signature|x-[a-z0-9-]{1,60}): ?",
    re.IGNORECASE | re.MULTILINE,
)
_MBOX = re.compile(rb"From \S{1,256} +\S[^\r\n]{8,60}\d{4}")
_CPIO_TEXT = re.compile(rb"070707[0-7]{70}|07070[12][0-9A-Fa-f]{104}")
_LZMA_WINDOWS = frozenset(1 << bits for bits in range(12, 31)) | {3 << bits for bits in range(11, 29)}


_SHAPES: tuple[tuple[Callable[[bytes], object], Form], ...] = (
    (postgres_page.page_size, Form.POSTGRES),
    (postgres_log.read_shape, Form.POSTGRES_LOG),
    (innodb.read_shape, Form.INNODB),
)
"""Files without a magic of their own: their first page agrees with itself, or it does not."""


def recognise(head: bytes) -> tuple[Form, str]:
    """What a file is, and the name of its format where that is not decoded here."""
    for offset, magic, form, name in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return form, name
    for form, is_one in _LOOKS.items():
        if is_one(head):
            return form, ""
    for shape, form in _SHAPES:
        if shape(head) is not None:
            return form, ""
    return Form.PLAIN, ""


def _is_mail(head: bytes) -> bool:
    """Two of the headers that mails have, the first at the very beginning; or the line before a mail in an mbox."""
    if _MBOX.match(head):
        return True
    first = _MAIL_HEADER.match(head)
    return first is not None and _MAIL_HEADER.search(head, first.end()) is not None


def _is_zlib(head: bytes) -> bool:
    """The two bytes before zlib's streams are met by chance, so what follows has to come apart as well."""
    if len(head) < 8 or head[0] != 0x78 or int.from_bytes(head[:2], "big") % 31 or head[1] & 0x20:
        return False
    engine = zlib.decompressobj()
    try:
        made = engine.decompress(head, 1 << 16)
    except zlib.error:
        return False
    return engine.eof or len(made) >= 64


def _is_lzma(head: bytes) -> bool:
    """The old format of LZMA: usual properties, a usual window, and a size that is unknown or below a terabyte."""
    size = int.from_bytes(head[5:13], "little")
    window = int.from_bytes(head[1:5], "little")
    return len(head) > 13 and head[0] == 0x5D and window in _LZMA_WINDOWS and (size < 1 << 40 or size == 2**64 - 1)


def _is_cpio(head: bytes) -> bool:
    """Either kind of text header, all digits; or the binary one, with a name that ends where it says."""
    if _CPIO_TEXT.match(head):
        return True
    order: Literal["little", "big"] = "little" if head[:2] == b"\xc7\x71" else "big"
    length = int.from_bytes(head[20:22], order)
    return head[:2] in (b"\xc7\x71", b"\x71\xc7") and head.find(b"\x00", 26) == 25 + length > 25


def _is_compress(head: bytes) -> bool:
    return head[:2] == b"\x1f\x9d" and len(head) > 3 and not head[2] & 0x60 and 9 <= head[2] & 0x1F <= 16


def _is_orc(head: bytes) -> bool:
    """Three letters alone would be any table whose first column is an ORCID."""
    return head[:3] == b"ORC" and any(byte < 9 or byte > 126 for byte in head[3:128])


def _is_old_tar(head: bytes) -> bool:
    return len(head) >= 512 and head[:1] > b" " and head[100:101] in b"0 1" and tar_member(head, 0) is not None


_LOOKS: dict[Form, Callable[[bytes], bool]] = {
    Form.COMPRESS: _is_compress,
    Form.CPIO: _is_cpio,
    Form.ORC: _is_orc,
    Form.LZMA: _is_lzma,
    Form.ZLIB: _is_zlib,
    Form.MAIL: _is_mail,
    Form.TAR: _is_old_tar,
}


def form_of(source: Source) -> tuple[Form, str]:
    """What a source is, as `recognise` says it, and whether it is a disk, an image of one, or a file system."""
    head = source.read(0, HEAD)
    if source.size < HEAD:
        return recognise(head)
    # An Apple image begins with whatever its first part is packed by, and is known by its end.
    if filesystems.image(head, source.read(source.size - filesystems.SECTOR, filesystems.SECTOR)):
        return Form.DISK_IMAGE, ""
    form, name = recognise(head)
    if form is not Form.PLAIN:
        return form, name
    head += source.read(len(head), filesystems.HEAD - len(head))
    closed = filesystems.closed(head)
    if closed is not None:
        return Form.OPAQUE, closed
    if filesystems.file_system(head) and not filesystems.outlived(head):
        return Form.FILE_SYSTEM, ""
    return (Form.DISK, "") if filesystems.is_disk(head) or filesystems.is_lvm(head) else (Form.PLAIN, "")


class Stop(StrEnum):
    """Why unpacking a member ended before its end."""

    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    METHOD = "compressed by a method that is not known here"
    RATIO = "grows beyond all measure (an archive bomb)"
    TOO_LARGE = "larger than the limit for one member"
    TOTAL = "the limit for everything unpacked was reached"
    ELSEWHERE = "on another volume of the archive"
    NOT_INSTALLED = "in a format whose library is not installed"
    NOT_DECODED = "in a format that is not decoded"
    CRASHED = "the reader crashed"
    MEMORY = "the reader ran out of memory"
    TIME = "the reader ran out of time"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far containers are opened; sizes in bytes. What lies beyond is left out, and said to be."""

    depth: int = 12
    member: int = 16 << 30
    total: int = 64 << 30
    members: int = 200_000
    files: int = 2_000_000
    """Files of one file system."""
    ratio: int = 300
    ratio_from: int = 64 << 20
    directory: int = 64 << 20


OPENING = 4096
"""What opening a member counts at least, in bytes: a tree of millions of empty members ends as a bomb does."""


@dataclass(slots=True)
class Budget:
    """What has been unpacked so far from one exhibit, of everything in it together."""

    limits: Limits
    spent: int = 0

    def allows(self, produced: int, packed: int, more: int) -> Stop | None:
        """Whether a member that has produced so much from so many packed bytes may produce `more`."""
        if produced + more > self.limits.member:
            return Stop.TOO_LARGE
        if produced + more > self.limits.ratio_from and produced + more > self.limits.ratio * max(packed, 1):
            return Stop.RATIO
        return Stop.TOTAL if self.spent + more > self.limits.total else None

    def spend(self, more: int) -> None:
        """Note what was unpacked."""
        self.spent += more

    def opened(self) -> None:
        """Note that a member was opened, which costs something even where it holds nothing."""
        self.spent += OPENING


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member of a tar: its data lies in the archive as it is. `modified` is in seconds since 1970."""

    name: str
    start: int
    size: int
    kind: bytes = b"0"
    modified: int = 0


def tar_member(block: bytes, offset: int) -> TarMember | None:
    """The member whose 512-byte header stands at `offset`; None at the end, or where the checksum is wrong."""
    if len(block) < 512 or not block.strip(b"\x00"):
        return None
    written = tar_number(block[148:156])
    if written != sum(block[:148]) + 8 * 32 + sum(block[156:512]):
        return None
    size = tar_number(block[124:136])
    if size is None or size < 0:
        return None
    name = block[:100].split(b"\x00")[0]
    prefix = block[345:500].split(b"\x00")[0] if block[257:262] == b"ustar" else b""
    full = (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")
    kind = block[156:157]
    return TarMember(full, offset + 512, 0 if kind in _WITHOUT_DATA else size, kind, tar_number(block[136:148]) or 0)


_WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")


def tar_number(written: bytes) -> int | None:
    """Octal, or base 256 where the first bit is set (GNU)."""
    if written[:1] >= b"\x80":
        return int.from_bytes(bytes([written[0] & 0x7F]) + written[1:], "big")
    try:
        return int(written.strip(b"\x00 ") or b"0", 8)
    except ValueError:
        return None


def shown(name: str, longest: int = 200) -> str:
    """A name that is safe to print and to put into a page: control characters and bytes that are no text, escaped."""
    safe = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in name
    )
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"
