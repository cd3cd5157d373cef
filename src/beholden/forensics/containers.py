"""What a file is, by its first bytes, and how far a container may be opened.

Form decides how a file is read. What is compressed or encrypted in a way that is not read here is named as such: its
bytes count as unreadable, never as searched.
"""

from dataclasses import dataclass
from enum import StrEnum

from beholden.forensics import filesystems
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


VOLUMES = frozenset({Form.DISK_IMAGE, Form.DISK, Form.FILE_SYSTEM})
PACKED = frozenset({Form.GZIP, Form.BZIP2, Form.XZ, Form.ZIP, Form.TAR}) | VOLUMES

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
    (0, b"7z\xbc\xaf\x27\x1c", Form.OPAQUE, "7-Zip archive"),
    (0, b"Rar!\x1a\x07", Form.OPAQUE, "RAR archive"),
    (0, b"\x28\xb5\x2f\xfd", Form.OPAQUE, "Zstandard stream"),
    (0, b"\x04\x22\x4d\x18", Form.OPAQUE, "LZ4 stream"),
    (0, b"\x1f\x9d", Form.OPAQUE, "compress (.Z) stream"),
    (0, b"%PDF-", Form.OPAQUE, "PDF document"),
    (0, b"PAR1", Form.OPAQUE, "Parquet file"),
    (0, b"Obj\x01", Form.OPAQUE, "Avro file"),
    (0, b"ORC", Form.OPAQUE, "ORC file"),
    (0, b"\xff\xd8\xff", Form.OPAQUE, "JPEG picture"),
    (0, b"\x89PNG\r\n", Form.OPAQUE, "PNG picture"),
    (0, b"GIF8", Form.OPAQUE, "GIF picture"),
    (4, b"ftyp", Form.OPAQUE, "MPEG-4 file"),
    (0, b"LUKS\xba\xbe", Form.OPAQUE, "LUKS encrypted volume"),
    (0, b"Salted__", Form.OPAQUE, "OpenSSL encrypted file"),
    (0, b"-----BEGIN PGP MESSAGE", Form.OPAQUE, "PGP encrypted message"),
    (0, b"age-encryption.org/", Form.OPAQUE, "age encrypted file"),
)


def recognise(head: bytes) -> tuple[Form, str]:
    """What a file is, and the name of its format where that is not decoded here."""
    for offset, magic, form, name in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return form, name
    return Form.PLAIN, ""


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


@dataclass(slots=True)
class Budget:
    """What has been unpacked so far in one examination, of everything together."""

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


def zip_directory_size(tail: bytes, size: int) -> int | None:
    """How large a zip's central directory says it is; None where there is no end record in the file's last bytes.

    `tail` are the last bytes of a file of `size` bytes. Read before any library builds its list of members.
    """
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        return None
    locator = tail[max(0, at - 20) : at]
    if locator.startswith(b"PK\x06\x07"):
        place = int.from_bytes(locator[8:16], "little") - (size - len(tail))
        record = tail[place : place + 56] if place >= 0 else b""
        return int.from_bytes(record[40:48], "little") if record.startswith(b"PK\x06\x06") else size
    return int.from_bytes(tail[at + 12 : at + 16], "little")


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member of a tar: its data lies in the archive as it is."""

    name: str
    start: int
    size: int


def tar_member(block: bytes, offset: int) -> TarMember | None:
    """The member whose 512-byte header stands at `offset`; None at the end, or where the checksum is wrong."""
    if len(block) < 512 or not block.strip(b"\x00"):
        return None
    written = _tar_number(block[148:156])
    if written != sum(block[:148]) + 8 * 32 + sum(block[156:512]):
        return None
    size = _tar_number(block[124:136])
    if size is None or size < 0:
        return None
    name = block[:100].split(b"\x00")[0]
    prefix = block[345:500].split(b"\x00")[0] if block[257:262] == b"ustar" else b""
    full = (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")
    return TarMember(full, offset + 512, size if block[156:157] not in b"123456" else 0)


def _tar_number(written: bytes) -> int | None:
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
