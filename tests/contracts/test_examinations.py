"""Examinations, on every database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from beholden.backends.sql.faults import Duplicate
from beholden.backends.sql.store import SqlStore
from beholden.forensics.ports import ExaminationRecord
from beholden.model.ids import AppNumber, ExaminationId

NOW = datetime(2026, 1, 1, 9, 30, 0, 123456, tzinfo=UTC)
ONE = ExaminationRecord(
    ExaminationId("examination_1"),
    AppNumber(3),
    "case_1",
    "certification_1",
    "operator:olga",
    ("/seized/näme", "b"),
    "contradicted",
    {"found": 40, "sought": 87_000},
    "a" * 64,
    "b" * 64,
    NOW,
    NOW + timedelta(minutes=3),
)


def test_an_examination_is_read_as_it_was_written(store: SqlStore) -> None:
    bare = replace(ONE, id=ExaminationId("examination_2"), case=None, claim=None)
    with store.write() as unit:
        unit.examinations.add(ONE)
        unit.examinations.add(bare)
    with store.read() as unit:
        assert unit.examinations.get(ONE.id) == ONE
        assert unit.examinations.get(bare.id) == bare
        assert unit.examinations.get(ExaminationId("examination_3")) is None


def test_examinations_are_listed_newest_first_and_by_app(store: SqlStore) -> None:
    later = replace(ONE, id=ExaminationId("examination_2"), began_at=NOW + timedelta(days=1))
    other = replace(ONE, id=ExaminationId("examination_3"), app=AppNumber(4))
    with store.write() as unit:
        for record in (ONE, later, other):
            unit.examinations.add(record)
    with store.read() as unit:
        assert list(unit.examinations.of(AppNumber(3))) == [later, ONE]
        assert list(unit.examinations.of()) == [later, ONE, other]


def test_an_examination_is_never_overwritten(store: SqlStore) -> None:
    with store.write() as unit:
        unit.examinations.add(ONE)
    with pytest.raises(Duplicate), store.write() as unit:
        unit.examinations.add(replace(ONE, verdict="not contradicted"))
    with store.read() as unit:
        assert unit.examinations.get(ONE.id) == ONE
