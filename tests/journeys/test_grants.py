"""Grant management: an app looks at its grant by its id, changes it with the person, and ends it."""

import pytest

from beholden.journeys import client_terms, consent
from beholden.journeys.consent import ConsentView
from beholden.model.grant import EndReason, Grant
from tests.journeys.connecting import AppSide, error, given, opened, told, wanting

BOTH = "identity grant_management_query grant_management_revoke"


@pytest.fixture
def quiz(house) -> AppSide:
    app = AppSide.made(house)
    client_terms.change(house.engines, "quiz", manages=True)
    return app


def grants_of(house, person) -> list[Grant]:
    with house.engines.store.read() as unit:
        return list(unit.directory.grants(person=person))


def test_the_app_is_told_the_grant_and_what_it_gives_now(house, quiz) -> None:
    person = house.person("u1")
    tokens = given(quiz.redeems(quiz.code(person, "identity", scope=BOTH)))
    assert tokens["grant_id"] == grants_of(house, person)[0].id and set(str(tokens["scope"]).split()) == set(
        BOTH.split()
    )
    shown = given(quiz.grant("show", tokens["grant_id"], tokens["access_token"]))
    assert shown["scopes"] == [{"scope": "identity"}]
    assert {f for f, _, _ in opened(shown)} == {"email", "name", "photo"}


def test_ending_the_grant_ends_its_tokens(house, quiz) -> None:
    person = house.person("u1")
    tokens = given(quiz.redeems(quiz.code(person, "identity", scope=BOTH)))
    assert quiz.grant("end", tokens["grant_id"], tokens["access_token"]) is None
    assert grants_of(house, person)[0].reason is EndReason.APP
    assert quiz.looks_at(tokens["access_token"]) == quiz.looks_at(tokens["refresh_token"]) == {"active": False}
    assert error(quiz.refreshes(tokens["refresh_token"])) == "invalid_grant"
    assert quiz.grant("end", tokens["grant_id"], tokens["access_token"]).status == 401


def test_of_others_grants_and_unknown_ones_the_app_hears_the_same(house, quiz) -> None:
    ann, bob = house.person("u1"), house.person("u2")
    mine = given(quiz.redeems(quiz.code(ann, "identity", scope=BOTH)))
    bobs = given(quiz.redeems(quiz.code(bob, "identity", scope=BOTH)))
    other = AppSide.made(house, "other")
    theirs = house.grant(ann, other.app)
    answers = [
        quiz.grant(act, grant, mine["access_token"])
        for act in ("show", "end")
        for grant in (bobs["grant_id"], theirs.id, "grant_unknown", "é", "x" * 500)
    ]
    assert {(a.status, a.error, a.description) for a in answers} == {
        (404, "invalid_grant_id", "There is no such grant.")
    }
    assert quiz.looks_at(bobs["access_token"])["active"]


def test_each_act_needs_its_scope_and_the_platforms_leave(house, quiz) -> None:
    person = house.person("u1")
    only = given(quiz.redeems(quiz.code(person, "identity", scope="identity grant_management_query")))
    assert error(quiz.grant("end", only["grant_id"], only["access_token"])) == "insufficient_scope"
    assert given(quiz.grant("show", only["grant_id"], only["access_token"]))
    client_terms.change(house.engines, "quiz", manages=False)
    assert quiz.grant("show", only["grant_id"], only["access_token"]).status == 403
    assert told(consent.check(house.engines, quiz.request(scope=BOTH)))["error"] == "invalid_scope"


def test_only_a_good_access_token_by_its_own_scheme_opens_it(house, quiz) -> None:
    tokens = given(quiz.redeems(quiz.code(house.person("u1"), "identity", scope=BOTH)))
    for text, scheme in (
        ("unknown", "Bearer"),
        (tokens["refresh_token"], "Bearer"),
        (tokens["access_token"], "DPoP"),
        (tokens["access_token"], "Basic"),
        ("", "Bearer"),
        ("x" * 5000, "Bearer"),
        ("é", "Bearer"),
    ):
        barred = quiz.grant("show", tokens["grant_id"], text, scheme=scheme)
        assert barred.status == 401 and len(barred.challenges) == 2


def test_a_bound_token_opens_it_with_the_keys_proof_of_this_very_request(house, quiz) -> None:
    code = quiz.code(house.person("u1"), "identity", scope=BOTH)
    tokens = given(quiz.redeems(code, quiz.proof("/oauth/token")))
    text, path = str(tokens["access_token"]), f"/oauth/grants/{tokens['grant_id']}"
    proof = quiz.proof(path, method="GET", access_token=text)
    assert given(quiz.grant("show", tokens["grant_id"], text, proof, scheme="DPoP"))
    wrong = [
        ("Bearer", [quiz.proof(path, method="GET", access_token=text)]),
        ("DPoP", []),
        ("DPoP", [proof]),
        ("DPoP", [quiz.proof(path, method="GET")]),
        ("DPoP", [quiz.proof(path, method="DELETE", access_token=text)]),
        ("DPoP", [quiz.proof(path, method="GET", access_token="another")]),
        ("DPoP", [quiz.proof("/oauth/grants/x", method="GET", access_token=text)]),
        ("DPoP", [AppSide.made(house, "other").proof(path, method="GET", access_token=text)]),
    ]
    for scheme, proofs in wrong:
        assert quiz.grant("show", tokens["grant_id"], text, *proofs, scheme=scheme).status == 401


def test_merging_puts_what_there_was_to_the_person_together_with_what_is_new(house, quiz) -> None:
    person = house.person("u1")
    first = given(quiz.redeems(quiz.code(person, "identity", scope="identity")))
    change = {"grant_management_action": "merge", "grant_id": str(first["grant_id"])}
    details = wanting({"datatypes": ["city"]})
    view = consent.begin(house.engines, person, quiz.request(authorization_details=details, **change))
    assert isinstance(view, ConsentView) and {c.scope for c in view.own} == {"identity", "location#city"}
    code = quiz.code(person, "identity", "location#city", authorization_details=details, **change)
    second = given(quiz.redeems(code))
    assert {f for f, _, _ in opened(quiz.looks_at(second["access_token"]))} == {"city", "email", "name", "photo"}
    assert {g.reason for g in grants_of(house, person)} == {None, EndReason.REPLACED}


def test_replacing_shows_the_whole_page_and_takes_the_old_one_away(house, quiz) -> None:
    person = house.person("u1")
    first = given(quiz.redeems(quiz.code(person, "identity", scope="identity")))
    change = {"grant_management_action": "replace", "grant_id": str(first["grant_id"])}
    view = consent.begin(house.engines, person, quiz.request(scope="identity", **change))
    assert isinstance(view, ConsentView) and not view.continuing
    quiz.code(person, "birthday", scope="birthday", **change)
    assert quiz.looks_at(first["access_token"]) == {"active": False}
    assert [g.fields for g in grants_of(house, person) if g.reason is None] == [{"birthday"}]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"grant_management_action": "merge", "grant_id": "grant_unknown"}, "invalid_grant_id"),
        ({"grant_management_action": "replace", "grant_id": "grant_unknown"}, "invalid_grant_id"),
        ({"grant_management_action": "merge"}, "invalid_request"),
        ({"grant_management_action": "create", "grant_id": "grant_x"}, "invalid_request"),
        ({"grant_management_action": "destroy"}, "invalid_request"),
        ({"grant_id": "grant_x"}, "invalid_request"),
    ],
)
def test_a_change_that_cannot_be_is_told_to_the_app(house, quiz, change, expected) -> None:
    assert told(consent.begin(house.engines, house.person("u1"), quiz.request(**change)))["error"] == expected
