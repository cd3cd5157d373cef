from beholden.watch.rules.inactive_access import score
from tests.watch.days import day, setting

DORMANT = {"inactive": 200, "installed_read": 250}


def test_hit_three_nights_of_reading_people_who_have_left() -> None:
    evidence = score(setting(day(**DORMANT), [day(ago=2, **DORMANT), day(ago=1, **DORMANT)]))
    assert evidence is not None and evidence.numbers["days"] == 3


def test_miss_a_single_job() -> None:
    assert score(setting(day(**DORMANT), [day(ago=2), day(ago=1)])) is None


def test_miss_a_category_in_which_everyone_synchronises_at_night() -> None:
    history = [day(ago=2, **DORMANT), day(ago=1, **DORMANT)]
    peers = [day(ago=n, app=2, **DORMANT) for n in range(10)]
    assert score(setting(day(**DORMANT), history, peers)) is None


def test_miss_a_handful_of_people() -> None:
    few = {"inactive": 5, "installed_read": 6}
    assert score(setting(day(**few), [day(ago=2, **few), day(ago=1, **few)])) is None
