"""How far this host's table is, read from the header of the file that counts, by any process of the host."""

import time
from pathlib import Path

from beholden.backends.table.files import Mapped, map_file, pointed
from beholden.gate.table.layout import Cell, identity_of
from beholden.gate.table.records import read_policy
from beholden.model.catalogue import Catalogue

_NAP_SECONDS = 0.0005


class TableApplied:
    """See gate.ports.Applied. Where the host has no table, or nobody follows, nobody is waited for: then no gate here
    allows anything by a table, or each reads the store."""

    def __init__(self, folder: Path, catalogue: Catalogue, secret: bytes) -> None:
        self._folder = folder
        self._identity = identity_of(catalogue, secret)
        self._mapped: Mapped | None = None

    def wait(self, epoch: int) -> bool:
        """See Applied."""
        begun = time.monotonic_ns()
        while True:
            mapped = self._current()
            if mapped is None:
                return False
            cells = mapped.view.cells
            if cells[Cell.EPOCH] >= epoch:
                return True
            if self._stale(mapped) or time.monotonic_ns() - begun > self._limit(mapped):
                return False
            time.sleep(_NAP_SECONDS)

    def _current(self) -> Mapped | None:
        """The file that counts. One that was replaced is vouched for no more, so it grows stale at the latest."""
        mapped = self._mapped
        if mapped is not None and not self._stale(mapped):
            return mapped
        generation = pointed(self._folder)
        if generation is None:
            self._mapped = None
        elif mapped is None or mapped.generation != generation:
            found = map_file(self._folder, generation, self._identity)
            self._mapped = found if isinstance(found, Mapped) else None
        return self._mapped

    def _stale(self, mapped: Mapped) -> bool:
        return abs(time.monotonic_ns() - mapped.view.cells[Cell.AS_OF]) > self._limit(mapped)

    def _limit(self, mapped: Mapped) -> int:
        return read_policy(mapped.view.log, mapped.view.cells[Cell.POLICY]).gate_lag_limit_ms * 1_000_000
