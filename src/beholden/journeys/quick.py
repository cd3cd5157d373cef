"""Quick: questions answered from the decision table, without a look into the store (decision 0004).

It says what `disclose.evaluate` would say on the same facts. What it cannot say, because the table cannot name the
grant, it leaves to that.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

from beholden.gate.ports import DecisionTable, Item, Questions
from beholden.journeys.disclose import rate_limited
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import both
from beholden.model.catalogue import FieldClass
from beholden.model.decision import Decision
from beholden.model.disclosure import Disclosure
from beholden.model.errors import Unavailable
from beholden.model.time import DAY, from_micros, to_micros

__all__ = ["Item", "Noting", "Questions", "QuickGate"]

_MOST_NOTED = 4_096
_MOST_QUIET = 65_536
_A_WHILE = timedelta(hours=1)

Noting = tuple[str, str, str]
"""A permission that was used: client id, cluster, purpose."""


class QuickGate:
    """The gate of one worker. Questions name people by the platform's ids."""

    def __init__(self, engines: Engines, table: DecisionTable) -> None:
        self._engines = engines
        self._table = table
        self._sensitive = {
            name: cluster.name
            for name, cluster in engines.catalogue.by_field.items()
            if cluster.field_class is not FieldClass.BASIC
        }
        self._noted: dict[Noting, datetime] = {}
        self._quiet: dict[tuple[str, str, tuple[str, ...]], int] = {}  # until when an answer has nothing to note

    def now(self) -> int:
        """The injected clock, in microseconds."""
        return to_micros(self._engines.clock.now())

    def epoch(self) -> int:
        """See DecisionTable."""
        return self._table.epoch()

    def stale(self) -> bool:
        """See DecisionTable."""
        return self._table.stale()

    def decide_row(self, row: Questions, now: int) -> list[Decision]:
        """The answers to questions that disclose nothing, from one state of the table."""
        over = self._over(row)
        found = self._table.decide_row(row, now)
        for place in over:
            found[place] = rate_limited(row.fields[place])
        return found

    def leaving_row(self, row: Questions, now: int) -> list[tuple[Decision, Disclosure | None]]:
        """The answers, and what goes into the ledger before they are given (law 1); see DecisionTable.leaving_row."""
        over = self._over(row)
        found = self._table.leaving_row(row, now)
        for place in over:
            found[place] = (rate_limited(row.fields[place]), None)
        return found

    def _over(self, row: Questions) -> list[int]:
        """The questions that are too many."""
        if self._engines.limiter.unlimited:
            return []
        wait = self._engines.limiter.wait
        asked = zip(row.clients, row.throughs, strict=True)
        return [place for place, (client, through) in enumerate(asked) if wait(client, str(through)) > 0]

    def after_receipts(
        self, items: Sequence[Item], leaving: Sequence[Disclosure], decisions: Sequence[Decision]
    ) -> list[Decision]:
        """What still holds once the receipts are there: asked anew, since a ban may have come while the disk was slow.
        Only what both answers allow leaves."""
        row = Questions(
            [item.client for item in items],
            [said.person for said in leaving],
            [said.through for said in leaving],
            [item.fields for item in items],
            [item.purpose for item in items],
        )
        again = self._table.decide_row(row, self.now())
        return [
            decision if anew.allowed == decision.allowed else both(decision, anew)
            for decision, anew in zip(decisions, again, strict=True)
        ]

    def unnoted(self, item: Item, decision: Decision, now: int) -> list[Noting]:
        """Approved permissions that this answer uses and that were not noted today (R8); each is named once."""
        used = (item.client, item.purpose, decision.allowed)
        if self._quiet.get(used, 0) > now:
            return []
        clusters = {self._sensitive[field] for field in decision.allowed if field in self._sensitive}
        app, instant = self._table.app(item.client), from_micros(now)
        due: list[Noting] = []
        quiet = instant + DAY
        for cluster in clusters:
            key = (item.client, cluster, item.purpose)
            last = self._noted.get(key) or (app.noted.get(key[1:]) if app is not None else None)
            if app is not None and key[1:] in app.approvals and (last is None or instant - last >= DAY):
                due.append(key)
                self._remember(key, instant)
            elif last is not None:
                quiet = min(quiet, last + DAY)
        if len(self._quiet) >= _MOST_QUIET:
            self._quiet.clear()
        self._quiet[used] = to_micros(min(quiet, instant + _A_WHILE))  # an approval may be new by then
        return due

    def _remember(self, key: Noting, instant: datetime) -> None:
        if len(self._noted) >= _MOST_NOTED:
            for old in list(islice(self._noted, _MOST_NOTED // 2)):
                del self._noted[old]
        self._noted[key] = instant

    def note(self, due: Sequence[Noting]) -> None:
        """Note them in the store; a note that is lost is tried again tomorrow, see `ruling.note_permissions`."""
        now = self._engines.clock.now()
        for client, cluster, purpose in due:
            app = self._table.app(client)
            if app is not None:
                number = app.number
                with suppress(Unavailable):
                    self._engines.store.perform(
                        lambda unit, n=number, c=cluster, p=purpose: unit.directory.touch_reviews(n, [c], p, now)  # type: ignore[misc]
                    )
