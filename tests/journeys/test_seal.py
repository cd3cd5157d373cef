"""Seal: the house's own log, published, verified, and checked by somebody who has the public half alone."""

import shutil
from pathlib import Path

import pytest

from beholden import bootstrap
from beholden.journeys import seal, trace
from beholden.journeys.acts import record
from beholden.model.act import SYSTEM, Act
from beholden.model.errors import BadInput, Damaged, NotFound
from tests.conftest import House
from tests.journeys.shared import share


def test_law_12_an_act_of_an_operator_is_in_the_ledger_and_can_be_proved(house: House) -> None:
    place = record(house.engines, Act(SYSTEM, "policy:set", "policy", house.clock.now(), details={"sha256": "00"}))
    receipt = seal.check_receipt(trace.prove(house.engines, place), seal.key(house.engines))
    assert receipt.record is not None
    assert (receipt.record["actor"], receipt.record["verb"]) == ("system:beholden", "policy:set")
    assert receipt.record["details"] == {"sha256": "00"}
    assert [act.verb for act in house.engines.ledger.acts()] == ["policy:set"]
    assert seal.verify(house.engines).entries["act"] == 1


def test_a_published_copy_is_verified_with_nothing_but_the_key(house: House, tmp_path: Path) -> None:
    share(house, "ann", "bob", through="cara")
    first = seal.publish(house.engines)
    share(house, "dan")
    seal.publish(house.engines)
    shutil.copytree(house.data / "ledger" / "public", tmp_path / "mirror")
    key = seal.key(house.engines)
    report = seal.verify_published(bootstrap.published(tmp_path / "mirror"), key, first)
    assert report.verified, report.defects
    assert (report.published, report.size, report.entries["disclosure"]) == (3, None, 3)
    (tmp_path / "mirror" / "checkpoint").write_text(first)
    later = seal.publish(house.engines)
    assert not seal.verify_published(bootstrap.published(tmp_path / "mirror"), key, later).verified
    with pytest.raises(BadInput):
        seal.verify_published(bootstrap.published(tmp_path / "mirror"), "no key")


def test_a_receipt_of_another_house_does_not_pass(house: House) -> None:
    share(house, "ann")
    receipt = trace.prove(house.engines, 0)
    other = "beholden.example/ledger+00000000+AQ=="
    with pytest.raises(BadInput):
        seal.check_receipt(receipt, other)
    with pytest.raises(Damaged):
        seal.check_receipt(receipt.replace("index 0", "index 1"), seal.key(house.engines))


def test_a_file_that_is_not_the_logs_is_not_found(house: House) -> None:
    share(house, "ann")
    seal.publish(house.engines)
    assert seal.published(house.engines, "checkpoint").startswith(b"beholden.example/ledger\n1\n")
    with pytest.raises(NotFound):
        seal.published(house.engines, "../keys/pairwise")
