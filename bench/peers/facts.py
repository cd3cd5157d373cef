"""What a caller of a stateless engine looks up to ask it: app, person and grant from the world's arrays.

The arrays stand for a store of the caller's own that costs next to nothing; a real one costs more.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.gate_table import CATALOGUE, NAMES, Query, World

IDLE_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one question. `fields`, `ends` and `idle` are of the grant, no fields and 0 where there is none."""

    banned: bool
    all_off: bool
    closed: list[str]
    fields: list[str]
    ends: int
    idle: int


class Lookup:
    """The arrays as plain Python values, so that a look-up is a few list accesses and one binary search."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._start = world.start.tolist()
        self._banned, self._all_off, self._off = world.banned.tolist(), world.all_off.tolist(), world.off.tolist()

    def facts(self, query: Query) -> Facts:
        """What the question is about."""
        world, person = self._world, query.person
        began, ended = self._start[person], self._start[person + 1]
        at = began + int(np.searchsorted(world.app[began:ended], query.app))
        there = at < ended and world.app[at] == query.app
        return Facts(
            self._banned[query.app],
            self._all_off[person],
            closed_fields(self._off[person]),
            granted(int(world.mask[at])) if there else [],
            int(world.ends[at]) if there else 0,
            int(world.used[at]) + IDLE_SECONDS if there else 0,
        )


@cache
def granted(mask: int) -> list[str]:
    """The names of the fields in a mask; not to be changed."""
    return [name for n, name in enumerate(NAMES) if mask >> n & 1]


@cache
def closed_fields(off: int) -> list[str]:
    """The names of the fields in the cluster that a person has off; not to be changed.

    Kept by field, not by cluster, so that nobody has to send the clusters of what is asked for.
    """
    return [] if off < 0 else [field.name for field in CATALOGUE.clusters[off].fields]
