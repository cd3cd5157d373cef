"""What the gate says of itself: AuthZEN's metadata, and the OpenAPI description of its endpoints.

There is no `capabilities` (no registered URN says anything of ours) and no `signed_metadata`: it would need a key that
readers trust from elsewhere, while the endpoint already speaks over TLS. Both may be absent.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import yaml
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from beholden.web.door import Reply, reply_to_get

CONFIGURATION = "/.well-known/authzen-configuration"
OPENAPI = "/gate/openapi.json"


def routes(url: str, endpoints: Mapping[str, str]) -> list[Route]:
    """Both documents, for a gate that the world reaches at `url`; `endpoints` are its paths by metadata key.

    The metadata lies where it is looked for: between the host and a path of the gate's own, if it has one.
    """
    return [
        Route(CONFIGURATION + urlsplit(url).path, _Public(lambda: metadata(url, endpoints))),
        Route(OPENAPI, _Public(lambda: {**openapi(), "servers": [{"url": url}]})),
    ]


def metadata(url: str, endpoints: Mapping[str, str]) -> Any:
    """The metadata document (AuthZEN 1.0, section 9); a 404 where it could not be a valid one."""
    if not _may_be_published(url):
        return Reply(
            404, "Metadata needs https. Set BEHOLDEN_URL to the https address by which callers reach the gate."
        )
    return {"policy_decision_point": url, **{key: url + path for key, path in endpoints.items()}}


@cache
def openapi() -> dict[str, Any]:
    """The description as it stands in `openapi.yaml`."""
    found: dict[str, Any] = yaml.safe_load(files("beholden.web").joinpath("openapi.yaml").read_text("utf-8"))
    return found


def _may_be_published(url: str) -> bool:
    """The standard wants https. To this very machine plain http is as private, and it is how everybody begins."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


class _Public:
    """A GET that needs no key. A class, so that Starlette hands it the bare request."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await reply_to_get(self._answer, scope, send)
