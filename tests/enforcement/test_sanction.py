"""Sanctions: two pairs of eyes, in both directions, whatever the order of events."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.enforcement import sanction
from beholden.enforcement.sanction import Ground, Move, Sanction, SanctionKind, SanctionState, standing_of
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.model.ids import AppNumber, CaseId, DeveloperNumber, SanctionId
from beholden.model.refusal import Refusal
from beholden.model.standing import Standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA, BEN, CARA = (Actor(ActorKind.OPERATOR, name) for name in ("anna", "ben", "cara"))
DEVELOPER = Actor(ActorKind.DEVELOPER, "7")


def proposed(kind: SanctionKind = SanctionKind.BAN, app: AppNumber | None = None, id: str = "sanction_1") -> Sanction:
    made = sanction.propose(SanctionId(id), kind, DeveloperNumber(7), app, None, ANNA, NOW, "harvest", 0)
    assert isinstance(made, Sanction)
    return made


def in_force(kind: SanctionKind = SanctionKind.BAN, app: AppNumber | None = None, id: str = "sanction_1") -> Sanction:
    confirmed = sanction.confirm(proposed(kind, app, id), BEN, NOW, "agreed")
    assert isinstance(confirmed, Sanction)
    forced = sanction.put_in_force(confirmed, NOW)
    assert isinstance(forced, Sanction)
    return forced


def test_law_10_whoever_proposed_a_ban_cannot_confirm_it() -> None:
    answer = sanction.confirm(proposed(), ANNA, NOW, "agreed with myself")
    assert isinstance(answer, Refusal) and answer.code == "same_operator" and answer.forbidden
    assert in_force().holds


def test_law_10_whoever_proposed_a_lifting_cannot_confirm_it() -> None:
    wish = sanction.propose_lift(in_force(), CARA, NOW, "appeal granted", 9)
    assert isinstance(wish, Sanction) and wish.holds, "it stays in force until another agrees"
    answer = sanction.lift(wish, CARA, NOW, "agreed with myself")
    assert isinstance(answer, Refusal) and answer.code == "same_operator"
    lifted = sanction.lift(wish, ANNA, NOW, "agreed")
    assert isinstance(lifted, Sanction) and not lifted.holds


def test_law_10_an_automatic_ban_cites_rule_deadline_and_case() -> None:
    ground = Ground("rfi-silence", NOW, CaseId("case_1"))
    made = sanction.by_rule(SanctionId("s"), DeveloperNumber(7), ground, NOW, 0)
    assert made.ground == ground and made.kind is SanctionKind.BAN and made.app is None
    for cited in ("rfi-silence", "2026-01-01T00:00:00Z", "case_1"):
        assert cited in made.reason
    assert made.history[0].actor == Actor(ActorKind.SYSTEM, "rfi-silence")
    with pytest.raises(AssertionError):
        sanction.by_rule(SanctionId("s"), DeveloperNumber(7), ground, NOW - timedelta(microseconds=1), 0)


def test_nobody_but_operators_moves_a_sanction() -> None:
    for answer in (
        sanction.propose(SanctionId("s"), SanctionKind.BAN, DeveloperNumber(7), None, None, DEVELOPER, NOW, "x", 0),
        sanction.confirm(proposed(), DEVELOPER, NOW, "x"),
        sanction.withdraw(proposed(), DEVELOPER, NOW, "x"),
        sanction.propose_lift(in_force(), DEVELOPER, NOW, "x", 0),
    ):
        assert isinstance(answer, Refusal) and answer.forbidden


@pytest.mark.parametrize("reason", ["", "  ", "x" * 5001, "a\x00b"])
def test_a_sanction_has_a_reason(reason: str) -> None:
    with pytest.raises(BadInput):
        sanction.propose(SanctionId("s"), SanctionKind.BAN, DeveloperNumber(7), None, None, ANNA, NOW, reason, 0)


_MOVES = st.tuples(
    st.sampled_from(["confirm", "force", "withdraw", "propose_lift", "lift"]),
    st.sampled_from([ANNA, BEN, CARA, DEVELOPER, Actor(ActorKind.SYSTEM, "rule")]),
)


@given(st.lists(_MOVES, max_size=25))
def test_law_10_no_path_leads_to_a_ban_or_its_lifting_with_one_operator(moves: list[tuple[str, Actor]]) -> None:
    now = proposed()
    for name, actor in moves:
        answer = {
            "confirm": lambda a=actor, s=now: sanction.confirm(s, a, NOW, "x"),
            "force": lambda s=now: sanction.put_in_force(s, NOW),
            "withdraw": lambda a=actor, s=now: sanction.withdraw(s, a, NOW, "x"),
            "propose_lift": lambda a=actor, s=now: sanction.propose_lift(s, a, NOW, "x", 0),
            "lift": lambda a=actor, s=now: sanction.lift(s, a, NOW, "x"),
        }[name]()
        if isinstance(answer, Sanction):
            assert answer.history[:-1] == now.history
            assert now.state not in {SanctionState.LIFTED, SanctionState.WITHDRAWN}, "both are ends"
            now = answer
    for one, two in pairwise(now.history):
        if two.move is Move.CONFIRM:
            assert one.move is Move.PROPOSE and one.actor != two.actor and two.actor.kind is ActorKind.OPERATOR
        if two.move is Move.LIFT:
            assert one.move is Move.PROPOSE_LIFT and one.actor != two.actor and two.actor.kind is ActorKind.OPERATOR
        if two.move is Move.FORCE:
            assert one.move is Move.CONFIRM


def test_standing_is_the_worst_that_is_in_force() -> None:
    app, other = AppNumber(1), AppNumber(2)
    restrict = in_force(SanctionKind.RESTRICT, app, "sanction_r")
    suspend = in_force(SanctionKind.SUSPEND, app, "sanction_s")
    ban = in_force(SanctionKind.BAN, None, "sanction_b")
    assert standing_of([], app) == (Standing.ACTIVE, None)
    assert standing_of([restrict, suspend], app) == (Standing.SUSPENDED, "sanction_s")
    assert standing_of([restrict, suspend], other) == (Standing.ACTIVE, None)
    assert standing_of([restrict, suspend, ban], other) == (Standing.BANNED, "sanction_b")
    assert standing_of([proposed()], app) == (Standing.ACTIVE, None), "a proposal takes nothing away"


def test_lifting_a_ban_leaves_what_else_is_in_force() -> None:
    app = AppNumber(1)
    suspend = in_force(SanctionKind.SUSPEND, app, "sanction_s")
    wish = sanction.propose_lift(in_force(), ANNA, NOW, "x", 0)
    assert isinstance(wish, Sanction)
    lifted = sanction.lift(wish, BEN, NOW, "x")
    assert isinstance(lifted, Sanction)
    assert standing_of([suspend, lifted], app) == (Standing.SUSPENDED, "sanction_s")
