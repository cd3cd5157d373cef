"""A case: a developer and apps held to account, as a state machine of pure steps.

    opened --send--> rfi_sent --answer--> answered --send--> rfi_sent (a further RFI)
                     rfi_sent --lapse--> overdue --refuse--> refused      (silence, by the clock)
                     rfi_sent --refuse--> refused                         (the developer says no)
                     answered --refuse--> refused                         (an operator: the answers evade)
    opened, rfi_sent --close: benign, not upheld--> closed
    answered, refused --close: any verdict--> closed, and nothing leads out of closed

A developer is heard before a verdict against them: upheld needs an answer or a refusal. Once a deadline has passed,
nothing an operator does stops the refusal that follows from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from beholden.cases import rfi as requests
from beholden.cases.rfi import Rfi
from beholden.cases.verdict import Outcome, Verdict, references
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.model.ids import AppNumber, CaseId, DeveloperNumber, FindingId
from beholden.model.refusal import Refusal

MAX_APPS = 1_000
MAX_RFIS = 20
MAX_NOTES = 500
MAX_REASON = 5_000


class CaseState(StrEnum):
    """Where a case stands."""

    OPENED = "opened"
    RFI_SENT = "rfi_sent"
    ANSWERED = "answered"
    OVERDUE = "overdue"
    REFUSED = "refused"
    CLOSED = "closed"


class Step(StrEnum):
    """What happened to a case."""

    OPEN = "open"
    SEND = "send"
    ANSWER = "answer"
    ANSWER_LATE = "answer_late"
    LAPSE = "lapse"
    REFUSE = "refuse"
    NOTE = "note"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One step: who, when, why, the state after it, and its place in the ledger (-1 until it is there)."""

    step: Step
    actor: Actor
    at: datetime
    reason: str
    state: CaseState
    evidence: tuple[str, ...] = ()
    entry: int = -1


@dataclass(frozen=True, slots=True)
class Case:
    """All of a case; `history` is never rewritten, only longer (law 7)."""

    id: CaseId
    developer: DeveloperNumber
    apps: tuple[AppNumber, ...]
    findings: tuple[FindingId, ...]
    state: CaseState
    history: tuple[CaseEvent, ...]
    rfis: tuple[Rfi, ...] = ()
    verdict: Verdict | None = None

    @property
    def due(self) -> datetime | None:
        """When the silence of the developer becomes a refusal; None while no clock runs."""
        return self.rfis[-1].due if self.state is CaseState.RFI_SENT else None

    @property
    def refused_by_silence(self) -> bool:
        """Whether a deadline went by without an answer."""
        return any(event.step is Step.LAPSE for event in self.history)

    @property
    def operators(self) -> frozenset[str]:
        """The operators who took part in it."""
        return frozenset(e.actor.id for e in self.history if e.actor.kind is ActorKind.OPERATOR)


@dataclass(frozen=True, slots=True)
class SendRfi:
    """An operator asks; `days` is the policy's `rfi_days`."""

    actor: Actor
    at: datetime
    questions: Sequence[str]
    recipients: Sequence[str]
    days: int


@dataclass(frozen=True, slots=True)
class AnswerRfi:
    """The developer answers the latest RFI, question by question."""

    actor: Actor
    at: datetime
    answers: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Lapse:
    """The clock finds the deadline passed."""

    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Refuse:
    """A refusal is put on record: by silence, in the developer's own words, or because the answers evade."""

    actor: Actor
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AddNote:
    """An observation with evidence is added; the state stays."""

    actor: Actor
    at: datetime
    reason: str
    evidence: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """An operator ends the case with a verdict."""

    actor: Actor
    at: datetime
    verdict: Verdict


Event = SendRfi | AnswerRfi | Lapse | Refuse | AddNote | Close


def open_case(
    id: CaseId,
    developer: DeveloperNumber,
    apps: Sequence[AppNumber],
    findings: Sequence[FindingId],
    actor: Actor,
    at: datetime,
    reason: str,
) -> Case:
    """A new case about a developer and some of its apps; raises BadInput when it names no app or no reason."""
    if not 1 <= len(set(apps)) <= MAX_APPS:
        raise BadInput(f"A case is about 1 to {MAX_APPS} apps, not {len(set(apps))}.", "Name the apps.")
    said = reason_of(reason)
    event = CaseEvent(Step.OPEN, actor, at, said, CaseState.OPENED, references([f"finding:{f}" for f in findings]))
    distinct = tuple(sorted(set(apps)))
    return Case(id, developer, distinct, tuple(dict.fromkeys(findings)), CaseState.OPENED, (event,))


def advance(case: Case, event: Event) -> Case | Refusal:
    """The case after the event, or why it may not happen. Raises BadInput for an event that is malformed."""
    if case.state is CaseState.CLOSED:
        return Refusal("case_closed", f"The case {case.id} is closed.", "Open a new one, and cite this one.")
    match event:
        case SendRfi():
            return _send(case, event)
        case AnswerRfi():
            return _answer(case, event)
        case Lapse():
            return _lapse(case, event)
        case Refuse():
            return _refuse(case, event)
        case AddNote():
            return _note(case, event)
        case Close():
            return _close(case, event)


def _send(case: Case, event: SendRfi) -> Case | Refusal:
    if case.state not in {CaseState.OPENED, CaseState.ANSWERED}:
        return Refusal("rfi_not_now", f"No RFI can be sent while the case is {case.state}.", "The deadline stands.")
    if len(case.rfis) >= MAX_RFIS:
        return Refusal("rfi_too_many", f"{MAX_RFIS} RFIs were sent already.", "Give a verdict.")
    rfi = requests.compose(len(case.rfis) + 1, event.questions, event.recipients, event.at, event.days)
    said = f"RFI {rfi.number}: {len(rfi.questions)} questions, {event.days} days"
    sent = replace(case, rfis=(*case.rfis, rfi))
    return _after(sent, Step.SEND, event.actor, event.at, said, CaseState.RFI_SENT)


def _answer(case: Case, event: AnswerRfi) -> Case | Refusal:
    if event.actor.kind is not ActorKind.DEVELOPER or event.actor.id != str(case.developer):
        return Refusal("not_yours", "Only the developer whom the case is about answers it.", forbidden=True)
    if case.state in {CaseState.OPENED, CaseState.ANSWERED}:
        return Refusal("nothing_asked", "No question is open.", "An answer that was given stands.")
    latest = case.rfis[-1]
    rfi = requests.answered(latest, event.answers, event.actor, event.at)
    late = event.at >= rfi.due
    if case.state is not CaseState.RFI_SENT and not late:
        return Refusal("rfi_refused", "The request was refused; it can no longer be answered.", "You may appeal.")
    if late and latest.late_letters >= requests.MAX_LATE_LETTERS:
        return Refusal("late_too_often", f"{requests.MAX_LATE_LETTERS} late answers are on record.", "You may appeal.")
    case = replace(case, rfis=(*case.rfis[:-1], rfi))
    if late:  # kept as evidence, for a verdict or an appeal; the clock is not turned back
        return _after(case, Step.ANSWER_LATE, event.actor, event.at, f"RFI {rfi.number}, late", case.state)
    return _after(case, Step.ANSWER, event.actor, event.at, f"RFI {rfi.number}", CaseState.ANSWERED)


def _lapse(case: Case, event: Lapse) -> Case | Refusal:
    if case.due is None or event.at < case.due:
        return Refusal("not_due", "No deadline has passed.")
    said = f"RFI {case.rfis[-1].number} was not answered by its deadline"
    return _after(case, Step.LAPSE, event.actor, event.at, said, CaseState.OVERDUE)


def _refuse(case: Case, event: Refuse) -> Case | Refusal:
    """Who may put a refusal on record depends on where it comes from; no operator can cut a deadline short."""
    allowed = {
        CaseState.OVERDUE: ActorKind.SYSTEM,
        CaseState.RFI_SENT: ActorKind.DEVELOPER,
        CaseState.ANSWERED: ActorKind.OPERATOR,
    }.get(case.state)
    if allowed is None:
        return Refusal("refuse_not_now", f"Nothing can be refused while the case is {case.state}.")
    if event.actor.kind is not allowed:
        return Refusal(
            "refuse_not_you", f"While the case is {case.state}, only a {allowed} can say that it is refused."
        )
    if allowed is ActorKind.DEVELOPER and event.actor.id != str(case.developer):
        return Refusal("not_yours", "Only the developer whom the case is about answers it.", forbidden=True)
    if case.due is not None and event.at >= case.due:
        return Refusal("deadline_passed", "The deadline has passed; silence is a refusal already.")
    return _after(case, Step.REFUSE, event.actor, event.at, reason_of(event.reason), CaseState.REFUSED)


def _note(case: Case, event: AddNote) -> Case | Refusal:
    if sum(e.step is Step.NOTE for e in case.history) >= MAX_NOTES:
        return Refusal("notes_full", f"The case holds {MAX_NOTES} notes already.", "Give a verdict.")
    cited = references(event.evidence)
    return _after(case, Step.NOTE, event.actor, event.at, reason_of(event.reason), case.state, cited)


def _close(case: Case, event: Close) -> Case | Refusal:
    if event.actor.kind is not ActorKind.OPERATOR:
        return Refusal("not_yours", "Only an operator gives a verdict.", forbidden=True)
    if case.state is CaseState.OVERDUE or (case.due is not None and event.at >= case.due):
        return Refusal(
            "deadline_passed", "The deadline has passed; the refusal comes first.", "Run the deadline sweep."
        )
    heard = case.state in {CaseState.ANSWERED, CaseState.REFUSED}
    if event.verdict.outcome is Outcome.UPHELD and not heard:
        return Refusal("not_heard", "The developer has not been heard.", "Send an RFI and wait for answer or deadline.")
    closed = replace(case, verdict=event.verdict)
    cited = event.verdict.evidence
    said = f"{event.verdict.outcome}: {event.verdict.reason}"
    return _after(closed, Step.CLOSE, event.actor, event.at, said, CaseState.CLOSED, cited)


def _after(
    case: Case, step: Step, actor: Actor, at: datetime, reason: str, state: CaseState, evidence: tuple[str, ...] = ()
) -> Case:
    event = CaseEvent(step, actor, at, reason, state, evidence)
    return replace(case, state=state, history=(*case.history, event))


def reason_of(reason: str) -> str:
    """A reason that says something; raises BadInput."""
    if not reason.strip() or len(reason) > MAX_REASON or "\x00" in reason:
        raise BadInput(f"A reason of 1 to {MAX_REASON} characters is needed.", "Say why.")
    return reason.strip()
