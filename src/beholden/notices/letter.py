"""Letters as bytes: RFC 5322 headers, RFC 2047 encoded words, a quoted-printable UTF-8 body.

A letter is text/plain on purpose. There is no markup that a hostile name could open, and nothing to click but one
address that the letter itself tells the reader not to trust. What is the same for a cohort is prepared once (`Mould`);
a letter of its own is then a few joins, so that tens of thousands can be written in seconds.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from beholden.model.ids import PersonNumber
from beholden.notices.address import Address

MAX_NAME = 80
_PLAIN = re.compile(r"[A-Za-z0-9 '._-]*")
_HEADER_ASCII = re.compile(r"[\x20-\x7e]*")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_DOT_IN_WORD = re.compile(r"\.(?=\w)")
_WORD_BYTES = 45
"""Bytes in one encoded word: 60 characters of base64 and 12 around them stay under RFC 2047's 75."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, ready to send: whole RFC 5322 bytes with CRLF line ends, not yet dot-stuffed.

    `message_id` is with its angle brackets. The same letter has the same one however often it is sent.
    """

    person: PersonNumber
    address: str
    international: bool
    message_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mould:
    """What letters with the same words share: the headers and the body after the greeting, encoded."""

    head: bytes
    body: bytes


def mould(sender: str, subject: str, body: str, at: datetime) -> Mould:
    """Prepare words for many people. `body` follows the greeting; `at` is the Date, the same for every try."""
    head = (
        f"From: {sender}\r\n"
        f"Subject: {header_text(subject)}\r\n"
        f"Date: {format_datetime(at)}\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
    )
    return Mould(head.encode("ascii"), _quoted_printable(f"{body}\n"))


def letter(mould_: Mould, person: PersonNumber, name: str, address: Address, message_id: str) -> Letter:
    """The letter to one person. `name` may be anything; nothing of it can leave its place."""
    shown = clean(name)
    to = f"{_phrase(shown)}<{address.text}>" if shown else f"<{address.text}>"
    head = f"To: {to}\r\nMessage-ID: {message_id}\r\n".encode()
    greeting = _quoted_printable(f"Hello {shown},\n\n" if shown else "Hello,\n\n")
    return Letter(
        person,
        address.text,
        address.international,
        message_id,
        b"".join((mould_.head, head, b"\r\n", greeting, mould_.body)),
    )


def message_id(secret: bytes, subject: bytes, domain: str) -> str:
    """The one Message-ID of one letter: a keyed hash, so that it tells nobody who was written to."""
    return f"<{hashlib.blake2s(subject, key=secret, digest_size=16, person=b'letter').hexdigest()}@{domain}>"


def domain_of(url: str) -> str:
    """The right side of our Message-IDs: the host of the pages, where it can stand there (RFC 5322 3.6.4)."""
    host = urlsplit(url).hostname or ""
    return host if _HOST.fullmatch(host) else "beholden.invalid"


def clean(text: str, longest: int = MAX_NAME) -> str:
    """A name from outside in one line: no control, no invisible or direction-turning characters, not too long."""
    if _PLAIN.fullmatch(text) and len(text) <= longest:
        return text.strip()
    kept = (" " if unicodedata.category(c)[0] in "ZC" else c for c in text[: longest * 4])
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def unlinked(text: str, longest: int = MAX_NAME) -> str:
    """A name that a developer chose, so written that no mail program makes a link of it."""
    return _DOT_IN_WORD.sub("[.]", clean(text, longest).replace("://", "[:]//"))


def header_text(text: str) -> str:
    """Unstructured header text: as it is where it is short ASCII, else in encoded words, folded (RFC 2047)."""
    line = clean(text, 300)
    if len(line) <= 60 and _HEADER_ASCII.fullmatch(line) and "=?" not in line:
        return line
    return _encoded_words(line)


def _phrase(shown: str) -> str:
    """A display name and the space after it. A long one is cut to one encoded word: readers disagree on whether two
    in a row have a space between them, and the greeting has the whole name."""
    if len(shown) <= _WORD_BYTES and _PLAIN.fullmatch(shown):
        return f'"{shown}" '
    part = shown.encode("utf-8", "replace")[:_WORD_BYTES].decode("utf-8", "ignore")
    return f"{_encoded(part.encode())} "


def _encoded_words(line: str) -> str:
    words: list[str] = []
    part = b""
    for character in line:
        one = character.encode("utf-8", "replace")
        if len(part) + len(one) > _WORD_BYTES:
            words.append(_encoded(part))
            part = b""
        part += one
    return "\r\n ".join([*words, _encoded(part)])


def _encoded(part: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(part).decode()}?="


def _quoted_printable(text: str) -> bytes:
    """RFC 2045 6.7, with CRLF line ends and lines of at most 76 characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return binascii.b2a_qp(lines.encode("utf-8", "replace"), istext=True)
