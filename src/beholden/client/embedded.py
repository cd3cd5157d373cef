"""The gate in a platform's own Python process: the same journeys as over HTTP, without the wire.

gate = Gate(settings.read())
may_leave = gate.filter("quiz", through="u17", purpose="service", records=friends)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from beholden import bootstrap
from beholden.journeys.disclose import (
    DocumentAnswer,
    DocumentRequest,
    FilterAnswer,
    FilterRequest,
    PersonRef,
    Question,
    evaluate,
    filter_document,
    filter_records,
    record_use,
)
from beholden.journeys.filter import RecordSet, Shape
from beholden.journeys.ports import Engines
from beholden.model.decision import Decision, Reason
from beholden.settings import Settings

__all__ = ["Gate", "RecordSet", "Shape"]


class Gate:
    """Asks the gate. People are named by the platform's own ids, apps by their client ids.

    Made of settings, it opens the engines itself and gives them back in `close`; made of engines, they stay the
    caller's. Safe to share between threads.
    """

    def __init__(self, engines_or_settings: Engines | Settings) -> None:
        self._owns = isinstance(engines_or_settings, Settings)
        if isinstance(engines_or_settings, Settings):
            self._engines = bootstrap.doors(engines_or_settings)
        else:
            self._engines = engines_or_settings

    def filter(
        self,
        app: str,
        *,
        through: str,
        purpose: str,
        records: Sequence[Mapping[str, Any]],
        person: str = "id",
        fields: Sequence[str] | None = None,
    ) -> FilterAnswer:
        """What of the records may leave, recorded as disclosed. Only `.records` is for the app; `.report` is not.

        Raises BadInput, or Unavailable when the gate cannot decide or record; nothing may leave then.
        """
        considered = None if fields is None else tuple(fields)
        request = FilterRequest(app, PersonRef(through), purpose, records, person, considered)
        return filter_records(self._engines, request)

    def filter_document(self, app: str, *, through: str, purpose: str, document: Any, shape: Shape) -> DocumentAnswer:
        """The same for a whole document, where `shape` says who stands where. Only `.document` is for the app."""
        return filter_document(self._engines, DocumentRequest(app, PersonRef(through), purpose, document, shape))

    def allowed(
        self,
        app: str,
        person: str,
        fields: Sequence[str],
        purpose: str,
        *,
        through: str | None = None,
        disclose: bool = False,
    ) -> Decision:
        """Which of the fields the app may have now; with `disclose`, those are in the ledger before this returns."""
        granter = None if through is None else PersonRef(through)
        return evaluate(self._engines, Question(app, PersonRef(person), tuple(fields), purpose, granter, disclose))

    def use(self, app: str, person: str) -> Reason | None:
        """The person themself used the app now: their 90 days begin anew. None, or why they do not."""
        return record_use(self._engines, app, person)

    def close(self) -> None:
        """Give back what was opened here."""
        if self._owns:
            bootstrap.close(self._engines)

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
