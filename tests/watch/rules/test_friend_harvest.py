from beholden.watch.rules.friend_harvest import score
from tests.watch.days import day, setting

HARVEST = {"new_strangers": 9000, "granters": 30}


def test_hit_a_quiz_that_reads_300_strangers_through_each_granter() -> None:
    evidence = score(setting(day(**HARVEST)))
    assert evidence is not None and evidence.people == 9000 and "9,000 people" in evidence.sentence


def test_miss_an_ordinary_day() -> None:
    assert score(setting(day())) is None


def test_miss_what_this_app_has_always_done() -> None:
    history = [day(ago=n, **HARVEST) for n in range(20, 0, -1)]
    assert score(setting(day(**HARVEST), history)) is None


def test_hit_a_young_app_that_has_no_habits_to_excuse_it() -> None:
    assert score(setting(day(**HARVEST), [day(ago=1, **HARVEST)])) is not None


def test_miss_what_all_apps_of_the_category_do() -> None:
    peers = [day(ago=n, app=2, **HARVEST) for n in range(10)]
    assert score(setting(day(**HARVEST), peers=peers)) is None


def test_miss_many_strangers_through_as_many_granters() -> None:
    assert score(setting(day(new_strangers=900, granters=100))) is None
