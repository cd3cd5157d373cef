"""authorization_details from the request to the token: shown, granted, told, and narrowed to what the gate allows."""

from datetime import timedelta

import pytest

from beholden.journeys import access, consent, introspect
from beholden.journeys.consent import ConsentView
from beholden.model.person import Choice, Scope
from tests.journeys.connecting import AppSide, error, given, opened, told, wanting

CITY = wanting({"datatypes": ["city"], "purposes": ["weather"]})
CITY_BOX = "location#city"


@pytest.fixture
def quiz(house) -> AppSide:
    return AppSide.made(house)


def switch(house, person, scope: Scope, target: str, *, sharing: bool) -> None:
    with house.engines.store.write() as unit:
        unit.directory.choose(Choice(person, scope, target, sharing, house.clock.now()))


def test_one_field_for_one_purpose_is_shown_granted_and_told(house, quiz) -> None:
    person = house.person("u1")
    view = consent.begin(house.engines, person, quiz.request(authorization_details=CITY))
    assert isinstance(view, ConsentView)
    (asked,) = view.own
    assert (asked.fields, asked.purposes) == (("Present city",), ("weather",))
    tokens = given(quiz.redeems(quiz.code(person, CITY_BOX, authorization_details=CITY)))
    assert opened(tokens) == {("city", ("weather",), False)} and tokens["scope"] == ""
    assert opened(quiz.looks_at(tokens["access_token"])) == opened(tokens)
    with house.engines.store.read() as unit:
        (grant,) = unit.directory.grants(person=person)
    assert (grant.fields, grant.purposes) == ({"city"}, {"weather"})


def test_what_the_person_leaves_out_is_not_in_the_token(house, quiz) -> None:
    person = house.person("u1")
    both = wanting({"datatypes": ["city"]}, {"datatypes": ["birthday"]}, {"datatypes": ["likes"], "through": True})
    tokens = given(quiz.redeems(quiz.code(person, CITY_BOX, "through:likes", authorization_details=both)))
    assert opened(tokens) == {("city", ("service", "weather"), False), ("likes", ("service",), True)}


def test_a_no_to_one_field_is_no_answer_for_the_whole_cluster(house, quiz) -> None:
    person = house.person("u1")
    quiz.code(person, authorization_details=CITY)
    view = consent.begin(house.engines, person, quiz.request(authorization_details=CITY))
    assert isinstance(view, ConsentView) and view.continuing, "answered"
    view = consent.begin(house.engines, person, quiz.request(scope="location"))
    assert isinstance(view, ConsentView) and not view.continuing, "another question"


def test_scope_and_details_together_are_one_page(house, quiz) -> None:
    person = house.person("u1")
    code = quiz.code(person, "identity", CITY_BOX, scope="identity", authorization_details=CITY)
    tokens = given(quiz.redeems(code))
    assert tokens["scope"] == "identity" and opened(tokens) == {("city", ("weather",), False)}
    looked = quiz.looks_at(tokens["access_token"])
    assert {(f, t) for f, _, t in opened(looked)} == {(f, False) for f in ("city", "email", "name", "photo")}


def test_a_refreshed_token_may_be_for_less_and_never_for_more(house, quiz) -> None:
    person, both = house.person("u1"), wanting({"datatypes": ["location"]}, {"datatypes": ["birthday"]})
    first = given(quiz.redeems(quiz.code(person, "location", "birthday", authorization_details=both)))
    second = given(quiz.refreshes(first["refresh_token"], authorization_details=CITY))
    assert opened(second) == {("city", ("weather",), False)}
    assert opened(quiz.looks_at(second["access_token"])) == opened(second)
    more = wanting({"datatypes": ["identity"]})
    refused = quiz.refreshes(second["refresh_token"], authorization_details=more)
    assert error(refused) == "invalid_authorization_details"
    third = given(quiz.refreshes(second["refresh_token"]))
    assert opened(third) == opened(first), "the refresh token never narrows"


def test_wrong_details_are_told_to_the_app(house, quiz) -> None:
    request = quiz.request(authorization_details=wanting({"datatypes": ["messages"]}))
    answer = told(consent.check(house.engines, request))
    assert answer["error"] == "invalid_authorization_details" and answer["iss"] == house.engines.url


def test_law_5_a_token_stays_active_while_data_access_ends_and_returns(house, quiz) -> None:
    person = house.person("u1")
    text = given(quiz.redeems(quiz.code(person, "birthday", "location", scope="birthday location")))["access_token"]
    before = quiz.looks_at(text)
    assert {f for f, _, _ in opened(before)} == {"birthday", "city", "hometown"}
    day = int((house.clock.now() + timedelta(days=90)).timestamp())
    assert before["data_access_expires_at"] == day and before["exp"] < day, "two clocks"
    switch(house, person, Scope.CLUSTER, "birthday", sharing=False)
    assert {f for f, _, _ in opened(quiz.looks_at(text))} == {"city", "hometown"}
    switch(house, person, Scope.ALL, "", sharing=False)
    ended = quiz.looks_at(text)
    assert ended["active"] is True and ended["authorization_details"] == [] and "data_access_expires_at" not in ended
    switch(house, person, Scope.ALL, "", sharing=True)
    assert {f for f, _, _ in opened(quiz.looks_at(text))} == {"city", "hometown"}


def test_law_3_the_app_is_not_told_why_and_the_platform_knows_what_was_granted(house, quiz) -> None:
    person = house.person("u1")
    text = given(quiz.redeems(quiz.code(person, "birthday", scope="birthday")))["access_token"]
    switch(house, person, Scope.APP, "quiz", sharing=False)
    answer = quiz.looks_at(text)
    assert not {"person", "purposes", "reason"} & answer.keys() and "u1" not in str(answer)
    key = f"Bearer {access.add_platform_key(house.engines, 'platform').secret}"
    for_platform = given(introspect.introspect(house.engines, key, [("token", str(text))]))
    assert for_platform["person"] == "u1" and for_platform["purposes"] == ["service"]
    assert for_platform["authorization_details"] == []


def test_r8_a_permission_that_is_taken_back_leaves_the_token(house, quiz) -> None:
    person = house.person("u1")
    text = given(quiz.redeems(quiz.code(person, "birthday", "identity", scope="birthday identity")))["access_token"]
    with house.engines.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE reviews SET state = 'refused' WHERE cluster = 'birthday'")
    assert {f for f, _, _ in opened(quiz.looks_at(text))} == {"email", "name", "photo"}


def test_two_apps_know_one_person_by_two_names(house, quiz) -> None:
    outside = "longer-than-chance-puts-into-a-token"
    person, other = house.person(outside), AppSide.made(house, "other")
    seen = []
    for app in (quiz, other):
        tokens = given(app.redeems(app.code(person, "identity", scope="identity")))
        looked = app.looks_at(tokens["access_token"])
        seen.append(looked["sub"])
        assert outside not in str(tokens) + str(looked)
        assert looked["sub"] == app.looks_at(tokens["refresh_token"])["sub"]
    assert seen[0] != seen[1]
