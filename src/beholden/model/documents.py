"""Strict reading of the YAML documents that a platform writes: the data catalogue and the policy.

A document decides what leaves the house, so nothing in it is guessed: a duplicate key, an unknown key, an alias or a
wrong type is one clear error with its place.
"""

from collections.abc import Collection
from typing import Any

import yaml

from beholden.model.errors import BadInput

MAX_CHARACTERS = 1_000_000


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys and aliases (an alias bomb grows from a few lines)."""

    def compose_node(self, parent: Any, index: int) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise BadInput(f"line {event.start_mark.line + 1}: an alias (*name) is not allowed.", "Write it out.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise BadInput(f"line {line}: the key {key!r} is not text.", "Put quotes around it.")
            if key in seen:
                raise BadInput(f"line {line}: the key {key!r} stands twice.", "Keep one of them.")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_mapping(text: str, what: str) -> dict[str, Any]:
    """The mapping at the top of a YAML document; raises BadInput with the line where it is not one."""
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"The {what} is longer than {MAX_CHARACTERS} characters.", "Shorten it.")
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader, made stricter
    except BadInput as error:
        raise BadInput(f"The {what} cannot be read: {error.message}", error.remedy) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        line = f"line {place.line + 1}: " if place is not None else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        if isinstance(error, RecursionError):
            problem = "it is nested too deeply"
        raise BadInput(f"The {what} is not YAML: {line}{problem}.", "Mend that line.") from error
    if not isinstance(document, dict):
        raise BadInput(f"The {what} must be a mapping (`key: value` lines) at the top.", "See docs/reference.md.")
    return document


def only_keys(mapping: dict[str, Any], allowed: Collection[str], where: str) -> None:
    """Refuse a key that means nothing here; a misspelt setting must not pass as the default."""
    for key in mapping:
        if key not in allowed:
            raise BadInput(f"{where}: unknown key {key!r}.", f"Allowed: {', '.join(sorted(allowed))}.")


def text_of(mapping: dict[str, Any], key: str, where: str, longest: int = 500) -> str:
    """A required, non-empty text."""
    value = mapping.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise BadInput(f"{where}: {key!r} must be a text of 1 to {longest} characters.", "Add or mend it.")
    return value.strip()


def list_of(mapping: dict[str, Any], key: str, where: str) -> list[Any]:
    """A required, non-empty list."""
    value = mapping.get(key)
    if not isinstance(value, list) or not value:
        raise BadInput(f"{where}: {key!r} must be a list with at least one entry.", "Add or mend it.")
    return value
