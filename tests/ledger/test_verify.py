"""Verification must miss nothing: each single flipped bit, and each way in which a log is passed off for another."""

import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey

from beholden.ledger import checkpoint, tile, verify
from beholden.model.errors import Damaged
from tests.ledger.logs import Log, disclosure, files, filled, held


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Three entries, published after each."""
    log = Log(tmp_path_factory.mktemp("small"))
    for person in (1, 2, 3):
        log.ledger.append([disclosure(person, 50)])
        log.ledger.checkpoint()
    return log


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Two levels of tiles."""
    log = filled(tmp_path_factory.mktemp("large"), 700)
    log.ledger.checkpoint()
    return log


def flips(data: bytes, places: Iterable[int]) -> Iterable[bytes]:
    for place in places:
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


def test_a_sound_log_verifies_by_us_and_by_tlog_scales(large: Log) -> None:
    report = large.ledger.verify()
    assert report.verified, report.defects
    assert (report.size, report.published, report.opened) == (700, 700, 700)
    assert report.entries == {"disclosure": 659, "act": 41, "erasure": 0}
    assert verify.published_half(held(files(large.public)), large.key).verified
    reader = TilesReader(LocalBackend(large.public))
    theirs = reader.get_checkpoint()
    theirs.verify(Vkey.from_string(large.ledger.verifier_key()))
    assert reader.calculate_root_hash() == theirs.root_hash
    assert theirs.root_hash.hex() == report.root
    for seq in range(0, 700, 13):
        reader.get_inclusion_proof(seq, 700).check(tile_leaf(reader.get_entry(seq)), reader.calculate_root_hash())


def tile_leaf(entry: bytes) -> bytes:
    from tlog_scales.tiles import leaf_hash

    return leaf_hash(entry)


def test_every_single_flipped_bit_in_tiles_bundles_and_checkpoint_is_found(small: Log) -> None:
    published = files(small.public)
    assert verify.published_half(held(published), small.key).verified
    assert set(published) >= {"checkpoint", "tile/0/000.p/2", "tile/0/000.p/3", "tile/entries/000.p/1"}
    for path, data in published.items():
        for flipped in flips(data, range(len(data) * 8)):
            report = verify.published_half(held({**published, path: flipped}), small.key)
            assert not report.verified, f"{path}: a flipped bit went unnoticed"
            assert report.defects


def test_flipped_bits_of_a_larger_log_are_found_where_they_are(large: Log) -> None:
    published = files(large.public)
    sample = random.Random(1)
    for path, data in published.items():
        for flipped in flips(data, sample.sample(range(len(data) * 8), 6)):
            report = verify.published_half(held({**published, path: flipped}), large.key)
            assert not report.verified
            number = tile.place(path)
            if number is not None and number.level != tile.ENTRIES:
                assert path in {defect.where for defect in report.defects}


def test_flipped_bits_in_a_segment_are_found(tmp_path: Path) -> None:
    """Every bit of the headers, the public half and the columns; one of every byte of the record."""
    log = Log(tmp_path)
    log.ledger.append([disclosure(1, 2, values={"name": "Ann"})])
    (segment,) = log.segments()
    data = segment.read_bytes()
    record = data.index(b'{"app"')
    for flipped in flips(data, [*range(record * 8), *(n * 8 + n % 8 for n in range(record, len(data)))]):
        segment.write_bytes(flipped)
        assert not log.ledger.verify().verified
    segment.write_bytes(data)
    assert log.ledger.verify().verified


def test_a_missing_cut_or_lengthened_file_is_found(large: Log) -> None:
    published = files(large.public)
    for path, data in published.items():
        without = {k: v for k, v in published.items() if k != path}
        for spoilt in (
            without,
            {**published, path: data[:-1]},
            {**published, path: data + b"\0"},
            {**published, path: b""},
        ):
            report = verify.published_half(held(spoilt), large.key)
            assert not report.verified, path


def test_swapped_leaves_are_found_even_where_the_tile_agrees(large: Log) -> None:
    published = files(large.public)
    entries = tile.unpack_bundle(published["tile/entries/000"])
    entries[3], entries[4] = entries[4], entries[3]
    edge = tile.Edge()
    forged = dict(edge.extend(entries))
    report = verify.published_half(held({**published, **forged}), large.key)
    assert not report.verified
    assert {"checkpoint"} <= {defect.where for defect in report.defects}


def test_a_log_rolled_back_to_an_older_checkpoint_is_found_by_who_kept_a_later_one(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([disclosure(1)])
    log.ledger.checkpoint()
    before = files(log.public)
    log.ledger.append([disclosure(2)])
    later = log.ledger.checkpoint()
    report = verify.published_half(held(before), log.key, later)
    assert [d.what for d in report.defects] == ["it was rolled back: 2 entries were signed before, now 1"]
    (log.public / "checkpoint").write_bytes(before["checkpoint"])
    assert "it is not the checkpoint that this log signed last" in [d.what for d in log.ledger.verify().defects]


def test_a_forked_tree_under_the_same_key_is_found(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.ledger.append([disclosure(1), disclosure(2)])
    shutil.copytree(log.folder, tmp_path / "fork")
    fork = Log(tmp_path / "fork")
    log.ledger.append([disclosure(3)])
    fork.ledger.append([disclosure(4)])
    first, second = log.ledger.checkpoint(), fork.ledger.checkpoint()
    fork.ledger.append([disclosure(5)])
    fork.ledger.checkpoint()
    assert log.key == fork.key
    for earlier, public in ((first, fork.public), (second, log.public)):
        report = verify.published_half(held(files(public)), log.key, earlier)
        assert "it is of another tree than the one that was signed before" in [d.what for d in report.defects]
    assert verify.published_half(held(files(fork.public)), log.key, second).verified


def test_another_key_does_not_verify(small: Log, large: Log) -> None:
    report = verify.published_half(held(files(small.public)), large.key)
    assert [d.where for d in report.defects] == ["checkpoint"]


def test_a_stranger_among_the_tiles_is_found(small: Log) -> None:
    published = files(small.public) | {"tile/0/extra": b"x"}
    report = verify.published_half(held(published), small.key)
    assert [(d.where, d.what) for d in report.defects] == [("tile/0/extra", "it is no file of a log")]


def test_a_checkpoint_that_this_log_never_signed_is_found(tmp_path: Path, small: Log) -> None:
    log = Log(tmp_path)
    log.public.mkdir()
    for path, data in files(small.public).items():
        (log.public / path).parent.mkdir(parents=True, exist_ok=True)
        (log.public / path).write_bytes(data)
    assert not log.ledger.verify().verified


def test_records_that_somebody_blanked_by_hand_are_found(tmp_path: Path) -> None:
    from beholden.backends.segments import frame
    from beholden.backends.segments.erasure import blanked

    log = Log(tmp_path)
    log.ledger.append([disclosure(1, 2), disclosure(2)])
    (segment,) = log.segments()
    data = segment.read_bytes()
    head = frame.header(data[frame.FILE_HEADER_SIZE : frame.FILE_HEADER_SIZE + frame.HEADER_SIZE])
    assert head is not None
    held_frame = frame.body(head, data[frame.FILE_HEADER_SIZE + frame.HEADER_SIZE :])
    assert held_frame is not None
    for person, what in ((1, "1 records are blank"), (2, "1 records are blank and 1 have lost")):
        forged = frame.encode(blanked(held_frame, person))
        padded = data[: frame.FILE_HEADER_SIZE] + forged
        segment.write_bytes(padded + bytes(len(data) - len(padded)))
        assert any(what in defect.what for defect in log.ledger.verify().defects)


def test_a_person_moved_to_anothers_disclosure_is_found(tmp_path: Path) -> None:
    """Each record has its own person's key: a changed index would hide a person from the impacted set."""
    from beholden.backends.segments import frame

    log = Log(tmp_path)
    log.ledger.append([disclosure(1, 2)])
    (segment,) = log.segments()
    data = segment.read_bytes()
    head = frame.header(data[frame.FILE_HEADER_SIZE : frame.FILE_HEADER_SIZE + frame.HEADER_SIZE])
    assert head is not None
    found = frame.body(head, data[frame.FILE_HEADER_SIZE + frame.HEADER_SIZE :])
    assert found is not None
    for persons, throughs in (([3], [2]), ([1], [3]), ([1], [1]), ([2], [1])):
        private = frame.private_half(persons, throughs, found.records())
        segment.write_bytes(data[: frame.FILE_HEADER_SIZE] + frame.encode(frame.Frame(0, 1, found.public, private)))
        assert not log.ledger.verify().verified


def test_lost_person_keys_are_named(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([disclosure(1), disclosure(2, 3)])
    del log.keys[1], log.keys[3]
    report = log.ledger.verify()
    assert [d.where for d in report.defects] == ["entry 0", "entry 1"]
    assert all("no key" in d.what for d in report.defects)


def test_a_report_spells_out_only_so_many_defects(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.ledger.append([disclosure(1)] * 1500)
    log.keys.clear()
    report = log.ledger.verify()
    assert (len(report.defects), report.defect_count) == (verify.MAX_DEFECTS, 1500)


def test_verifying_changes_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    log.ledger.checkpoint()
    segment = log.segments()[0]
    segment.write_bytes(segment.read_bytes()[:-10])
    (tmp_path / "ledger" / "head").unlink()
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert not log.opened().verify().verified
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    with pytest.raises(Damaged):
        checkpoint.verify("", log.key)
