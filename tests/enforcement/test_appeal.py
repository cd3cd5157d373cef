"""Appeals: who may file one, who may decide it."""

from datetime import UTC, datetime

import pytest

from beholden.enforcement import appeal, sanction
from beholden.enforcement.appeal import MAX_APPEALS, Appeal, AppealState
from beholden.enforcement.sanction import Sanction
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput
from beholden.model.ids import AppealId
from beholden.model.refusal import Refusal
from tests.enforcement.test_sanction import ANNA, BEN, CARA, DEVELOPER, NOW, in_force, proposed


def filed(
    against: Sanction | None = None, earlier: list[Appeal] | None = None, actor: Actor = DEVELOPER
) -> Appeal | Refusal:
    return appeal.file(AppealId("appeal_1"), against or in_force(), earlier or [], actor, NOW, "We answered by letter.")


def code(answer: object) -> str:
    assert isinstance(answer, Refusal)
    return answer.code


def test_only_the_sanctioned_developer_appeals() -> None:
    assert isinstance(filed(), Appeal)
    assert code(filed(actor=Actor(ActorKind.DEVELOPER, "8"))) == "not_yours"
    assert code(filed(actor=ANNA)) == "not_yours"


def test_only_a_sanction_in_force_can_be_appealed() -> None:
    assert code(filed(proposed())) == "not_in_force"
    wish = sanction.propose_lift(in_force(), ANNA, NOW, "x", 0)
    assert isinstance(wish, Sanction) and isinstance(filed(wish), Appeal)


def test_appeals_come_one_at_a_time_and_not_without_end() -> None:
    first = filed()
    assert isinstance(first, Appeal)
    assert code(filed(earlier=[first])) == "appeal_open"
    decided = appeal.decide(first, [], CARA, NOW, "no", granted=False)
    assert isinstance(decided, Appeal) and decided.state is AppealState.DISMISSED
    assert isinstance(filed(earlier=[decided]), Appeal)
    assert code(filed(earlier=[decided] * MAX_APPEALS)) == "appeals_exhausted"


def test_whoever_took_part_cannot_decide() -> None:
    first = filed()
    assert isinstance(first, Appeal)
    for part in (ANNA, BEN):
        assert code(appeal.decide(first, in_force().operators, part, NOW, "x", granted=True)) == "took_part"
    decided = appeal.decide(first, in_force().operators, CARA, NOW, "The letter was overlooked.", granted=True)
    assert isinstance(decided, Appeal)
    assert (decided.state, decided.decided_by, decided.decided_at) == (AppealState.GRANTED, "cara", NOW)
    assert code(appeal.decide(decided, [], CARA, NOW, "again", granted=False)) == "appeal_decided"
    assert code(appeal.decide(first, [], DEVELOPER, NOW, "x", granted=True)) == "operators_only"


@pytest.mark.parametrize("words", ["", "\n", "x" * 20_001, "a\x00"])
def test_grounds_and_decisions_say_something(words: str) -> None:
    with pytest.raises(BadInput):
        appeal.file(AppealId("a"), in_force(), [], DEVELOPER, datetime(2026, 1, 1, tzinfo=UTC), words)
    first = filed()
    assert isinstance(first, Appeal)
    with pytest.raises(BadInput):
        appeal.decide(first, [], CARA, NOW, words, granted=True)
