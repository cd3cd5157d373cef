"""How each value is written in an index: the one spelling under which it is sought, and its shape.

The shape says by which characters the value is recognised in bytes; kinds of value may share one.
"""

import re
from enum import IntEnum

from beholden.forensics.spelling import Kind, fold

KINDS = (Kind.SCOPED_ID, Kind.OUTSIDE_ID, Kind.EMAIL, Kind.PHONE, Kind.DIGEST, Kind.CANARY)
"""The kinds that an index may hold; columns hold places in this tuple."""
CODES = {kind: code for code, kind in enumerate(KINDS)}
MAX_LENGTH = 320
"""No value is longer: an address of 64 + 1 + 255."""
MIN_TOKEN = 8
MIN_PHONE, MAX_PHONE = 7, 15
"""Digits of a phone (ITU-T E.164 allows 15)."""


class Shape(IntEnum):
    """By what a value is recognised in bytes."""

    ADDRESS = 1
    NUMBER = 2
    PHONE = 3
    SCOPED = 4
    TOKEN = 5
    HEX = 6


_ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{3,255}")
_SCOPED = re.compile(rb"[a-z2-7]{26}")
_NUMBER = re.compile(rb"[0-9]{8,60}")
_TOKEN = re.compile(rb"[a-z0-9_-]{8,64}")
_HEX = re.compile(rb"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}")
_PHONE = re.compile(r"\+?[0-9 ().\u00a0/-]{7,40}")
_NANP = re.compile(rb"1[2-9][0-9]{2}[2-9][0-9]{6}")
_CODE = re.compile(rb"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}")
"""Country calling codes (ITU-T E.164 D): those of one and two digits, else three."""


def keys(kind: Kind, value: str) -> tuple[tuple[Shape, bytes], ...]:
    """A value as it is sought; none where it is nothing that could be recognised."""
    if kind is Kind.EMAIL:
        return _address(value)
    if kind is Kind.PHONE:
        return tuple((Shape.PHONE, digits) for digits in phones(value))
    low = fold(value.strip())
    if kind is Kind.SCOPED_ID:
        return ((Shape.SCOPED, low),) if _SCOPED.fullmatch(low) else ()
    if kind is Kind.OUTSIDE_ID:
        return _id(low)
    if kind is Kind.DIGEST:
        return ((Shape.HEX, low),) if _HEX.fullmatch(low) else ()
    if kind is Kind.CANARY:
        return _canary(value, low)
    return ()


def _address(value: str) -> tuple[tuple[Shape, bytes], ...]:
    if not _ADDRESS.fullmatch(value):
        return ()
    low = fold(value)
    return ((Shape.ADDRESS, low),) if len(low) <= MAX_LENGTH else ()


def _id(low: bytes) -> tuple[tuple[Shape, bytes], ...]:
    if _NUMBER.fullmatch(low):
        return ((Shape.NUMBER, low),)
    return ((Shape.TOKEN, low),) if _TOKEN.fullmatch(low) else ()


def _canary(value: str, low: bytes) -> tuple[tuple[Shape, bytes], ...]:
    if "@" in value:
        return _address(value)
    if _SCOPED.fullmatch(low):
        return ((Shape.SCOPED, low),)
    if _HEX.fullmatch(low):
        return ((Shape.HEX, low),)
    if _PHONE.fullmatch(value.strip()) and (value.strip().startswith("+") or not low.isdigit()):
        return tuple((Shape.PHONE, digits) for digits in phones(value))
    return _id(low)


def phones(value: str) -> tuple[bytes, ...]:
    """The digits under which a phone is sought: as dialled from anywhere, and as dialled within its country."""
    text = value.strip()
    if not _PHONE.fullmatch(text):
        return ()
    digits = re.sub(rb"[^0-9]", b"", text.replace("(0)", "").encode("ascii", "replace"))
    whole = canonical(digits)
    if not MIN_PHONE <= len(whole) <= MAX_PHONE:
        return ()
    if not (text.startswith("+") or digits.startswith(b"00")) or whole != digits.lstrip(b"0"):
        return (whole,)
    code = _CODE.match(whole)
    national = whole[code.end() :].lstrip(b"0") if code else b""
    return (whole, national) if len(national) >= MIN_PHONE else (whole,)


def canonical(digits: bytes) -> bytes:
    """A phone's digits without international or trunk prefix; of numbering plan 1 without its 1."""
    bare = digits.lstrip(b"0")
    return bare[1:] if _NANP.fullmatch(bare) else bare
