"""Grant ids that follow from what they name."""

import re

from beholden.gate.grant_id import grant_id, next_grant_id, nth_of
from beholden.model.ids import AppNumber, GrantId, PersonNumber

SECRET, ANNA, QUIZ = bytes(range(32)), PersonNumber(7), AppNumber(3)


def test_an_id_follows_from_person_app_and_which_grant_it_is_and_from_nothing_else():
    assert grant_id(SECRET, ANNA, QUIZ, 1) == grant_id(SECRET, ANNA, QUIZ, 1)
    others = [
        grant_id(SECRET, ANNA, QUIZ, 2),
        grant_id(SECRET, PersonNumber(8), QUIZ, 1),
        grant_id(SECRET, ANNA, AppNumber(4), 1),
        grant_id(bytes(32), ANNA, QUIZ, 1),
        grant_id(SECRET, PersonNumber(QUIZ), AppNumber(ANNA), 1),
    ]
    assert len({grant_id(SECRET, ANNA, QUIZ, 1), *others}) == 6


def test_an_id_is_128_bits_that_nobody_can_guess():
    assert re.fullmatch(r"grant_[0-9a-f]{32}", grant_id(SECRET, ANNA, QUIZ, 1))


def test_the_next_id_is_one_that_no_grant_on_record_has():
    first, third = (grant_id(SECRET, ANNA, QUIZ, nth) for nth in (1, 3))
    assert next_grant_id(SECRET, ANNA, QUIZ, 0, []) == (first, 1)
    assert next_grant_id(SECRET, ANNA, QUIZ, 1, [first])[1] == 2
    assert next_grant_id(SECRET, ANNA, QUIZ, 2, [first, third])[1] == 4, "a removed grant leaves a gap"


def test_which_grant_an_id_names_is_found_again_and_a_strange_one_is_none_of_them():
    assert nth_of(SECRET, ANNA, QUIZ, grant_id(SECRET, ANNA, QUIZ, 5), 9) == 5
    assert nth_of(SECRET, ANNA, QUIZ, GrantId("grant_of_old"), 9) == 0
