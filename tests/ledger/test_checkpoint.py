"""Checkpoints: signed notes that others can read, and of which no bit can be changed."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint as TheirCheckpoint

from beholden.ledger import checkpoint
from beholden.ledger.checkpoint import Checkpoint
from beholden.model.errors import BadInput, Damaged

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = Checkpoint("log.example/one", 20852163, bytes(range(32)))
NOTE = checkpoint.sign(HEAD, KEY)
VERIFIER = checkpoint.verifier_key(HEAD.origin, KEY)
OTHER_TYPE = base64.b64encode(b"\x04" + VERIFIER.public).decode()


def test_what_was_signed_is_read_back() -> None:
    assert checkpoint.verify(NOTE, VERIFIER) == HEAD
    assert NOTE.startswith(
        "log.example/one\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— log.example/one "
    )


def test_tlog_scales_accepts_the_note_and_the_key() -> None:
    theirs = Vkey.from_string(str(VERIFIER))
    found = TheirCheckpoint.from_text(NOTE)
    found.verify(theirs)
    assert (found.origin, found.size, found.root_hash) == (HEAD.origin, HEAD.size, HEAD.root)
    assert theirs.key_id == int.from_bytes(VERIFIER.key_id, "big")
    assert checkpoint.parse_key(theirs.serialize()) == VERIFIER


def test_no_single_bit_of_a_checkpoint_can_be_changed() -> None:
    data = NOTE.encode()
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        try:
            text = bytes(flipped).decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(Damaged):
            checkpoint.verify(text, VERIFIER)


def test_a_witness_may_have_signed_too() -> None:
    other = Ed25519PrivateKey.generate()
    witness = checkpoint.sign(Checkpoint("witness.example", HEAD.size, HEAD.root), other).split("\n\n")[1]
    assert checkpoint.verify(NOTE + witness, VERIFIER) == HEAD
    body = NOTE.split("\n\n")[0]
    with pytest.raises(Damaged, match="not signed by this log's key"):
        checkpoint.verify(f"{body}\n\n{witness}", VERIFIER)


def test_another_key_or_another_log_is_refused() -> None:
    stranger = checkpoint.verifier_key(HEAD.origin, Ed25519PrivateKey.generate())
    with pytest.raises(Damaged, match="not signed"):
        checkpoint.verify(NOTE, stranger)
    with pytest.raises(Damaged, match=r"log\.example/two"):
        checkpoint.verify(NOTE, checkpoint.verifier_key("log.example/two", KEY))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        "a\n1\n",
        NOTE.rstrip("\n"),
        NOTE.replace("20852163", "020852163"),
        NOTE.replace("20852163", "-1"),
        NOTE.replace("20852163", "٣"),
        NOTE.replace("\n20852163\n", "\n20852163\nextension\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.split("\n\n")[0] + "\n\n",
        NOTE + "x" * 200_000,
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(Damaged):
        checkpoint.verify(note, VERIFIER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AQ==",
        str(VERIFIER).replace(VERIFIER.key_id.hex(), "00000000"),
        f"{VERIFIER.name}+{VERIFIER.key_id.hex()}+{OTHER_TYPE}",
        str(VERIFIER).replace("log.example", "log example"),
        "+" + str(VERIFIER),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="public key of a log"):
        checkpoint.parse_key(text)


@pytest.mark.parametrize("origin", ["", "two words", "plus+sign", "line\nbreak", "tab\t", "x" * 201])
def test_what_cannot_name_a_log_is_refused(origin: str) -> None:
    assert checkpoint.origin_refusal(origin)
    assert checkpoint.origin_refusal("log.example/one") is None
