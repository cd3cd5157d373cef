"""Which app a dump came from: never more than the evidence gives."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.attribution import CALLED, Dump, Held, attribute
from beholden.model.ids import AppNumber
from bench.judgement import HABITS, calibration

QUIZ, GAME = AppNumber(1), AppNumber(2)
DUMP = Dump(100, frozenset({"name", "email"}), 100_000, 3_000, 0)
HAD = {"name": 1.0, "email": 1.0}


def had(app: AppNumber, people: int, found: int, **more: object) -> Held:
    return Held(app, people, found, fields=HAD, **more)  # type: ignore[arg-type]


def test_the_app_that_had_them_all_is_named() -> None:
    answer = attribute(DUMP, [had(QUIZ, 1_000, 100), had(GAME, 2_000, 2)])
    assert answer.named == (QUIZ,) and not answer.certain


def test_two_apps_that_had_the_same_people_are_not_told_apart() -> None:
    both = {GAME: (1_000, 100)}, {QUIZ: (1_000, 100)}
    answer = attribute(DUMP, [had(QUIZ, 1_000, 100, shared=both[0]), had(GAME, 1_000, 100, shared=both[1])])
    assert answer.named == () and answer.origins[0].posterior == pytest.approx(answer.origins[1].posterior)


def test_a_field_that_an_app_never_had_speaks_against_it() -> None:
    dump = replace(DUMP, fields=frozenset({"name", "email", "birthday"}))
    quiz = replace(had(QUIZ, 1_000, 100), fields=HAD | {"birthday": 1.0})
    game = replace(had(GAME, 1_000, 100), fields=HAD | {"birthday": 0.0})
    first, second = attribute(dump, [quiz, game]).origins
    assert first.app == QUIZ and first.posterior > 5 * second.posterior


def test_an_own_id_decides_whoever_else_had_the_people() -> None:
    answer = attribute(DUMP, [had(QUIZ, 1_000, 3, own_ids=1), had(GAME, 200, 100)])
    assert answer.named == (QUIZ,) and answer.certain


def test_own_ids_of_two_apps_name_both() -> None:
    answer = attribute(DUMP, [had(QUIZ, 1_000, 50, own_ids=9), had(GAME, 1_000, 50, canaries=1)])
    assert set(answer.named) == {QUIZ, GAME}


def test_nobody_found_names_nobody() -> None:
    answer = attribute(replace(DUMP, people=0), [had(QUIZ, 1_000, 0)])
    assert (answer.named, answer.unknown) == ((), 1.0)
    assert attribute(DUMP, []).unknown == 1.0


def test_with_one_app_and_no_knowledge_of_others_nothing_is_learned_from_people() -> None:
    answer = attribute(Dump(50, frozenset({"name", "email"}), 1_000, 500, None), [had(QUIZ, 500, 50)])
    assert answer.named == ()


def test_many_records_of_strangers_speak_for_a_source_that_is_no_app() -> None:
    answer = attribute(replace(DUMP, people=10, others=900), [had(QUIZ, 1_000, 10)])
    assert answer.unknown > 0.9


@given(
    st.integers(1, 10**6),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=5),
    st.one_of(st.none(), st.integers(0, 10**6)),
)
def test_probabilities_are_probabilities(people: int, apps: list[tuple[int, int]], others: int | None) -> None:
    dump = Dump(people, frozenset({"email"}), 10**6, 10**6, others)
    held = [
        had(AppNumber(n), max(of, min(of, found, people)), min(of, found, people)) for n, (of, found) in enumerate(apps)
    ]
    answer = attribute(dump, held)
    total = answer.unknown + sum(origin.posterior for origin in answer.origins)
    assert total == pytest.approx(1.0) and all(0 <= origin.posterior <= 1 for origin in answer.origins)
    assert all(answer.origins[0].posterior >= CALLED for _ in answer.named)


@pytest.mark.parametrize("habits", HABITS[:5], ids=lambda habits: habits.name)
def test_of_the_cases_called_at_least_93_of_100_are_right(habits: object) -> None:
    one = calibration(habits, 12)  # type: ignore[arg-type]
    assert one.called >= 30
    assert one.right >= 0.93 * one.called
