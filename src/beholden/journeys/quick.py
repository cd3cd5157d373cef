"""Quick: questions answered from the decision table, without a look into the store (decision 0004).

It says what `disclose.evaluate` would say on the same facts. What it cannot say, because the table cannot name the
grant, it leaves to that.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

from beholden.gate.pairwise import person_of
from beholden.gate.ports import DecisionTable
from beholden.journeys.disclose import PersonRef, Question, asks_too_often, rate_limited
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import both, is_possible
from beholden.model.catalogue import FieldClass
from beholden.model.decision import Decision
from beholden.model.disclosure import Disclosure
from beholden.model.errors import Unavailable
from beholden.model.ids import PersonNumber
from beholden.model.time import DAY, from_micros, to_micros

_MOST_NOTED = 4_096

Who = str | PersonNumber | None
Noting = tuple[str, str, str]
"""A permission that was used: client id, cluster, purpose."""


class QuickGate:
    """The gate of one worker."""

    def __init__(self, engines: Engines, table: DecisionTable) -> None:
        self._engines = engines
        self._table = table
        self._every_field = tuple(engines.catalogue.by_field)
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

    def decide(self, question: Question, now: int) -> Decision:
        """The answer to a question that discloses nothing."""
        if asks_too_often(self._engines, question):
            return rate_limited(self._engines, question)
        person = self._who(question.app, question.person)
        through = person if question.through is None else self._who(question.app, question.through)
        return self._table.decide(question.app, person, through, self._fields(question), question.purpose, now)

    def leaving(self, question: Question, now: int) -> tuple[Decision, Disclosure | None]:
        """The answer, and what goes into the ledger before it is given (law 1); see DecisionTable.leaving."""
        if asks_too_often(self._engines, question):
            return rate_limited(self._engines, question), None
        person = self._who(question.app, question.person)
        through = person if question.through is None else self._who(question.app, question.through)
        return self._table.leaving(question.app, person, through, self._fields(question), question.purpose, now)

    def after_receipt(self, question: Question, leaving: Disclosure, decision: Decision) -> Decision:
        """What still holds once the receipt is there: asked anew, since a ban may have come while the disk was slow.
        Only what both answers allow leaves."""
        person, through, fields = leaving.person, leaving.through, self._fields(question)
        again = self._table.decide(question.app, person, through, fields, question.purpose, self.now())
        if again.allowed == decision.allowed:
            return decision
        return both(decision, again)

    def unnoted(self, question: Question, decision: Decision, now: int) -> list[Noting]:
        """Approved permissions that this answer uses and that were not noted today (R8); each is named once."""
        clusters = {self._sensitive[field] for field in decision.allowed if field in self._sensitive}
        if not clusters:
            return []
        app, instant = self._table.app(question.app), from_micros(now)
        due: list[Noting] = []
        for cluster in clusters:
            key = (question.app, cluster, question.purpose)
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

    def _fields(self, question: Question) -> tuple[str, ...]:
        return self._every_field if question.fields is None else question.fields

    def _who(self, client: str, ref: PersonRef) -> Who:
        if not ref.scoped:
            return ref.id if is_possible(ref.id) else None
        app = self._table.app(client)
        return None if app is None else person_of(self._engines.pairwise, app.number, ref.id)
