"""Each mistake in the folder of policies is one clear error that names the file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from beholden.backends.cedar import read_folder
from beholden.model.errors import BadInput

pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
GOOD = {
    "types.yaml": "subjects: {user: User}\nresources: {record: Record}\nactions: [read]\n",
    "policies.cedar": 'permit (principal is User, action == Action::"read", resource is Record);',
    "entities.json": '[{"uid": {"type": "User", "id": "a"}, "attrs": {"age": 3}, "parents": []}]',
}
SCHEMA = json.dumps(
    {
        "": {
            "entityTypes": {
                "User": {"shape": {"type": "Record", "attributes": {"age": {"type": "Long"}}}},
                "Record": {},
            },
            "actions": {"read": {"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["Record"]}}},
        }
    }
)


def folder(path: Path, **changed: str | None) -> Path:
    for name, text in {**GOOD, **{key.replace("_", "."): value for key, value in changed.items()}}.items():
        if text is not None:
            (path / name).write_text(text)
    return path


def test_policies_and_types_are_enough(tmp_path: Path) -> None:
    read = read_folder(folder(tmp_path, entities_json=None))
    assert list(read.resource_types) == ["record"]
    assert list(read.ids("user", None, 5)) == []


def test_policies_and_entities_that_fit_the_schema_are_taken(tmp_path: Path) -> None:
    assert list(read_folder(folder(tmp_path, schema_json=SCHEMA)).ids("user", None, 5)) == ["a"]


MISTAKES = [
    ({"types_yaml": None}, "types.yaml cannot be read"),
    ({"types_yaml": "subjects: {user: User}\nresources: {record: Record}\n"}, "types.yaml: 'actions' must be a list"),
    ({"types_yaml": GOOD["types.yaml"] + "colour: red\n"}, "types.yaml: unknown key 'colour'"),
    ({"types_yaml": GOOD["types.yaml"].replace("User", "a b")}, "'a b' cannot be the name of a Cedar type"),
    ({"types_yaml": GOOD["types.yaml"].replace("{user: User}", "[user]")}, "'subjects' must say which Cedar type"),
    ({"types_yaml": GOOD["types.yaml"].replace("[read]", "[read, read]")}, "an action stands twice"),
    ({"types_yaml": GOOD["types.yaml"].replace("[read]", "[on]")}, "every entry of 'actions' must be a text"),
    (
        {"types_yaml": "subjects: {user: User}\nresources: {user: Person}\nactions: [read]\n"},
        "'user' is one Cedar type as subject and another as resource",
    ),
    ({"policies_cedar": None}, "policies.cedar cannot be read"),
    ({"policies_cedar": "permit (principal"}, "policies.cedar is not Cedar"),
    ({"policies_cedar": "// later"}, "policies.cedar has no policy"),
    ({"entities_json": "[{"}, "entities.json is not a list of Cedar entities"),
    ({"entities_json": "{}"}, "entities.json is not a list of Cedar entities"),
    ({"entities_json": '[{"uid": 1}]'}, "entities.json is not a list of Cedar entities"),
    ({"entities_json": GOOD["entities.json"].replace('"a"', '""')}, "a User has an id that is empty"),
    ({"schema_json": "{"}, "schema.json is not a Cedar schema"),
    (
        {"schema_json": SCHEMA, "policies_cedar": "permit (principal is Ghost, action, resource);"},
        "A policy does not fit",
    ),
    (
        {"schema_json": SCHEMA, "entities_json": GOOD["entities.json"].replace("3", '"three"')},
        "entities.json is not a list of Cedar entities",
    ),
]


@pytest.mark.parametrize(("changed", "message"), MISTAKES)
def test_a_mistake_is_one_clear_error(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(BadInput) as error:
        read_folder(folder(tmp_path, **changed))
    assert message in str(error.value)
    assert error.value.remedy


def test_a_folder_that_is_not_there_is_one_too(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a folder"):
        read_folder(tmp_path / "nix")


BLOCKED = """
import sys
sys.modules["cedarpy"] = None  # as where it is not installed
from pathlib import Path
from beholden import bootstrap, settings
from beholden.backends import cedar
from beholden.model.errors import BadInput
assert not bootstrap.resource_types(settings.read({}, data=Path("nix")))
try:
    cedar.read_folder(Path(sys.argv[1]))
except BadInput as error:
    print(error)
"""


def test_without_cedarpy_everything_else_runs_and_policies_are_a_clear_error(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(folder(tmp_path))], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "cedarpy is not installed" in ran.stdout
    assert "extra `cedar`" in ran.stdout
