"""An inner ASGI application whose answer is taken piece by piece, at the speed of the one who takes it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.types import ASGIApp, Message, Receive, Scope

from beholden.model.errors import BadInput
from beholden.web.door import Gone

_LOG = logging.getLogger("beholden.web")
_GONE: Message = {"type": "http.disconnect"}
_BROKEN: Message = {"type": "broken"}


class Relay:
    """The application's messages, one at a time: it waits in `send` until the last one was taken."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[Message] = asyncio.Queue(1)
        self._asked: asyncio.Queue[Message] = asyncio.Queue(1)
        self._gone = False

    async def start(self) -> Message:
        """The begin of its answer; raises BadInput where it is none, Gone when nobody waits for it."""
        message = await self._next()
        if message["type"] != "http.response.start":
            raise BadInput("The application's answer is not in order.", "Mend it.")
        return message

    async def body(self) -> Message:
        """The next piece of its body, in the form of a request's; raises as `start` does."""
        message = await self._next()
        if message["type"] != "http.response.body":
            raise BadInput("The application's answer broke off.", "See its log.")
        return {"type": "http.request", "body": message.get("body", b""), "more_body": message.get("more_body", False)}

    async def _next(self) -> Message:
        message = await self._sent.get()
        if self._gone:
            raise Gone
        return message

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the application to its end; what it does not say properly is `_BROKEN`."""
        try:
            await app(scope, self._asked.get, self._sent.put)
        except Exception:  # noqa: BLE001 - whatever it was, nothing of it leaves
            _LOG.exception("the guarded application failed at %s", scope["path"])
        await self._sent.put(_BROKEN)  # which nobody reads after a proper end

    async def listen(self, receive: Receive) -> None:
        """Hand the request on, and notice when the caller hangs up."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._gone = True
                with suppress(asyncio.QueueFull):
                    self._sent.put_nowait(_GONE)  # wakes whoever waits for the next piece
                while True:
                    await self._asked.put(_GONE)
            await self._asked.put(message)


@asynccontextmanager
async def relayed(app: ASGIApp, scope: Scope, receive: Receive) -> AsyncIterator[Relay]:
    """The application at work; it is stopped at the end of the block."""
    relay = Relay()
    tasks = [asyncio.create_task(relay.run(app, scope)), asyncio.create_task(relay.listen(receive))]
    try:
        yield relay
    finally:
        for task in tasks:
            task.cancel()
        for told in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(told, Exception):
                _LOG.error("the guarded application did not end well: %r", told)
