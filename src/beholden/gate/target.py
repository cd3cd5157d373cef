"""The target of a request that a gateway asks about, read so that nobody behind us can read it otherwise.

The gateway shows us one text and passes the same text on. If we took `/api/%70eople` for something else than the
server behind it does, an app would be decided on one route and served on another. So nothing is normalised here: a
target that two servers might read differently (RFC 3986, 6.2.2; dots, doubled or escaped slashes, path parameters,
escapes of what needs none) is ambiguous, and refused.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

LONGEST = 8192
"""Characters of a target; no server that we know takes longer ones by default."""
MAX_PARAMETERS = 200
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+")  # pchar of RFC 3986, 3.3, without ";"
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]|-]|%[0-9A-Fa-f]{2})*")  # and what browsers leave as it is
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_NEVER_ESCAPED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NEVER_MEANT = frozenset([*range(0x20), 0x7F, *b"/\\%?#;"])


@dataclass(frozen=True, slots=True)
class Target:
    """`raw` are the path's segments as they stand, `segments` decoded; `query` is as it stands."""

    raw: tuple[str, ...]
    segments: tuple[str, ...]
    query: str


class Ambiguous(Exception):
    """Two servers could understand it in two ways; the message says why, for our log."""


def read(text: str) -> Target:
    """The target in origin form (RFC 9112, 3.2.1). Raises Ambiguous."""
    if len(text) > LONGEST:
        raise Ambiguous("it is too long")
    path, _, query = text.partition("?")
    if not path.startswith("/"):
        raise Ambiguous("it does not begin with a slash")
    if not _QUERY.fullmatch(query):
        raise Ambiguous("its query has a character that is not allowed there")
    raw = () if path == "/" else tuple(path[1:].split("/"))
    return Target(raw, tuple(_segment(part) for part in raw), query)


def parameter(query: str, name: str) -> str | None:
    """The one value of `name` in a query; None where there is none. Raises Ambiguous where a server might find another.

    `user`, `User`, `user[]` and `u%73er` are one parameter to somebody, and `;` separates pairs for some.
    """
    if ";" in query or query.count("&") >= MAX_PARAMETERS:
        raise Ambiguous("its query can be split in two ways")
    found: list[str] = []
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if _family(_decoded(key.replace("+", " "))) != _family(name):
            continue
        if key != name:
            raise Ambiguous("its query has a variant of the parameter that names the person")
        found.append(_decoded(value.replace("+", " ")))
    if len(found) > 1:
        raise Ambiguous("its query names the person twice")
    return found[0] if found else None


def _family(name: str) -> str:
    """What frameworks are known to take for the same name: by case, with brackets, dots for underscores, blanks."""
    return name.casefold().partition("[")[0].replace(".", "_").replace(" ", "_").strip("_\0")


def _segment(raw: str) -> str:
    if not _SEGMENT.fullmatch(raw):
        raise Ambiguous("its path has an empty segment, or a character that is not allowed there")
    for code in _ESCAPE.findall(raw):
        byte = int(code, 16)
        if byte in _NEVER_ESCAPED or byte in _NEVER_MEANT:
            raise Ambiguous("its path escapes what needs no escape, or hides a delimiter")
    if set(raw) == {"."}:
        raise Ambiguous("its path has a dot segment")
    return _decoded(raw)


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise Ambiguous("it is not UTF-8") from None
