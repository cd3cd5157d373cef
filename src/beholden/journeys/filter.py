"""The record filter: of what a platform is about to hand to an app, what may leave. Never more, and never unrecorded.

One way through for a plain list of records and for a whole document with records at many places: find the records
(`gate.shape`), judge each person in each of them (law 2), record what leaves (law 1), and build the answer anew out of
nothing but that.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beholden.gate.pairwise import scoped_ids
from beholden.gate.shape import Found, RecordSet, Shape, empty, enclosed, find, lacks, pointer, rebuilt
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import PersonRef, Request, Ruling, Wish, confirmed, disclosures, note_permissions, rule
from beholden.model.decision import Reason
from beholden.model.errors import BadInput, TooOften, Unavailable
from beholden.model.ids import AppNumber

__all__ = [
    "MAX_FIELDS",
    "MAX_RECORDS",
    "DocumentAnswer",
    "DocumentRequest",
    "FilterAnswer",
    "FilterReport",
    "FilterRequest",
    "RecordSet",
    "Shape",
    "Withheld",
    "empty",
    "filter_document",
    "filter_records",
    "lacks",
    "pointer",
    "refuse_size",
]

MAX_RECORDS = 10_000
"""Records in one filter call, those within records among them, and so also disclosures in one append."""
MAX_FIELDS = 1_000
MAX_DIGESTED = 4_096
"""Characters of a value's text up to which the ledger keeps a salted digest of it."""
_LONGEST_PURPOSE = 200
_CANONICAL = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """A document that the platform is about to give to `app` on the word of `through`, for `purpose`.

    `shape` says where the people are in it. Values are not searched: one that names other people must be declared as a
    set of records of its own, or it would name them by the platform's ids.
    """

    app: str
    through: PersonRef
    purpose: str
    document: Any
    shape: Shape


@dataclass(frozen=True, slots=True)
class FilterRequest:
    """The simple case: a list of records, each a JSON object with everything in members of its own.

    The member `person` holds the platform's own id of the person whose data it is. `fields` are the members to
    consider, None for all; others are dropped.
    """

    app: str
    through: PersonRef
    purpose: str
    records: Sequence[Mapping[str, Any]]
    person: str = "id"
    fields: tuple[str, ...] | None = None

    @property
    def as_document(self) -> DocumentRequest:
        """The same as a document that is one list."""
        refuse_size(self.fields, self.purpose)
        named = None if self.fields is None else {f: pointer(f) for f in self.fields if f != self.person}
        whole = RecordSet("", (pointer(self.person),), named)
        return DocumentRequest(self.app, self.through, self.purpose, self.records, Shape((whole,)))


@dataclass(frozen=True, slots=True)
class Withheld:
    """What of one record does not leave; `index` is its place among those that were sent in, `at` its JSON pointer."""

    index: int
    denied: Mapping[str, Reason]
    at: str = ""


@dataclass(frozen=True, slots=True)
class FilterReport:
    """For the platform only: handed to an app, it would say who is unknown and who opted out (law 3).

    `reasons` counts withheld fields. A record of which nothing may leave is not among the `released`.
    """

    received: int
    released: int
    reasons: Mapping[Reason, int]
    withheld: tuple[Withheld, ...]


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """`document` is what may leave, and all that the app may be told."""

    document: Any
    report: FilterReport


@dataclass(frozen=True, slots=True)
class FilterAnswer:
    """`records` is what may leave, and all that the app may be told."""

    records: list[dict[str, Any]]
    report: FilterReport


def filter_records(engines: Engines, request: FilterRequest) -> FilterAnswer:
    """What of these records may leave; see `filter_document`."""
    answer = filter_document(engines, request.as_document)
    return FilterAnswer(answer.document, answer.report)


def filter_document(engines: Engines, request: DocumentRequest) -> DocumentAnswer:
    """What of this document may leave to the app; every disclosure is in the ledger before this returns (law 1).

    The rules are applied to the person of each record (law 2), whose id is rewritten to the one that the app has of
    that person. A record of which nothing may leave is dropped without a trace, be the person unknown, opted out or
    inactive (law 3). Raises BadInput for a malformed request, TooOften when the app is over its limit, and Unavailable
    when store or ledger do not answer: nothing may leave then.
    """
    refuse_size(None, request.purpose)
    # One malformed record refuses the whole call: leaving it out in silence would hide a mistake.
    found = find(request.document, request.shape, MAX_RECORDS)
    seconds = engines.limiter.wait(request.app, request.through.id)
    if seconds > 0:
        raise TooOften(seconds)
    wishes = tuple(map(Wish, map(PersonRef, found.persons), found.fields))
    (ruling,) = rule(engines, [Request(request.app, request.through, request.purpose, wishes)])
    ruling = _enclosed(found, ruling)
    leaving = disclosures(ruling, _texts(found, ruling))
    if leaving:
        engines.ledger.append(leaving)
        note_permissions(engines, ruling)
        ruling = _enclosed(found, confirmed(engines, ruling))
    if ruling.judged.stale:
        # An empty answer would pass for "nobody is there"; this one says: ask again.
        raise Unavailable("The gate does not know the latest standing, so it allows nothing.", "Try again.")
    ids = _new_ids(engines, ruling)
    document = rebuilt(request.document, request.shape, found, ruling.decisions, ids)
    return DocumentAnswer(document, _report(found, ruling))


def refuse_size(fields: Sequence[str] | None, purpose: str) -> None:
    """Raise BadInput for more fields, or a longer purpose, than anybody needs."""
    if fields is not None and len(fields) > MAX_FIELDS:
        raise BadInput(f"{len(fields)} fields are more than {MAX_FIELDS}.", "Ask in parts.")
    if len(purpose) > _LONGEST_PURPOSE:
        raise BadInput(f"A purpose has at most {_LONGEST_PURPOSE} characters.", "Name the one that was granted.")


def _enclosed(found: Found, ruling: Ruling) -> Ruling:
    """Whoever is within a record that does not leave is not disclosed either, and so not recorded as if."""
    return ruling.decided(enclosed(found, ruling.decisions))


def _texts(found: Found, ruling: Ruling) -> list[Mapping[str, str]]:
    """What the ledger digests: a text as it is, everything else as canonical JSON; nothing of a long value."""
    return [_texts_of(found, n, decision.allowed) for n, decision in enumerate(ruling.decisions)]


def _texts_of(found: Found, n: int, allowed: Sequence[str]) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    plan, record = found.plans[n], found.records[n]
    for field in allowed:
        if field in plan.by_field:
            continue  # people, each with a record in the ledger of their own
        value = record[field] if plan.flat else found.value(n, field)
        if not isinstance(value, str):
            try:
                value = _CANONICAL.encode(value)
            except (TypeError, ValueError, RecursionError) as error:
                raise BadInput(f"Record {n}, field {field!r} is not a JSON value.", "Mend it.") from error
        if len(value) <= MAX_DIGESTED:
            texts[field] = value
    return texts


def _new_ids(engines: Engines, ruling: Ruling) -> Mapping[int, str]:
    """The app's own ids of the people of whom something leaves, by their record's place."""
    leaving = {
        n: person
        for n, (person, decision) in enumerate(zip(ruling.persons, ruling.decisions, strict=True))
        if person is not None and decision.allowed
    }
    if not leaving:
        return {}
    return dict(zip(leaving, scoped_ids(engines.pairwise, _app_of(ruling), list(leaving.values())), strict=True))


def _app_of(ruling: Ruling) -> AppNumber:
    assert ruling.judged.app is not None, "nothing is allowed to an unknown app"
    return ruling.judged.app.number


def _report(found: Found, ruling: Ruling) -> FilterReport:
    withheld = tuple(
        Withheld(n, decision.denied, found.pointer(n))
        for n, decision in enumerate(ruling.decisions)
        if decision.denied or not decision.allowed
    )
    reasons = Counter(reason for one in withheld for reason in one.denied.values())
    released = sum(bool(decision.allowed) for decision in ruling.decisions)
    return FilterReport(len(ruling.decisions), released, dict(sorted(reasons.items())), withheld)
