"""Disclose: read the facts, decide, put it in the ledger, and only then answer (laws 1 to 6; see `ruling`).

A question alone records nothing; what is about to leave does. Nothing here ever writes a use: an app that polls does
not keep itself alive (law 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from beholden.journeys.filter import (
    MAX_FIELDS,
    MAX_RECORDS,
    DocumentAnswer,
    DocumentRequest,
    FilterAnswer,
    FilterReport,
    FilterRequest,
    Withheld,
    filter_document,
    filter_records,
    refuse_size,
)
from beholden.journeys.ports import Engines
from beholden.journeys.ruling import PersonRef, Request, Ruling, Wish, confirmed, disclosures, note_permissions, rule
from beholden.journeys.use import record_use
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput, BeholdenError
from beholden.model.resource import ResourceDecision

__all__ = [
    "MAX_FIELDS",
    "MAX_RECORDS",
    "DocumentAnswer",
    "DocumentRequest",
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
    "filter_document",
    "filter_records",
    "record_use",
    "withdrawn",
]

MAX_QUESTIONS = 1_000


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
            answers.append(rate_limited(one.fields or tuple(engines.catalogue.by_field)))
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


def asks_too_often(engines: Engines, question: Question) -> bool:
    """Whether the app is over its limit; where it is not, this question is counted."""
    return engines.limiter.wait(question.app, (question.through or question.person).id) > 0


def rate_limited(fields: Sequence[str]) -> Decision:
    """The no of a question too many; it is the same whoever was asked about (law 3)."""
    return _denied(fields, Reason.RATE_LIMITED)


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
        return {n: withdrawn(ruling.decisions[0], Reason.NO_RECEIPT) for n, ruling in leaving.items()}
    final: dict[int, Decision] = {}
    for n, ruling in leaving.items():
        note_permissions(engines, ruling)
        try:
            final[n] = confirmed(engines, ruling).decisions[0]
        except BeholdenError:
            final[n] = withdrawn(ruling.decisions[0], Reason.GATE_STALE)
    return final


def _denied(fields: Sequence[str], reason: Reason) -> Decision:
    return Decision((), dict.fromkeys(fields, reason))


def withdrawn(decision: Decision, reason: Reason) -> Decision:
    """The decision with its yes taken back."""
    return Decision((), {**decision.denied, **dict.fromkeys(decision.allowed, reason)})


def cut(answers: Sequence[Decision | ResourceDecision | None], stop: Stop) -> list[Decision | ResourceDecision | None]:
    """The answers up to and with the one that ends the row."""
    for n, answer in enumerate(answers):
        permit = answer is not None and answer.whole
        if (stop is Stop.FIRST_DENY and not permit) or (stop is Stop.FIRST_PERMIT and permit):
            return list(answers[: n + 1])
    return list(answers)
