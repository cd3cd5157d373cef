"""authorization_details: what can be asked for, and what is refused and why."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.oauth import details, scope
from beholden.gate.oauth.details import Detail, Requested
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.model import catalogue as catalogues
from beholden.model.app import Ask
from beholden.model.grant import Grant
from beholden.model.ids import AppNumber, GrantId, PersonNumber

CATALOGUE = catalogues.read(
    """
clusters:
  - name: identity
    label: You
    explains: You.
    class: basic
    fields: [{name: name, label: Name}, {name: photo, label: Photo}, {name: email, label: E-mail}]
  - {name: likes, label: Likes, explains: Likes., class: sensitive, fields: [{name: likes, label: Likes}]}
  - name: place
    label: Where
    explains: Where.
    class: sensitive
    fields: [{name: home, label: Home}, {name: city, label: City}]
"""
)
WISHES = scope.wishes_of(
    (
        Ask("identity", "play", required=True),
        Ask("likes", "play"),
        Ask("likes", "study"),
        Ask("likes", "play", through=True),
        Ask("place", "play"),
    )
)


def asked(*items: object) -> tuple[Requested, ...] | Refused:
    return details.read(json.dumps([{"type": "beholden_fields", **i} if isinstance(i, dict) else i for i in items]))


def wished(*items: object):
    found = asked(*items)
    assert not isinstance(found, Refused), found
    return details.wished(WISHES, found, CATALOGUE)


def refused(outcome: object) -> bool:
    return isinstance(outcome, Refused) and outcome.error is OAuthError.INVALID_AUTHORIZATION_DETAILS


def test_a_cluster_is_all_its_fields_and_a_field_is_one() -> None:
    (place,) = wished({"datatypes": ["place"]})
    assert (place.scope, place.fields, place.detailed, place.named) == ("place", None, {"home", "city"}, False)
    (city,) = wished({"datatypes": ["city"], "actions": ["read"]})
    assert city.fields == {"city"} and city.scope != "place" and city.purposes == ("play",)
    assert scope.fields_of([city], CATALOGUE, through=False) == {"city"}


def test_purposes_narrow_and_through_is_another_question() -> None:
    own, contacts = wished({"datatypes": ["likes"], "purposes": ["study"]}, {"datatypes": ["likes"], "through": True})
    assert (own.purposes, own.through, contacts.purposes, contacts.through) == (("study",), False, ("play",), True)


def test_details_for_one_cluster_are_one_question() -> None:
    (place,) = wished({"datatypes": ["city"]}, {"datatypes": ["home"]})
    assert place.fields is None and place.detailed == {"home", "city"}


@pytest.mark.parametrize(
    "item",
    [
        {"datatypes": ["messages"]},
        {"datatypes": ["likes", "messages"]},
        {"datatypes": ["identity"], "through": True},
        {"datatypes": ["likes"], "purposes": ["advertising"]},
        {"datatypes": ["place"], "purposes": ["study"]},
    ],
)
def test_what_the_app_has_not_registered_it_cannot_ask_for(item) -> None:
    assert refused(wished(item))


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"datatypes": []},
        {"datatypes": "likes"},
        {"datatypes": [1]},
        {"datatypes": [""]},
        {"datatypes": ["x" * 201]},
        {"datatypes": ["x"] * 101},
        {"datatypes": ["likes"], "purposes": []},
        {"datatypes": ["likes"], "purposes": None},
        {"datatypes": ["likes"], "through": "yes"},
        {"datatypes": ["likes"], "actions": ["write"]},
        {"datatypes": ["likes"], "locations": ["https://api.example"]},
        {"datatypes": ["likes"], "type": "payment_initiation"},
        {"datatypes": ["likes"], "type": None},
        "beholden_fields",
        [],
        None,
    ],
)
def test_a_detail_of_another_form_is_refused(item) -> None:
    assert refused(asked(item))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 5000,
        '[{"type":"beholden_fields","type":"x","datatypes":["likes"]}]',
        '[{"type":"beholden_fields","datatypes":["\\ud800"]}]',
        '[{"type":"beholden_fields","datatypes":["likes"],"through":NaN}]',
        json.dumps([{"type": "beholden_fields", "datatypes": ["likes"]}] * 21),
    ],
)
def test_a_text_that_two_could_read_in_two_ways_is_refused(text) -> None:
    assert refused(details.read(text))


@given(st.text(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_whatever_comes_is_details_or_a_refusal(text) -> None:
    outcome = details.read(text)
    assert isinstance(outcome, tuple) or refused(outcome)


def test_scope_and_details_in_one_request_put_a_cluster_to_the_person_once() -> None:
    by_scope = scope.wished(WISHES, "likes identity")
    assert not isinstance(by_scope, Refused)
    merged = details.merged(by_scope, wished({"datatypes": ["likes", "city"], "purposes": ["play"]}))
    assert [wish.scope for wish in merged] == ["identity", "likes", "place#city"]
    likes = merged[1]
    assert likes.named and likes.detailed == {"likes"} and likes.purposes == ("play", "study")
    assert details.granted(merged) == (Detail(("likes",), ("play", "study")), Detail(("city",), ("play",)))


def test_a_grant_is_what_was_held_by_clusters_and_parts_of_them() -> None:
    grant = Grant(
        GrantId("g"),
        PersonNumber(1),
        AppNumber(1),
        frozenset({"name", "photo", "email", "city"}),
        frozenset({"likes"}),
        frozenset({"play"}),
        datetime(2026, 1, 1, tzinfo=UTC),
        None,
    )
    held = details.held(WISHES, grant, CATALOGUE)
    assert [(w.scope, w.through, w.named, w.purposes) for w in held] == [
        ("identity", False, True, ("play",)),
        ("through:likes", True, True, ("play",)),
        ("place#city", False, False, ("play",)),
    ]
    (home,) = wished({"datatypes": ["home"]})
    merged = details.merged([home], held)
    assert {w.scope for w in merged if w.cluster == "place"} == {"place#city+home"}


def test_a_token_may_be_asked_for_less_and_never_for_more() -> None:
    held = (Detail(("city", "home"), ("play",)), Detail(("likes",), ("play", "study")))

    def less(*items: object):
        text = json.dumps([{"type": "beholden_fields", **item} for item in items])
        return details.narrowed(held, text, CATALOGUE)

    assert less({"datatypes": ["city"]}) == (Detail(("city",), ("play",)),)
    assert less({"datatypes": ["likes"], "purposes": ["study"]}) == (Detail(("likes",), ("study",)),)
    for item in (
        {"datatypes": ["name"]},
        {"datatypes": ["city"], "purposes": ["study"]},
        {"datatypes": ["likes"], "through": True},
        {"datatypes": ["unknown"]},
    ):
        assert refused(less(item)), item
    told = details.document(held, "grant_1")
    assert [one["identifier"] for one in told] == ["grant_1"] * 2
    assert details.narrowed(held, json.dumps(told), CATALOGUE) == held, "what we tell, an app may send back"
