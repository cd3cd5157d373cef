"""Features are what their docstrings say, on ledgers small enough to count by hand."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import pytest

from beholden.backends.lake.delta import DeltaLake
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.watch.features import AppDay, app_days

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = START.date()


def row(
    seq: int, person: int, through: int, *, app: int = 1, days: int = 0, fields: str = "name"
) -> RecordedDisclosure:
    return RecordedDisclosure(
        seq,
        START + timedelta(days=days),
        AppNumber(app),
        DeveloperNumber(1),
        PersonNumber(person),
        PersonNumber(through),
        tuple(fields.split(",")),
        "quiz",
        "grant_x",
    )


def days_of(lake: DeltaLake, **small: list[dict[str, object]]) -> dict[tuple[int, date], AppDay]:
    apps = [{"app": n, "developer": 1, "category": "quiz"} for n in (1, 2)]
    found = [AppDay(**r) for r in lake.run(app_days(), {"apps": apps, **small})]
    return {(d.app, d.day): d for d in found}


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(tmp_path)


def test_people_granters_and_the_most_read_through_one_are_counted_once_each(lake: DeltaLake) -> None:
    rows = [row(0, 1, 1), row(1, 5, 1), row(2, 6, 1), row(3, 6, 1), row(4, 6, 2), row(5, 9, 2, fields="name,likes")]
    lake.ingest(rows, 6, frozenset({"likes"}))
    day = days_of(lake)[1, DAY]
    assert (day.rows, day.people, day.granters, day.indirect, day.indirect_rows) == (6, 4, 2, 3, 5)
    assert day.most_through_one == 2
    assert day.sensitive_rows == 1


def test_a_stranger_is_somebody_who_had_not_installed_the_app_by_that_day(lake: DeltaLake) -> None:
    lake.ingest([row(0, 5, 1), row(1, 6, 1), row(2, 7, 1)], 3, frozenset())
    installs = [
        {"app": 1, "person": 5, "first_day": DAY},
        {"app": 1, "person": 6, "first_day": DAY + timedelta(days=1)},
        {"app": 2, "person": 7, "first_day": DAY},
    ]
    day = days_of(lake, installs=installs)[1, DAY]
    assert day.strangers == 2
    assert day.new_strangers == 2


def test_a_stranger_is_new_only_on_the_first_day(lake: DeltaLake) -> None:
    lake.ingest([row(0, 5, 1), row(1, 5, 1, days=1), row(2, 6, 1, days=1)], 3, frozenset())
    days = days_of(lake)
    assert days[1, DAY].new_strangers == 1
    assert days[1, DAY + timedelta(days=1)].strangers == 2
    assert days[1, DAY + timedelta(days=1)].new_strangers == 1


def test_steps_of_one_are_counted_in_the_order_of_the_log_and_by_app(lake: DeltaLake) -> None:
    rows = [row(0, 5, 1), row(1, 6, 1, app=2), row(2, 6, 1), row(3, 7, 1), row(4, 20, 1), row(5, 19, 1)]
    lake.ingest(rows, 6, frozenset())
    days = days_of(lake)
    assert days[1, DAY].sequence == 2
    assert days[2, DAY].sequence == 0


def test_inactive_counts_only_own_use_on_or_before_that_day(lake: DeltaLake) -> None:
    lake.ingest([row(n, n, n, days=60) for n in (1, 2, 3, 4)], 5, frozenset())
    installs = [{"app": 1, "person": n, "first_day": DAY} for n in (1, 2, 3)]
    uses = [
        {"app": 1, "person": 1, "day": DAY + timedelta(days=59)},  # was here yesterday
        {"app": 1, "person": 2, "day": DAY + timedelta(days=61)},  # came back the day after
        {"app": 2, "person": 3, "day": DAY + timedelta(days=59)},  # another app
    ]
    day = days_of(lake, installs=installs, uses=uses)[1, DAY + timedelta(days=60)]
    assert (day.installed_read, day.inactive) == (3, 2)


def test_a_canary_may_be_read_by_its_own_app_alone(lake: DeltaLake) -> None:
    lake.ingest([row(0, 5, 1), row(1, 5, 1, app=2), row(2, 6, 1)], 3, frozenset())
    days = days_of(lake, canaries=[{"person": 5, "app": 2}, {"person": 6, "app": 0}])
    assert days[1, DAY].canaries == 2
    assert days[2, DAY].canaries == 0


def test_rows_are_taken_exactly_once_whatever_is_repeated(lake: DeltaLake) -> None:
    rows = [row(n, n + 1, 1) for n in range(10)]
    assert lake.ingest(rows, 10, frozenset()) == 10
    again = [r for r in rows if r.seq >= lake.reached()]
    assert lake.ingest(again, 10, frozenset()) == 0
    assert days_of(lake)[1, DAY].rows == 10


def test_an_erased_person_is_gone_from_the_files_and_the_totals_stay(lake: DeltaLake, tmp_path: Path) -> None:
    lake.ingest([row(0, 777001, 1), row(1, 5, 777001)], 2, frozenset())
    lake.forget(PersonNumber(777001))
    assert days_of(lake)[1, DAY].rows == 2
    tables = list(tmp_path.rglob("*.parquet"))
    assert tables
    import pyarrow.parquet as pq

    assert all(777001 not in pq.read_table(f).column(c).to_pylist() for f in tables for c in ("person", "through"))


def test_a_lake_without_rows_has_no_days(lake: DeltaLake) -> None:
    assert days_of(lake) == {}


@pytest.mark.parametrize("dialect", ["pyspark", "trino", "clickhouse", "postgres"])
def test_features_compile_for_the_engines_of_a_larger_platform(dialect: str) -> None:
    assert "new_strangers" in ibis.to_sql(app_days(), dialect=dialect)
