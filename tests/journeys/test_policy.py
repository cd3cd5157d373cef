"""Putting a policy in force, and what changes."""

import hashlib

import pytest

from beholden.journeys import policy
from beholden.model.errors import BadInput
from beholden.model.policy import Indirect, Policy
from tests.conftest import EXAMPLES, House

THEN = (EXAMPLES / "policy-2014.yaml").read_text(encoding="utf-8")


def test_a_policy_is_in_force_at_once_and_the_act_names_it(house: House) -> None:
    assert policy.in_force(house.engines) == Policy()
    policy.put_in_force(house.engines, THEN)
    assert policy.in_force(house.engines).indirect is Indirect.OPT_OUT
    (act,) = house.engines.ledger.acts()
    assert act.verb == "policy:use"
    assert dict(act.details) == {"name": "as of 2014", "sha256": hashlib.sha256(THEN.encode()).hexdigest()}


def test_a_wrong_policy_changes_nothing(house: House) -> None:
    with pytest.raises(BadInput):
        policy.put_in_force(house.engines, "name: x\nindirect: perhaps")
    assert policy.in_force(house.engines) == Policy()
    assert house.engines.ledger.size() == 0


def test_the_difference_names_what_changes(house: House) -> None:
    assert policy.differences(Policy(), Policy("other", rfi_days=7)) == {"rfi_days": (14, 7)}
    assert policy.differences(Policy(), Policy("other")) == {}
