"""Following the change feed: what keeps a host's decision table true (decision 0004).

One poll reads which keys changed since the table's epoch, reads those keys anew, all in one snapshot, puts the rows
in, and only then moves the epoch on. A follower that is killed anywhere does the same once more, which is harmless.
`as_of` is when the poll began that reached the feed's end: while the store does not answer it stands still, and after
the limit the gate allows nothing (law 4).

A ban that ends a million grants is one key. Its pairs are read in pages between polls; until the last one the app is
shown as banned, whatever its standing, so that nothing else has to wait and nobody is allowed by a grant that ended.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from beholden.gate.feed import Change, ChangeKind, Changes
from beholden.gate.ports import Backlog, Pulse, TableWriter
from beholden.gate.rows import AppRow
from beholden.journeys.ports import Store, Unit
from beholden.model.errors import Damaged, Unavailable
from beholden.model.ids import NOBODY, AppNumber, PersonNumber
from beholden.model.standing import Standing

BATCH = 2_000
"""Keys, people's numbers or pairs that are put in at once."""
RETRY_SECONDS = 0.1
KEPT = timedelta(days=1)
PRUNED_AT_ONCE = 1_000


class Say(Protocol):
    """Where the follower says what happens."""

    def __call__(self, said: str, /) -> None:
        """One line."""
        ...


class Follower:
    """The one follower of a host. `secret` is what outside ids are digested with; `clock` is the host's monotonic."""

    def __init__(
        self,
        store: Store,
        pulse: Pulse,
        table: TableWriter,
        backlog: Backlog,
        secret: bytes,
        *,
        say: Say = lambda _: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._store = store
        self._pulse = pulse
        self._table = table
        self._backlog = backlog
        self._secret = secret
        self._say = say
        self._clock = clock
        self._opened = False
        self._as_of = 0
        self._behind: dict[AppNumber, PersonNumber] = {}

    def poll(self) -> bool:
        """Bring the table nearer to the store; whether there is more to do at once.

        Raises Unavailable when the store does not answer; the table is then no younger than it was.
        """
        begun = self._clock()
        refused = self._table.check() if self._opened else None
        if refused is not None:
            self._rebuild(refused, begun)
        elif not self._opened:
            self._open(begun)
        elif self._pulse.head() == self._table.epoch:
            self._as_of = begun
            self._table.apply(epoch=self._table.epoch, as_of_ns=begun)
        else:
            self._catch_up(begun)
        if self._behind:
            self._read_page()
        return bool(self._behind) or self._as_of != begun

    def _open(self, begun: int) -> None:
        refused = self._table.open()
        if refused is not None:
            self._rebuild(refused, begun)
            return
        try:
            self._behind = dict.fromkeys(self._backlog.load(), NOBODY)
        except Damaged as error:
            self._rebuild(error.message, begun)
            return
        if self._behind:
            with self._store.read() as unit:
                self._table.apply(apps=self._apps(unit, list(self._behind)), epoch=self._table.epoch, as_of_ns=0)
        self._opened = True

    def _rebuild(self, why: str, begun: int) -> None:
        self._say(f"Building the decision table: {why}.")
        self._opened = False
        with self._store.read() as unit:
            epoch, rows = unit.feed.head(), unit.rows(self._secret)
            self._table.build(rows.people_chunks(), rows.pair_chunks(), rows.apps(), rows.policy(), epoch, begun)
        self._behind = {}
        self._backlog.save(())
        self._opened, self._as_of = True, begun
        self._say(f"The decision table is built, at epoch {epoch:,}.")

    def _catch_up(self, begun: int) -> None:
        with self._store.read() as unit:
            found = unit.feed.since(self._table.epoch, BATCH)
            if found is not None and all(change.kind is not ChangeKind.EVERYTHING for change in found.changes):
                self._apply(unit, found, begun)
                return
        why = "the feed no longer tells what changed since" if found is None else "everything may have changed"
        self._rebuild(why, begun)

    def _apply(self, unit: Unit, found: Changes, begun: int) -> None:
        """Put in what the keys name. The epoch moves on with the last rows."""
        at = self._table.epoch
        ended = [change.app for change in found.changes if change.kind is ChangeKind.ENDED]
        if ended:
            self._behind.update(dict.fromkeys(ended, NOBODY))
            self._backlog.save(self._behind)  # before the epoch says that these are in hand
        policy = any(change.kind is ChangeKind.POLICY for change in found.changes)
        named = {*ended, *(change.app for change in found.changes if change.kind is ChangeKind.APP)}
        # Bans stand in few rows and go first; whoever's people are many waits for no rows of others.
        apps = self._apps(unit, None if policy else sorted(named)) if policy or named else []
        self._table.apply(
            apps=apps, policy=unit.rows(self._secret).policy() if policy else None, epoch=at, as_of_ns=self._as_of
        )
        for first, last in _spans(found.changes):
            people, pairs = unit.rows(self._secret).people(first, last)
            self._table.apply(people, pairs, epoch=at, as_of_ns=self._as_of)
        keys = [(change.first, change.app) for change in found.changes if change.kind is ChangeKind.PAIR]
        for start in range(0, len(keys), BATCH):
            self._table.apply(
                pairs=unit.rows(self._secret).pairs(keys[start : start + BATCH]), epoch=at, as_of_ns=self._as_of
            )
        if found.epoch == found.head:
            self._as_of = begun
        self._table.apply(epoch=found.epoch, as_of_ns=self._as_of)

    def _apps(self, unit: Unit, numbers: Sequence[AppNumber] | None) -> list[AppRow]:
        return [self._held(row) for row in unit.rows(self._secret).apps(numbers)]

    def _held(self, row: AppRow) -> AppRow:
        """Banned for as long as some of its pairs are older than the table's epoch."""
        if row.facts.number not in self._behind:
            return row
        return replace(row, facts=replace(row.facts, standing=Standing.BANNED))

    def _read_page(self) -> None:
        app, after = next(iter(self._behind.items()))
        with self._store.read() as unit:
            pairs = unit.rows(self._secret).ended_pairs(app, after, BATCH)
            self._table.apply(pairs=pairs, epoch=self._table.epoch, as_of_ns=self._as_of)
            if len(pairs) == BATCH:
                self._behind[app] = pairs[-1].person
                return
            del self._behind[app]
            self._table.apply(apps=unit.rows(self._secret).apps([app]), epoch=self._table.epoch, as_of_ns=self._as_of)
        self._backlog.save(self._behind)


def follow(
    follower: Follower, *, every: float, stopped: Callable[[], bool], nap: Callable[[float], object], say: Say
) -> None:
    """Poll until told to stop, `every` seconds while nothing changes. A store that does not answer is asked again."""
    away = False
    while not stopped():
        try:
            more = follower.poll()
        except Unavailable as error:
            if not away:
                say(f"{error} The gate allows nothing until it answers.")
            away = True
            nap(RETRY_SECONDS)
            continue
        if away:
            say("The store answers again.")
        away = False
        if not more:
            nap(every)


def prune(store: Store) -> int:
    """Forget what is older than a day; a follower that was away for longer builds its table anew. How many epochs."""
    before, forgotten = datetime.now(UTC) - KEPT, 0
    while True:
        some = store.perform(lambda unit: unit.feed.prune(before, PRUNED_AT_ONCE))
        forgotten += some
        if some < PRUNED_AT_ONCE:
            return forgotten


def _spans(changes: Sequence[Change]) -> Iterator[tuple[PersonNumber, PersonNumber]]:
    """Ranges of people, in steps that fit into memory."""
    for change in changes:
        if change.kind is ChangeKind.PEOPLE:
            for first in range(change.first, change.last + 1, BATCH):
                yield PersonNumber(first), PersonNumber(min(first + BATCH - 1, change.last))
