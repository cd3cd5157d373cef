from beholden.watch.rules.canary import score
from tests.watch.days import day, setting


def test_hit_one_reading_of_a_made_up_person() -> None:
    evidence = score(setting(day(canaries=1)))
    assert evidence is not None and evidence.score >= 10


def test_miss_any_day_without_one() -> None:
    assert score(setting(day(rows=1_000_000, indirect=900_000))) is None
