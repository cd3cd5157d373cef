"""Publishing: durable before it is signed, signed only where the tree grows, static files that others read."""

import shutil
from pathlib import Path

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader

from beholden.backends.segments import disk
from beholden.ledger import checkpoint, proof
from beholden.model.errors import BadInput, Damaged, NotFound
from tests.ledger.logs import Log, act, disclosure, files, filled


def size_of(log: Log, note: str) -> int:
    return checkpoint.verify(note, log.key).size


def test_an_empty_log_has_a_checkpoint(tmp_path: Path) -> None:
    log = Log(tmp_path)
    note = log.ledger.checkpoint()
    found = checkpoint.verify(note, log.key)
    assert (found.size, found.root.hex()) == (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert log.ledger.verify().verified
    log.ledger.append([act()])
    assert size_of(log, log.ledger.checkpoint()) == 1
    assert log.ledger.verify().verified


def test_publishing_again_changes_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    first = log.ledger.checkpoint()
    before = files(log.public)
    assert log.opened().checkpoint() == first
    assert files(log.public) == before


@pytest.mark.parametrize("sizes", [(255, 256, 257), (1, 256, 600), (300, 512), (600,)])
def test_a_log_published_in_steps_is_complete_and_consistent(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    log = Log(tmp_path)
    notes = []
    for size in sizes:
        log.ledger.append([disclosure(1 + n % 50, 60) for n in range(log.ledger.size(), size)])
        notes.append(log.opened().checkpoint())
    for note in notes:
        report = log.ledger.verify(earlier=note)
        assert report.verified, report.defects
    reader = TilesReader(LocalBackend(log.public))
    head = reader.get_checkpoint()
    assert reader.calculate_root_hash() == head.root_hash
    for note in notes:
        found = checkpoint.verify(note, log.key)
        reader.get_consistency_proof(found.size, head.size).check(found.root, head.root_hash)


def test_partial_files_that_became_full_are_removed_and_proofs_go_on(tmp_path: Path) -> None:
    log = filled(tmp_path, 100)
    log.ledger.checkpoint()
    assert "tile/0/000.p/100" in files(log.public)
    log.ledger.append([act()] * 200)
    log.ledger.checkpoint()
    assert {p for p in files(log.public) if p.endswith("100")} == set()
    assert {"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"} <= set(files(log.public))
    assert log.ledger.verify().verified


def test_the_tiles_are_on_disk_before_anything_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each file that is put in place: what the checkpoint needs is there before the checkpoint."""
    log = filled(tmp_path, 300)
    order: list[str] = []
    real, synced = disk.replace, disk.sync_folder

    def noted(path: Path, data: bytes, mode: int = 0o644) -> None:
        order.append(path.name if path.parent.name in {"public", "keys"} else "tile")
        real(path, data, mode)

    def noted_sync(path: Path) -> None:
        order.append("sync")
        synced(path)

    monkeypatch.setattr(disk, "replace", noted)
    monkeypatch.setattr(disk, "sync_folder", noted_sync)
    log.ledger.checkpoint()
    last_tile = len(order) - 1 - order[::-1].index("tile")
    assert last_tile < order.index("ledger-signed") < order.index("checkpoint")
    assert "sync" in order[last_tile : order.index("ledger-signed")]
    assert "sync" in order[order.index("ledger-signed") : order.index("checkpoint")]


@pytest.mark.parametrize("stop_at", ["tile", "ledger-signed", "checkpoint"])
def test_a_crash_while_publishing_leaves_a_log_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: str
) -> None:
    log = filled(tmp_path, 30)
    first = log.ledger.checkpoint()
    log.ledger.append([act()] * 300)
    real = disk.replace

    class Crash(BaseException):
        pass

    def stopping(path: Path, data: bytes, mode: int = 0o644) -> None:
        if path.name == stop_at or (stop_at == "tile" and path.parent.name == "001.p"):
            raise Crash
        real(path, data, mode)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "replace", stopping)
        with pytest.raises(Crash):
            log.ledger.checkpoint()
    again = log.opened()
    report = again.verify(earlier=first)
    assert report.verified or [d.what for d in report.defects] == ["it is not the checkpoint that this log signed last"]
    assert report.verified == (stop_at != "checkpoint")
    assert size_of(log, again.checkpoint()) == 330
    assert again.verify(earlier=first).verified


def test_a_smaller_tree_is_never_signed(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 20)
    shutil.copytree(tmp_path / "log" / "ledger", tmp_path / "backup")
    log.ledger.append([act()])
    log.ledger.checkpoint()
    shutil.rmtree(tmp_path / "log" / "ledger")
    shutil.copytree(tmp_path / "backup", tmp_path / "log" / "ledger")
    old = log.opened()
    with pytest.raises(Damaged, match="20 entries, but 21 were signed"):
        old.checkpoint()


def test_a_different_tree_is_never_signed(tmp_path: Path) -> None:
    log = filled(tmp_path / "log", 20)
    shutil.copytree(tmp_path / "log", tmp_path / "other")
    log.ledger.append([act("case:true")])
    log.ledger.checkpoint()
    other = Log(tmp_path / "other")
    other.ledger.append([act("case:false"), act("case:false")])
    shutil.copytree(tmp_path / "log" / "ledger" / "public", tmp_path / "other" / "ledger" / "public")
    shutil.copy(tmp_path / "log" / "keys" / "ledger-signed", tmp_path / "other" / "keys" / "ledger-signed")
    with pytest.raises(Damaged, match="other entries than those that were published"):
        other.ledger.checkpoint()
    shutil.rmtree(tmp_path / "other" / "ledger" / "public")
    with pytest.raises(Damaged, match="not the one that was signed last"):
        other.ledger.checkpoint()
    assert size_of(log, (tmp_path / "other" / "keys" / "ledger-signed").read_text()) == 21


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_nothing_is_signed_over_tiles_that_were_changed(tmp_path: Path, path: str) -> None:
    log = filled(tmp_path, 300)
    log.ledger.checkpoint()
    log.ledger.append([act()])
    file = log.public / path
    data = bytearray(file.read_bytes())
    data[3] ^= 1
    file.write_bytes(data)
    with pytest.raises(Damaged):
        log.ledger.checkpoint()


def test_a_published_half_that_was_lost_is_written_again_from_the_segments(tmp_path: Path) -> None:
    log = filled(tmp_path, 300)
    first = log.ledger.checkpoint()
    before = files(log.public)
    shutil.rmtree(log.public)
    assert log.ledger.checkpoint() == first
    assert files(log.public) == before
    shutil.rmtree(log.public / "tile")
    log.ledger.append([act()])
    log.ledger.checkpoint()
    assert log.ledger.verify(earlier=first).verified


def test_a_log_that_is_gone_is_not_begun_anew_under_the_same_key(tmp_path: Path) -> None:
    log = filled(tmp_path, 5)
    log.ledger.checkpoint()
    shutil.rmtree(tmp_path / "ledger")
    with pytest.raises(Damaged, match="first segment is missing"):
        log.opened().append([act()])


@pytest.mark.parametrize("name", ["ledger-signing.key", "ledger-salt.key"])
def test_a_lost_key_is_not_replaced_by_another(tmp_path: Path, name: str) -> None:
    log = filled(tmp_path, 5)
    (tmp_path / "keys" / name).unlink()
    with pytest.raises(Damaged, match="its key"):
        log.opened()


def test_the_logs_keys_are_its_owners_alone(tmp_path: Path) -> None:
    log = filled(tmp_path, 5)
    log.ledger.checkpoint()
    assert {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "keys").iterdir()} == {
        "ledger-signing.key": 0o600,
        "ledger-salt.key": 0o600,
        "ledger-signed": 0o600,
    }
    assert {p.stat().st_mode & 0o777 for p in log.segments()} == {0o600}
    (tmp_path / "keys" / "ledger-salt.key").chmod(0o644)
    log.opened()
    assert (tmp_path / "keys" / "ledger-salt.key").stat().st_mode & 0o777 == 0o600


def test_only_the_logs_own_files_are_handed_out(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    log.ledger.checkpoint()
    assert log.ledger.published("checkpoint") == (log.public / "checkpoint").read_bytes()
    assert log.ledger.published("tile/entries/000.p/30")
    (log.public / "secret").write_text("x")
    for path in (
        "secret",
        "../head",
        "tile/../secret",
        "tile/0/../../../head",
        "tile",
        "",
        "/etc/passwd",
        "tile/0/001",
    ):
        assert log.ledger.published(path) is None


def test_a_receipt_is_published_for_when_it_is_not_yet(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    assert proof.verify(log.ledger.prove(29), log.key).checkpoint.size == 30
    log.ledger.append([act()])
    assert proof.verify(log.ledger.prove(3), log.key).checkpoint.size == 30
    assert proof.verify(log.ledger.prove(30), log.key).checkpoint.size == 31
    for seq in (-1, 31, 10**12):
        with pytest.raises(NotFound):
            log.ledger.prove(seq)


def test_a_receipt_over_changed_tiles_is_not_handed_out(tmp_path: Path) -> None:
    log = filled(tmp_path, 30)
    log.ledger.checkpoint()
    tile = log.public / "tile/0/000.p/30"
    data = bytearray(tile.read_bytes())
    data[40] ^= 1
    tile.write_bytes(data)
    with pytest.raises(Damaged, match="cannot be proved"):
        log.ledger.prove(5)


def test_a_log_needs_a_name_that_a_note_can_carry(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from beholden.backends.segments import SegmentLedger

    with pytest.raises(BadInput, match="origin"):
        SegmentLedger(tmp_path, "two words", tmp_path, lambda _: {}, lambda: datetime.now(UTC))
