"""The one writer of a host's table: it builds, stores, and compacts beside its readers.

A compaction writes a new file in a thread of its own while rows go on being stored in the old one; those rows are
stored once more in the new file before it takes over, which is harmless, since a row is a whole state. The old file
then says that nobody vouches for it any more, and readers change over at their next request.
"""

import fcntl
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from beholden.backends.table.files import (
    Mapped,
    clear_scratch,
    last_generation,
    map_file,
    open_cells,
    path_of,
    point,
    pointed,
    write_file,
)
from beholden.backends.table.stores import FullError, Row, Stores
from beholden.gate.rows import AppRow, PairColumns, PairRow, PeopleColumns, PersonRow
from beholden.gate.table.assemble import Known, from_columns, from_view
from beholden.gate.table.layout import CLOSED, PAGE, Cell, cells_sum, damaged_page, identity_of, last_page, read_header
from beholden.model.catalogue import Catalogue
from beholden.model.errors import BeholdenError, Conflict, Unavailable
from beholden.model.policy import Policy

COMPACT_AT = 0.75
CHECKED_PAGES = 128
"""Pages that are looked at in one check, which takes 0.15 ms."""
_AGAIN_AFTER = 60.0


class TableWriter:
    """Holds the folder's lock from its making until `close`; a second one on the host is refused with Conflict.

    `compact_at` is how full a file may be before it is made anew beside its readers.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, secret: bytes, compact_at: float = COMPACT_AT) -> None:
        self._folder = folder
        self._identity = identity_of(catalogue, secret)
        self._secret = secret
        self._mapped: Mapped | None = None
        self._stores: Stores | None = None
        self._compaction: _Compaction | None = None
        self.compact_at = compact_at
        self._quiet_until = 0.0
        self._next_page = 0
        self.trouble = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / "table.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Conflict("Another process writes this host's decision table.", "Run one follower a host.") from None
        clear_scratch(folder)

    @property
    def epoch(self) -> int:
        """Which epoch of the feed the table has applied."""
        return self._ready().view.cells[Cell.EPOCH]

    @property
    def compacting(self) -> bool:
        """Whether a new file is being made."""
        return self._compaction is not None

    def open(self) -> str | None:
        """Go on with the file that is there, every page of which is checked; or why it must be built anew."""
        generation = pointed(self._folder)
        if generation is None:
            return "there is none"
        mapped = map_file(self._folder, generation, self._identity, writable=True)
        if isinstance(mapped, str):
            return mapped
        page = damaged_page(mapped.view.buffer, mapped.view.layout)
        if page is not None:
            mapped.view.cells[Cell.AS_OF] = 0
            return f"its page {page} is damaged, or its writer died in the middle of a batch"
        try:
            stores = Stores(mapped.view, self._secret)
        except (BeholdenError, ValueError, IndexError, KeyError, TypeError):
            return "its records are damaged"
        open_cells(mapped.view)
        mapped.memory.flush(0, PAGE)  # before anything else of it changes, so that a restart is noticed
        self._mapped, self._stores, self._next_page = mapped, stores, 0
        return None

    def check(self) -> str | None:
        """Look at some more of the file that is in use; why it must be built anew, and then nobody vouches for it.

        Each page has its turn, round and round: what changes behind our back (a failing disk, a file that something
        else wrote over) is found while it is in use, not at the next start.
        """
        mapped, stores = self._mapped, self._stores
        if mapped is None or stores is None or not stores.settled:
            return None
        try:
            length = path_of(self._folder, mapped.generation).stat().st_size
        except OSError:
            length = PAGE  # removed: what is mapped of it is there as long as somebody maps it
        found = self._damage(mapped, length)
        if found is not None:
            if length >= PAGE:  # to touch what was cut off would be the end of this process
                mapped.view.cells[Cell.AS_OF] = 0
            self._drop_compaction()
            self._mapped = self._stores = None
        return found

    def _damage(self, mapped: Mapped, length: int) -> str | None:
        if length != len(mapped.memory):
            return f"it has {length} bytes instead of {len(mapped.memory)}"
        view, page = mapped.view, self._next_page
        if page == 0:
            if pointed(self._folder) != mapped.generation:
                return "it is named no more"
            layout = read_header(mapped.memory[:PAGE], length, self._identity)
            if isinstance(layout, str):
                return layout
        if view.cells[Cell.SUM] != cells_sum(view.cells):
            return "its header is damaged"
        damaged = damaged_page(view.buffer, view.layout, page + 1, CHECKED_PAGES)
        self._next_page = page + CHECKED_PAGES if page + CHECKED_PAGES < last_page(view.layout) else 0
        return None if damaged is None else f"its page {damaged} was damaged while it was in use"

    def build(
        self,
        people: Iterable[PeopleColumns],
        pairs: Iterable[PairColumns],
        apps: Iterable[AppRow],
        policy: Policy,
        epoch: int,
        as_of_ns: int = 0,
    ) -> None:
        """Write a new file from the store's columns and let it take over."""
        contents = from_columns(people, pairs, apps, policy, epoch)
        self._drop_compaction()
        generation = last_generation(self._folder) + 1
        mapped = write_file(self._folder, generation, contents, self._identity)
        self._take_over(mapped, Stores(mapped.view, self._secret), as_of_ns)

    def apply(
        self,
        persons: Iterable[PersonRow] = (),
        pairs: Iterable[PairRow] = (),
        apps: Iterable[AppRow] = (),
        policy: Policy | None = None,
        *,
        epoch: int,
        as_of_ns: int,
    ) -> None:
        """Store what the store says of the named keys, then that `epoch` is applied and the table is as of then.

        Readers see each row when this returns, and no row half. Applying the same twice, or a later state early,
        changes nothing. With no rows it says that nothing changed up to `as_of_ns`.
        """
        self._ready()
        if policy is not None:
            self._put(policy)
        for group in (persons, pairs, apps):
            for row in group:
                self._put(row)
        stores = self._settled(epoch)
        if self._compaction is not None and self._compaction.done:
            with suppress(Unavailable):  # the old file still has places, and `trouble` says what is wrong
                self._change(self._compaction)
            stores = self._settled(epoch)
        elif self._compaction is None and stores.filling() > self.compact_at and time.monotonic() >= self._quiet_until:
            self._compaction = _Compaction(self, stores.known(), 0)
        stores.view.cells[Cell.AS_OF] = as_of_ns

    def compact(self, people: int = 0) -> None:
        """Make the file anew, now; returns when readers change over. `people` is a number that must have a place."""
        if self._compaction is None:
            self._compaction = _Compaction(self, self._ready().known(), people)
        self._change(self._compaction)

    def close(self) -> None:
        """Let go of the file, whole and on disk. Readers go on with it until the limit of the lag is reached."""
        self._drop_compaction()
        if self._mapped is not None and self._stores is not None:
            cells = self._mapped.view.cells
            self._stores.settle()
            self._mapped.memory.flush()
            cells[Cell.STATE] = CLOSED
            cells[Cell.SUM] = cells_sum(cells)
            self._mapped.memory.flush(0, PAGE)
        self._mapped = self._stores = None
        os.close(self._lock)

    def made_anew(self, known: Known, people: int) -> tuple[Mapped, Stores]:
        """A new file from the present one, which goes on changing meanwhile."""
        contents = from_view(self._ready().view, known, people)
        mapped = write_file(self._folder, last_generation(self._folder) + 1, contents, self._identity)
        return mapped, Stores(mapped.view, self._secret)

    def _settled(self, epoch: int) -> Stores:
        stores = self._ready()
        stores.view.cells[Cell.EPOCH] = epoch
        stores.settle()
        return stores

    def _put(self, row: Row) -> None:
        for _ in range(3):
            if self._compaction is not None:
                self._compaction.pending.append(row)
            try:
                self._ready().put(row)
            except FullError as full:
                last = full
                if self._compaction is not None:
                    self._compaction.pending.pop()
                self.compact(full.people)
            else:
                return
        raise Unavailable(
            f"The decision table has no place for more ({last.what}).", "Let the gate read the store instead."
        )

    def _change(self, compaction: "_Compaction") -> None:
        """Let a finished file take over; where its making failed, the old one goes on."""
        self._compaction = None
        try:
            mapped, stores = compaction.result()
            for row in compaction.pending:
                stores.put(row)
            stores.view.cells[Cell.EPOCH] = self._ready().view.cells[Cell.EPOCH]
            stores.settle()
        except FullError as full:
            raise Unavailable(f"The decision table has no place for more ({full.what}).") from full
        except BeholdenError as error:
            self._quiet_until, self.trouble = time.monotonic() + _AGAIN_AFTER, error.message
            raise
        self.trouble = ""
        self._take_over(mapped, stores, self._ready().view.cells[Cell.AS_OF])

    def _take_over(self, mapped: Mapped, stores: Stores, as_of_ns: int) -> None:
        stores.view.cells[Cell.AS_OF] = as_of_ns
        before = self._mapped
        point(self._folder, mapped.generation)
        if before is not None:
            before.view.cells[Cell.AS_OF] = (
                0  # whoever still maps it finds it stale, and looks where the pointer points
            )
        self._mapped, self._stores, self._next_page = mapped, stores, 0

    def _drop_compaction(self) -> None:
        if self._compaction is not None:
            compaction, self._compaction = self._compaction, None
            compaction.wait()

    def _ready(self) -> Stores:
        if self._stores is None:
            raise Unavailable("The decision table is not open.", "Build it first.")
        return self._stores


class _Compaction:
    """A new file in the making, and the rows that were stored in the old one since."""

    def __init__(self, writer: TableWriter, known: Known, people: int) -> None:
        self.pending: list[Row] = []
        self._pool = ThreadPoolExecutor(1, "table-compaction")
        self._made = self._pool.submit(writer.made_anew, known, people)

    @property
    def done(self) -> bool:
        """Whether it came to an end, good or bad."""
        return self._made.done()

    def wait(self) -> None:
        """Until it came to an end."""
        self._pool.shutdown(wait=True)

    def result(self) -> tuple[Mapped, Stores]:
        """The new file; raises what went wrong."""
        self.wait()
        return self._made.result()
