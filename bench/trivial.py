"""The least that an ASGI server can be asked: read the body, say yes. What other servers are measured beside."""

from collections.abc import Awaitable, Callable
from typing import Any

_BODY = b'{"decision": true}'
_HEAD = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]


async def app(
    _: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """See ASGI; served without lifespan."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
    await send({"type": "http.response.body", "body": _BODY})
