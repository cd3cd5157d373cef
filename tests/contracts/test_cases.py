"""CaseStore, on every database."""

from datetime import UTC, date, datetime, timedelta

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.cases import deadline
from beholden.cases.case import AddNote, AnswerRfi, Case, Close, SendRfi, advance, open_case
from beholden.cases.certification import (
    Certification,
    Defect,
    Signature,
    SignatureKind,
    SignatureState,
    Statement,
)
from beholden.cases.verdict import Outcome, give
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import Conflict
from beholden.model.finding import Level
from beholden.model.ids import AppNumber, CaseId, CertificationId, DeveloperNumber, FindingId

NOW = datetime(2026, 1, 1, 9, 30, 0, 123456, tzinfo=UTC)
ANNA = Actor(ActorKind.OPERATOR, "anna")
QUIZ = Actor(ActorKind.DEVELOPER, "7")
SEVEN = DeveloperNumber(7)


def opened(id: str = "case_1", at: datetime = NOW, apps: tuple[int, ...] = (1, 2)) -> Case:
    numbers = [AppNumber(n) for n in apps]
    return open_case(CaseId(id), SEVEN, numbers, [FindingId("finding_1")], ANNA, at, "harvest “ü” 🦉")


def step(case: Case, event: object) -> Case:
    after = advance(case, event)  # type: ignore[arg-type]
    assert isinstance(after, Case), after
    return after


def sent(case: Case, at: datetime = NOW) -> Case:
    return step(case, SendRfi(ANNA, at, ["What for?", "Who has it?"], ["dev@quiz.example"], 14))


def through(store: SqlStore, *versions: Case) -> Case:
    """Save each version after the one before, in units of their own; what the store has then."""
    before: Case | None = None
    for version in versions:
        with store.write() as unit:
            unit.cases.save(before, version)
        with store.read() as unit:
            before = unit.cases.case(version.id)
        assert before == version
    assert before is not None
    return before


def test_every_part_of_a_case_comes_back_as_it_was(store: SqlStore) -> None:
    one = opened()
    two = sent(one)
    due = two.rfis[0].due
    three = step(two, AnswerRfi(QUIZ, due, {1: "late", 2: "later"}))
    four = step(three, AddNote(ANNA, due, "seen", ["ledger:5", "exhibit:a"]))
    five = deadline.overdue(four, due)
    assert isinstance(five, Case)
    six = deadline.refused(five, due)
    assert isinstance(six, Case)
    verdict = give(Outcome.UPHELD, "it did", ["finding:finding_1"], ANNA, due, Level.HIGH, deceit=True)
    through(store, one, two, three, four, five, six, step(six, Close(ANNA, due, verdict)))


def test_several_rfis_with_their_own_answers_come_back_apart(store: SqlStore) -> None:
    one = opened()
    two = sent(one)
    three = step(two, AnswerRfi(QUIZ, NOW, {1: "a", 2: "b"}))
    four = sent(three)
    kept = through(store, one, two, three, four, step(four, AnswerRfi(QUIZ, NOW, {1: "c", 2: "d"})))
    assert [[a.text for a in rfi.answers] for rfi in kept.rfis] == [["a", "b"], ["c", "d"]]


def test_several_steps_can_be_saved_at_once(store: SqlStore) -> None:
    one = opened()
    with store.write() as unit:
        unit.cases.save(None, one)
        unit.cases.save(one, step(sent(one), AnswerRfi(QUIZ, NOW, {1: "a", 2: "b"})))
    with store.read() as unit:
        kept = unit.cases.case(one.id)
    assert kept is not None and len(kept.history) == 3 and len(kept.rfis[0].answers) == 2


def test_whoever_saves_over_a_newer_version_is_refused_and_nothing_is_written(store: SqlStore) -> None:
    one = opened()
    newer = sent(one)
    through(store, one, newer)
    with pytest.raises(Conflict), store.write() as unit:
        unit.cases.save(one, step(one, AddNote(ANNA, NOW, "too late")))
    with store.read() as unit:
        assert unit.cases.case(one.id) == newer


def test_the_same_case_is_not_added_twice(store: SqlStore) -> None:
    through(store, opened())
    with pytest.raises(Conflict), store.write() as unit:
        unit.cases.save(None, opened())


def test_a_unit_that_fails_leaves_no_part_of_a_case(store: SqlStore) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as unit:
        unit.cases.save(None, opened())
        raise ZeroDivisionError
    with store.read() as unit:
        assert unit.cases.case(CaseId("case_1")) is None and unit.cases.cases() == []


def test_cases_are_found_by_developer_and_app_the_latest_first(store: SqlStore) -> None:
    early, late = opened("case_b"), opened("case_a", NOW + timedelta(days=1), (2, 3))
    with store.write() as unit:
        unit.cases.save(None, early)
        unit.cases.save(None, late)
    with store.read() as unit:
        assert [c.id for c in unit.cases.cases()] == ["case_a", "case_b"]
        assert [c.id for c in unit.cases.cases(app=AppNumber(1))] == ["case_b"]
        assert [c.id for c in unit.cases.cases(developer=SEVEN, app=AppNumber(3))] == ["case_a"]
        assert unit.cases.cases(developer=DeveloperNumber(8)) == []


def test_due_are_the_unanswered_at_their_deadline_and_not_before(store: SqlStore) -> None:
    for id in ("case_open", "case_silent", "case_answered"):
        case = opened(id)
        with store.write() as unit:
            unit.cases.save(None, case)
            if id != "case_open":
                unit.cases.save(case, sent(case))
            if id == "case_answered":
                unit.cases.save(sent(case), step(sent(case), AnswerRfi(QUIZ, NOW, {1: "a", 2: "b"})))
    due = sent(opened()).rfis[0].due
    with store.read() as unit:
        assert unit.cases.due(due - timedelta(microseconds=1)) == []
        assert [c.id for c in unit.cases.due(due)] == ["case_silent"]


def test_keys_are_a_developers_own_and_an_ended_one_stays_ended(store: SqlStore) -> None:
    with store.write() as unit:
        unit.cases.add_key(SEVEN, "k1", NOW)
        unit.cases.add_key(SEVEN, "k1", NOW + timedelta(days=1))
        unit.cases.add_key(SEVEN, "k2", NOW)
        assert unit.cases.keys(SEVEN) == ["k1", "k2"]
        assert unit.cases.keys(DeveloperNumber(8)) == []
        assert unit.cases.end_key(SEVEN, "k1", NOW)
        assert not unit.cases.end_key(SEVEN, "k1", NOW)
        assert not unit.cases.end_key(DeveloperNumber(8), "k2", NOW)
        unit.cases.add_key(SEVEN, "k1", NOW)
        assert unit.cases.keys(SEVEN) == ["k2"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_certification_comes_back_as_it_was(store: SqlStore, whole: bool) -> None:
    statement = Statement(
        ("quiz",),
        ("likes",),
        "Jane “R” Roe",
        "CEO",
        "s",
        "r",
        "d",
        "b",
        "o",
        1,
        2,
        3,
        date(2026, 1, 2),
        date(2026, 1, 3),
    )
    kept = Certification(
        CertificationId("certification_1"),
        SEVEN,
        CaseId("case_1") if whole else None,
        statement if whole else Statement(),
        Signature(SignatureKind.ED25519, "key", "value") if whole else None,
        SignatureState.VALID if whole else SignatureState.UNSIGNED,
        (Defect("undated", "It has no date.", "Date it."),) if whole else (),
        NOW,
        "developer:7",
        41,
    )
    with store.write() as unit:
        unit.cases.add_certification(kept)
    with store.read() as unit:
        assert unit.cases.certification(kept.id) == kept
        assert unit.cases.certifications(developer=SEVEN) == [kept]
        assert unit.cases.certifications(case=CaseId("case_1")) == ([kept] if whole else [])
        assert unit.cases.certification(CertificationId("certification_x")) is None
