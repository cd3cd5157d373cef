"""Quick: questions answered from the decision table, without a look into the store (decision 0004).

It says what `disclose.evaluate` would say on the same facts. What it cannot say, because the table cannot name the
grant, it leaves to that.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
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

    def now(self) -> int:
        """The injected clock, in microseconds."""
        return to_micros(self._engines.clock.now())

    def epoch(self) -> int:
        """See DecisionTable."""
        return self._table.epoch()

    def stale(self) -> bool:
        """See DecisionTable."""
        return self._table.stale()

    def decide(self, item: Item, now: int) -> Decision:
        """The answer to a question that discloses nothing."""
        if self._engines.limiter.wait(item.client, str(item.through)) > 0:
            return rate_limited(item.fields)
        return self._table.decide(*item, now)

    def decide_row(self, row: Questions, now: int) -> list[Decision]:
        """The answers to questions that disclose nothing, from one state of the table."""
        wait = self._engines.limiter.wait
        over = [n for n, (client, who) in enumerate(zip(row.clients, row.throughs, strict=True)) if wait(client, who)]  # type: ignore[arg-type]
        found = self._table.decide_row(row, now)
        for n in over:
            found[n] = rate_limited(row.fields[n])
        return found

    def leaving(self, item: Item, now: int) -> tuple[Decision, Disclosure | None]:
        """The answer, and what goes into the ledger before it is given (law 1); see DecisionTable.leaving."""
        if self._engines.limiter.wait(item.client, str(item.through)) > 0:
            return rate_limited(item.fields), None
        return self._table.leaving(*item, now)

    def after_receipt(self, item: Item, leaving: Disclosure, decision: Decision) -> Decision:
        """What still holds once the receipt is there: asked anew, since a ban may have come while the disk was slow.
        Only what both answers allow leaves."""
        fields, now = item.fields, self.now()
        again = self._table.decide(item.client, leaving.person, leaving.through, fields, item.purpose, now)
        if again.allowed == decision.allowed:
            return decision
        return both(decision, again)

    def unnoted(self, item: Item, decision: Decision, now: int) -> list[Noting]:
        """Approved permissions that this answer uses and that were not noted today (R8); each is named once."""
        clusters = {self._sensitive[field] for field in decision.allowed if field in self._sensitive}
        if not clusters:
            return []
        app, instant = self._table.app(item.client), from_micros(now)
        due: list[Noting] = []
        for cluster in clusters:
            key = (item.client, cluster, item.purpose)
            last = self._noted.get(key) or (app.noted.get(key[1:]) if app is not None else None)
            if app is not None and key[1:] in app.approvals and (last is None or instant - last >= DAY):
                due.append(key)
                self._remember(key, instant)
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
