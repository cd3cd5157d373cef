"""Cases from the suspicion to the verdict, on a real store and a real ledger."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from beholden.cases import deadline
from beholden.cases.case import Case, CaseState
from beholden.enforcement.sanction import Ground, SanctionKind, SanctionState, by_rule
from beholden.journeys import audit, docket, enforce
from beholden.model.act import Actor, ActorKind
from beholden.model.decision import Reason
from beholden.model.errors import BadInput, Conflict, NotAllowed, NotFound
from beholden.model.finding import Finding, Level, RowQuery
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import AppNumber, CaseId, FindingId, SanctionId
from beholden.model.standing import Standing
from tests.conftest import House
from tests.journeys.court import ANNA, BEN, CARA, Crash, Scene, crashing, scene

QUESTIONS = ["Which data do you hold?", "Who else received it?"]
DUE = datetime(2026, 1, 16, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture
def court(house: House) -> Scene:
    return scene(house)


def finding(court: Scene, app: AppNumber, id: str = "finding_1") -> Finding:
    day = date(2026, 1, 1)
    return Finding(
        FindingId(id), "friend_harvest", Level.HIGH, app, court.developer.number, day, day, 3.0,
        "It took the friends of everybody.", {"people": 9.0}, {}, RowQuery(app, day, day), court.house.clock.now(),
    )  # fmt: skip


def asked(court: Scene) -> str:
    case = audit.open_case(court.engines, ANNA, court.developer.number, [], [], "harvest").case.id
    audit.send_rfi(court.engines, ANNA, case, QUESTIONS)
    return case


def test_the_whole_way_from_a_finding_to_a_lifted_ban(court: Scene) -> None:
    engines, (one, two, three) = court.engines, court.apps
    with engines.store.write() as unit:
        unit.watch.put([finding(court, one.number)])
    case = audit.open_case(engines, ANNA, court.developer.number, [one.client_id], ["finding_1"], "harvest").case.id
    view = audit.send_rfi(engines, ANNA, case, QUESTIONS)
    assert view.case.due == DUE and view.case.rfis[0].recipients == ("legal@quizmill.example",)

    court.house.clock.set(DUE - TICK)
    assert audit.lapse_due(engines) == []
    assert court.refusals(two) == {None}
    court.house.clock.set(DUE)
    (forced,) = audit.lapse_due(engines)
    assert (set(forced.apps), forced.grants) == ({one.number, two.number, three.number}, 9)
    for app in court.apps:
        assert court.refusals(app) == {Reason.DEVELOPER_BANNED}
    assert audit.lapse_due(engines) == []

    sanction = forced.sanction.id
    appeal = enforce.appeal(engines, court.actor, sanction, "The letter never reached us.").appeal.id
    with pytest.raises(NotAllowed, match="took part"):
        enforce.decide_appeal(engines, ANNA, appeal, "no", granted_=False)
    enforce.decide_appeal(engines, BEN, appeal, "The mail server was down.", granted_=True)
    assert court.refusals(one) == {Reason.DEVELOPER_BANNED}, "one operator lifts nothing"
    with pytest.raises(NotAllowed, match="law 10"):
        enforce.lift(engines, BEN, sanction)
    enforce.lift(engines, CARA, sanction)
    for app in court.apps:
        assert court.refusals(app) == {Reason.GRANT_ENDED}, "standing comes back, grants do not (law 7)"
    court.house.grant(court.people[0], one)
    assert None in court.refusals(one)

    timeline = audit.case_view(engines, case).timeline
    assert [item.what for item in timeline] == [
        "Case opened",
        "Request for information sent",
        "Deadline passed",
        "Audit refused",
        "Ban of the developer in force",
        "Appeal filed",
        "Appeal granted",
        "Ban of the developer proposed to be lifted",
        "Ban of the developer lifted by a second operator",
    ]
    entries = {act.seq: act for act in engines.ledger.acts()}
    for item in timeline:
        assert entries[item.entry].at == item.at and entries[item.entry].actor == item.actor


def test_law_5_the_ban_reaches_all_apps_at_once_and_the_next_request_is_refused(court: Scene) -> None:
    asked(court)
    court.house.clock.set(DUE)
    audit.lapse_due(court.engines)
    with court.engines.store.read() as unit:
        for app in court.apps:
            assert unit.directory.standing(app) == (Standing.BANNED, Standing.BANNED)
            assert unit.directory.grants(app=app.number, active=True) == []
    assert all(court.refusals(app) == {Reason.DEVELOPER_BANNED} for app in court.apps)


def test_law_7_a_ban_ends_grants_and_forgets_none(court: Scene) -> None:
    asked(court)
    court.house.clock.set(DUE)
    audit.lapse_due(court.engines)
    with court.engines.store.read() as unit:
        grants = [g for app in court.apps for g in unit.directory.grants(app=app.number)]
    assert {(g.state, g.reason, g.ended_at) for g in grants} == {(GrantState.REVOKED, EndReason.BAN, DUE)}
    assert len(grants) == 9


def test_law_10_the_automatic_ban_cites_rule_deadline_and_case(court: Scene) -> None:
    case = asked(court)
    court.house.clock.set(DUE)
    (forced,) = audit.lapse_due(court.engines)
    assert forced.sanction.ground is not None
    assert (forced.sanction.ground.rule, forced.sanction.ground.deadline) == ("rfi-silence", DUE)
    assert forced.sanction.ground.case == case
    (act,) = [a for a in court.engines.ledger.acts() if a.verb == "developer:ban"]
    assert act.actor == "system:rfi-silence"
    assert dict(act.details) == {
        "sanction": forced.sanction.id, "case": case, "rule": "rfi-silence", "deadline": "2026-01-16T00:00:00Z",
    }  # fmt: skip


def test_law_12_every_step_of_a_case_is_in_the_ledger(court: Scene) -> None:
    case = asked(court)
    audit.answer_rfi(court.engines, court.actor, case, {1: "Names.", 2: "Nobody."})
    audit.add_note(court.engines, ANNA, case, "It names no third party.", ["answer:1"])
    audit.decide_verdict(court.engines, BEN, case, "upheld", "It held more.", ["answer:1"], "low", deceit=True)
    subject = f"case:{case}"
    assert court.acts("case:") == [
        (verb, subject) for verb in ("case:open", "case:send", "case:answer", "case:note", "case:close")
    ]
    history = audit.case_view(court.engines, case).case.history
    entries = {act.seq: act.verb for act in court.engines.ledger.acts()}
    assert [entries[event.entry] for event in history] == [f"case:{event.step}" for event in history]


def test_what_people_wrote_stays_out_of_the_ledger(court: Scene) -> None:
    case = asked(court)
    audit.answer_rfi(court.engines, court.actor, case, {1: "We hold Jane Roe's likes.", 2: "Nobody."})
    assert "Jane" not in repr([a.details for a in court.engines.ledger.acts()])


@pytest.mark.parametrize("place", range(9))
def test_the_sweep_stops_anywhere_and_is_run_again(court: Scene, place: int) -> None:
    """A crash before and after each effect: nothing is ever half banned, and in the end all of it was done once."""
    case = asked(court)
    court.house.clock.set(DUE)
    crashed = False
    try:
        audit.lapse_due(crashing(court.engines, place))
    except Crash:
        crashed = True
    assert crashed == (place < 8), "eight places: two commits and two appends, before and after"
    with court.engines.store.read() as unit:
        standings = {unit.directory.standing(app) for app in court.apps}
        active = sum(len(unit.directory.grants(app=app.number, active=True)) for app in court.apps)
        state = unit.cases.case(case).state  # type: ignore[arg-type, union-attr]
    whole = (standings, active, state)
    assert whole in (
        ({(Standing.ACTIVE, Standing.ACTIVE)}, 9, CaseState.RFI_SENT),
        ({(Standing.BANNED, Standing.BANNED)}, 0, CaseState.REFUSED),
    ), "half banned"

    court.house.clock.advance(timedelta(hours=1))
    audit.lapse_due(court.engines)
    assert audit.lapse_due(court.engines) == []
    (view,) = enforce.list_sanctions(court.engines)
    assert view.sanction.state is SanctionState.IN_FORCE
    assert [e.step for e in audit.case_view(court.engines, case).case.history] == ["open", "send", "lapse", "refuse"]
    subject, number = f"case:{case}", court.developer.number
    assert court.acts("case:lapse", "case:refuse", "developer:", "app:") == [
        ("case:lapse", subject),
        ("case:refuse", subject),
        ("developer:ban", f"developer:{number}"),
        *(("app:ban", f"app:{app.number}") for app in court.apps),
    ], "each act once"
    assert all(court.refusals(app) == {Reason.DEVELOPER_BANNED} for app in court.apps)


def test_sweeps_that_run_at_once_do_everything_once(court: Scene) -> None:
    cases = [asked(court), asked(court)]
    court.house.clock.set(DUE)
    with ThreadPoolExecutor(4) as pool:
        runs = [run.result() for run in [pool.submit(audit.lapse_due, court.engines) for _ in range(4)]]
    forced = [one for run in runs for one in run]
    assert sorted(str(one.sanction.case) for one in forced) == sorted(cases)
    assert sum(one.grants for one in forced) == 9
    for case in cases:
        assert court.acts("case:lapse", "case:refuse").count(("case:refuse", f"case:{case}")) == 1
    bans = [a.details["sanction"] for a in court.engines.ledger.acts() if a.verb == "developer:ban"]
    assert sorted(map(str, bans)) == sorted(one.sanction.id for one in forced)


def test_one_case_that_cannot_be_swept_does_not_hold_up_the_others(court: Scene) -> None:
    broken, sound = asked(court), asked(court)
    court.house.clock.set(DUE)
    with court.engines.store.write() as unit:  # two hands on one case: its sanction was decided, the case went on
        case = unit.cases.case(CaseId(broken))
        assert case is not None
        ground = Ground("rfi-silence", DUE, case.id)
        id = SanctionId(f"sanction_{broken.removeprefix('case_')}")
        unit.enforcement.save(None, by_rule(id, case.developer, ground, DUE, 0))
        overdue = deadline.overdue(case, DUE)
        assert isinstance(overdue, Case)
        unit.cases.save(case, overdue)
    with pytest.raises(Conflict):
        audit.lapse_due(court.engines)
    assert audit.case_view(court.engines, sound).case.state is CaseState.REFUSED
    assert court.refusals(court.apps[0]) == {Reason.DEVELOPER_BANNED}


def test_an_answer_in_time_stops_the_clock_and_a_late_one_does_not(court: Scene) -> None:
    first, second = asked(court), asked(court)
    court.house.clock.set(DUE - TICK)
    audit.answer_rfi(court.engines, court.actor, first, {1: "Names.", 2: "Nobody."})
    court.house.clock.set(DUE)
    late = audit.answer_rfi(court.engines, court.actor, second, {1: "Names.", 2: "Nobody."})
    assert late.case.state is CaseState.RFI_SENT and all(a.late for a in late.case.rfis[0].answers)
    (forced,) = audit.lapse_due(court.engines)
    assert forced.sanction.case == second
    assert audit.case_view(court.engines, first).case.state is CaseState.ANSWERED
    kept = audit.case_view(court.engines, second).case
    assert kept.state is CaseState.REFUSED and len(kept.rfis[0].answers) == 2, "kept as evidence"


def test_a_refusal_in_words_leads_to_a_ban_by_two_hands(court: Scene) -> None:
    case = asked(court)
    view = audit.refuse_rfi(court.engines, court.actor, case, "This is our business.")
    assert view.case.state is CaseState.REFUSED and view.recommended is not None
    assert (view.recommended.kind, view.recommended.automatic) == (SanctionKind.BAN, False)
    court.house.clock.set(DUE)
    assert audit.lapse_due(court.engines) == []
    assert court.refusals(court.apps[0]) == {None}


def test_an_upheld_verdict_shows_the_rung_and_repetition_leads_higher(court: Scene) -> None:
    kinds = []
    for _ in range(2):
        case = asked(court)
        audit.answer_rfi(court.engines, court.actor, case, {1: "Names.", 2: "Nobody."})
        court.house.clock.advance(timedelta(days=1))
        view = audit.decide_verdict(court.engines, BEN, case, "upheld", "It held more.", ["answer:1"], "low")
        assert view.recommended is not None
        kinds.append(view.recommended.kind)
    assert kinds == [SanctionKind.RESTRICT, SanctionKind.SUSPEND]


def test_another_developer_neither_answers_nor_learns_of_a_case(court: Scene) -> None:
    case = asked(court)
    stranger = Actor(ActorKind.DEVELOPER, str(court.house.developer("Other Ltd").number))
    with pytest.raises(NotFound):
        audit.answer_rfi(court.engines, stranger, case, {1: "a", 2: "b"})
    with pytest.raises(NotFound):
        audit.refuse_rfi(court.engines, stranger, case, "no")
    with pytest.raises(NotFound):
        docket.developer_case_view(court.engines, int(stranger.id), case)


def test_the_developer_sees_the_questions_and_not_the_inquiry(court: Scene) -> None:
    engines = court.engines
    with engines.store.write() as unit:
        unit.watch.put([finding(court, court.apps[0].number)])
    case = audit.open_case(engines, ANNA, court.developer.number, [], ["finding_1"], "a rule of ours").case.id
    audit.send_rfi(engines, ANNA, case, QUESTIONS)
    audit.add_note(engines, ANNA, case, "We watch them.", ["finding:finding_1"])
    view = docket.developer_case_view(engines, court.developer.number, case)
    shown = repr(view)
    for ours in ("finding_1", "a rule of ours", "We watch them", "anna"):
        assert ours not in shown
    assert view.due == DUE and QUESTIONS[0] in view.letters[0] and "before 2026-01-16T00:00:00Z" in view.letters[0]


@pytest.mark.parametrize(
    "actor", [Actor(ActorKind.OPERATOR, "nobody"), Actor(ActorKind.DEVELOPER, "1"), Actor(ActorKind.PERSON, "1")]
)
def test_nobody_but_a_known_operator_opens_asks_and_judges(court: Scene, actor: Actor) -> None:
    case = asked(court)
    for act in (
        lambda: audit.open_case(court.engines, actor, court.developer.number, [], [], "x"),
        lambda: audit.send_rfi(court.engines, actor, case, QUESTIONS),
        lambda: audit.add_note(court.engines, actor, case, "x"),
        lambda: audit.say_answers_evade(court.engines, actor, case, "x"),
        lambda: audit.decide_verdict(court.engines, actor, case, "benign", "x"),
    ):
        size = court.engines.ledger.size()
        with pytest.raises(NotAllowed):
            act()
        assert court.engines.ledger.size() == size, "what was refused is no act"


def test_what_does_not_exist_is_named(court: Scene) -> None:
    engines, number = court.engines, court.developer.number
    for wrong in (
        lambda: audit.open_case(engines, ANNA, 99, [], [], "x"),
        lambda: audit.open_case(engines, ANNA, number, ["no-such-app"], [], "x"),
        lambda: audit.open_case(engines, ANNA, number, [], ["finding_x"], "x"),
        lambda: audit.send_rfi(engines, ANNA, "case_x", QUESTIONS),
        lambda: audit.add_note(engines, ANNA, asked(court), "x", ["certification:x"]),
    ):
        with pytest.raises(NotFound):
            wrong()
    with pytest.raises(BadInput):
        audit.add_note(engines, ANNA, asked(court), "x", ["answer:1"])


def test_a_finding_about_another_app_is_no_ground(court: Scene) -> None:
    other = court.house.app(court.house.developer("Other Ltd"), "other")
    with court.engines.store.write() as unit:
        unit.watch.put([finding(court, other.number)])
    with pytest.raises(NotFound):
        audit.open_case(court.engines, ANNA, court.developer.number, [], ["finding_1"], "x")


def test_a_closed_case_stays_closed(court: Scene) -> None:
    case = audit.open_case(court.engines, ANNA, court.developer.number, [], [], "x").case.id
    audit.decide_verdict(court.engines, ANNA, case, "benign", "It was our own test.")
    with pytest.raises(Conflict, match="closed"):
        audit.send_rfi(court.engines, ANNA, case, QUESTIONS)
    assert [s.id for s in audit.list_cases(court.engines)] == [case]
    assert audit.list_cases(court.engines, open_only=True) == []


def test_the_policy_sets_the_days_to_answer(court: Scene) -> None:
    with court.engines.store.write() as unit:
        unit.directory.set_policy("name: quick\nrfi_days: 3\n", court.house.clock.now())
    case = asked(court)
    assert audit.case_view(court.engines, case).case.due == datetime(2026, 1, 5, tzinfo=UTC)
