"""Evidence of a developer who did delete: nothing is left, and the examination says so, if it could read all of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pg8000.native
import py7zr
import pytest

from beholden.journeys.examine import Examination, Verdict
from beholden.model.ids import PersonNumber
from tests.contracts.server import postgres
from tests.forensics.people import database, person
from tests.journeys.test_examine import DEAD, Scene, scene

__all__ = ["scene"]


def clean(done: Examination) -> bool:
    """Whether nobody was found and every byte was read."""
    coverage: dict[str, object] = done.report["coverage"]  # type: ignore[assignment]
    everything = coverage["complete"] is True and coverage["share"] == 1.0
    return done.verdict is Verdict.NOT_CONTRADICTED and done.record.numbers["found"] == 0 and everything


def of_the_app(scene: Scene) -> list:  # type: ignore[type-arg]
    return [replace(person(n), scoped_id=scene.scoped(PersonNumber(n))) for n in range(1, 41)]


def test_a_database_that_overwrites_what_it_deletes_is_not_contradicted(scene: Scene) -> None:
    database(scene.folder / "app.db", of_the_app(scene), pragmas=["secure_delete=on"], after=[DEAD, "vacuum"])
    assert clean(scene.examine())


def test_a_shredded_file_is_not_contradicted(scene: Scene) -> None:
    table = scene.folder / "people.csv"
    table.write_text(scene.rows())
    assert scene.examine().verdict is Verdict.CONTRADICTED
    table.write_bytes(bytes(table.stat().st_size))  # as `shred --zero` leaves it, under its name
    assert clean(scene.examine())


@pytest.mark.postgres
def test_a_table_after_vacuum_full_is_not_contradicted(scene: Scene, tmp_path: Path) -> None:
    with postgres(durable=True) as server:
        address = str(server.data.parent / ".s.PGSQL.5432")
        connection = pg8000.native.Connection("postgres", database="postgres", unix_sock=address)
        connection.run("create table friends (id int, uid text, email text, name text)")
        for one in of_the_app(scene):
            connection.run(
                "insert into friends values (:n, :u, :e, :m)",
                n=int(one.person),
                u=one.scoped_id,
                e=one.email,
                m=one.name,
            )
        for statement in (
            DEAD,
            "insert into friends values (1, 'x', 'nobody', 'left')",
            "vacuum full friends",
            "checkpoint",
        ):
            connection.run(statement)
        ((path,),) = connection.run("select pg_relation_filepath('friends')") or ()
        connection.close()
        shutil.copy(server.data / str(path), scene.folder / "16384")
    assert clean(scene.examine())


def test_law_9_one_encrypted_archive_beside_it_makes_it_inconclusive(scene: Scene) -> None:
    database(scene.folder / "app.db", of_the_app(scene), pragmas=["secure_delete=on"], after=[DEAD, "vacuum"])
    with py7zr.SevenZipFile(scene.folder / "backup.7z", "w", password="not for you") as archive:
        archive.writestr(scene.rows(), "people.csv")
    done = scene.examine()
    assert done.verdict is Verdict.INCONCLUSIVE and done.record.numbers["found"] == 0
    assert "encrypted" in done.encoded.decode()
