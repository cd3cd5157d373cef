from beholden.watch.rules.id_enumeration import score
from tests.watch.days import day, setting

WALK = {"sequence": 800, "indirect_rows": 1000, "indirect": 1000}


def test_hit_people_read_one_after_the_other() -> None:
    evidence = score(setting(day(**WALK)))
    assert evidence is not None and evidence.numbers["share"] == 0.8


def test_miss_a_friend_list_in_any_order() -> None:
    assert score(setting(day(sequence=3, indirect_rows=1000))) is None


def test_miss_a_few_steps_by_chance_in_a_short_list() -> None:
    assert score(setting(day(sequence=40, indirect_rows=45))) is None


def test_miss_an_export_that_this_app_has_always_made() -> None:
    assert score(setting(day(**WALK), [day(ago=n, **WALK) for n in range(10, 0, -1)])) is None
