"""Mail addresses. They come from outside: one that could change a command or a header is no address.

RFC 5321 section 4.1.2 (dot-string local part, domain) and 4.5.3.1 (lengths), RFC 6531 for non-ASCII local parts. Quoted
local parts and address literals are refused: no platform gives them to people, and they are where injections hide.
"""

import re
from dataclasses import dataclass

MAX_LOCAL = 64
MAX_DOMAIN = 255
MAX_ADDRESS = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Address:
    """A usable address. `international` needs a server that offers SMTPUTF8."""

    text: str
    international: bool


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why no letter can go there, in words for an operator. It does not repeat the address."""

    reason: str


def usable(raw: str) -> Address | Unusable:
    """The address to write on the envelope, its domain in ASCII, or why there is none."""
    if not raw:
        return Unusable("no address")
    if len(raw) > MAX_ADDRESS * 4:
        return Unusable("address too long")
    local, at, domain = raw.rpartition("@")
    if not at or not local or not domain:
        return Unusable("not an address")
    written = _ascii_domain(domain)
    if written is None:
        return Unusable("no such domain can be")
    if not _local_part(local):
        return Unusable("the part before the @ is not usable")
    text = f"{local}@{written}"
    if len(local.encode()) > MAX_LOCAL or len(text.encode()) > MAX_ADDRESS:
        return Unusable("address too long")
    return Address(text, not local.isascii())


def _local_part(local: str) -> bool:
    if local.isascii():
        return _LOCAL.fullmatch(local) is not None
    # RFC 6531 lets every non-ASCII character be an atom's; only letters, marks and digits are taken as real ones.
    if not all(c.isalnum() for c in local if not c.isascii()):
        return False
    return _LOCAL.fullmatch("".join(c if c.isascii() else "x" for c in local)) is not None


def _ascii_domain(domain: str) -> str | None:
    """IDNA (RFC 3490, as Python has it); None where a label is not a host's name, or there is only one."""
    try:
        written = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        return None
    labels = written.split(".")
    fits = len(written) <= MAX_DOMAIN and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    return written.lower() if fits and not labels[-1].isdecimal() else None
