"""The folder with a platform's Cedar policies, read once at the start; every mistake is one clear error.

types.yaml       which AuthZEN types and actions the policies are for (required)
policies.cedar   the policies (required)
schema.json      a Cedar schema that policies and entities are then held to
entities.json    the entities: attributes, parents; what searches look through
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beholden.backends.cedar.evaluator import CedarEvaluator, Types
from beholden.model.documents import list_of, only_keys, read_mapping, text_of
from beholden.model.errors import BadInput

if TYPE_CHECKING:
    import cedarpy

MAX_BYTES = 64 << 20
MAX_ENTITIES = 1_000_000
_LONGEST_NAME = 200
_LONGEST_ID = 1_000  # as in a request
_CEDAR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*")


def read_folder(folder: Path) -> CedarEvaluator:
    """The evaluator on the policies in `folder`; raises BadInput naming the file and what is wrong with it."""
    try:
        import cedarpy
    except ModuleNotFoundError as error:
        raise BadInput(
            f"BEHOLDEN_CEDAR names {folder}, but cedarpy is not installed.",
            "Install beholden with the extra `cedar`, or unset BEHOLDEN_CEDAR.",
        ) from error
    if not folder.is_dir():
        raise BadInput(f"BEHOLDEN_CEDAR={str(folder)!r} is not a folder.", "Name one, or unset it.")
    types = read_types(_text(folder / "types.yaml"))
    text = _text(folder / "policies.cedar")
    try:
        policies = cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        raise BadInput(f"{folder / 'policies.cedar'} is not Cedar: {_said(error)}.", "Mend the policy.") from error
    if not policies:  # an empty file is a mistake, not a wish to deny everything
        raise BadInput(f"{folder / 'policies.cedar'} has no policy.", "Write one, or unset BEHOLDEN_CEDAR.")
    schema = _schema(folder / "schema.json", text)
    entities, supplied = _entities(folder / "entities.json", schema)
    return CedarEvaluator(types, policies, entities, supplied)


def read_types(text: str) -> Types:
    """The types document; raises BadInput."""
    where = "types.yaml"
    document = read_mapping(text, where)
    only_keys(document, {"subjects", "resources", "actions", "action_type"}, where)
    actions = list_of(document, "actions", where)
    if not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_NAME for one in actions):
        raise BadInput(f"{where}: every entry of 'actions' must be a text.", 'Put quotes around it: "on" is one.')
    if len(set(actions)) != len(actions):
        raise BadInput(f"{where}: an action stands twice.", "Keep one of them.")
    action_type = text_of(document, "action_type", where) if "action_type" in document else "Action"
    subjects, resources = _mapping(document, "subjects"), _mapping(document, "resources")
    for name in subjects.keys() & resources.keys():
        if subjects[name] != resources[name]:
            raise BadInput(f"{where}: {name!r} is one Cedar type as subject and another as resource.", "Use one.")
    for name in (action_type, *subjects.values(), *resources.values()):
        if not _CEDAR_NAME.fullmatch(name):
            raise BadInput(
                f"{where}: {name!r} cannot be the name of a Cedar type.", "Write it like Record or Shop::User."
            )
    return Types(subjects, resources, tuple(actions), action_type)


def _mapping(document: dict[str, Any], key: str) -> dict[str, str]:
    found = document.get(key)
    if not isinstance(found, dict) or not found:
        raise BadInput(
            f"types.yaml: {key!r} must say which Cedar type each type is.", f"Write `{key}: {{user: User}}`."
        )
    for name, cedar in found.items():
        if not 0 < len(name) <= _LONGEST_NAME or not isinstance(cedar, str):
            raise BadInput(f"types.yaml: {key!r}: {str(name)[:60]!r} must name a Cedar type.", "Mend it.")
    return dict(found)


def _schema(path: Path, policies: str) -> "cedarpy.Schema | None":
    """The schema, after the policies were held to it; None where there is none."""
    import cedarpy

    if not path.exists():
        return None
    try:
        schema = cedarpy.Schema.from_json_str(_text(path))
    except ValueError as error:
        raise BadInput(f"{path} is not a Cedar schema in JSON: {_said(error)}.", "Mend it.") from error
    result = cedarpy.validate_policies(policies, schema)
    if not result.validation_passed:
        raise BadInput(f"A policy does not fit {path}: {_said(result.errors[0])}.", "Mend the policy or the schema.")
    return schema


def _entities(path: Path, schema: "cedarpy.Schema | None") -> tuple["cedarpy.Entities", list[tuple[str, str]]]:
    import cedarpy

    text = _text(path) if path.exists() else "[]"
    try:
        read = json.loads(text)  # first, since its errors name a line
        entities = cedarpy.Entities.from_json_str(text, schema)
        supplied = [_uid(one["uid"]) for one in read]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not a list of Cedar entities: {_said(error)}.", "Mend it.") from error
    if len(supplied) > MAX_ENTITIES:
        raise BadInput(f"{path} has more than {MAX_ENTITIES} entities.", "Supply only what policies and searches need.")
    for type_, id_ in supplied:
        if not 0 < len(id_) <= _LONGEST_ID:
            raise BadInput(f"{path}: a {type_} has an id that is empty or too long to ask about.", "Name it otherwise.")
    return entities, supplied


def _uid(uid: Any) -> tuple[str, str]:
    """Either of Cedar's two ways to write an entity's id."""
    found = uid.get("__entity", uid)
    return str(found["type"]), str(found["id"])


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is larger than {MAX_BYTES} bytes.", "Shorten it.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).", "See docs/authzen.md.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8.", "Save it as UTF-8.") from error


def _said(error: object) -> str:
    """What Cedar says, on one line."""
    return " ".join(str(error).split())[:300].rstrip(".")
