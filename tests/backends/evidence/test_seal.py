"""The examination key: made once, replaced on demand, its public half never lost."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from beholden.backends.evidence.seal import FileSeal
from beholden.forensics.seal import signer
from beholden.model.errors import Damaged, Unavailable

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first, again = FileSeal(tmp_path / "keys", lambda: AT), FileSeal(tmp_path / "keys", lambda: AT)
    assert first.sign(b"a") == again.sign(b"a")
    assert len(first.public()) == 1
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "keys").iterdir())


def test_what_an_earlier_key_signed_still_verifies_and_its_private_half_is_gone(tmp_path: Path) -> None:
    now = AT
    seal = FileSeal(tmp_path / "keys", lambda: now)
    old = seal.sign(b"a")
    now += timedelta(days=400)
    new = seal.rotate()
    assert seal.sign(b"a").key == new != old.key
    assert seal.public() == (new, old.key)
    assert signer(b"a", old.signature, seal.public()) == old.key
    assert len(list((tmp_path / "keys").glob("*.key"))) == 1
    assert [name for name in tmp_path.rglob("*.key") if old.key.fingerprint[:16] in name.name] == []


def test_a_damaged_key_is_said_and_not_replaced(tmp_path: Path) -> None:
    seal = FileSeal(tmp_path / "keys", lambda: AT)
    seal.sign(b"a")
    (path,) = (tmp_path / "keys").glob("*.key")
    path.write_bytes(b"short")
    with pytest.raises(Damaged, match="5 bytes"):
        seal.sign(b"a")


def test_a_folder_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(Unavailable, match="examination keys"):
        FileSeal(tmp_path / "keys", lambda: AT).sign(b"a")
