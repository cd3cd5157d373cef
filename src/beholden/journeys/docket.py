"""The docket: cases as pages and commands show them, each step with its place in the ledger.

An operator sees everything. A developer sees what is about them and what was said to them, not the findings, notes and
other internals of an inquiry that goes on; whoever knows the rule that found them knows how to stay below it.
"""

from dataclasses import dataclass
from datetime import datetime

from beholden.cases.case import Case, CaseState, Step
from beholden.cases.certification import Certification
from beholden.cases.rfi import Rfi, letter
from beholden.cases.verdict import Outcome
from beholden.enforcement.appeal import Appeal
from beholden.enforcement.ladder import Conduct, Rung, follows
from beholden.enforcement.ladder import Outcome as Came
from beholden.enforcement.sanction import Move, Sanction, SanctionKind, SanctionState
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import Actor, ActorKind
from beholden.model.app import App, Developer
from beholden.model.errors import NotFound
from beholden.model.ids import AppNumber, CaseId, DeveloperNumber


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One thing that happened, in words; `entry` is its place in the ledger, -1 where it is part of another act."""

    at: datetime
    actor: str
    what: str
    reason: str
    evidence: tuple[str, ...]
    entry: int


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One line of a list. `due` is set while a clock runs."""

    id: CaseId
    state: CaseState
    developer: Developer
    apps: tuple[App, ...]
    opened_at: datetime
    due: datetime | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with everything that belongs to it; `recommended` is what the ladder says follows."""

    case: Case
    developer: Developer
    apps: tuple[App, ...]
    timeline: tuple[TimelineItem, ...]
    sanctions: tuple[Sanction, ...]
    appeals: tuple[Appeal, ...]
    certifications: tuple[Certification, ...]
    recommended: Rung | None


@dataclass(frozen=True, slots=True)
class DeveloperCaseView:
    """The same case as its developer sees it."""

    id: CaseId
    state: CaseState
    apps: tuple[App, ...]
    due: datetime | None
    rfis: tuple[Rfi, ...]
    letters: tuple[str, ...]
    outcome: Outcome | None
    outcome_reason: str
    timeline: tuple[TimelineItem, ...]
    sanctions: tuple[Sanction, ...]
    appeals: tuple[Appeal, ...]


_STEP_WORDS = {
    Step.OPEN: "Case opened",
    Step.SEND: "Request for information sent",
    Step.ANSWER: "Developer answered",
    Step.ANSWER_LATE: "Developer answered late",
    Step.LAPSE: "Deadline passed",
    Step.REFUSE: "Audit refused",
    Step.NOTE: "Note",
    Step.CLOSE: "Verdict",
}
_KIND_WORDS = {SanctionKind.RESTRICT: "Restriction", SanctionKind.SUSPEND: "Suspension", SanctionKind.BAN: "Ban"}
_MOVE_WORDS = {
    Move.PROPOSE: "proposed",
    Move.CONFIRM: "confirmed by a second operator",
    Move.DECIDE: "decided by rule",
    Move.FORCE: "in force",
    Move.WITHDRAW: "withdrawn",
    Move.PROPOSE_LIFT: "proposed to be lifted",
    Move.WITHDRAW_LIFT: "not to be lifted after all",
    Move.LIFT: "lifted by a second operator",
}
_SHOWN_TO_DEVELOPERS = {Step.OPEN, Step.SEND, Step.ANSWER, Step.ANSWER_LATE, Step.LAPSE, Step.REFUSE, Step.CLOSE}


def list_cases(
    engines: Engines,
    *,
    developer: DeveloperNumber | int | None = None,
    app: AppNumber | None = None,
    open_only: bool = False,
) -> list[CaseSummary]:
    """Cases, the one opened last first."""
    owner = DeveloperNumber(developer) if developer is not None else None
    with engines.store.read() as unit:
        found = unit.cases.cases(developer=owner, app=app)
        return [_summary(unit, c) for c in found if not (open_only and c.state is CaseState.CLOSED)]


def _summary(unit: Unit, case: Case) -> CaseSummary:
    outcome = case.verdict.outcome if case.verdict else None
    return CaseSummary(
        case.id, case.state, _owner(unit, case), _apps(unit, case), case.history[0].at, case.due, outcome
    )


def case_view(engines: Engines, case_id: str) -> CaseView:
    """One case; raises NotFound."""
    with engines.store.read() as unit:
        case = _find(unit, case_id)
        sanctions = _sanctions(unit, case)
        appeals = _appeals(unit, sanctions)
        certifications = tuple(unit.cases.certifications(case=case.id))
        items = [*_steps(case), *_moves(sanctions), *_appealed(appeals), *_certified(certifications)]
        return CaseView(
            case,
            _owner(unit, case),
            _apps(unit, case),
            _ordered(items),
            sanctions,
            appeals,
            certifications,
            recommended(unit, case),
        )


def developer_case_view(engines: Engines, developer: DeveloperNumber | int, case_id: str) -> DeveloperCaseView:
    """One case as the developer whom it is about sees it; to any other it does not exist."""
    with engines.store.read() as unit:
        case = unit.cases.case(CaseId(case_id))
        if case is None or case.developer != developer:  # nothing tells the one from the other
            raise NotFound(f"There is no case {case_id[:80]!r}.", "Your portal lists those about you.")
        owner, apps = _owner(unit, case), _apps(unit, case)
        sanctions = tuple(s for s in _sanctions(unit, case) if any(e.move is Move.FORCE for e in s.history))
        appeals = _appeals(unit, sanctions)
        where = f"{engines.url}/developer/cases/{case.id}"
        items = [*_steps(case), *_moves(sanctions), *_appealed(appeals)]
        return DeveloperCaseView(
            case.id,
            case.state,
            apps,
            case.due,
            case.rfis,
            tuple(letter(rfi, owner.name, [app.name for app in apps], where) for rfi in case.rfis),
            case.verdict.outcome if case.verdict else None,
            case.verdict.reason if case.verdict else "",
            _ordered([_discreet(item) for item in items if item.what != _STEP_WORDS[Step.NOTE]]),
            sanctions,
            appeals,
        )


def _discreet(item: TimelineItem) -> TimelineItem:
    """Operators are the platform to a developer, by no name; the reason of an opening is the inquiry's own."""
    actor = "the platform" if item.actor.startswith(f"{ActorKind.OPERATOR}:") else item.actor
    reason = "" if item.what == _STEP_WORDS[Step.OPEN] else item.reason
    return TimelineItem(item.at, actor, item.what, reason, (), item.entry)


def recommended(unit: Unit, case: Case) -> Rung | None:
    """What the ladder says follows from what the case has come to so far."""
    if case.verdict is not None and case.verdict.outcome is Outcome.UPHELD:
        before = [c for c in unit.cases.cases(developer=case.developer) if c.id != case.id and c.verdict is not None]
        earlier = sum(
            c.verdict.outcome is Outcome.UPHELD and c.verdict.at < case.verdict.at for c in before if c.verdict
        )
        return follows(Conduct(Came.UPHELD, case.verdict.severity, case.verdict.deceit, earlier))
    if any(event.step is Step.REFUSE for event in case.history):
        return follows(Conduct(Came.SILENCE if case.refused_by_silence else Came.REFUSAL))
    return None


def _find(unit: Unit, case_id: str) -> Case:
    found = unit.cases.case(CaseId(case_id))
    if found is None:
        raise NotFound(f"There is no case {case_id[:80]!r}.", "`beholden case list` names them.")
    return found


def _owner(unit: Unit, case: Case) -> Developer:
    developer = unit.directory.developer(case.developer)
    assert developer is not None, "a case is about a developer who is known"
    return developer


def _apps(unit: Unit, case: Case) -> tuple[App, ...]:
    return tuple(app for app in unit.directory.apps(case.developer) if app.number in case.apps)


def _sanctions(unit: Unit, case: Case) -> tuple[Sanction, ...]:
    return tuple(s for s in unit.enforcement.sanctions(developer=case.developer) if s.case == case.id)


def _appeals(unit: Unit, sanctions: tuple[Sanction, ...]) -> tuple[Appeal, ...]:
    return tuple(a for s in sanctions for a in unit.enforcement.appeals(sanction=s.id))


def _steps(case: Case) -> list[TimelineItem]:
    return [TimelineItem(e.at, str(e.actor), _STEP_WORDS[e.step], e.reason, e.evidence, e.entry) for e in case.history]


def _moves(sanctions: tuple[Sanction, ...]) -> list[TimelineItem]:
    return [
        TimelineItem(
            e.at, str(e.actor), f"{_KIND_WORDS[s.kind]} of the {s.target} {_MOVE_WORDS[e.move]}", e.reason, (), e.entry
        )
        for s in sanctions
        for e in s.history
        # What a rule decided is told once, by its act: that it is in force.
        if e.move is not Move.DECIDE or s.state is SanctionState.CONFIRMED
    ]


def _appealed(appeals: tuple[Appeal, ...]) -> list[TimelineItem]:
    items: list[TimelineItem] = []
    for a in appeals:
        who = str(Actor(ActorKind.DEVELOPER, str(a.developer)))
        items.append(TimelineItem(a.filed_at, who, "Appeal filed", a.grounds, (), a.entry))
        if a.decided_at is not None:
            by = str(Actor(ActorKind.OPERATOR, a.decided_by))
            items.append(TimelineItem(a.decided_at, by, f"Appeal {a.state}", a.reason, (), a.decided_entry))
    return items


def _certified(certifications: tuple[Certification, ...]) -> list[TimelineItem]:
    return [
        TimelineItem(
            c.received_at,
            c.received_from,
            "Certification received",
            f"{len(c.defects)} defects" if c.defects else "no defects",
            (f"certification:{c.id}",),
            c.entry,
        )
        for c in certifications
    ]


def _ordered(items: list[TimelineItem]) -> tuple[TimelineItem, ...]:
    """By time; what happened in one instant, in the order of the ledger, steps without an entry where they were."""
    return tuple(sorted(items, key=lambda item: (item.at, item.entry if item.entry >= 0 else 1 << 62)))
