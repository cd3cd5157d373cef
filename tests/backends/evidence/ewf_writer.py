"""Writes Expert Witness images as acquisition tools do, so that tests can damage them where they like."""

import hashlib
import struct
import zlib
from dataclasses import dataclass, field

MAGIC = b"EVF\x09\x0d\x0a\xff\x00"


@dataclass
class Segment:
    """One file of the image; `at` are the offsets of its sections, by their kind, the last of a kind last."""

    data: bytearray
    at: dict[str, list[int]] = field(default_factory=dict)

    def section(self, kind: str, body: bytes, *, last: bool = False) -> None:
        start = len(self.data)
        size = 76 + len(body)
        head = kind.encode().ljust(16, b"\x00") + struct.pack("<QQ", start if last else start + size, size) + bytes(40)
        self.data += head + struct.pack("<I", zlib.adler32(head)) + body
        self.at.setdefault(kind, []).append(start)


def ewf(
    disk: bytes,
    *,
    chunk: int = 32768,
    segments: int = 1,
    level: int = 6,
    plain_every: int = 0,
    sha1: bool = False,
    copies: bool = True,
    stored: bytes | None = None,
    unread: tuple[tuple[int, int], ...] = (),
) -> list[Segment]:
    """A disk in so many segments. Each `plain_every`th chunk is not deflated; `stored` is a digest that may lie."""
    chunks = [disk[start : start + chunk] for start in range(0, len(disk), chunk)]
    per_segment = -(-len(chunks) // segments)
    made: list[Segment] = []
    for number in range(segments):
        segment = Segment(bytearray(MAGIC + b"\x01" + struct.pack("<HH", number + 1, 0)))
        if number == 0:
            segment.section("header", zlib.compress(b"1\nmain\n"))
            body = struct.pack("<B3xIIIQ", 1, len(chunks), chunk // 512, 512, len(disk) // 512).ljust(1048, b"\x00")
            segment.section("volume", body + struct.pack("<I", zlib.adler32(body)))
        _chunks(segment, chunks[number * per_segment : (number + 1) * per_segment], number, level, plain_every, copies)
        if number < segments - 1:
            segment.section("next", b"", last=True)
        made.append(segment)
    last = made[-1]
    if unread:
        body = struct.pack("<I512x", len(unread))
        body += struct.pack("<I", zlib.adler32(body)) + b"".join(struct.pack("<II", *one) for one in unread)
        last.section("error2", body)
    if sha1:
        digests = hashlib.md5(disk).digest() + (stored or hashlib.sha1(disk).digest())
        body = digests + bytes(40)
        last.section("digest", body + struct.pack("<I", zlib.adler32(body)))
    body = (stored if stored and not sha1 else hashlib.md5(disk).digest()) + bytes(16)
    last.section("hash", body + struct.pack("<I", zlib.adler32(body)))
    last.section("done", b"", last=True)
    return made


def _chunks(segment: Segment, chunks: list[bytes], number: int, level: int, plain_every: int, copies: bool) -> None:
    start = len(segment.data) + 76
    packed, offsets = bytearray(), []
    for index, chunk in enumerate(chunks):
        plain = plain_every and index % plain_every == 0
        offsets.append(start + len(packed) | (0 if plain else 1 << 31))
        packed += chunk + struct.pack("<I", zlib.adler32(chunk)) if plain else zlib.compress(chunk, level)
    segment.section("sectors", bytes(packed))
    head = struct.pack("<I4xQ4x", len(offsets), 0)
    entries = struct.pack(f"<{len(offsets)}I", *offsets)
    body = head + struct.pack("<I", zlib.adler32(head)) + entries + struct.pack("<I", zlib.adler32(entries))
    segment.section("table", body)
    if copies:
        segment.section("table2", body)
