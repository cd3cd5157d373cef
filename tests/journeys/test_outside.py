"""An auditor outside searches with digests alone: they find what the house finds, and it says of nobody who it is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from beholden.backends.evidence.files import FileEvidence
from beholden.cli.examine import command
from beholden.forensics.kernel import auditor
from beholden.journeys import outside
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput, NotAllowed
from beholden.model.ids import PersonNumber
from tests.forensics.people import database, person
from tests.journeys.test_examine import DEAD, OPERATOR, Scene, scene

__all__ = ["scene"]


@pytest.fixture
def prepared(scene: Scene) -> outside.Prepared:
    return outside.prepare(scene.house.engines, scene.app, OPERATOR)


def looked(scene: Scene, prepared: outside.Prepared) -> dict[str, object]:
    return dict(outside.examine(FileEvidence(), [str(scene.folder)], prepared.index, prepared.key))


def test_rows_in_text_and_deleted_from_a_database_are_found_by_number(scene: Scene, prepared: outside.Prepared) -> None:
    (scene.folder / "people.csv").write_text(scene.rows(scene.people[:25]))
    known = [replace(person(n), scoped_id=scene.scoped(PersonNumber(n))) for n in range(21, 41)]
    database(scene.folder / "app.db", known, after=[DEAD])
    done, house = looked(scene, prepared), scene.examine()
    assert (done["sought"], done["found"], done["complete"]) == (40, 40, True)
    assert house.record.numbers["found"] == 40
    assert {one["person"] for one in done["people"]} == {int(number) for number in scene.people}  # type: ignore[attr-defined, index]


def test_one_value_alone_and_other_apps_people_convict_nobody(scene: Scene, prepared: outside.Prepared) -> None:
    with scene.house.engines.store.read() as unit:
        known = unit.directory.people(scene.people)
    (scene.folder / "mails.txt").write_text("\n\n".join(one.email for one in known.values()))
    (scene.folder / "theirs.csv").write_text(scene.rows(scene.strangers))
    done = looked(scene, prepared)
    assert done["found"] == 0 and done["found_by_one_value"] == 40


def test_what_is_given_away_names_nobody(scene: Scene, prepared: outside.Prepared) -> None:
    with scene.house.engines.store.read() as unit:
        known = unit.directory.people(scene.people)
    for number, one in known.items():
        for value in (one.email, one.name, scene.scoped(number)):
            assert value.encode() not in prepared.index and value.upper().encode() not in prepared.index


def test_without_its_key_an_index_is_of_no_use(scene: Scene, prepared: outside.Prepared) -> None:
    with pytest.raises(BadInput, match="another key"):
        outside.examine(FileEvidence(), [str(scene.folder)], prepared.index, bytes(32))
    assert auditor.from_bytes(prepared.index, prepared.key).people.size


def test_law_12_that_it_was_given_away_is_in_the_ledger(scene: Scene, prepared: outside.Prepared) -> None:
    acts = [act for act in scene.house.engines.ledger.acts() if act.verb == "examination:prepare"]
    assert len(acts) == 1 and acts[0].details["people"] == prepared.people == 40
    with pytest.raises(NotAllowed):
        outside.prepare(scene.house.engines, scene.app, Actor(ActorKind.DEVELOPER, "1"))


def test_the_commands_of_both_sides(scene: Scene, tmp_path: Path) -> None:
    (scene.folder / "people.csv").write_text(scene.rows())
    index, key = str(tmp_path / "sought"), str(tmp_path / "key")
    ours = ["prepare", "--data", str(scene.house.data), "--app", "quiz", "--out", index, "--key", key]
    made = CliRunner().invoke(command, ours)
    assert made.exit_code == 0 and "40 people" in made.stdout
    assert CliRunner().invoke(command, ours).exit_code != 0, "nothing is written over"
    theirs = ["outside", str(scene.folder), "--sought", index, "--key", key, "--json", "--workers", "1"]
    found = CliRunner().invoke(command, theirs)
    assert found.exit_code == 1, found.exception
    assert json.loads(found.stdout)["found"] == 40
