"""How texts are compared: kinds of value, and the one spelling of each."""

import re
import unicodedata
from enum import StrEnum

_WORD = re.compile(r"[^\W_]+")


class Kind(StrEnum):
    """What of a person was found."""

    SCOPED_ID = "app-scoped id"
    OUTSIDE_ID = "platform id"
    EMAIL = "e-mail"
    NAME = "name"
    PHONE = "phone"
    DIGEST = "digest of an address or phone"
    CANARY = "canary"


def fold(text: str) -> bytes:
    """The one spelling under which texts are compared: Unicode NFC, case folded, UTF-8."""
    if text.isascii():
        return text.lower().encode()
    return unicodedata.normalize("NFC", text).casefold().encode("utf-8", "replace")


def folded_text(text: str) -> str:
    """The same as text."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def words(text: str) -> list[str]:
    """The words of a text, folded; digits count as letters, an underscore parts."""
    return _WORD.findall(folded_text(text))
