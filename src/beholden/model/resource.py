"""Questions about a platform's own resource types, and their answers: AuthZEN's information model, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from beholden.model.decision import Reason


@dataclass(frozen=True, slots=True)
class Entity:
    """A subject or a resource (AuthZEN 1.0, section 5). `id` is empty where a search asks for it."""

    type: str
    id: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """What the subject wants to do with the resource. `name` is empty where a search asks for it."""

    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceQuestion:
    """May `subject` do `action` with `resource`? The properties and the context are what the caller says of them."""

    subject: Entity
    action: Action
    resource: Entity
    context: Mapping[str, Any] = field(default_factory=dict)


class ResourceReason(StrEnum):
    """Why a platform's own type was decided as it was; for an app as subject, its standing's `Reason` comes first."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"  # a policy says no
    NOT_PERMITTED = "not_permitted"  # no policy says yes
    SUBJECT_TYPE_UNKNOWN = "subject_type_unknown"
    RESOURCE_TYPE_UNKNOWN = "resource_type_unknown"
    ACTION_UNKNOWN = "action_unknown"
    VALUE_UNUSABLE = "value_unusable"  # a property that policies have no way to read
    POLICY_ERROR = "policy_error"  # a policy could not be evaluated, so nobody knows what it would have said


@dataclass(frozen=True, slots=True)
class ResourceDecision:
    """The answer. `policies` are the names of those that settled it, `errors` what went wrong; for the platform."""

    whole: bool
    reason: ResourceReason | Reason
    policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
