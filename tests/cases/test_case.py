"""The case machine: what can follow what, exactly at which instant, and what never can."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.cases import deadline
from beholden.cases.case import (
    AddNote,
    AnswerRfi,
    Case,
    CaseState,
    Close,
    Lapse,
    Refuse,
    SendRfi,
    Step,
    advance,
    open_case,
)
from beholden.cases.rfi import MAX_LATE_LETTERS, due_at
from beholden.cases.verdict import Outcome, give
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.model.finding import Level
from beholden.model.ids import AppNumber, CaseId, DeveloperNumber, FindingId
from beholden.model.refusal import Refusal

NOW = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
ANNA = Actor(ActorKind.OPERATOR, "anna")
QUIZ = Actor(ActorKind.DEVELOPER, "7")
STRANGER = Actor(ActorKind.DEVELOPER, "8")
TICK = timedelta(microseconds=1)
# Hypothesis takes naive bounds and adds the zone itself.
EARLIEST, LATEST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001


def opened() -> Case:
    return open_case(
        CaseId("case_1"), DeveloperNumber(7), [AppNumber(1)], [FindingId("finding_1")], ANNA, NOW, "friend harvest"
    )


def after(case: Case, *events: object) -> Case:
    for event in events:
        result = advance(case, event)  # type: ignore[arg-type]
        assert isinstance(result, Case), result
        case = result
    return case


def refusal(case: Case, event: object) -> str:
    result = advance(case, event)  # type: ignore[arg-type]
    assert isinstance(result, Refusal), "it was allowed"
    return result.code


def rfi(at: datetime = NOW, days: int = 14, questions: tuple[str, ...] = ("What for?", "Who has it?")) -> SendRfi:
    return SendRfi(ANNA, at, questions, ["dev@quiz.example"], days)


def answer(at: datetime, by: Actor = QUIZ) -> AnswerRfi:
    return AnswerRfi(by, at, {1: "Research.", 2: "Nobody."})


def close(outcome: Outcome, at: datetime = NOW) -> Close:
    level = Level.HIGH if outcome is Outcome.UPHELD else None
    return Close(ANNA, at, give(outcome, "seen", ["finding:finding_1"], ANNA, at, level))


def test_the_deadline_is_the_end_of_the_fourteenth_day_after_the_day_of_sending() -> None:
    due = datetime(2026, 1, 16, tzinfo=UTC)
    assert due_at(datetime(2026, 1, 1, tzinfo=UTC), 14) == due
    assert due_at(datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC), 14) == due
    assert due_at(datetime(2026, 1, 2, tzinfo=UTC), 14) == due + timedelta(days=1)


@given(st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)), st.integers(1, 400))
def test_a_developer_always_has_the_whole_of_the_days(sent: datetime, days: int) -> None:
    due = due_at(sent, days)
    assert timedelta(days=days) < due - sent <= timedelta(days=days + 1)
    assert (due.hour, due.minute, due.second, due.microsecond) == (0, 0, 0, 0)


def test_an_answer_is_in_time_until_the_last_microsecond_and_late_at_the_deadline() -> None:
    sent = after(opened(), rfi())
    assert sent.due is not None
    in_time = after(sent, answer(sent.due - TICK))
    assert in_time.state is CaseState.ANSWERED and not in_time.rfis[0].answers[0].late
    late = after(sent, answer(sent.due))
    assert late.state is CaseState.RFI_SENT and late.rfis[0].answers[0].late
    assert late.due == sent.due, "a late answer does not turn the clock back"


def test_silence_lapses_exactly_at_the_deadline() -> None:
    sent = after(opened(), rfi())
    assert sent.due is not None
    assert deadline.lapsed([sent], sent.due - TICK) == []
    assert deadline.lapsed([sent], sent.due) == [sent]
    assert refusal(sent, Lapse(deadline.CLOCK, sent.due - TICK)) == "not_due"
    overdue = deadline.overdue(sent, sent.due)
    assert isinstance(overdue, Case) and overdue.state is CaseState.OVERDUE
    refused = deadline.refused(overdue, sent.due)
    assert isinstance(refused, Case) and refused.state is CaseState.REFUSED and refused.refused_by_silence


def test_a_late_answer_does_not_save_a_silent_developer_from_the_lapse() -> None:
    sent = after(opened(), rfi())
    assert sent.due is not None
    late = after(sent, answer(sent.due + TICK))
    assert deadline.lapsed([late], sent.due + 2 * TICK) == [late]


def test_half_of_the_answers_is_no_answer() -> None:
    sent = after(opened(), rfi())
    with pytest.raises(BadInput, match="Question 2 has no answer"):
        advance(sent, AnswerRfi(QUIZ, NOW, {1: "Research."}))
    with pytest.raises(BadInput, match="no question 3"):
        advance(sent, AnswerRfi(QUIZ, NOW, {1: "a", 2: "b", 3: "c"}))
    with pytest.raises(BadInput):
        advance(sent, AnswerRfi(QUIZ, NOW, {1: "a", 2: " \n"}))


def test_only_the_developer_of_the_case_answers() -> None:
    sent = after(opened(), rfi())
    assert refusal(sent, answer(NOW, STRANGER)) == "not_yours"
    assert refusal(sent, AnswerRfi(ANNA, NOW, {1: "a", 2: "b"})) == "not_yours"


def test_late_letters_are_kept_up_to_a_bound() -> None:
    case = after(opened(), rfi())
    assert case.due is not None
    for n in range(MAX_LATE_LETTERS):
        case = after(case, answer(case.rfis[0].due + n * TICK))
    assert refusal(case, answer(case.rfis[0].due + timedelta(days=1))) == "late_too_often"


def test_no_operator_can_cut_a_deadline_short_or_stop_what_follows_from_it() -> None:
    sent = after(opened(), rfi())
    assert sent.due is not None
    assert refusal(sent, Refuse(ANNA, NOW, "they will never answer")) == "refuse_not_you"
    assert refusal(sent, close(Outcome.NOT_UPHELD, sent.due)) == "deadline_passed"
    assert refusal(sent, rfi(sent.due)) == "rfi_not_now"


def test_nobody_is_found_guilty_unheard() -> None:
    assert refusal(opened(), close(Outcome.UPHELD)) == "not_heard"
    assert refusal(after(opened(), rfi()), close(Outcome.UPHELD)) == "not_heard"
    assert after(opened(), rfi(), answer(NOW), close(Outcome.UPHELD)).state is CaseState.CLOSED
    assert after(opened(), close(Outcome.BENIGN)).state is CaseState.CLOSED


def test_an_upheld_verdict_cites_evidence_and_says_how_grave() -> None:
    with pytest.raises(BadInput, match="cites no evidence"):
        give(Outcome.UPHELD, "seen", [], ANNA, NOW, Level.LOW)
    with pytest.raises(BadInput, match="severity"):
        give(Outcome.UPHELD, "seen", ["finding:f"], ANNA, NOW)
    with pytest.raises(BadInput, match="severity"):
        give(Outcome.BENIGN, "seen", [], ANNA, NOW, Level.LOW)
    for wrong in ("finding", "finding:", "rumour:1", "finding:a b", "finding:a\n"):
        with pytest.raises(BadInput, match="not a reference"):
            give(Outcome.UPHELD, "seen", [wrong], ANNA, NOW, Level.LOW)


def test_the_developer_may_refuse_in_their_own_words_and_an_operator_may_say_that_answers_evade() -> None:
    sent = after(opened(), rfi())
    no = after(sent, Refuse(QUIZ, NOW, "our business"))
    assert no.state is CaseState.REFUSED and not no.refused_by_silence
    assert refusal(sent, Refuse(STRANGER, NOW, "ours")) == "not_yours"
    evaded = after(sent, answer(NOW), Refuse(ANNA, NOW, "nothing of it answers the question"))
    assert evaded.state is CaseState.REFUSED and not evaded.refused_by_silence


_ACTORS = st.sampled_from([ANNA, QUIZ, STRANGER, deadline.CLOCK, Actor(ActorKind.PERSON, "7")])


@st.composite
def _events(draw: st.DrawFn) -> object:
    actor = draw(_ACTORS)
    at = NOW + timedelta(days=draw(st.integers(0, 40)))
    kind = draw(st.sampled_from(["send", "answer", "lapse", "refuse", "note", "close"]))
    outcome = draw(st.sampled_from(Outcome))
    level = Level.LOW if outcome is Outcome.UPHELD else None
    return {
        "send": SendRfi(actor, at, ["What for?"], ["dev@quiz.example"], 14),
        "answer": AnswerRfi(actor, at, {1: "Research."}),
        "lapse": Lapse(actor, at),
        "refuse": Refuse(actor, at, "no"),
        "note": AddNote(actor, at, "seen"),
        "close": Close(actor, at, give(outcome, "seen", ["finding:f"], actor, at, level)),
    }[kind]


@given(st.lists(_events(), max_size=30))
def test_whatever_happens_the_machine_keeps_its_promises(events: list[object]) -> None:
    case = opened()
    for event in events:
        result = advance(case, event)  # type: ignore[arg-type]
        if isinstance(result, Refusal):
            assert result.sentence
            continue
        assert case.state is not CaseState.CLOSED, "nothing leads out of closed"
        assert result.history[:-1] == case.history, "history only grows (law 7)"
        step = result.history[-1]
        assert step.reason and step.at and step.state is result.state
        if step.step is Step.REFUSE:
            assert (case.state, step.actor.kind) in {
                (CaseState.OVERDUE, ActorKind.SYSTEM),
                (CaseState.RFI_SENT, ActorKind.DEVELOPER),
                (CaseState.ANSWERED, ActorKind.OPERATOR),
            }
        if step.step is Step.LAPSE:
            assert step.at >= result.rfis[-1].due and not [a for a in result.rfis[-1].answers if not a.late]
        if step.step is Step.CLOSE and result.verdict and result.verdict.outcome is Outcome.UPHELD:
            assert case.state in {CaseState.ANSWERED, CaseState.REFUSED}
        case = result


def test_a_case_names_its_apps_once_each_and_at_least_one() -> None:
    case = open_case(CaseId("c"), DeveloperNumber(7), [AppNumber(2), AppNumber(1), AppNumber(2)], [], ANNA, NOW, "x")
    assert case.apps == (1, 2)
    with pytest.raises(BadInput):
        open_case(CaseId("c"), DeveloperNumber(7), [], [], ANNA, NOW, "x")
    with pytest.raises(BadInput):
        open_case(CaseId("c"), DeveloperNumber(7), [AppNumber(1)], [], ANNA, NOW, "  ")


@pytest.mark.parametrize(
    ("questions", "recipients"),
    [
        ([], ["a@b.c"]),
        (["x"] * 51, ["a@b.c"]),
        ([" "], ["a@b.c"]),
        (["x"], []),
        (["x"], ["nobody"]),
        (["x"], ["a@b\n.c"]),
    ],
)
def test_an_rfi_that_could_not_be_answered_or_delivered_is_not_sent(
    questions: list[str], recipients: list[str]
) -> None:
    with pytest.raises(BadInput):
        advance(opened(), SendRfi(ANNA, NOW, questions, recipients, 14))
