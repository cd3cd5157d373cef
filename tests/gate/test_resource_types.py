"""The registry of resource types lets nobody take over what the gate decides."""

from dataclasses import dataclass

import pytest

from beholden.gate.resource_types import ResourceTypes
from beholden.model.errors import BadInput


@dataclass(frozen=True)
class Named:
    """As much of an evaluator as the registry looks at."""

    resource_types: tuple[str, ...]


def test_each_type_has_the_evaluator_that_answers_for_it() -> None:
    one, other = Named(("record", "todo")), Named(("route",))
    registry = ResourceTypes([one, other])  # type: ignore[list-item]
    assert dict(registry) == {"record": one, "todo": one, "route": other}
    assert dict(ResourceTypes()) == {}


@pytest.mark.parametrize("type_", ["person", "scoped_person"])
def test_a_platforms_own_type_never_shadows_a_person(type_: str) -> None:
    with pytest.raises(BadInput, match="gate's own"):
        ResourceTypes([Named(("record", type_))])  # type: ignore[list-item]


def test_two_evaluators_for_one_type_are_a_mistake() -> None:
    with pytest.raises(BadInput, match="two evaluators"):
        ResourceTypes([Named(("record",)), Named(("record",))])  # type: ignore[list-item]
