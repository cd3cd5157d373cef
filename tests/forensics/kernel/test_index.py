"""An index: digests that anybody with the key can check, in a form that an auditor can be given."""

from hashlib import blake2s, sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.kernel import blake, digests, machine
from beholden.forensics.kernel.auditor import from_bytes, to_bytes
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan
from beholden.forensics.kernel.values import Shape, keys, phones
from beholden.forensics.spelling import Kind
from beholden.model.errors import BadInput
from beholden.model.ids import PersonNumber

KEY = b"k" * 32
VALUES = [(Kind.EMAIL, PersonNumber(n), f"u{n}@mail{n % 3}.example") for n in range(200)]
INDEX = Index.of(VALUES, KEY)
FORM = to_bytes(INDEX)


@pytest.mark.parametrize("mode", [machine.VECTOR, machine.SCALAR], ids=["vectors", "loops"])
def test_digests_are_those_of_hashlib(mode: object) -> None:
    values = [bytes([n % 251]) * n for n in range(1, 320)]
    blob = np.frombuffer(b"".join(values), np.uint8).copy()
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(one) for one in values], out=offsets[1:])
    shapes = np.array([1 + n % 6 for n in range(len(values))], np.uint8)
    first, second = np.empty(len(values), np.uint64), np.empty(len(values), np.uint64)
    digests.digest_values(mode, blake.started(KEY), shapes, blob.ctypes.data, offsets, first, second)
    for n, value in enumerate(values):
        told = first[n].tobytes() + second[n].tobytes()
        assert told == blake2s(bytes([shapes[n]]) + value, key=KEY, digest_size=16).digest()


def test_an_auditor_with_the_key_finds_the_same() -> None:
    theirs = from_bytes(FORM, KEY)
    evidence = b"\n".join(value.upper().encode() for _, _, value in VALUES[::7])
    mine, other = (list(scan(evidence, index, binary=False)) for index in (INDEX, theirs))
    assert mine == other and len(mine) == len(VALUES[::7])


def test_the_form_says_which_marks_addresses_have() -> None:
    index = Index.of([(Kind.EMAIL, PersonNumber(1), "o'neil@mail.example")], KEY)
    assert from_bytes(to_bytes(index), KEY).marks == index.marks == 1 << ord("'")


def sealed(form: bytes) -> bytes:
    """A form that says of other bytes that they are whole."""
    return form + sha256(form).digest()


def test_an_older_form_is_refused() -> None:
    with pytest.raises(BadInput, match="does not begin as one"):
        from_bytes(sealed(FORM[:-32].replace(b"index 2", b"index 1", 1)), KEY)


@pytest.mark.parametrize("kind", [6, 256, 1 << 31])
def test_a_kind_that_is_none_is_refused(kind: int) -> None:
    """Whoever made the file need not have made it with this program."""
    index = from_bytes(FORM, KEY)
    index.rows[0, 2] = kind << 32
    with pytest.raises(BadInput, match="do not belong together"):
        from_bytes(to_bytes(index), KEY)


def test_the_form_names_nobody() -> None:
    assert not any(value.encode() in FORM or value.split("@")[0].encode() + b"@" in FORM for _, _, value in VALUES)


def test_another_key_is_refused() -> None:
    with pytest.raises(BadInput, match="another key"):
        from_bytes(FORM, b"x" * 32)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(FORM) - 1), st.integers(1, 255))
def test_a_changed_form_is_refused(place: int, change: int) -> None:
    with pytest.raises(BadInput):
        from_bytes(FORM[:place] + bytes([FORM[place] ^ change]) + FORM[place + 1 :], KEY)
    with pytest.raises(BadInput):
        from_bytes(FORM[:place], KEY)


def test_a_value_of_two_people_finds_both() -> None:
    both = Index.of([(Kind.EMAIL, PersonNumber(n), "a@b.example") for n in (1, 2)], KEY)
    assert [hit.person for hit in scan(b"a@b.example", both, binary=False)] == [1, 2]
    assert both.who(Shape.ADDRESS, b"a@b.example") == [(Kind.EMAIL, 1), (Kind.EMAIL, 2)]


def test_an_index_of_nothing_finds_nothing() -> None:
    nothing = Index.of([(Kind.EMAIL, PersonNumber(1), "no address")], KEY)
    assert nothing.unusable == {Kind.EMAIL: 1}
    assert len(scan(b"a@b.example 5552345678" * 9, nothing, binary=True)) == 0


def test_a_phone_is_known_with_and_without_its_country() -> None:
    assert phones("+1 (555) 234-5678") == (b"5552345678",)
    assert phones("+49 (0)151 2345678") == (b"491512345678", b"1512345678")
    assert phones("0151 2345678") == (b"1512345678",)
    assert phones("12") == ()


def test_what_is_nothing_recognisable_is_not_sought() -> None:
    assert keys(Kind.OUTSIDE_ID, "a b") == () and keys(Kind.NAME, "Ann") == () and keys(Kind.DIGEST, "abc") == ()
    assert keys(Kind.CANARY, "canary-1234") == ((Shape.TOKEN, b"canary-1234"),)
