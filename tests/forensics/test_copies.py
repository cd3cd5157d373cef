"""Near copies of what people wrote about themselves."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.copies import SHINGLE, WINDOW, copied, copies, shingles, winnowed
from beholden.model.ids import PersonNumber
from bench.judgement import copies_found, sentences

ABOUT = "I grew up by the sea, sail on most Sundays, and read old maps while it rains; ask me for tea."


def test_another_spelling_of_the_same_words_is_a_whole_copy() -> None:
    (found,) = copies([(PersonNumber(1), "about", ABOUT)]).within(ABOUT.upper().replace(",", " -- "))
    assert (found.person, found.name, found.share) == (1, "about", 1.0)


def test_a_copy_with_a_word_changed_is_found_within_other_text() -> None:
    chance = random.Random(3)
    around = " ".join(sentences(chance, 300))
    text = f"{around} {ABOUT.replace('tea', 'coffee').replace('old ', '')} {around}"
    (found,) = copies([(PersonNumber(1), "about", ABOUT)]).within(text)
    assert 0.5 < found.share < 1


def test_the_surroundings_of_a_find_hold_a_copy_or_do_not() -> None:
    around = f"u1@post.example;Ann Lee;{ABOUT.replace('tea', 'coffee')};Rome"
    assert copied(ABOUT, around) and not copied(ABOUT, "u1@post.example;Ann Lee;Rome")
    assert not copied("I like music", "I like music")


def test_other_texts_are_no_copies() -> None:
    index = copies([(PersonNumber(1), "about", ABOUT)])
    assert index.within("I grew up in the hills and walk on most Mondays; ask me for bread and old cheese.") == []
    assert index.within("") == []


def test_a_phrase_is_too_short_to_be_anybodys() -> None:
    index = copies([(PersonNumber(1), "about", "I like music and films")])
    assert index.short == 1 and index.within("I like music and films") == []


def test_a_text_that_many_people_have_names_nobody() -> None:
    index = copies((PersonNumber(n), "about", ABOUT) for n in range(1, 200))
    assert index.within(ABOUT) == []


@given(st.integers(0, 10**6), st.integers(0, 60))
def test_a_run_of_words_as_long_as_shingle_and_window_is_always_met(seed: int, start: int) -> None:
    text = sentences(random.Random(seed), 80)
    marks = set(winnowed(shingles(" ".join(text))))
    run = text[start : start + SHINGLE + WINDOW - 1]
    assert marks & set(shingles(" ".join(run)))


@pytest.mark.parametrize(("share", "at_least"), [(0.0, 1.0), (0.1, 0.97), (0.2, 0.9), (0.3, 0.6)])
def test_error_rates_are_those_that_are_stated(share: float, at_least: float) -> None:
    found, wrong = copies_found(share, texts=200)
    assert found >= 200 * at_least and wrong == 0
