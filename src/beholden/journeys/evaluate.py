"""Evaluate: questions about people and about the platform's own resource types, in one row.

People are decided and recorded by `disclose`. A platform's own type is decided by the evaluator that it supplied, but
where an app is the subject its standing comes first: no policy of anybody's outranks a ban (R2, law 4).
"""

from collections.abc import Mapping, Sequence

from beholden.gate.resource_types import APP, ResourceTypes
from beholden.journeys import disclose
from beholden.journeys.disclose import Question, Stop
from beholden.journeys.ports import Engines, Unit
from beholden.journeys.ruling import refused_apps
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BeholdenError
from beholden.model.resource import ResourceDecision, ResourceQuestion, ResourceReason

__all__ = ["ResourceTypes", "decide_resources", "decide_within", "evaluate_row"]

Asked = Question | ResourceQuestion | None
Answered = Decision | ResourceDecision | None


def evaluate_row(engines: Engines, questions: Sequence[Asked], stop: Stop = Stop.NEVER) -> list[Answered]:
    """Answer questions of either kind in their order; see `disclose.evaluate_many` for `None` and `stop`."""
    about_resources = [one for one in questions if isinstance(one, ResourceQuestion)]
    decided = iter(decide_resources(engines, about_resources))
    return disclose.evaluate_many(
        engines, [next(decided) if isinstance(one, ResourceQuestion) else one for one in questions], stop
    )


def decide_resources(engines: Engines, questions: Sequence[ResourceQuestion]) -> list[ResourceDecision]:
    """Answer questions about the platform's own types. Nothing is recorded: no person's field is among them."""
    if not any(one.subject.type == APP for one in questions):
        return _decide(engines, {}, questions)
    try:
        with engines.store.read() as unit:
            return decide_within(engines, unit, questions)
    except BeholdenError:  # law 4: who cannot read the standing allows nothing to an app
        return _decide(engines, {one.subject.id: Reason.GATE_STALE for one in questions}, questions)


def decide_within(engines: Engines, unit: Unit, questions: Sequence[ResourceQuestion]) -> list[ResourceDecision]:
    """The same within a unit, from whose snapshot the apps' standing is where there is no table."""
    asking = {one.subject.id for one in questions if one.subject.type == APP}
    return _decide(engines, refused_apps(engines, unit, asking), questions)


def _decide(
    engines: Engines, refusals: Mapping[str, Reason], questions: Sequence[ResourceQuestion]
) -> list[ResourceDecision]:
    """What each type's evaluator says; for apps, `refusals` by client id come before it."""
    answers: dict[int, ResourceDecision] = {}
    left: dict[str, list[int]] = {}
    for n, question in enumerate(questions):
        refusal = refusals.get(question.subject.id) if question.subject.type == APP else None
        if refusal is not None:
            answers[n] = ResourceDecision(False, refusal)
        elif question.resource.type not in engines.resource_types:
            answers[n] = ResourceDecision(False, ResourceReason.RESOURCE_TYPE_UNKNOWN)
        else:
            left.setdefault(question.resource.type, []).append(n)
    for type_, places in left.items():
        decided = engines.resource_types[type_].decide([questions[n] for n in places])
        answers |= dict(zip(places, decided, strict=True))
    return [answers[n] for n in range(len(questions))]
