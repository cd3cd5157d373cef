"""The terms that a developer signs: made from app, catalogue and policy alone."""

import hashlib
from dataclasses import replace

import pytest

from beholden.journeys.terms import Terms, compose
from beholden.model.app import Ask
from beholden.model.errors import BadInput
from beholden.model.policy import Policy
from tests.conftest import House

ASKS = (Ask("identity", "service"), Ask("likes", "a quiz."), Ask("likes", "a quiz.", through=True))


def made(house: House, cluster: str = "likes", policy: Policy | None = None) -> Terms:
    developer = house.developer("Quiz Mill Ltd")
    app = house.app(developer, asks=ASKS, name="Quiz")
    app = replace(app, client_id=app.client_id.__class__("quiz"))
    return compose("https://b.example", developer, app, cluster, house.catalogue, policy or Policy())


def test_they_name_the_parties_the_data_the_purpose_and_what_follows_from_silence(house: House) -> None:
    terms = made(house)
    for said in (
        "Between the platform at https://b.example and Quiz Mill Ltd, for the app Quiz (quiz).",
        "of people who allowed it and of their contacts who allowed that: Liked pages.",
        "It is used for this and nothing else: a quiz.\n",
        "for 90 days is given no more",
        "answered within 14 days",
        "Silence is a refusal",
    ):
        assert said in terms.text


def test_the_same_facts_make_the_same_text_and_its_digest_is_of_it(house: House) -> None:
    one, two = made(house), made(house)
    assert one == two
    assert one.sha256 == hashlib.sha256(one.text.encode()).hexdigest()


def test_another_policy_makes_other_terms_and_leaves_out_what_it_does_not_hold_apps_to(house: House) -> None:
    lax = made(house, policy=Policy(inactivity_days=None, permission_unused_days=None, rfi_days=30))
    assert lax.sha256 != made(house).sha256
    assert "within 30 days" in lax.text
    assert "has not used the app" not in lax.text and "lapses" not in lax.text
    numbers = [line.partition(".")[0] for line in lax.text.splitlines()[3:]]
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("cluster", ["identity", "messages", "nonsense"])
def test_what_is_basic_or_not_asked_for_has_no_terms(house: House, cluster: str) -> None:
    with pytest.raises(BadInput):
        made(house, cluster)
