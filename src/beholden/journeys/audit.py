"""Audit: a case from the suspicion to the verdict, with both sides in it, and the clock that ends silence (R1, R2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from beholden.cases import case as cases
from beholden.cases import deadline
from beholden.cases import verdict as verdicts
from beholden.cases.case import AddNote, AnswerRfi, Case, CaseState, Close, Event, Refuse, SendRfi
from beholden.cases.verdict import Outcome
from beholden.enforcement.sanction import Ground, Sanction, SanctionState, by_rule
from beholden.journeys import enforce
from beholden.journeys.acts import granted, one_of, operators_only, record, record_once, said_since
from beholden.journeys.docket import CaseSummary, CaseView, TimelineItem, case_view, list_cases
from beholden.journeys.enforce import Forced
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import SYSTEM, Act, Actor, ActorKind
from beholden.model.errors import BadInput, NotFound
from beholden.model.finding import Level
from beholden.model.ids import AppNumber, CaseId, CertificationId, DeveloperNumber, FindingId, SanctionId

__all__ = [
    "Case",
    "CaseState",
    "CaseSummary",
    "CaseView",
    "Forced",
    "Outcome",
    "TimelineItem",
    "add_note",
    "answer_rfi",
    "case_view",
    "decide_verdict",
    "lapse_due",
    "list_cases",
    "open_case",
    "refuse_rfi",
    "say_answers_evade",
    "send_rfi",
]


def open_case(
    engines: Engines,
    actor: Actor,
    developer: DeveloperNumber | int,
    apps: Sequence[str],
    findings: Sequence[str],
    reason: str,
) -> CaseView:
    """A new case about some of a developer's apps (client ids; none means all of them), from findings or without."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        owner = unit.directory.developer(DeveloperNumber(developer))
        if owner is None:
            raise NotFound(f"There is no developer {developer}.", "`beholden app list` names them.")
        numbers = _apps_of(unit, owner.number, apps)
        for finding in findings:
            _require_finding(unit, finding, numbers)
        id, now = CaseId(engines.ids.new("case")), engines.clock.now()
        about = [FindingId(f) for f in findings]
        opened = cases.open_case(id, owner.number, numbers, about, actor, now, reason)
        _save(engines, unit, None, opened)
    return case_view(engines, id)


def _apps_of(unit: Unit, developer: DeveloperNumber, clients: Sequence[str]) -> list[AppNumber]:
    theirs = {app.client_id: app.number for app in unit.directory.apps(developer)}
    for client in clients:
        if client not in theirs:
            raise NotFound(f"The developer has no app {client!r}.", f"They have: {', '.join(theirs) or 'none'}.")
    return [number for client, number in theirs.items() if not clients or client in clients]


def _require_finding(unit: Unit, finding: str, apps: Sequence[AppNumber]) -> None:
    found = unit.watch.finding(FindingId(finding))
    if found is None or found.app not in apps:
        raise NotFound(f"There is no finding {finding!r} about these apps.", "`beholden watch list` names them.")


def send_rfi(
    engines: Engines, actor: Actor, case_id: str, questions: Sequence[str], recipients: Sequence[str] = ()
) -> CaseView:
    """Ask the developer; the deadline is the policy's `rfi_days` from now (see cases.rfi). To the developer's address
    where no recipients are named; the developer portal shows it from this moment."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        before = _case(unit, case_id)
        owner = unit.directory.developer(before.developer)
        assert owner is not None, "a case is about a developer who is known"
        days = unit.directory.policy().rfi_days
        to = recipients or [owner.email]
        _advance(engines, unit, before, SendRfi(actor, engines.clock.now(), questions, to, days))
    return case_view(engines, case_id)


def answer_rfi(
    engines: Engines,
    actor: Actor,
    case_id: str,
    answers: Mapping[int, str],
    *,
    carried_by: Actor | None = None,
) -> CaseView:
    """The developer answers every question. After the deadline it is kept as late, and does not turn the clock back.

    `carried_by` is the operator who entered what came by letter; in the developer's own session there is none.
    """
    with engines.store.write() as unit:
        if carried_by is not None:
            operators_only(unit, carried_by)
        before = _theirs(unit, actor, case_id)
        _advance(engines, unit, before, AnswerRfi(actor, engines.clock.now(), answers), carried_by)
    return case_view(engines, case_id)


def refuse_rfi(engines: Engines, actor: Actor, case_id: str, reason: str) -> CaseView:
    """The developer says that they will not answer. A ban follows by hand, since no clock decided it (law 10)."""
    with engines.store.write() as unit:
        before = _theirs(unit, actor, case_id)
        _advance(engines, unit, before, Refuse(actor, engines.clock.now(), reason))
    return case_view(engines, case_id)


def say_answers_evade(engines: Engines, actor: Actor, case_id: str, reason: str) -> CaseView:
    """An operator puts on record that what came back does not answer, which is a refusal too."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        _advance(engines, unit, _case(unit, case_id), Refuse(actor, engines.clock.now(), reason))
    return case_view(engines, case_id)


def add_note(engines: Engines, actor: Actor, case_id: str, reason: str, evidence: Sequence[str] = ()) -> CaseView:
    """Put an observation and its evidence (`kind:id`) into the case; by an operator, or by the system itself."""
    with engines.store.write() as unit:
        if actor != SYSTEM:
            operators_only(unit, actor)
        before = _case(unit, case_id)
        _require_evidence(unit, before, evidence)
        _advance(engines, unit, before, AddNote(actor, engines.clock.now(), reason, evidence))
    return case_view(engines, case_id)


def decide_verdict(
    engines: Engines,
    actor: Actor,
    case_id: str,
    outcome: Outcome | str,
    reason: str,
    evidence: Sequence[str] = (),
    severity: Level | str | None = None,
    *,
    deceit: bool = False,
) -> CaseView:
    """Close the case. What follows is the ladder's advice (`recommended` of the view); two operators impose it."""
    with engines.store.write() as unit:
        operators_only(unit, actor)
        before = _case(unit, case_id)
        _require_evidence(unit, before, evidence)
        now = engines.clock.now()
        level = one_of(Level, severity) if severity is not None else None
        verdict = verdicts.give(one_of(Outcome, outcome), reason, evidence, actor, now, level, deceit=deceit)
        _advance(engines, unit, before, Close(actor, now, verdict))
    return case_view(engines, case_id)


def _require_evidence(unit: Unit, case: Case, evidence: Sequence[str]) -> None:
    """What is kept here must exist; exhibits, examinations and ledger places are looked up where they are kept."""
    for reference in verdicts.references(evidence):
        kind, _, name = reference.partition(":")
        if kind == "finding" and unit.watch.finding(FindingId(name)) is None:
            raise NotFound(f"There is no finding {name!r}.", "`beholden watch list` names them.")
        if kind == "certification":
            found = unit.cases.certification(CertificationId(name))
            if found is None or found.developer != case.developer:
                raise NotFound(f"There is no certification {name!r} of this developer.", "Cite one of theirs.")
        if kind == "answer" and name not in {str(rfi.number) for rfi in case.rfis if rfi.answers}:
            raise BadInput(f"The RFI {name!r} of this case has no answers.", "Cite answer:1 for the first RFI.")


def lapse_due(engines: Engines) -> list[Forced]:
    """The deadline sweep: silence is a refusal, and the developer is banned by rule, citing deadline and case (R2).

    It can stop anywhere and be run again, at any time, and by several processes: what it began is ended, once. It also
    puts in force what two operators confirmed and a crash then held up.
    """
    now = engines.clock.now()
    with engines.store.read() as unit:
        due = deadline.lapsed(unit.cases.due(now), now)
    enforce.each(due, lambda case: _decide_ban(engines, case.id))
    with engines.store.read() as unit:
        decided = [s for s in unit.enforcement.sanctions(state=SanctionState.CONFIRMED) if s.ground is not None]
    return enforce.each(decided, lambda s: _refuse_and_ban(engines, s)) + enforce.finish(engines)


def _decide_ban(engines: Engines, case_id: CaseId) -> None:
    """First unit: the sanction is decided, and where in the ledger its acts will begin. Nothing has happened yet.

    Its id comes from the case's, so that two sweeps cannot decide it twice.
    """
    with engines.store.write() as unit:
        now = engines.clock.now()
        case = _case(unit, case_id)
        id = SanctionId(f"sanction_{case.id.removeprefix('case_')}")
        if case.due is None or now < case.due or unit.enforcement.sanction(id) is not None:
            return  # another sweep was faster
        ground = Ground(deadline.RULE, case.due, case.id)
        unit.enforcement.save(None, by_rule(id, case.developer, ground, now, engines.ledger.size()))


def _refuse_and_ban(engines: Engines, decided: Sanction) -> Forced | None:
    """Second unit: the acts, the case refused, the developer banned; all of it, or none and the next sweep does it."""
    said = said_since(engines, decided.id, decided.mark)
    with engines.store.write() as unit:
        sanction = unit.enforcement.sanction(decided.id, lock=True)
        assert sanction is not None and sanction.case is not None, "a ban by rule cites its case"
        if sanction.state is not SanctionState.CONFIRMED:
            return None  # another sweep was faster
        before = _case(unit, sanction.case)
        now = engines.clock.now()
        late = granted(deadline.overdue(before, now))
        after = granted(deadline.refused(late, now))
        acts = [_act(after, position, sanction=sanction.id) for position in (-2, -1)]
        places = record_once(engines, said, acts)
        unit.cases.save(before, _entered(after, places))
        return enforce.force_in(engines, unit, said, sanction)


def _case(unit: Unit, case_id: str) -> Case:
    found = unit.cases.case(CaseId(case_id))
    if found is None:
        raise NotFound(f"There is no case {case_id[:80]!r}.", "`beholden case list` names them.")
    return found


def _theirs(unit: Unit, actor: Actor, case_id: str) -> Case:
    """The case, if it is about this developer; to another one it does not exist."""
    found = _case(unit, case_id)
    if actor.kind is ActorKind.DEVELOPER and actor.id != str(found.developer):
        raise NotFound(f"There is no case {case_id[:80]!r}.", "Your portal lists those about you.")
    return found


def _advance(engines: Engines, unit: Unit, before: Case, event: Event, carried_by: Actor | None = None) -> None:
    _save(engines, unit, before, granted(cases.advance(before, event)), carried_by)


def _save(engines: Engines, unit: Unit, before: Case | None, after: Case, carried_by: Actor | None = None) -> None:
    """Write a case's latest step, its act first (law 12)."""
    further = {"carried_by": str(carried_by)} if carried_by is not None else {}
    unit.cases.save(before, _entered(after, [record(engines, _act(after, -1, **further))]))


def _act(after: Case, position: int, **further: str) -> Act:
    """The act of one step. Of words it holds none: an answer may name people, and a ledger entry stays for ever."""
    event = after.history[position]
    details: dict[str, object] = {"state": event.state.value, **further}
    if event.evidence:
        details["evidence"] = list(event.evidence)
    if after.rfis:
        details["rfi"] = after.rfis[-1].number
    app = after.apps[0] if len(after.apps) == 1 else None
    return Act(event.actor, f"case:{event.step}", f"case:{after.id}", event.at, app, details)


def _entered(after: Case, places: Sequence[int]) -> Case:
    """The case with the places of its latest steps in the ledger."""
    kept, new = after.history[: -len(places)], after.history[-len(places) :]
    return replace(after, history=(*kept, *(replace(e, entry=p) for e, p in zip(new, places, strict=True))))
