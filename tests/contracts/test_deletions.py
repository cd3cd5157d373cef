"""Wishes of deletion are kept, in order, for the person and for the app's developer, on every database."""

from datetime import UTC, datetime, timedelta

import pytest

from beholden.backends.sql.store import SqlStore
from beholden.journeys.ports import DeletionRequest
from beholden.model.ids import AppNumber, PersonNumber

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BOB = PersonNumber(1), PersonNumber(2)
QUIZ, OTHER = AppNumber(1), AppNumber(2)
FIRST = DeletionRequest(ANN, QUIZ, NOW, "deletion_z")
LATER = DeletionRequest(ANN, QUIZ, NOW + timedelta(days=1), "deletion_a")
ELSEWHERE = DeletionRequest(ANN, OTHER, NOW, "deletion_b")
BOBS = DeletionRequest(BOB, QUIZ, NOW + timedelta(hours=1), "deletion_c")


@pytest.fixture
def asked(store: SqlStore) -> SqlStore:
    with store.write() as unit:
        for request in (LATER, FIRST, ELSEWHERE, BOBS):
            unit.deletions.add(request)
    return store


def test_a_person_and_a_developer_each_see_theirs_oldest_first(asked: SqlStore) -> None:
    with asked.read() as unit:
        assert unit.deletions.of_person(BOB) == [BOBS]
        assert [r.code for r in unit.deletions.of_person(ANN)] == ["deletion_b", "deletion_z", "deletion_a"]
        assert unit.deletions.to_app(QUIZ) == [FIRST, BOBS, LATER]


def test_law_7_erasing_a_person_forgets_their_requests_and_nobody_elses(asked: SqlStore) -> None:
    with asked.write() as unit:
        unit.deletions.forget(ANN)
    with asked.read() as unit:
        assert unit.deletions.of_person(ANN) == []
        assert unit.deletions.to_app(QUIZ) == [BOBS]
