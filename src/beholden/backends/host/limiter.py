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

Buckets = OrderedDict[str, Bucket]


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
        self._app = app
        self._grant = grant
        self._clock = clock
        self._max = (max_apps, max_grants)
        self._apps: Buckets = OrderedDict()
        self._grants: Buckets = OrderedDict()
        self._lock = threading.Lock()
        self._unlimited = app.unlimited and grant.unlimited

    def wait(self, app: str, through: str, cost: int = 1) -> float:
        """See Limiter."""
        if self._unlimited:
            return 0.0
        with self._lock:
            now = self._clock()
            asked = [
                (buckets, key[:_LONGEST_KEY], rate, most)
                for buckets, key, rate, most in (
                    (self._apps, app, self._app, self._max[0]),
                    (self._grants, f"{app[: _LONGEST_KEY // 2]}\0{through}", self._grant, self._max[1]),
                )
                if not rate.unlimited
            ]
            held = [filled(buckets.get(key), rate, now) for buckets, key, rate, _ in asked]
            longest = max((wait(h, rate, cost) for h, (_, _, rate, _) in zip(held, asked, strict=True)), default=0.0)
            for tokens, (buckets, key, rate, most) in zip(held, asked, strict=True):
                # Nothing is taken for a question that is refused, or the one bucket would starve beside the other.
                left = tokens if longest > 0 else max(0.0, tokens - min(cost, rate.burst))
                _keep(buckets, key, Bucket(left, now), most)
            return longest


def _keep(buckets: Buckets, key: str, bucket: Bucket, most: int) -> None:
    buckets[key] = bucket
    buckets.move_to_end(key)
    while len(buckets) > most:
        buckets.popitem(last=False)
