"""An Evaluator on cedarpy: policies and entities parsed once, then only asked.

A request's properties do not become attributes of Cedar's entities: those are what the platform supplied. They stand in
Cedar's context as what the caller said, so that a policy shows whom it believes:

    context.subject, context.action, context.resource    the `properties` of each
    context.request                                      the AuthZEN context

All four are always there. Of Cedar's answer only a clean yes is a yes: where any policy could not be evaluated, Cedar
leaves it out, and if that was a `forbid`, what remains would allow too much.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any

from beholden.backends.cedar.values import Unusable, cedar_record
from beholden.model.resource import ResourceDecision, ResourceQuestion, ResourceReason

if TYPE_CHECKING:
    import cedarpy

_MOST_ERRORS = 3
_LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Types:
    """What Cedar's names are for AuthZEN's: `subjects` and `resources` by AuthZEN type; the actions, in order."""

    subjects: Mapping[str, str]
    resources: Mapping[str, str]
    actions: tuple[str, ...]
    action_type: str = "Action"


@dataclass(frozen=True)
class CedarEvaluator:
    """See gate.ports.Evaluator. `supplied` is (Cedar type, id) of every entity."""

    types: Types
    policies: "cedarpy.PolicySet"
    entities: "cedarpy.Entities"
    supplied: InitVar[Iterable[tuple[str, str]]] = ()
    _ids: Mapping[str, Sequence[str]] = field(init=False, repr=False)
    _known: frozenset[tuple[str, str]] = field(init=False, repr=False)

    def __post_init__(self, supplied: Iterable[tuple[str, str]]) -> None:
        ids: dict[str, list[str]] = {}
        for type_, id_ in sorted(set(supplied)):
            ids.setdefault(type_, []).append(id_)
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_known", frozenset((type_, id_) for type_, all_ in ids.items() for id_ in all_))

    @property
    def resource_types(self) -> Sequence[str]:
        """See Evaluator."""
        return tuple(self.types.resources)

    @property
    def actions(self) -> Sequence[str]:
        """See Evaluator."""
        return self.types.actions

    def decide(self, questions: Sequence[ResourceQuestion]) -> list[ResourceDecision]:
        """See Evaluator. All questions go to Cedar in one call."""
        import cedarpy

        written = [self._written(question) for question in questions]
        asked = [one for one in written if not isinstance(one, ResourceDecision)]
        results = iter(cedarpy.is_authorized_batch(asked, self.policies, self.entities) if asked else ())
        return [one if isinstance(one, ResourceDecision) else _read(next(results)) for one in written]

    def knows(self, type_: str, id_: str) -> bool:
        """See Evaluator."""
        return any((name, id_) in self._known for name in self._names(type_))

    def ids(self, type_: str, after: str | None, limit: int) -> Sequence[str]:
        """See Evaluator."""
        names = self._names(type_)
        found = self._ids.get(names[0], ()) if names else ()
        start = 0 if after is None else bisect_right(found, after)
        return found[start : start + limit]

    def _names(self, type_: str) -> Sequence[str]:
        """Cedar's name of an AuthZEN type; a type that is subject and resource has one name for both."""
        found = self.types.subjects.get(type_) or self.types.resources.get(type_)
        return () if found is None else (found,)

    def _written(self, question: ResourceQuestion) -> dict[str, Any] | ResourceDecision:
        """The question as Cedar takes it; the answer at once where it cannot be asked."""
        subject, action, resource = question.subject, question.action, question.resource
        if subject.type not in self.types.subjects:
            return ResourceDecision(False, ResourceReason.SUBJECT_TYPE_UNKNOWN)
        if action.name not in self.types.actions:
            return ResourceDecision(False, ResourceReason.ACTION_UNKNOWN)
        try:
            context = {
                "subject": cedar_record(subject.properties, "subject.properties"),
                "action": cedar_record(action.properties, "action.properties"),
                "resource": cedar_record(resource.properties, "resource.properties"),
                "request": cedar_record(question.context, "context"),
            }
        except Unusable as error:
            return ResourceDecision(False, ResourceReason.VALUE_UNUSABLE, errors=(str(error)[:_LONGEST_ERROR],))
        return {
            "principal": {"type": self.types.subjects[subject.type], "id": subject.id},
            "action": {"type": self.types.action_type, "id": action.name},
            "resource": {"type": self.types.resources[resource.type], "id": resource.id},
            "context": json.dumps(context, ensure_ascii=False),
        }


def _read(result: "cedarpy.AuthzResult") -> ResourceDecision:
    diagnostics = result.diagnostics
    if diagnostics.errors:
        errors = tuple(error[:_LONGEST_ERROR] for error in diagnostics.errors[:_MOST_ERRORS])
        return ResourceDecision(False, ResourceReason.POLICY_ERROR, errors=errors)
    names: Mapping[str, str] = diagnostics.id_annotations_by_reason
    policies = tuple(sorted(names.get(policy) or policy for policy in diagnostics.reasons))
    if result.allowed:
        return ResourceDecision(True, ResourceReason.ALLOWED, policies)
    reason = ResourceReason.FORBIDDEN if policies else ResourceReason.NOT_PERMITTED
    return ResourceDecision(False, reason, policies)
