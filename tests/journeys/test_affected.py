"""Was I affected? Three answers, from the ledger alone."""

import pytest

from beholden.journeys import affected
from beholden.journeys.affected import Outcome
from beholden.model.errors import NotFound
from tests.journeys.test_account import disclose


def test_each_of_the_three_answers(house):
    direct, indirect, both, neither = house.people(["d", "i", "b", "n"])
    app, other = house.app(client_id="quiz"), house.app(client_id="other")
    disclose(house, app, direct, fields=["name", "birthday"])
    disclose(house, app, indirect, through=direct, fields=["likes"])
    disclose(house, app, both, fields=["name"])
    disclose(house, app, both, through=direct, fields=["likes"])
    disclose(house, other, neither)

    def answer(person):
        return affected.by_app(house.engines, person, "quiz")

    assert answer(direct).outcome is Outcome.YOU_DID
    assert answer(direct).received.fields == ("Name", "Date of birth")
    assert answer(indirect).outcome is Outcome.THROUGH_SOMEONE
    assert answer(indirect).received.fields == ("Liked pages",)
    assert answer(both).outcome is Outcome.YOU_DID
    assert (answer(both).received.direct, answer(both).received.indirect) == (1, 1)
    assert answer(neither).outcome is Outcome.NOT_AFFECTED
    assert answer(neither).received.count == 0


def test_the_answer_stands_however_often_it_is_asked(house):
    person, app = house.person("p1"), house.app(client_id="quiz")
    disclose(house, app, person)
    assert {affected.by_app(house.engines, person, "quiz").outcome for _ in range(3)} == {Outcome.YOU_DID}


def test_an_app_that_is_not_there_is_not_clean_but_not_found(house):
    with pytest.raises(NotFound):
        affected.by_app(house.engines, house.person("p1"), "nope")


def test_an_app_is_found_by_part_of_its_name_or_its_client_id(house):
    house.app(client_id="quiz-1", name="This Is Your Life")
    house.app(client_id="quiz-2", name="Your Life")
    assert [a.name for a in affected.search(house.engines, "  your   LIFE ")] == ["Your Life", "This Is Your Life"]
    assert [a.client_id for a in affected.search(house.engines, "QUIZ-1")] == ["quiz-1"]
    assert affected.search(house.engines, "  ") == ()
    assert affected.search(house.engines, "%") == ()


def test_a_search_is_bounded(house):
    developer = house.developer()
    for number in range(affected.MAX_FOUND + 5):
        house.app(developer, f"many-{number}")
    assert len(affected.search(house.engines, "many")) == affected.MAX_FOUND
