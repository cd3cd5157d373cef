"""The re-registration guard: whether a new developer looks like a banned one."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from beholden.model.app import Developer
from beholden.model.ids import DeveloperNumber

PUBLIC_MAIL = frozenset(
    (
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com"),
        *("icloud.com", "me.com", "mac.com", "aol.com", "proton.me", "protonmail.com", "pm.me", "gmx.de", "gmx.net"),
        *("gmx.com", "web.de", "mail.ru", "yandex.ru", "yandex.com", "qq.com", "163.com", "126.com", "zoho.com"),
        *("fastmail.com", "hey.com", "tutanota.com", "mail.com", "t-online.de", "orange.fr", "free.fr", "libero.it"),
    )
)
"""Where everybody may have an address: there the whole address must be the same, not the domain."""

_LEGAL_FORM = re.compile(
    r"\b(ltd|limited|inc|incorporated|llc|llp|lp|plc|corp|corporation|company|co|gmbh|ag|kg|ug|sa|sas|sarl|srl|spa|bv|nv"
    r"|oy|ab|as|aps|pty|pte|kk|sro|doo|group|holding|holdings|international|the)\b"
)
# Letters of other scripts that look like Latin ones, so that a name cannot be worn again in disguise.
_LOOKALIKES = str.maketrans("аеорсухіјѕԁɡӏοαενικτρυ", "aeopcyxijsdgloaeviktpu")


@dataclass(frozen=True, slots=True)
class Resemblance:
    """`refuse` where it is the same address or domain; a like name alone is for an operator to look at."""

    developer: DeveloperNumber
    refuse: bool
    sentence: str


def resembles(name: str, email: str, banned: Iterable[Developer]) -> Resemblance | None:
    """How a newcomer resembles a banned developer, the gravest way first; None when they do not."""
    found = [r for developer in banned if (r := _resembles(name, email, developer)) is not None]
    return min(found, key=lambda r: (not r.refuse, r.developer)) if found else None


def _resembles(name: str, email: str, banned: Developer) -> Resemblance | None:
    address, other = email.strip().casefold(), banned.email.strip().casefold()
    domain, other_domain = _domain(address), _domain(other)
    called = f"the banned developer {banned.name!r} (number {banned.number})"
    if address and _mailbox(address) == _mailbox(other):
        return Resemblance(banned.number, True, f"The mail address is that of {called}.")
    if domain and other_domain not in PUBLIC_MAIL and _within(domain, other_domain):
        return Resemblance(banned.number, True, f"The mail domain {domain} is that of {called}.")
    if essence(name) and essence(name) == essence(banned.name):
        return Resemblance(banned.number, False, f"The name is that of {called}.")
    return None


def essence(name: str) -> str:
    """What is left of a name without case, accents, look-alike letters, legal form, blanks and signs."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c)).translate(_LOOKALIKES)
    words = re.sub(r"[^\w\s]", " ", letters.replace(".", "").replace("'", ""))
    core = _LEGAL_FORM.sub(" ", words)
    return re.sub(r"[\W_]+", "", core) or re.sub(r"[\W_]+", "", words)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].rstrip(".") if "@" in address else ""


def _mailbox(address: str) -> str:
    """The address without its `+tag`, which reaches the same mailbox nearly everywhere."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain.rstrip('.')}"


def _within(domain: str, other: str) -> bool:
    """Whether one is the other, or lies under it. A bare `uk` or `com` holds nobody together."""
    if not domain or not other or "." not in other or "." not in domain:
        return False
    return domain == other or domain.endswith("." + other) or other.endswith("." + domain)
