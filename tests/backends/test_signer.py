"""Tokens are checked by two libraries that know nothing of us, from the published keys alone; keys change in peace."""

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from joserfc import jwt as jose
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from beholden.backends.jose import FileSigner
from beholden.model.errors import Damaged

START = datetime(2026, 3, 1, tzinfo=UTC)
CLAIMS = {"iss": "https://t.example", "aud": "quiz", "jti": "set_a", "iat": 1772323200}


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def opened(signer: FileSigner, token: str) -> dict[str, object]:
    """The claims, as both libraries read them from the published keys."""
    ours = jose.decode(token, KeySet.import_key_set(dict(signer.jwks())), algorithms=["RS256"])  # type: ignore[arg-type]
    key = next(k for k in jwt.PyJWKSet.from_dict(dict(signer.jwks())).keys if k.key_id == kid(token))
    theirs = jwt.decode(token, key, algorithms=["RS256"], audience="quiz", options={"verify_iat": False})
    assert theirs == ours.claims
    return theirs


def test_a_token_is_rs256_with_its_type_and_both_libraries_accept_it(tmp_path: Path) -> None:
    signer = FileSigner(tmp_path / "keys", Clock())
    token = signer.sign(CLAIMS, "secevent+jwt")
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], set(header)) == ("RS256", "secevent+jwt", {"alg", "typ", "kid"})
    assert opened(signer, token) == CLAIMS
    assert signer.sign(CLAIMS, "secevent+jwt") == token, "said again it is the same token"
    changed = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    with pytest.raises(BadSignatureError):
        opened(signer, changed)


def test_the_published_keys_have_at_least_2048_bits_and_nothing_private(tmp_path: Path) -> None:
    (key,) = FileSigner(tmp_path / "keys", Clock()).jwks()["keys"]  # type: ignore[misc]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert len(key["n"]) * 6 // 8 * 8 >= 2048
    (file,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after(tmp_path: Path) -> None:
    clock = Clock()
    signer, other = FileSigner(tmp_path / "keys", clock), FileSigner(tmp_path / "keys", clock)
    old = signer.sign(CLAIMS, "secevent+jwt")
    clock.at += timedelta(days=1)
    new_kid = signer.rotate()
    assert kid(other.sign(CLAIMS, "secevent+jwt")) == kid(old)
    assert [k["kid"] for k in other.jwks()["keys"]] == [kid(old), new_kid]  # type: ignore[attr-defined]
    clock.at += timedelta(hours=1)
    new = other.sign(CLAIMS, "secevent+jwt")
    assert kid(new) == new_kid
    assert opened(other, old) == opened(other, new) == CLAIMS
    clock.at += timedelta(days=30)
    signer.rotate()
    assert kid(old) not in {k["kid"] for k in other.jwks()["keys"]}  # type: ignore[attr-defined]
    assert kid(other.sign(CLAIMS, "secevent+jwt")) == new_kid


def test_a_key_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-x.pem").write_text("no key")
    with pytest.raises(Damaged, match="cannot be read"):
        FileSigner(tmp_path, Clock()).sign(CLAIMS, "secevent+jwt")


def test_processes_that_start_together_sign_with_one_key(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib\nfrom beholden.backends.jose import FileSigner\n"
        "s = FileSigner(pathlib.Path(sys.argv[1]), lambda: datetime.datetime.now(datetime.UTC))\n"
        "s.sign({'a': 1}, 'x')\nimport time; time.sleep(0.5)\nprint(s.sign({'a': 1}, 'x'))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "k")], stdout=subprocess.PIPE) for _ in range(3)
    ]
    tokens = {process.communicate(timeout=30)[0] for process in started}
    assert all(process.returncode == 0 for process in started)
    assert len(tokens) == 1
