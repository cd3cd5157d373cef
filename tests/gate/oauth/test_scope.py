"""Scopes: what an app wishes, what it may ask, what a person chose."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.gate.oauth import scope
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.model import catalogue as catalogues
from beholden.model.app import Ask

ASKS = (
    Ask("identity", "play", required=True),
    Ask("likes", "play"),
    Ask("likes", "study"),
    Ask("likes", "study", through=True),
)
CATALOGUE = catalogues.read(
    """
clusters:
  - {name: identity, label: You, explains: You., class: basic, fields: [{name: name, label: Name}]}
  - {name: likes, label: Likes, explains: Likes., class: sensitive, fields: [{name: likes, label: Likes}]}
"""
)


def test_asks_for_one_cluster_are_one_wish_with_all_its_purposes() -> None:
    wishes = scope.wishes_of(ASKS)
    assert [w.scope for w in wishes] == ["identity", "likes", "through:likes"]
    assert wishes[1].purposes == ("play", "study") and not wishes[1].required
    assert wishes[0].required and wishes[2].through


def test_no_scope_asks_for_all_and_a_scope_for_a_part() -> None:
    wishes = scope.wishes_of(ASKS)
    assert scope.wished(wishes, None) == wishes
    asked = scope.wished(wishes, "through:likes identity")
    assert not isinstance(asked, Refused) and [w.scope for w in asked] == ["identity", "through:likes"]


def test_what_was_not_registered_cannot_be_asked() -> None:
    wishes = scope.wishes_of(ASKS)
    for text in (
        "birthday",
        "identity birthday",
        "through:identity",
        "identity  likes",
        " identity",
        "LIKES",
        "likes\t",
    ):
        asked = scope.wished(wishes, text)
        assert isinstance(asked, Refused) and asked.error is OAuthError.INVALID_SCOPE, text


@given(st.sets(st.sampled_from(["identity", "likes", "through:likes", "birthday", ""])))
def test_a_person_gives_what_is_required_and_what_they_ticked_and_nothing_else(ticked: set[str]) -> None:
    wishes = scope.wishes_of(ASKS)
    given_ = {wish.scope for wish in scope.chosen(wishes, ticked)}
    assert given_ == {"identity"} | (ticked & {"likes", "through:likes"})


def test_fields_and_purposes_are_the_union_of_the_chosen() -> None:
    wishes = scope.wishes_of(ASKS)
    assert scope.fields_of(wishes, CATALOGUE, through=False) == {"name", "likes"}
    assert scope.fields_of(wishes, CATALOGUE, through=True) == {"likes"}
    assert scope.fields_of(wishes[:1], CATALOGUE, through=True) == frozenset()
    assert scope.purposes_of(wishes) == {"play", "study"}
