"""An examination of a real PostgreSQL's data directory, as it lies in a folder."""

import shutil
from pathlib import Path

import pg8000.native
import pytest

from beholden.backends.evidence.files import FileEvidence
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access, examine
from beholden.journeys.examine import Verdict
from beholden.model.act import Actor, ActorKind
from beholden.model.disclosure import Disclosure
from beholden.model.ids import GrantId
from tests.conftest import House
from tests.contracts.server import postgres
from tests.forensics.people import person

pytestmark = pytest.mark.postgres


def test_rows_deleted_from_a_seized_data_directory_contradict_the_claim_and_name_their_table(
    house: House, tmp_path: Path
) -> None:
    access.add_operator(house.engines, "olga", "Olga", "olga@platform.example")
    app = house.app(client_id="quiz")
    known = [person(n) for n in range(1, 21)]
    people = [house.person(f"p{n}", one.name, one.email) for n, one in enumerate(known)]
    scoped = scoped_ids(house.engines.pairwise, app.number, people)
    now = house.clock.now()
    fields = ("name", "email")
    house.engines.ledger.append(
        [Disclosure(app.number, app.developer, p, p, fields, "service", GrantId("g"), now, {}) for p in people]
    )
    with postgres(durable=True) as server:
        address = str(server.data.parent / ".s.PGSQL.5432")
        connection = pg8000.native.Connection("postgres", database="postgres", unix_sock=address)
        connection.run("create table friends (id int, uid text, email text, name text)")
        for number, (uid, one) in enumerate(zip(scoped, known, strict=True)):
            connection.run("insert into friends values (:n, :u, :e, :m)", n=number, u=uid, e=one.email, m=one.name)
        connection.run("delete from friends where id >= 5")
        connection.run("checkpoint")
        ((path,),) = connection.run("select pg_relation_filepath('friends')") or ()
        connection.close()
        base = Path(str(path)).parent
        for name in (str(path), f"{base}/1249", f"{base}/1259", f"{base}/pg_filenode.map", "pg_xact/0000"):
            (tmp_path / "seized" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(server.data / name, tmp_path / "seized" / name)
    operator = Actor(ActorKind.OPERATOR, "olga")
    done = examine.examine(house.engines, FileEvidence(), [str(tmp_path / "seized")], app.client_id, operator)
    assert done.verdict is Verdict.CONTRADICTED
    numbers = done.record.numbers
    assert (numbers["found"], numbers["found_deleted_only"], numbers["found_attributed"]) == (20, 15, 20)
    assert "table friends, heap" in done.encoded.decode()
