"""Redirect URIs: which may be registered, when one matches, and the answer that is sent there."""

from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from beholden.gate.oauth.refusal import Refused, describable

_LONGEST = 2000
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_NEVER = {"javascript", "data", "vbscript", "file", "blob", "about", "ws", "wss", "mailto"}


def refuse_uri(uri: str) -> str | None:
    """Why a URI cannot be registered as a redirect URI, or None when it can.

    Absolute, without a fragment (RFC 6749, 3.1.2); https, or http on the loopback (RFC 8252, 7.3), or an app's own
    scheme with a dot in it (RFC 8252, 7.1); no user part and no character that two parsers could read in two ways.
    """
    if not 0 < len(uri) <= _LONGEST or not uri.isascii() or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in uri):
        return f"It must have 1 to {_LONGEST} characters of those that an address may have."
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return "It is not an address."
    if "#" in uri:
        return "It must not have a fragment."
    if parts.scheme in {"http", "https"}:
        if not parts.hostname or "@" in parts.netloc or port == 0:
            return "It must name a host, and no user."
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            return "It must begin with https:// (http:// is for this computer alone)."
        return None
    if parts.scheme in _NEVER or "." not in parts.scheme:
        return "It must begin with https://, or with a scheme of the app's own such as com.example.app:."
    return None


def matches(uri: str, registered: Sequence[str]) -> bool:
    """Whether the URI is one that was registered: compared as plain text, nothing normalised (RFC 9700, 4.1.3)."""
    return uri in registered and refuse_uri(uri) is None


def with_code(uri: str, *, code: str, state: str | None, issuer: str) -> str:
    """Where the person goes with the code (RFC 6749, 4.1.2); `iss` says who sent it (RFC 9207)."""
    return _extended(uri, {"code": code}, state, issuer)


def with_refusal(uri: str, refused: Refused, *, state: str | None, issuer: str) -> str:
    """Where the person goes with a no (RFC 6749, 4.1.2.1; RFC 9207)."""
    answer = {"error": refused.error.value, "error_description": describable(refused.description)}
    return _extended(uri, answer, state, issuer)


def _extended(uri: str, answer: dict[str, str], state: str | None, issuer: str) -> str:
    if state is not None:
        answer["state"] = state
    answer["iss"] = issuer
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"
