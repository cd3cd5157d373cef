"""Erasure: the person is gone, everybody else's records and every proof are as they were (law 7)."""

import random
from pathlib import Path

import pytest

from beholden.backends.segments import disk, wal
from beholden.ledger import proof, record
from beholden.ledger.entry import Kind
from beholden.model.errors import BadInput, Conflict, Unavailable
from beholden.model.ids import NOBODY, PersonNumber
from tests.ledger.logs import Log, act, disclosure, files, filled


def everything(log: Log) -> bytes:
    return b"".join(path.read_bytes() for path in log.segments())


def test_law_7_proofs_still_verify_after_an_erasure(tmp_path: Path) -> None:
    log = filled(tmp_path, 400)
    before = log.ledger.checkpoint()
    receipts = {seq: log.ledger.prove(seq) for seq in range(0, 400, 9)}
    published = files(log.public)
    assert log.erase(10) == sum(1 for n in range(400) if n % 97 == 9 and n % 17 != 16)
    log.ledger.checkpoint()
    report = log.ledger.verify(earlier=before)
    assert report.verified, report.defects
    assert report.entries["erasure"] == 1
    for seq, receipt in receipts.items():
        assert proof.verify(receipt, log.key).index == seq
        assert proof.verify(log.ledger.prove(seq), log.key).index == seq
    assert {p: c for p, c in files(log.public).items() if p in published and "tile" in p} == {
        p: c for p, c in published.items() if p in files(log.public) and "tile" in p
    }


def test_an_erased_persons_records_can_be_opened_by_nobody(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([disclosure(7, 8, values={"name": "Ann"}), disclosure(9)])
    assert b'"person":7,' in everything(log)
    log.erase(7)
    assert b'"person":7,' not in everything(log)
    assert log.ledger.rows([0, 1]) == list(log.ledger.disclosures())
    assert [row.person for row in log.ledger.disclosures()] == [9]
    assert list(log.ledger.disclosures(person=PersonNumber(7))) == []
    receipt = proof.verify(log.ledger.prove(0), log.key)
    assert (receipt.record, receipt.entry.kind) == (None, Kind.DISCLOSURE)


def test_the_records_of_others_lose_the_granting_person_and_still_open(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([disclosure(1, 7), disclosure(2, 7), disclosure(3, 4)])
    own = log.ledger.prove(0)
    assert log.erase(7) == 0
    rows = list(log.ledger.disclosures())
    assert [(row.person, row.through, row.direct) for row in rows] == [
        (1, NOBODY, False),
        (2, NOBODY, False),
        (3, 4, False),
    ]
    log.ledger.checkpoint()
    report = log.ledger.verify()
    assert report.verified, report.defects
    assert (report.opened, report.erased) == (4, 0)
    found, after = proof.verify(own, log.key), proof.verify(log.ledger.prove(0), log.key)
    assert found.record == after.record
    data = everything(log)
    assert (7).to_bytes(8, "big") not in data
    # The digest of the number stays in the record, and without the key it cannot be recomputed by guessing numbers.
    assert after.record is not None
    assert after.record["through"] not in {record.through_digest(bytes(32), 0, n) for n in range(1000)}


def test_any_order_of_erasures_keeps_the_log_verifiable(tmp_path: Path) -> None:
    log = Log(tmp_path)
    sample = random.Random(3)
    log.ledger.append([disclosure(sample.randrange(1, 8), sample.randrange(1, 8)) for _ in range(60)])
    held = list(log.ledger.disclosures())
    gone: set[int] = set()
    for person in sample.sample(range(1, 8), 6):
        expected = sum(row.person == person for row in held)
        assert log.erase(person, f"erasure_{person}") == expected
        gone.add(person)
        left = list(log.ledger.disclosures())
        assert [(row.seq, row.person, row.through) for row in left] == [
            (row.seq, row.person, NOBODY if row.through in gone else row.through)
            for row in held
            if row.person not in gone
        ]
        log.ledger.append([act(f"case:{person}")])
        log.ledger.checkpoint()
        report = log.ledger.verify()
        assert report.verified, report.defects
        assert report.erased == sum(row.person in gone for row in held)


def test_erasing_again_under_the_same_ticket_changes_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path, 100)
    count = log.erase(5, "erasure_a")
    size, before = log.ledger.size(), everything(log)
    assert log.opened().erase(PersonNumber(5), "erasure_a") == count
    assert (log.ledger.size(), everything(log)) == (size, before)


def test_somebody_who_is_in_no_record_is_erased_all_the_same(tmp_path: Path) -> None:
    log = filled(tmp_path, 20)
    assert log.erase(900) == 0
    assert log.ledger.size() == 21
    assert log.ledger.verify().verified
    with pytest.raises(BadInput):
        log.ledger.erase(NOBODY, "erasure_b")


def test_an_erasure_entry_names_nobody(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([disclosure(424242 % 1000)])
    log.erase(242, "erasure_ticket")
    opened = proof.verify(log.ledger.prove(1), log.key).record
    assert opened is not None
    assert opened["ticket"] == "erasure_ticket"
    assert set(opened) == {"at", "blanked", "kind", "loosened", "records", "ticket"}


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_crash_while_erasing_is_finished_by_doing_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    monkeypatch.setattr(wal, "SEGMENT_ENTRIES", 50)
    log = filled(tmp_path, 200, batch=20)
    expected = sum(row.person == 5 for row in log.ledger.disclosures())
    real, calls = disk.replace, 0

    class Crash(BaseException):
        pass

    def stopping(path: Path, data: bytes, mode: int = 0o644) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Crash
        real(path, data, mode)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "replace", stopping)
        with pytest.raises(Crash):
            log.erase(5)
    again = log.opened()
    again.append([act("case:meanwhile")])
    assert not again.verify().verified
    assert again.erase(PersonNumber(5), "erasure_1") == expected
    assert sum(found.subject == "case:meanwhile" for found in again.acts()) == 1
    again.checkpoint()
    report = again.verify()
    assert report.verified, report.defects
    assert report.entries["erasure"] == 1


def test_a_disk_that_fails_while_erasing_is_unavailable_and_appends_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(tmp_path, 60)

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "replace", broken)
        with pytest.raises(Unavailable):
            log.erase(5)
    log.ledger.append([act()])
    log.ledger.erase(PersonNumber(5), "erasure_1")
    assert log.ledger.verify().verified


def test_a_disclosure_on_its_way_while_its_person_is_erased_is_refused(tmp_path: Path) -> None:
    """Its keys were read before the erasure; it comes to the log after it."""
    log = filled(tmp_path, 20)
    late = log.opened()
    read = late._keys

    def slow(numbers: object) -> object:
        held = read(numbers)  # type: ignore[arg-type]
        if PersonNumber(5) in log.keys:
            log.erase(5)
        return held

    late._keys = slow  # type: ignore[assignment]
    with pytest.raises(Conflict, match="Person 5 has no key"):
        late.append([disclosure(5)])
    assert list(log.ledger.disclosures(person=PersonNumber(5))) == []
    assert log.ledger.verify().verified


def test_a_reader_that_began_before_an_erasure_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "SEGMENT_ENTRIES", 50)
    log = filled(tmp_path, 300, batch=20)
    expected = [row.seq for row in log.ledger.disclosures() if row.person != 5]
    rows = log.ledger.disclosures()
    seen = [next(rows) for _ in range(10)]
    log.erase(5)
    seen += rows
    assert [row.seq for row in seen if row.person != 5] == expected


def test_what_a_killed_erasure_left_of_a_rewritten_segment_is_removed(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    scratch = log.segments()[0].with_name("0000000000000000.seg.new-999")
    scratch.write_bytes(everything(log))
    log.erase(5)
    assert not scratch.exists()
