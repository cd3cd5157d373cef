"""Token buckets in this process's memory, of which there is a bounded number.

Each process counts for itself: with N workers an app may ask N times as often. That is meant: a limit that all workers
shared would cost more than the questions that it saves. When there are more keys than places, the one that was asked
about longest ago gives up its place; whoever makes up keys to forget their own is still held by the app's bucket.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from beholden.gate.limits import Bucket, Rate, filled, wait

__all__ = ["MemoryLimiter", "Rate"]

MAX_APPS = 16_384
MAX_GRANTS = 131_072
_LONGEST_KEY = 240


class MemoryLimiter:
    """See journeys.ports.Limiter. `clock` gives monotonic seconds, which simulated time does not move."""

    def __init__(
        self,
        app: Rate,
        grant: Rate,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_apps: int = MAX_APPS,
        max_grants: int = MAX_GRANTS,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._apps = None if app.unlimited else _Buckets(app, max_apps)
        self._grants = None if grant.unlimited else _Buckets(grant, max_grants)

    @property
    def unlimited(self) -> bool:
        """See Limiter."""
        return self._apps is None and self._grants is None

    def wait(self, app: str, through: str, cost: int = 1) -> float:
        """See Limiter."""
        apps, grants = self._apps, self._grants
        if apps is None and grants is None:
            return 0.0
        with self._lock:
            now, longest = self._clock(), 0.0
            if apps is not None:
                longest = apps.ask(app[:_LONGEST_KEY], cost, now)
            if grants is not None:
                longest = max(longest, grants.ask(f"{app[: _LONGEST_KEY // 2]}\0{through}"[:_LONGEST_KEY], cost, now))
            # Nothing is taken for a question that is refused, or the one bucket would starve beside the other.
            taken = 0 if longest else cost
            if apps is not None:
                apps.take(taken, now)
            if grants is not None:
                grants.take(taken, now)
            return longest


class _Buckets(OrderedDict[str, Bucket]):
    """Those of one rate, the one that was asked about longest ago first."""

    def __init__(self, rate: Rate, most: int) -> None:
        super().__init__()
        self._rate, self._most = rate, most
        self._asked, self._tokens = "", 0.0

    def ask(self, key: str, cost: int, now: float) -> float:
        """See `limits.wait`; what is taken next is this one's."""
        self._asked, self._tokens = key, filled(self.get(key), self._rate, now)
        return wait(self._tokens, self._rate, cost)

    def take(self, cost: int, now: float) -> None:
        """Take so much, no more than a whole bucket, and remember when."""
        self[self._asked] = Bucket(max(0.0, self._tokens - min(cost, self._rate.burst)), now)
        self.move_to_end(self._asked)
        while len(self) > self._most:
            self.popitem(last=False)
