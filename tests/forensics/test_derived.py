"""Tables derived from an app's data, told from tables that share people with it by chance."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.derived import Link, Table, judged
from bench.judgement import missed_derived, wrongly_derived


def table(records: int, people: int, whole: int = 0, own_ids: int = 0) -> Table:
    return Table(1, "app.db", "table scores", "live", records, people, whole, own_ids)


def link(one: Table, population: int, sought: int) -> Link:
    return judged([one], population, sought)[0].link


def test_a_table_of_scores_for_the_apps_people_is_derived_and_says_its_numbers() -> None:
    (one,) = judged([table(8_200, 8_120)], 200_000_000, 8_500)
    assert one.link is Link.DERIVED
    assert (
        "8,120 of its 8,200 records are people of this app; by chance 0.3 " in one.sentence
        and "at most 1e-12" in one.sentence
    )


def test_a_table_with_further_fields_is_a_copy() -> None:
    assert link(table(1_000, 1_000, whole=990), 1_000_000, 5_000) is Link.COPY


def test_a_customer_list_that_shares_people_by_chance_is_not_derived() -> None:
    assert link(table(10_000, 400), 2_200_000_000, 87_000_000) is Link.NONE


def test_more_than_chance_among_many_others_is_said_to_share_people() -> None:
    assert link(table(10_000, 900), 2_200_000_000, 87_000_000) is Link.SHARES


def test_where_the_app_has_everybody_only_its_own_ids_tell() -> None:
    assert link(table(100, 100), 100, 100) is Link.NONE
    assert link(table(100, 100, own_ids=100), 100, 100) is Link.DERIVED


def test_a_handful_of_people_is_no_table() -> None:
    assert link(table(4, 4, own_ids=4), 1_000_000_000, 1_000) is Link.NONE


def test_more_tables_looked_at_ask_for_more() -> None:
    one = table(20, 12)
    alone = judged([one], 1_000_000, 100_000)[0].log_p
    among = judged([one, *[table(10, 0)] * 999], 1_000_000, 100_000)[0].log_p
    empty = judged([one], 1_000_000, 100_000, 1_000)[0].log_p
    assert among == empty > alone + 6


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_any_numbers_are_judged(records: int, people: int, population: int, sought: int) -> None:
    (one,) = judged([table(records, min(people, sought))], population, sought)
    assert one.log_p <= 0 and one.sentence


def test_tables_of_people_drawn_from_everybody_are_never_called() -> None:
    assert wrongly_derived(20) == 0


def test_tables_wholly_of_the_apps_people_are_not_missed() -> None:
    assert missed_derived(10, 1.0, 50) == missed_derived(1_000, 0.3, 50) == 0
