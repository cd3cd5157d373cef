"""The registry of resource types: who decides about which.

The gate's own types are decided by `decision` alone. Whatever else a platform asks of the same door is decided by an
evaluator that it supplies; none of those can take over a type of the gate's.
"""

from collections.abc import Iterable, Iterator, Mapping

from beholden.gate.ports import Evaluator
from beholden.model.errors import BadInput

OURS = frozenset({"person", "scoped_person"})
"""What `decision` decides, and nobody else ever does."""
APP = "app"
"""As the type of a subject: always an app of the directory, whose standing comes before any policy (R2)."""


class ResourceTypes(Mapping[str, Evaluator]):
    """The platform's own resource types, each with the one evaluator that answers for it."""

    def __init__(self, evaluators: Iterable[Evaluator] = ()) -> None:
        """Raises BadInput where a type is the gate's own or has two evaluators."""
        self._by_type: dict[str, Evaluator] = {}
        for evaluator in evaluators:
            for type_ in evaluator.resource_types:
                if type_ in OURS:
                    raise BadInput(f"The resource type {type_!r} is the gate's own.", "Give yours another name.")
                if type_ in self._by_type:
                    raise BadInput(f"The resource type {type_!r} has two evaluators.", "Keep one of them.")
                self._by_type[type_] = evaluator

    def __getitem__(self, type_: str) -> Evaluator:
        return self._by_type[type_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_type)

    def __len__(self) -> int:
        return len(self._by_type)
