"""Receipts: they verify with the public key alone, and not when anything in them was changed."""

import base64
import json
import random
from pathlib import Path

import pytest
from tlog_scales.tlog import Checkpoint as TheirCheckpoint
from tlog_scales.tlog import InclusionProof

from beholden.ledger import proof, tree
from beholden.ledger.checkpoint import VerifierKey
from beholden.ledger.entry import Kind
from beholden.model.errors import BadInput, Damaged
from tests.ledger.logs import Log, filled

COUNT = 40


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return filled(tmp_path_factory.mktemp("log"), COUNT)


@pytest.fixture(scope="module")
def key(log: Log) -> VerifierKey:
    return log.key


def test_every_entry_has_a_receipt_that_opens(log: Log, key: VerifierKey) -> None:
    for seq in range(COUNT):
        found = proof.verify(log.ledger.prove(seq), key)
        assert (found.index, found.checkpoint.size) == (seq, COUNT)
        assert found.record is not None
        assert found.record["kind"] == ("act" if seq % 17 == 16 else "disclosure")
        if found.entry.kind is Kind.DISCLOSURE:
            assert found.record["person"] == 1 + seq % 97


def test_it_is_a_c2sp_tlog_proof_that_others_accept(log: Log) -> None:
    lines = log.ledger.prove(5).split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    extra = json.loads(base64.b64decode(lines[1].removeprefix("extra ")))
    assert lines[2] == "index 5"
    end = lines.index("")
    path = [base64.b64decode(line) for line in lines[3:end]]
    theirs = TheirCheckpoint.from_text("\n".join(lines[end + 1 :]))
    InclusionProof(5, theirs.size, path).check(tree.leaf_hash(bytes.fromhex(extra["entry"])), theirs.root_hash)


def test_a_receipt_tells_the_person_what_was_disclosed_but_not_through_whom(log: Log, key: VerifierKey) -> None:
    found = proof.verify(log.ledger.prove(1), key)
    assert found.record is not None
    assert found.record["fields"] == ["name"]
    assert len(found.record["through"]) == 22


@pytest.mark.parametrize("seq", [1, 16])
def test_no_bit_of_a_receipt_can_be_changed_unnoticed(log: Log, key: VerifierKey, seq: int) -> None:
    receipt = log.ledger.prove(seq)
    data, first = receipt.encode(), proof.verify(receipt, key)
    for place in random.Random(seq).sample(range(len(data) * 8), 1500):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        try:
            found = proof.verify(bytes(flipped).decode(), key)
        except (BadInput, Damaged, UnicodeDecodeError):
            continue
        # Only the notation of the unsigned `extra` line may differ (the case of a hexadecimal digit).
        assert found == first


def test_a_record_of_another_entry_does_not_fit(log: Log, key: VerifierKey) -> None:
    mine, other = log.ledger.prove(1), log.ledger.prove(2)
    extra = [json.loads(base64.b64decode(r.split("\n")[1].removeprefix("extra "))) for r in (mine, other)]
    forged = base64.b64encode(json.dumps(extra[0] | {"record": extra[1]["record"]}).encode()).decode()
    with pytest.raises(Damaged, match="not the one that was committed to"):
        proof.verify(mine.replace(mine.split("\n")[1], f"extra {forged}"), key)
    swapped = mine.replace(mine.split("\n")[1], other.split("\n")[1])
    with pytest.raises(Damaged, match="does not stand at place 1"):
        proof.verify(swapped, key)


@pytest.mark.parametrize("text", ["", "c2sp.org/tlog-proof@v1\n", "x" * 500_000, "c2sp.org/tlog-proof@v1\nindex 0\n\n"])
def test_what_is_no_receipt_is_bad_input(key: VerifierKey, text: str) -> None:
    with pytest.raises(BadInput):
        proof.verify(text, key)


@pytest.mark.parametrize("extra", [b"", b"[]", b"{}", b'{"entry":1}', b'{"entry":"zz"}', b'{"entry":"","record":1}'])
def test_a_receipt_with_a_malformed_extra_is_bad_input(log: Log, key: VerifierKey, extra: bytes) -> None:
    receipt = log.ledger.prove(1)
    line = f"extra {base64.b64encode(extra).decode()}"
    with pytest.raises(BadInput):
        proof.verify(receipt.replace(receipt.split("\n")[1], line), key)


def test_the_same_place_under_another_logs_key_does_not_verify(tmp_path: Path, log: Log, key: VerifierKey) -> None:
    other = filled(tmp_path, COUNT)
    with pytest.raises(Damaged):
        proof.verify(other.ledger.prove(1), key)
    with pytest.raises(Damaged):
        proof.verify(log.ledger.prove(1), other.key)
