"""The ladder: what follows from what, and what it may not see."""

from dataclasses import fields
from inspect import signature

import pytest

from beholden.enforcement.ladder import Conduct, Outcome, follows
from beholden.enforcement.sanction import SanctionKind, TargetKind
from beholden.model.finding import Level


def test_law_11_sanctions_are_blind_to_revenue() -> None:
    """Whoever adds an input changes this list first, and says why an app's value cannot be read from it."""
    assert [field.name for field in fields(Conduct)] == ["outcome", "severity", "deceit", "earlier"]
    assert list(signature(follows).parameters) == ["conduct"]
    assert set(Outcome) == {"silence", "refusal", "upheld", "not_upheld", "benign"}


def test_silence_bans_the_developer_by_rule() -> None:
    rung = follows(Conduct(Outcome.SILENCE))
    assert rung is not None
    assert (rung.kind, rung.target, rung.automatic) == (SanctionKind.BAN, TargetKind.DEVELOPER, True)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SILENCE])
@pytest.mark.parametrize("severity", [None, *Level])
@pytest.mark.parametrize("deceit", [False, True])
@pytest.mark.parametrize("earlier", [0, 1, 5])
def test_nothing_but_silence_is_automatic(outcome: Outcome, severity: Level | None, deceit: bool, earlier: int) -> None:
    rung = follows(Conduct(outcome, severity, deceit, earlier))
    assert rung is None or not rung.automatic


@pytest.mark.parametrize(
    ("severity", "deceit", "earlier", "kind"),
    [
        (Level.LOW, False, 0, SanctionKind.RESTRICT),
        (Level.LOW, True, 0, SanctionKind.SUSPEND),
        (Level.LOW, False, 1, SanctionKind.SUSPEND),
        (Level.LOW, True, 3, SanctionKind.BAN),
        (Level.MEDIUM, False, 0, SanctionKind.SUSPEND),
        (Level.MEDIUM, True, 0, SanctionKind.BAN),
        (Level.HIGH, False, 0, SanctionKind.BAN),
        (Level.HIGH, True, 9, SanctionKind.BAN),
    ],
)
def test_gravity_deceit_and_repetition_each_lead_one_rung_up(
    severity: Level, deceit: bool, earlier: int, kind: SanctionKind
) -> None:
    rung = follows(Conduct(Outcome.UPHELD, severity, deceit, earlier))
    assert rung is not None and rung.kind is kind
    assert rung.target is (TargetKind.DEVELOPER if kind is SanctionKind.BAN else TargetKind.APP)


def test_nothing_follows_from_a_suspicion_that_was_not_upheld() -> None:
    assert follows(Conduct(Outcome.BENIGN, None, False, 5)) is None
    assert follows(Conduct(Outcome.NOT_UPHELD, None, True, 5)) is None
