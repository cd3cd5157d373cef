"""The committer: disclosures of many requests at once become one append, off the event loop.

An append waits for a disk. Requests that come meanwhile are taken along by the next one: so its window is as long as
a commit takes, a lone request never waits for it, and the event loop waits for nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from beholden.model.disclosure import Disclosure
from beholden.model.errors import BeholdenError, Unavailable

Append = Callable[[Sequence[Disclosure]], object]
"""Makes disclosures durable, all or none; raises from the error tree."""
MAX_WAITING = 20_000
"""Disclosures that may wait; a ledger that is slower than its callers refuses instead of filling the memory."""
MAX_TOGETHER = 2_000
"""Disclosures in one append; so that nobody waits long behind a crowd."""


@dataclass(eq=False, slots=True)
class _Call:
    items: Sequence[Disclosure]
    done: "asyncio.Future[BeholdenError | None]"


class Committer:
    """Belongs to one event loop. `append` is called in a thread, one call at a time."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._calls: list[_Call] = []
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def commit(self, items: Sequence[Disclosure]) -> None:
        """Returns when these are durable (law 1); raises what the append raised for them, or Unavailable.

        A caller that goes away meanwhile leaves its disclosures in: the ledger may say more than left, never less.
        """
        error = await self.submit(items)
        if error is not None:
            raise error

    def submit(self, items: Sequence[Disclosure]) -> "asyncio.Future[BeholdenError | None]":
        """As `commit`, for whoever has more to submit first: what that raises is the result, None for nothing."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # which asks the system each time whether this is still our process
        call = _Call(items, self._loop.create_future())
        if self._waiting + len(items) > MAX_WAITING:
            call.done.set_result(Unavailable("The ledger cannot keep up.", "Try again later."))
            return call.done
        self._calls.append(call)
        self._waiting += len(items)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return call.done

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        calls: list[_Call] = []
        try:
            while self._calls:
                calls = self._take()
                outcomes = await loop.run_in_executor(None, self._durable, calls)
                told, calls = calls, []
                for call, error in zip(told, outcomes, strict=True):
                    self._waiting -= len(call.items)
                    _tell(call, None if error is None else type(error)(error.message, error.remedy))
        finally:
            self._task = None
            for call in [*calls, *self._calls]:  # who was not told yet, where the loop is being ended
                _tell(call, Unavailable("The server is stopping.", "Try again."))
            self._calls.clear()
            self._waiting = 0

    def _take(self) -> list[_Call]:
        count = total = 0
        for call in self._calls:
            total += len(call.items)
            if count and total > MAX_TOGETHER:
                break
            count += 1
        taken, self._calls = self._calls[:count], self._calls[count:]
        return taken

    def _durable(self, calls: Sequence[_Call]) -> list[BeholdenError | None]:
        """What became of each call. Where all together are refused, each is tried alone, so that one that names
        somebody who was erased meanwhile fails by itself. Nothing of the refused append is in the ledger."""
        together = [item for call in calls for item in call.items]
        error = self._tried(together)
        if error is None or len(calls) == 1 or isinstance(error, Unavailable):
            return [error] * len(calls)
        return [self._tried(call.items) for call in calls]

    def _tried(self, items: Sequence[Disclosure]) -> BeholdenError | None:
        try:
            self._append(items)
        except BeholdenError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it was, there is no receipt
            return Unavailable(f"The ledger failed ({type(error).__name__}).", "Look at the log.")
        return None


def _tell(call: _Call, error: BeholdenError | None) -> None:
    if not call.done.done():  # its caller may be gone
        call.done.set_result(error)
