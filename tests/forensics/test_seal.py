"""Signatures of reports: strict to read, and true only for the very bytes."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.seal import PublicKey, read_keys, read_sums, signer, sums
from beholden.model.errors import BadInput

DIGEST = "ab" * 32
NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,30}\Z")


def made() -> tuple[Ed25519PrivateKey, PublicKey]:
    key = Ed25519PrivateKey.generate()
    return key, PublicKey(key.public_key().public_bytes_raw())


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.from_regex(r"\A[0-9a-f]{64}\Z"), min_size=1))
def test_a_list_of_digests_reads_as_it_was_written(digests: dict[str, str]) -> None:
    assert read_sums(sums(digests)) == digests


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\n",
        f"{DIGEST}  a".encode(),
        f"{DIGEST}  a\r\n".encode(),
        f"{DIGEST} *a\n".encode(),
        f"{DIGEST}  ../a\n".encode(),
        f"{DIGEST}  .hidden\n".encode(),
        f"{DIGEST.upper()}  a\n".encode(),
        f"{DIGEST}  b\n{DIGEST}  a\n".encode(),
        f"{DIGEST}  a\n{DIGEST}  a\n".encode(),
        f"{DIGEST}  a\n\n".encode(),
        f"{DIGEST}  ä\n".encode(),
    ],
)
def test_anything_else_is_no_list(wrong: bytes) -> None:
    assert read_sums(wrong) is None


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 59), st.integers(1, 255))
def test_a_changed_byte_is_not_what_was_signed(data: bytes, at: int, bits: int) -> None:
    key, public = made()
    signature = key.sign(data)
    assert signer(data, signature, [made()[1], public]) == public
    changed = bytearray(data + b"\0")
    changed[at % len(changed)] ^= bits
    assert signer(bytes(changed), signature, [public]) is None
    assert signer(data, signature[:-1], [public]) is None
    assert signer(data, signature, []) is None


def test_keys_are_read_from_pem_whatever_stands_around_them() -> None:
    first, second = made()[1], made()[1]
    assert read_keys(f"ours\n{first.fingerprint}\n{first.pem}\nolder:\n{second.pem}") == (first, second)


def test_what_holds_no_such_key_is_refused() -> None:
    rsa = generate_private_key(65537, 2048).public_key()
    pem = rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    broken = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
    for text in ("", "no key", pem, broken):
        with pytest.raises(BadInput, match="no Ed25519 public key"):
            read_keys(text)
