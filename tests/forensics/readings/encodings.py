"""Every encoding that a value may be written in, as other programs write it."""

import base64
import quopri
from collections.abc import Callable

Encode = Callable[[bytes], bytes]


def _each(form: str) -> Encode:
    return lambda raw: b"".join((form % byte).encode() for byte in raw)


def _units(raw: bytes) -> str:
    return raw.decode("latin-1")


def _wrapped(raw: bytes) -> bytes:
    text = base64.b64encode(raw)
    return b"\r\n".join(text[at : at + 64] for at in range(0, len(text), 64))


ENCODINGS: dict[str, Encode] = {
    "base64": base64.b64encode,
    "base64 for URLs, without padding": lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"="),
    "base64 in lines of mail": base64.encodebytes,
    "base64 in lines of a certificate": _wrapped,
    "hexadecimal": lambda raw: raw.hex().encode(),
    "hexadecimal in capitals": lambda raw: raw.hex().upper().encode(),
    "UTF-16 LE": lambda raw: _units(raw).encode("utf-16-le"),
    "UTF-16 BE": lambda raw: _units(raw).encode("utf-16-be"),
    "quoted-printable": lambda raw: quopri.encodestring(raw, quotetabs=True),
    "quoted-printable of every letter": _each("=%02X"),
    "soft line breaks": lambda raw: b"=\r\n".join(raw[at : at + 7] for at in range(0, len(raw), 7)),
    "percent": _each("%%%02X"),
    "percent in small letters": _each("%%%02x"),
    "JSON": _each("\\u%04x"),
    "backslash and x": _each("\\x%02x"),
    "octal": _each("\\%03o"),
    "entities": _each("&#%d;"),
    "entities in hexadecimal": _each("&#x%x;"),
}
