"""What can be offered, and when a grant has lapsed without anybody ending it."""

from datetime import UTC, datetime, timedelta

import pytest

from beholden.gate.facts import AppFacts
from beholden.gate.oauth import scope, terms
from beholden.model import catalogue as catalogues
from beholden.model.app import Ask
from beholden.model.decision import Reason
from beholden.model.grant import EndReason, GrantState
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber
from beholden.model.policy import Policy
from beholden.model.standing import Standing

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = Policy()
THEN = Policy(name="2014", review_required=False, contract_required=False, inactivity_days=None, grant_max_days=None)
CATALOGUE = catalogues.read(
    """
clusters:
  - {name: identity, label: You, explains: You., class: basic, fields: [{name: name, label: Name}]}
  - {name: likes, label: Likes, explains: Likes., class: sensitive, fields: [{name: likes, label: Likes}]}
"""
)
WISHES = scope.wishes_of((Ask("identity", "play"), Ask("likes", "play"), Ask("likes", "study"), Ask("gone", "play")))


def facts(standing: Standing = Standing.ACTIVE, *approved: str, signed: bool = True) -> AppFacts:
    return AppFacts(
        AppNumber(1),
        DeveloperNumber(1),
        standing,
        Standing.ACTIVE,
        {("likes", purpose): None for purpose in approved},
        frozenset({"likes"} if signed else ()),
    )


def offered(app: AppFacts, policy: Policy = TODAY) -> tuple[dict[str, tuple[str, ...]], dict[str, Reason]]:
    offer = terms.offer(app, WISHES, policy, CATALOGUE, NOW)
    return {w.scope: w.purposes for w in offer.open}, dict(offer.withheld)


def test_nobody_is_asked_for_what_was_not_approved() -> None:
    open_, withheld = offered(facts())
    assert open_ == {"identity": ("play",)}
    assert withheld == {"likes": Reason.NOT_APPROVED, "gone": Reason.FIELD_UNKNOWN}


def test_only_the_approved_purpose_is_offered() -> None:
    open_, _ = offered(facts(Standing.ACTIVE, "study"))
    assert open_ == {"identity": ("play",), "likes": ("study",)}


def test_without_a_signature_an_approval_is_not_enough() -> None:
    assert offered(facts(Standing.ACTIVE, "play", "study", signed=False))[1]["likes"] is Reason.NO_CONTRACT


def test_a_restricted_app_is_held_to_basic_fields() -> None:
    assert offered(facts(Standing.RESTRICTED, "study"))[1]["likes"] is Reason.RESTRICTED


def test_under_the_rules_of_2014_everything_is_offered() -> None:
    assert offered(facts(), THEN)[0]["likes"] == ("play", "study")


@pytest.mark.parametrize(
    ("days_since_use", "days_since_grant", "policy", "reason"),
    [
        (0, 0, TODAY, None),
        (89, 89, TODAY, None),
        (90, 90, TODAY, EndReason.INACTIVE),
        (1, 365, TODAY, EndReason.AGE),
        (100, 400, TODAY, EndReason.AGE),
        (None, 1, TODAY, EndReason.INACTIVE),
        (5000, 5000, THEN, None),
    ],
)
def test_law_6_a_grant_lapses_by_disuse_and_by_age_whether_or_not_a_sweep_came_by(
    days_since_use: int | None, days_since_grant: int, policy: Policy, reason: EndReason | None
) -> None:
    granted_at = NOW - timedelta(days=days_since_grant)
    grant = terms.grant_of(
        GrantId("grant_1"),
        PersonNumber(1),
        AppNumber(1),
        WISHES[:1],
        catalogue=CATALOGUE,
        policy=policy,
        now=granted_at,
    )
    last_use = None if days_since_use is None else NOW - timedelta(days=days_since_use)
    assert grant.state is GrantState.ACTIVE
    assert terms.lapse(grant, last_use, policy, NOW) is reason
