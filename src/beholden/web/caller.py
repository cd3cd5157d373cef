"""Which of the platform's servers is calling: by a key in a header, or by the certificate of its TLS connection.

The certificate is believed only where this process itself ended the TLS connection (`web/protocol.py` puts it into the
ASGI scope, where no header can reach). A proxy that ends TLS before us shows a key instead.
"""

from typing import Any

from beholden.journeys.access import check_platform_certificate, check_platform_key
from beholden.journeys.ports import Engines

LONGEST_KEY = 512


def caller_of(engines: Engines, scope: Any, key: str | None) -> str | None:
    """The caller's name; None when it is nobody we know. A key that is shown must be good, certificate or not.

    Raises Unavailable when the store does not answer.
    """
    if key is not None:
        return check_platform_key(engines, key) if 0 < len(key) <= LONGEST_KEY else None
    certificate = _certificate(scope)
    return None if certificate is None else check_platform_certificate(engines, certificate)


def _certificate(scope: Any) -> bytes | None:
    """The client's own certificate (ASGI TLS extension, `client_cert_chain`)."""
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return chain[0].encode("ascii") if chain else None
