"""Disclose: read the facts, decide, put it in the ledger, and only then answer (laws 1 to 6; see `ruling`).

A question alone records nothing; what is about to leave does. Nothing here ever writes a use: an app that polls does
not keep itself alive (law 6).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from beholden.gate.pairwise import scoped_ids
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import PersonRef, Request, Ruling, Wish, disclosures, note_permissions, rule, rule_again
from beholden.journeys.use import record_use
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput, BeholdenError, TooOften, Unavailable
from beholden.model.ids import AppNumber, PersonNumber
from beholden.model.resource import ResourceDecision

__all__ = [
    "FilterAnswer",
    "FilterReport",
    "FilterRequest",
    "PersonRef",
    "Question",
    "Stop",
    "Withheld",
    "cut",
    "evaluate",
    "evaluate_many",
    "filter_records",
    "record_use",
]

MAX_RECORDS = 10_000
"""Records in one filter call, and so also disclosures in one append."""
MAX_QUESTIONS = 1_000
MAX_FIELDS = 1_000
MAX_DIGESTED = 4_096
"""Characters of a value's text up to which the ledger keeps a salted digest of it."""
_LONGEST_PURPOSE = 200


@dataclass(frozen=True, slots=True)
class Question:
    """May `app` have `fields` of `person`, for `purpose`, on the word of `through` (None: the person's own)?

    `fields` None asks about every field of the catalogue. `disclose` says that what is allowed is about to leave.
    Making one that is too large, or that would disclose what it does not name, raises BadInput.
    """

    app: str
    person: PersonRef
    fields: tuple[str, ...] | None
    purpose: str
    through: PersonRef | None = None
    disclose: bool = False

    def __post_init__(self) -> None:
        if self.fields is None and self.disclose:
            raise BadInput("A disclosure must name its fields.", "List what is about to leave.")
        refuse_size(self.fields, self.purpose)


class Stop(StrEnum):
    """When a row of questions ends early (AuthZEN 1.0, `evaluations_semantic`)."""

    NEVER = "execute_all"
    FIRST_DENY = "deny_on_first_deny"
    FIRST_PERMIT = "permit_on_first_permit"


@dataclass(frozen=True, slots=True)
class FilterRequest:
    """Records that the platform is about to give to `app` on the word of `through`, for `purpose`.

    Each record is a JSON object; its key `person` holds the platform's own id of the person whose data it is. `fields`
    are the keys to consider, None for all; others are dropped. Values are not searched: one that names other people,
    as a list of friends may, must not name them by the platform's ids. Send those people as records of their own.
    """

    app: str
    through: PersonRef
    purpose: str
    records: Sequence[Mapping[str, Any]]
    person: str = "id"
    fields: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """What of one record does not leave; `index` is its place among those that were sent in."""

    index: int
    denied: Mapping[str, Reason]


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
class FilterAnswer:
    """`records` is what may leave, and all that the app may be told."""

    records: list[dict[str, Any]]
    report: FilterReport


def evaluate(engines: Engines, question: Question) -> Decision:
    """Answer one question; with `disclose`, what is allowed is in the ledger before this returns.

    Fails closed: a store that does not answer denies with `gate_stale`, a ledger that does not with `no_receipt`.
    """
    (answer,) = evaluate_many(engines, [question])
    assert isinstance(answer, Decision)
    return answer


def evaluate_many(
    engines: Engines, questions: Sequence[Question | ResourceDecision | None], stop: Stop = Stop.NEVER
) -> list[Decision | ResourceDecision | None]:
    """Answer questions in their order, from one snapshot; shorter than `questions` where `stop` ends it early.

    A decision among them was made elsewhere: it counts and stays. None stands for a question that could not be read:
    it counts as a no and stays None. Only disclosures that are part of the answer are recorded, all in one append. A
    receipt that fails later turns yes into no in its place; the row is not lengthened for it.
    """
    if len(questions) > MAX_QUESTIONS:
        raise BadInput(f"{len(questions)} questions are more than {MAX_QUESTIONS}.", "Ask in parts.")
    requests: dict[int, Request] = {}
    answers: list[Decision | ResourceDecision | None] = []
    for n, one in enumerate(questions):
        if not isinstance(one, Question):
            answers.append(one)
        elif asks_too_often(engines, one):
            answers.append(rate_limited(engines, one))
        else:
            answers.append(None)
            requests[n] = _request_of(engines, one)
    try:
        rulings = dict(zip(requests, rule(engines, list(requests.values())) if requests else (), strict=True))
    except BeholdenError:  # law 4: who cannot read the standing allows nothing
        denied = {n: _denied(request.wishes[0].fields, Reason.GATE_STALE) for n, request in requests.items()}
        return cut([denied.get(n, answer) for n, answer in enumerate(answers)], stop)
    judged = {n: ruling.decisions[0] for n, ruling in rulings.items()}
    found = cut([judged.get(n, answer) for n, answer in enumerate(answers)], stop)
    leaving = {
        n: rulings[n]
        for n, question in enumerate(questions[: len(found)])
        if isinstance(question, Question) and n in rulings and question.disclose and judged[n].allowed
    }
    for n, answer in _release(engines, leaving).items():
        found[n] = answer
    return found


def filter_records(engines: Engines, request: FilterRequest) -> FilterAnswer:
    """What of these records may leave to the app; every disclosure is in the ledger before this returns (law 1).

    The rules are applied to the person of each record (law 2). The person key is rewritten to the id that the app has
    of that person. A record of which nothing may leave is dropped without a trace,
    be the person unknown, opted out or inactive (law 3). Raises BadInput for a malformed request, TooOften when the app
    is over its limit, and Unavailable when store or ledger do not answer: nothing may leave then.
    """
    _refuse_malformed(request)
    seconds = engines.limiter.wait(request.app, request.through.id)
    if seconds > 0:
        raise TooOften(seconds)
    wishes = tuple(Wish(PersonRef(record[request.person]), _considered(request, record)) for record in request.records)
    (ruling,) = rule(engines, [Request(request.app, request.through, request.purpose, wishes)])
    texts = [_texts(n, request.records[n], decision) for n, decision in enumerate(ruling.decisions)]
    leaving = disclosures(ruling, texts)
    if leaving:
        engines.ledger.append(leaving)
        note_permissions(engines, ruling)
        if ruling.late:
            ruling = rule_again(engines, ruling)
    if ruling.terms.refusal is Reason.GATE_STALE:
        # An empty answer would pass for "nobody is there"; this one says: ask again.
        raise Unavailable("The gate does not know the latest standing, so it allows nothing.", "Try again.")
    return FilterAnswer(_released(engines, request, ruling), _report(ruling))


def asks_too_often(engines: Engines, question: Question) -> bool:
    """Whether the app is over its limit; where it is not, this question is counted."""
    return engines.limiter.wait(question.app, (question.through or question.person).id) > 0


def rate_limited(engines: Engines, question: Question) -> Decision:
    """The no of a question too many; it is the same whoever was asked about (law 3)."""
    return _denied(question.fields or tuple(engines.catalogue.by_field), Reason.RATE_LIMITED)


def _request_of(engines: Engines, question: Question) -> Request:
    fields = tuple(engines.catalogue.by_field) if question.fields is None else question.fields
    wish = Wish(question.person, fields)
    return Request(question.app, question.through or question.person, question.purpose, (wish,))


def _release(engines: Engines, leaving: Mapping[int, Ruling]) -> dict[int, Decision]:
    """Record what is about to leave, in one append; the decisions that hold after it."""
    if not leaving:
        return {}
    try:
        engines.ledger.append([disclosure for ruling in leaving.values() for disclosure in disclosures(ruling)])
    except BeholdenError:  # law 1: no receipt, no release
        return {n: _withdrawn(ruling.decisions[0], Reason.NO_RECEIPT) for n, ruling in leaving.items()}
    final: dict[int, Decision] = {}
    for n, ruling in leaving.items():
        note_permissions(engines, ruling)
        try:
            final[n] = rule_again(engines, ruling).decisions[0] if ruling.late else ruling.decisions[0]
        except BeholdenError:
            final[n] = _withdrawn(ruling.decisions[0], Reason.GATE_STALE)
    return final


def _denied(fields: Sequence[str], reason: Reason) -> Decision:
    return Decision((), dict.fromkeys(fields, reason))


def _withdrawn(decision: Decision, reason: Reason) -> Decision:
    """The decision with its yes taken back."""
    return Decision((), {**decision.denied, **dict.fromkeys(decision.allowed, reason)})


def cut(answers: Sequence[Decision | ResourceDecision | None], stop: Stop) -> list[Decision | ResourceDecision | None]:
    """The answers up to and with the one that ends the row."""
    for n, answer in enumerate(answers):
        permit = answer is not None and answer.whole
        if (stop is Stop.FIRST_DENY and not permit) or (stop is Stop.FIRST_PERMIT and permit):
            return list(answers[: n + 1])
    return list(answers)


def _refuse_malformed(request: FilterRequest) -> None:
    """Refuse the whole call where one record is malformed: a record silently left out would hide a mistake."""
    if len(request.records) > MAX_RECORDS:
        raise BadInput(f"{len(request.records)} records are more than {MAX_RECORDS}.", "Send them in parts.")
    refuse_size(request.fields, request.purpose)
    for n, record in enumerate(request.records):
        if not isinstance(record, Mapping):
            raise BadInput(f"Record {n} is not an object.", "Send objects.")
        if not isinstance(record.get(request.person), str):
            raise BadInput(f"Record {n} has no text under {request.person[:60]!r}.", "Put the person's id there.")


def refuse_size(fields: Sequence[str] | None, purpose: str) -> None:
    """Raise BadInput where a question, of whatever form, names more than anybody needs."""
    if fields is not None and len(fields) > MAX_FIELDS:
        raise BadInput(f"{len(fields)} fields are more than {MAX_FIELDS}.", "Ask in parts.")
    if len(purpose) > _LONGEST_PURPOSE:
        raise BadInput(f"A purpose has at most {_LONGEST_PURPOSE} characters.", "Name the one that was granted.")


def _considered(request: FilterRequest, record: Mapping[str, Any]) -> tuple[str, ...]:
    if request.fields is None:
        return tuple(key for key in record if key != request.person)
    return tuple(key for key in dict.fromkeys(request.fields) if key in record and key != request.person)


def _texts(n: int, record: Mapping[str, Any], decision: Decision) -> dict[str, str]:
    """What the ledger digests: a text as it is, everything else as canonical JSON; nothing of a long value."""
    found: dict[str, str] = {}
    for field in decision.allowed:
        value = record[field]
        if not isinstance(value, str):
            try:
                value = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
            except (TypeError, ValueError, RecursionError) as error:
                raise BadInput(f"Record {n}, field {field!r} is not a JSON value.", "Mend it.") from error
        if len(value) <= MAX_DIGESTED:
            found[field] = value
    return found


def _released(engines: Engines, request: FilterRequest, ruling: Ruling) -> list[dict[str, Any]]:
    """The records as the app may have them: its own id of the person, and the allowed fields."""
    kept: list[tuple[PersonNumber, int]] = []
    for n, (person, decision) in enumerate(zip(ruling.persons, ruling.decisions, strict=True)):
        if person is not None and decision.allowed:
            kept.append((person, n))
    if not kept:
        return []
    ids = scoped_ids(engines.pairwise, _app_of(ruling), [person for person, _ in kept])
    return [
        {request.person: scoped, **{field: request.records[n][field] for field in ruling.decisions[n].allowed}}
        for scoped, (_, n) in zip(ids, kept, strict=True)
    ]


def _app_of(ruling: Ruling) -> AppNumber:
    assert ruling.terms.facts.app is not None, "nothing is allowed to an unknown app"
    return ruling.terms.facts.app.number


def _report(ruling: Ruling) -> FilterReport:
    withheld = tuple(
        Withheld(n, decision.denied)
        for n, decision in enumerate(ruling.decisions)
        if decision.denied or not decision.allowed
    )
    reasons = Counter(reason for one in withheld for reason in one.denied.values())
    released = sum(bool(decision.allowed) for decision in ruling.decisions)
    return FilterReport(len(ruling.decisions), released, dict(sorted(reasons.items())), withheld)
