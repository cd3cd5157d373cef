"""Texts from outside that are kept and shown: bounded, of one line, without signs that break or reorder a page."""

import unicodedata

from beholden.model.errors import BadInput
from beholden.notices.address import Unusable, usable

# Cc control, Cs half a character, Zl and Zp line ends.
_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
# Embeddings, overrides and isolates turn the text after them around (Unicode TR 9); plain direction marks do not.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked_text(value: str, what: str, longest: int, *, lines: bool = False, empty: bool = False) -> str:
    """The text without blanks around it; raises BadInput when it is empty, too long or has unseen signs.

    `lines` lets line ends pass, for texts of several lines.
    """
    text = value.strip()
    if len(text) > longest or (not text and not empty):
        raise BadInput(f"The {what} must have {0 if empty else 1} to {longest} characters.", "Mend it.")
    if text.isprintable():  # nearly always, and a hundred times quicker than looking at each sign
        return text
    for character in text:
        breaks = unicodedata.category(character) in _BREAKING or character in _REORDERING
        if breaks and not (lines and character == "\n"):
            raise BadInput(f"The {what} has the unseen character U+{ord(character):04X}.", "Take it out.")
    return text


def checked_email(value: str) -> str:
    """An address that a letter can be sent to; raises BadInput that says why it is none."""
    text = checked_text(value, "e-mail address", 320)
    found = usable(text)
    if isinstance(found, Unusable):
        raise BadInput(f"The e-mail address {text!r} cannot be used ({found.reason}).", "Write name@example.org.")
    return text
