"""`beholden ledger` on a real data folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from beholden.cli.ledger import command
from beholden.journeys import erase
from beholden.model.act import SYSTEM
from beholden.model.errors import BadInput, Damaged, NotFound, Unavailable
from tests.conftest import House
from tests.journeys.shared import numbers, share


@pytest.fixture
def told(house: House) -> House:
    """Ann gave the quiz her own data, and it got Bob's and Cara's through her."""
    quiz = house.app(client_id="quiz")
    share(house, "ann", app=quiz, fields=("name", "birthday"))
    share(house, "bob", "cara", app=quiz, through="ann")
    return house


def run(house: House, *arguments: str, code: int = 0, data: bool = True) -> str:
    given = [*arguments, *(["--data", str(house.data)] if data else [])]
    result = CliRunner().invoke(command, given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def read(house: House, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(house, *arguments, "--json", code=code))


def test_a_sound_log_verifies(told: House) -> None:
    run(told, "publish")
    assert "It verifies." in run(told, "verify")
    report = read(told, "verify")
    assert report["verified"] is True
    assert (report["size"], report["published"], report["opened"], report["defects"]) == (3, 3, 3, [])


def test_a_log_that_does_not_verify_names_each_defect_and_exits_with_1(told: House) -> None:
    run(told, "publish")
    tile = told.data / "ledger" / "public" / "tile" / "0" / "000.p" / "3"
    data = bytearray(tile.read_bytes())
    data[0] ^= 1
    tile.write_bytes(data)
    said = run(told, "verify", code=1)
    assert "tile/0/000.p/3: it is not what the entries give" in said
    assert "It does NOT verify." in said
    report = read(told, "verify", code=1)
    assert report["verified"] is False
    assert report["defects"] == [{"where": "tile/0/000.p/3", "what": "it is not what the entries give"}]


def test_the_public_half_is_verified_with_the_key_alone(told: House, tmp_path: Path) -> None:
    (tmp_path / "first").write_text(run(told, "publish"))
    key = run(told, "key").strip()
    public = str(told.data / "ledger" / "public")
    alone = ["verify", "--public", public, "--key", key]
    assert "It verifies." in run(told, *alone, data=False)
    share(told, "ann")
    run(told, "publish")
    assert "It verifies." in run(told, *alone, "--earlier", str(tmp_path / "first"), data=False)
    (told.data / "ledger" / "public" / "checkpoint").write_text((tmp_path / "first").read_text() + "x")
    run(told, *alone, code=1, data=False)
    with pytest.raises(BadInput, match="belong together"):
        run(told, "verify", "--public", public)
    with pytest.raises(BadInput, match="public key"):
        run(told, "verify", "--public", public, "--key", "nonsense", data=False)


def test_a_rolled_back_log_is_found_with_an_earlier_checkpoint(told: House, tmp_path: Path) -> None:
    first = run(told, "publish")
    share(told, "ann")
    (tmp_path / "later").write_text(run(told, "publish"))
    (told.data / "ledger" / "public" / "checkpoint").write_text(first)
    assert "rolled back" in run(told, "verify", "--earlier", str(tmp_path / "later"), code=1)


def test_impacted_counts_direct_and_indirect_people(told: House) -> None:
    people = numbers(told, "ann", "bob", "cara")
    found = read(told, "impacted", "--app", "quiz")
    assert {k: found[k] for k in ("app", "people", "direct", "indirect", "disclosures")} == {
        "app": "quiz",
        "people": 3,
        "direct": 1,
        "indirect": 2,
        "disclosures": 3,
    }
    assert [(e["person"], e["through"], e["fields"]) for e in found["exposures"]] == [
        (people["ann"], [], ["birthday", "name"]),
        (people["bob"], [people["ann"]], ["name"]),
        (people["cara"], [people["ann"]], ["name"]),
    ]
    assert all("person_id" not in e for e in found["exposures"])
    said = run(told, "impacted", "--app", "quiz", "--limit", "1")
    assert "3 people: 1 directly, 2 through somebody else" in said
    assert "and 2 more" in said


def test_impacted_adds_the_platforms_ids_only_when_asked(told: House) -> None:
    found = read(told, "impacted", "--app", "quiz", "--with-ids")
    assert [e["person_id"] for e in found["exposures"]] == ["ann", "bob", "cara"]
    assert "bob" in run(told, "impacted", "--app", "quiz", "--with-ids")
    with pytest.raises(NotFound):
        run(told, "impacted", "--app", "unknown")


def test_a_persons_disclosures_are_listed(told: House) -> None:
    (row,) = read(told, "person", "bob")
    assert (row["seq"], row["app"], row["direct"], row["fields"]) == (1, "quiz", False, ["name"])
    assert "through somebody else: name (service)" in run(told, "person", "bob")
    with pytest.raises(NotFound):
        run(told, "person", "nobody")


def test_a_receipt_is_printed_and_checked_offline(told: House, tmp_path: Path) -> None:
    out = tmp_path / "one.tlog-proof"
    printed = run(told, "prove", "1")
    assert printed.startswith("c2sp.org/tlog-proof@v1\n")
    run(told, "prove", "1", "--out", str(out))
    key = run(told, "key").strip()
    assert "It holds: entry 1" in run(told, "check", str(out), "--key", key, data=False)
    out.write_text(out.read_text().replace("index 1", "index 2"))
    with pytest.raises(Damaged):
        run(told, "check", str(out), "--key", key, data=False)
    out.write_text("nonsense")
    with pytest.raises(BadInput):
        run(told, "check", str(out), "--key", key, data=False)
    with pytest.raises(NotFound):
        run(told, "prove", "77")
    with pytest.raises(BadInput):
        run(told, "prove", "1", "--out", str(tmp_path / "no" / "folder"))


def test_a_receipt_of_an_erased_person_says_so(told: House, tmp_path: Path) -> None:
    erase.erase(told.engines, SYSTEM, "bob")
    out = tmp_path / "receipt"
    run(told, "prove", "1", "--out", str(out))
    assert "cannot be opened any more" in run(told, "check", str(out), "--key", run(told, "key").strip(), data=False)


def test_the_export_is_a_parquet_file(told: House, tmp_path: Path) -> None:
    out = tmp_path / "ledger.parquet"
    assert read(told, "export", "--out", str(out)) == {"rows": 3, "out": str(out)}
    assert pq.read_table(out).column("app").to_pylist() == ["quiz"] * 3
    run(told, "export", "--out", str(out), "--with-ids")
    assert pq.read_table(out).column("person_id").to_pylist() == ["ann", "bob", "cara"]


def test_an_export_that_fails_leaves_nothing(told: House, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        run(told, "export", "--out", str(tmp_path / "missing" / "ledger.parquet"))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    result = CliRunner().invoke(command, ["export", "--out", str(tmp_path / "taken"), "--data", str(told.data)])
    assert result.exit_code == 2
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_the_command_line_says_no_with_exit_code_1(told: House) -> None:
    """The real entry point, in a process of its own."""
    run(told, "publish")
    (told.data / "ledger" / "public" / "tile" / "0" / "000.p" / "3").unlink()
    command_line = [sys.executable, "-c", "from beholden.cli.main import main; main()"]
    done = subprocess.run(
        [*command_line, "ledger", "verify", "--data", told.data], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert "It does NOT verify." in done.stdout
