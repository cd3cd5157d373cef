"""The consent book's promises, kept by every database."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.backends.sql.store import SqlStore, SqlUnit
from beholden.gate.oauth.details import Detail
from beholden.gate.oauth.ports import Answer
from beholden.gate.oauth.secret import digest_of
from beholden.gate.oauth.token import Code, Kind, Token
from beholden.model.ids import AppNumber, GrantId, PersonNumber

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN, BOB = PersonNumber(1), PersonNumber(2)
QUIZ, OTHER = AppNumber(1), AppNumber(2)
CODE = Code(
    ANN,
    digest_of("code"),
    QUIZ,
    GrantId("grant_a"),
    "https://app.example/back",
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "identity likes",
    "family_a",
    NOW,
    NOW + HOUR,
    details=(Detail(("city", "home"), ("play", 'a "b" é')), Detail(("likes",), ("play",), through=True)),
    jkt="0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
)


def a_token(text: str, kind: Kind = Kind.ACCESS, **changes: object) -> Token:
    end = NOW + HOUR if kind is Kind.ACCESS else None
    token = Token(ANN, digest_of(text), kind, QUIZ, GrantId("grant_a"), "identity", "family_a", NOW, end)
    return replace(token, **changes)


def kept(store: SqlStore, text: str) -> Token | None:
    with store.read() as unit:
        return unit.consent.token(digest_of(text))


def write(store: SqlStore, work: Callable[[SqlUnit], object]) -> object:
    with store.write() as unit:
        return work(unit)


def test_what_is_put_in_comes_out(store: SqlStore) -> None:
    tokens = [a_token("a"), a_token("r", Kind.REFRESH, details=CODE.details, jkt=CODE.jkt)]
    write(store, lambda unit: (unit.consent.add_code(CODE), unit.consent.add_tokens(tokens)))
    with store.read() as unit:
        assert unit.consent.code(CODE.digest) == CODE
        assert [unit.consent.token(t.digest) for t in tokens] == tokens
        assert unit.consent.code(digest_of("other")) is None and unit.consent.token(CODE.digest) is None


def test_a_code_and_a_refresh_token_are_used_once(store: SqlStore) -> None:
    refresh = a_token("r", Kind.REFRESH)
    write(store, lambda unit: (unit.consent.add_code(CODE), unit.consent.add_tokens([refresh])))
    assert write(store, lambda unit: (unit.consent.use_code(CODE, NOW), unit.consent.use_code(CODE, NOW))) == (
        True,
        False,
    )
    assert write(store, lambda unit: unit.consent.use_token(refresh, NOW)) is True
    assert write(store, lambda unit: unit.consent.use_token(refresh, NOW)) is False
    found = kept(store, "r")
    assert found is not None and found.used_at == NOW and found.ended_at is None


def test_of_many_who_race_with_one_code_one_is_told_that_it_is_theirs(
    store: SqlStore, open_store: Callable[[str], SqlStore], database_url: str
) -> None:
    write(store, lambda unit: unit.consent.add_code(CODE))
    told: list[bool] = []
    gate = threading.Barrier(6)

    def race(own: SqlStore) -> None:
        gate.wait(10)
        told.append(own.perform(lambda unit: unit.consent.use_code(CODE, NOW)))

    threads = [threading.Thread(target=race, args=(open_store(database_url),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [False] * 5 + [True]


def test_an_unverified_apps_last_place_goes_to_one_person(
    store: SqlStore, open_store: Callable[[str], SqlStore], database_url: str
) -> None:
    """What the consent journey does: count, claim, add; whoever counted too early is undone and counts again."""
    gate = threading.Barrier(4)

    def take(own: SqlStore, person: int) -> None:
        def work(unit: SqlUnit) -> None:
            if not unit.consent.answers(app=QUIZ):
                unit.consent.claim_place(QUIZ, NOW)
                unit.consent.record_answer(
                    Answer(PersonNumber(person), QUIZ, NOW, ("identity",), ("identity",), GrantId("grant_a"))
                )

        gate.wait(10)
        own.perform(work)

    threads = [threading.Thread(target=take, args=(open_store(database_url), n)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as unit:
        assert len(unit.consent.answers(app=QUIZ)) == 1


def test_tokens_end_by_app_by_grant_and_by_family(store: SqlStore) -> None:
    tokens = [
        a_token("quiz a"),
        a_token("quiz b", grant=GrantId("grant_b"), family="family_b"),
        a_token("bob", person=BOB, grant=GrantId("grant_c")),
        a_token("other", app=OTHER, grant=GrantId("grant_d"), family="family_d"),
    ]
    write(store, lambda unit: unit.consent.add_tokens(tokens))
    assert write(store, lambda unit: unit.consent.end_family(CODE, NOW)) == 1, "bob's is another person's family"
    assert write(store, lambda unit: unit.consent.end_tokens(grant=GrantId("grant_b"), at=NOW)) == 1
    assert write(store, lambda unit: unit.consent.end_tokens(apps=[], at=NOW)) == 0
    assert write(store, lambda unit: unit.consent.end_tokens(apps=[QUIZ, AppNumber(99)], at=NOW + HOUR)) == 1
    assert [t.ended_at for t in (kept(store, x) for x in ["quiz a", "quiz b", "bob", "other"]) if t] == [
        NOW,
        NOW,
        NOW + HOUR,
        None,
    ], "what had ended keeps its time"


def test_a_forgotten_argument_does_not_end_everything(store: SqlStore) -> None:
    write(store, lambda unit: unit.consent.add_tokens([a_token("a")]))
    with store.write() as unit, pytest.raises(ValueError, match="one of the two"):
        unit.consent.end_tokens(at=NOW)
    with store.write() as unit, pytest.raises(ValueError, match="one of the two"):
        unit.consent.end_tokens(apps=[QUIZ], grant=GrantId("grant_a"), at=NOW)
    found = kept(store, "a")
    assert found is not None and found.ended_at is None


def test_answers_come_last_first_whatever_the_clock_says(store: SqlStore) -> None:
    given = [
        Answer(ANN, QUIZ, NOW, ("identity", "likes"), (), None),
        Answer(ANN, QUIZ, NOW, ("identity", "likes"), ("identity",), GrantId("grant_a")),
        Answer(BOB, QUIZ, NOW + HOUR, ("identity",), (), None),
        Answer(ANN, OTHER, NOW, (), (), GrantId("grant_b")),
    ]
    for answer in given:
        write(store, lambda unit, answer=answer: unit.consent.record_answer(answer))
    with store.read() as unit:
        assert list(unit.consent.answers(person=ANN, app=QUIZ)) == [given[1], given[0]]
        assert list(unit.consent.answers(app=QUIZ)) == [given[2], given[1], given[0]]
        assert set(unit.consent.answers(person=ANN)) == {given[0], given[1], given[3]}
        with pytest.raises(ValueError, match="of whom"):
            unit.consent.answers()


def test_a_secret_replaces_those_before_it_and_no_other_apps(store: SqlStore) -> None:
    for app, text in ((QUIZ, "one"), (OTHER, "theirs"), (QUIZ, "two")):
        write(store, lambda unit, app=app, text=text: unit.consent.put_secret(app, digest_of(text), NOW))
    with store.read() as unit:
        assert list(unit.consent.secrets(QUIZ)) == [digest_of("two")]
        assert list(unit.consent.secrets(OTHER)) == [digest_of("theirs")]
        assert list(unit.consent.secrets(AppNumber(3))) == []


def test_law_7_erasing_one_person_leaves_the_others(store: SqlStore) -> None:
    def fill(unit: SqlUnit) -> None:
        for person, text in ((ANN, "ann"), (BOB, "bob")):
            unit.consent.add_tokens([a_token(text, person=person)])
            unit.consent.add_code(replace(CODE, person=person, digest=digest_of(f"code of {text}")))
            unit.consent.record_answer(Answer(person, QUIZ, NOW, ("identity",), (), None))

    write(store, fill)
    write(store, lambda unit: unit.consent.forget(ANN))
    with store.read() as unit:
        assert unit.consent.token(digest_of("ann")) is None and unit.consent.code(digest_of("code of ann")) is None
        assert unit.consent.answers(person=ANN) == []
        assert unit.consent.token(digest_of("bob")) and unit.consent.code(digest_of("code of bob"))
        assert len(unit.consent.answers(app=QUIZ)) == 1


def test_a_sweep_keeps_what_may_still_tell_of_theft(store: SqlStore) -> None:
    def fill(unit: SqlUnit) -> None:
        unit.consent.add_code(CODE)
        unit.consent.add_tokens(
            [
                a_token("over"),
                a_token("young", expires_at=NOW + 9 * HOUR),
                a_token("ended", Kind.REFRESH, ended_at=NOW),
                a_token("used", Kind.REFRESH, used_at=NOW),
                a_token("current", Kind.REFRESH),
            ]
        )

    write(store, fill)
    assert write(store, lambda unit: unit.consent.sweep(NOW)) == 0
    assert write(store, lambda unit: unit.consent.sweep(NOW + 2 * HOUR)) == 3
    assert [text for text in ("over", "young", "ended", "used", "current") if kept(store, text)] == [
        "young",
        "used",
        "current",
    ]
