"""The quick scan, the plain one and the oracle say the same of any bytes."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.kernel import machine
from beholden.forensics.kernel import scan as scanning
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan, sweep
from beholden.forensics.kernel.values import Shape
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber
from tests.forensics.kernel.oracle import Oracle

VALUES = [
    (kind, PersonNumber(person), value)
    for kind, person, value in (
        (Kind.EMAIL, 1, "ann@x.example"),
        (Kind.EMAIL, 2, "joann@x.example"),
        (Kind.EMAIL, 3, "ann@x.exam"),
        (Kind.EMAIL, 4, "ann@x.example"),
        (Kind.EMAIL, 5, "bjÖrn@müller.example"),
        (Kind.EMAIL, 6, "a.very-long+local_part.of.more.than.32.characters@a.host.of.many.labels.example"),
        (Kind.EMAIL, 7, "c@a.-é.example"),
        (Kind.PHONE, 1, "+1 555 234 5678"),
        (Kind.PHONE, 2, "+49 151 2345678"),
        (Kind.PHONE, 3, "030 12345"),
        (Kind.OUTSIDE_ID, 1, "123456789012345"),
        (Kind.OUTSIDE_ID, 2, "23456789012345678901"),
        (Kind.OUTSIDE_ID, 3, "user-00012"),
        (Kind.OUTSIDE_ID, 4, "5552345678"),
        (Kind.SCOPED_ID, 1, "abcdefghijklmnopqrstuvwxyz"),
        (Kind.DIGEST, 1, "0123456789abcdef" * 2),
        (Kind.DIGEST, 2, "0123456789abcdef" * 4),
        (Kind.CANARY, 9, "canary-token-7"),
    )
]
MARKED = [
    (kind, PersonNumber(person), value)
    for kind, person, value in (
        (Kind.EMAIL, 11, "o'ann@x.example"),
        (Kind.EMAIL, 12, "'ann@x.example"),
        (Kind.EMAIL, 13, "a=b/ann@x.example"),
        (Kind.EMAIL, 14, "50%3ann@x.example"),
        (Kind.EMAIL, 15, "-.ann@x.example"),
    )
]
PLAIN = [one for one in VALUES if one[2].isascii()]
WAYS = [(Index.of(some, b"k" * 32), Oracle(some)) for some in (VALUES, PLAIN, VALUES + MARKED, PLAIN + MARKED)]
"""What is sought decides which candidates are compared at all: letters beyond ASCII or none, marks or none."""
INDEX = WAYS[0][0]
PIECES = [
    *(value.encode() for _, _, value in VALUES),
    *(value.upper().encode() for _, _, value in VALUES),
    *(value.encode() for _, _, value in MARKED),
    b"ann%40x.example", b"joann=40x.example", b"ann\\u0040x.example", b"\\nann@x.example", b"(555) 234-5678",
    b"555.234.5678", b"001-555-234-5678", b"+49 (0)151 2345678", b"0151/2345678", b"1 555 234 5678", b"30 12 345",
    (123456789012345).to_bytes(6, "big"), (123456789012345).to_bytes(8, "big"), (123456789012345).to_bytes(8, "little"),
    b"\0", b"\0" * 9, b"1", b"0", b"a", b"Z", b".", b"-", b" ", b"'", b"=", b"%3a", b"@", b"%40", b"\xe9", b"(", b")",
    "\u201c".encode(), "\u201d".encode(), "é".encode(), "\ufeff".encode(), b"\x93", b"x" * 60, b"\x1d", b"\x37", b"f",
]  # fmt: skip
BYTES = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)), max_size=12).map(b"".join)


@pytest.fixture(params=[machine.VECTOR, machine.SCALAR], ids=["vectors", "loops"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(scanning, "mode", lambda: request.param)
    yield


def said(data: bytes, index: Index, *, binary: bool) -> list[tuple[int, int, str, int, bool]]:
    found = scan(data, index, binary=binary)
    return [(hit.start, hit.end, hit.kind.value, int(hit.person), hit.certain) for hit in found]


@pytest.mark.usefixtures("way")
@settings(deadline=None, max_examples=240)
@given(BYTES, st.booleans(), st.integers(0, 2000), st.sampled_from(WAYS))
def test_a_scan_says_what_the_oracle_says(data: bytes, binary: bool, pad: int, sought: tuple[Index, Oracle]) -> None:
    index, oracle = sought
    assert said(data, index, binary=binary) == oracle.hits(data, binary=binary)
    padded = b"\n" * pad + data + b"\n" * 2000
    moved = [(start + pad, end + pad, *rest) for start, end, *rest in oracle.hits(b"\n" + data + b"\n", binary=binary)]
    assert said(padded, index, binary=binary) == [(start - 1, end - 1, *rest) for start, end, *rest in moved]


NUMBERS = 90_000_000, 10**12, 7 * 10**13, 10**14 + 1, 3 * 10**14
IDS = [(Kind.OUTSIDE_ID, PersonNumber(n), str(number)) for n, number in enumerate(NUMBERS)]
NUMBERED = Index.of(IDS, b"k" * 32), Oracle(IDS)
NOISE = st.binary(min_size=60, max_size=400).map(
    lambda raw: bytes(byte | 0x80 if 48 <= byte < 58 else byte for byte in raw)
)
PLANTED = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(NUMBERS), st.sampled_from([(6, "big"), (8, "big"), (8, "little")]))
)


@pytest.mark.usefixtures("way")
@settings(max_examples=120)
@given(NOISE, PLANTED)
def test_ids_among_noise_are_found_as_integers_and_all_that_may_be_one_are_counted(noise: bytes, planted: list) -> None:
    """Where much may be an id, all of a block is looked at together."""
    data = bytearray(noise)
    for at, number, (size, order) in planted:
        if number >> (8 * size) == 0:
            data[at : at + size] = number.to_bytes(size, order)
    index, oracle = NUMBERED
    raw = bytes(data)
    assert said(raw, index, binary=True) == oracle.hits(raw, binary=True)
    lengths = {len(str(number)) for number in NUMBERS}
    read = [int.from_bytes(raw[at : at + 6], "big") for at in range(len(raw) - 5)]
    for order in ("big", "little"):
        read += [int.from_bytes(raw[at : at + 8], order) for at in range(len(raw) - 7)]
    counted = sum(1 for value in read if min(NUMBERS) <= value <= max(NUMBERS) and len(str(value)) in lengths)
    assert scan(raw, index, binary=True).tested.of(Shape.NUMBER) == counted


@settings(deadline=None, max_examples=60)
@given(BYTES, st.booleans(), st.integers(1, 70))
def test_windows_give_each_hit_once(data: bytes, binary: bool, chunk: int) -> None:
    found = [
        (first + hit.start, first + hit.end, hit.kind.value, int(hit.person), hit.certain)
        for first, some in sweep(lambda at, size: data[at : at + size], len(data), INDEX, binary=binary, chunk=chunk)
        for hit in some
    ]
    assert sorted(found) == sorted(said(data, INDEX, binary=binary))
